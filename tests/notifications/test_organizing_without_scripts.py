"""The inbox in browsers that run no scripts: parts of it by address, and forms that change alerts."""

import re
from zoneinfo import ZoneInfo

import pytest
from django.test import Client

from notifications import notify
from notifications.inbox import queries
from notifications.models import InboxChange, NotificationState
from notifications.preferences import muting
from notifications.preferences import stored as preferences
from tests.support.people import User

PAGE, FORM = "/notifications/", "/notifications/organize/"

pytestmark = pytest.mark.django_db(transaction=True)


def counts(user: User) -> tuple[int, int, int]:
    found = queries.counts_for(user)
    return found.unread, found.archived, found.snoozed


def shown(client: Client, query: str = "") -> list[str]:
    page = client.get(f"{PAGE}{query}").content.decode().partition("<noscript>")[2]
    return re.findall(r"<p dir=\"auto\">(.*?)</p>", page)


def test_alerts_are_read_archived_snoozed_and_taken_back(ann: User, client: Client) -> None:
    client.force_login(ann)
    first, second = (notify(to=ann, message=message)[0] for message in ("first", "second"))
    steps = [
        ("read", first.pk, "all", (1, 0, 0)),
        ("unread", first.pk, "all", (2, 0, 0)),
        ("archive", first.pk, "all", (1, 1, 0)),
        ("snooze", second.pk, "all", (0, 1, 1)),
    ]
    for change, pk, state, after in steps:
        answer = client.post(FORM, {"change": change, "id": pk, "state": state})
        assert answer.headers["Location"] == f"{PAGE}?state=all"
        assert counts(ann) == after
    assert (shown(client), shown(client, "?state=archived"), shown(client, "?state=snoozed")) == (
        [],
        ["first"],
        ["second"],
    )
    client.post(FORM, {"change": "unarchive", "id": first.pk, "state": "archived"})
    client.post(FORM, {"change": "unsnooze", "id": second.pk, "state": "snoozed"})
    assert shown(client, "?state=unread") == ["second", "first"]


def test_what_is_snoozed_comes_back_on_the_persons_morning_and_is_noted_with_the_device(
    ann: User, client: Client
) -> None:
    client.force_login(ann)
    preferences.change(ann, time_zone="Asia/Tokyo")
    (row,) = notify(to=ann, message="later")
    client.post(FORM, {"change": "snooze", "id": row.pk})
    until = NotificationState.objects.get().snoozed_until
    assert until is not None
    assert until.astimezone(ZoneInfo("Asia/Tokyo")).time() == muting.MORNING
    assert InboxChange.objects.get().source.startswith("device:")


def test_all_is_read_and_archived_up_to_what_the_page_has(ann: User, client: Client) -> None:
    client.force_login(ann)
    seen, _later = (notify(to=ann, message=message)[0] for message in ("seen", "later"))
    for change in ("read", "archive_read"):
        client.post(FORM, {"change": change, "upto": seen.pk})
    assert (shown(client), counts(ann)) == (["later"], (1, 1, 0))


def test_what_is_wrong_changes_nothing_and_nobody_changes_what_is_not_theirs(ann: User, client: Client) -> None:
    (row,) = notify(to=User.objects.create_user("bob"), message="of bob")
    assert client.post(FORM, {"change": "read"}).headers["Location"].startswith("/accounts/login/")
    client.force_login(ann)
    for wrong in (
        {},
        {"change": "burn", "id": row.pk},
        {"change": "read", "id": "x"},
        {"change": "read"},
        {"change": "archive_read", "id": row.pk},
        {"change": "read", "state": "y"},
    ):
        assert client.post(FORM, wrong).status_code == 400
    client.post(FORM, {"change": "archive", "id": row.pk})
    assert client.get(f"{PAGE}?state=nothing&before=x").status_code == 200
    assert client.get(FORM).status_code == 405
    assert counts(row.user) == (1, 0, 0)  # type: ignore[arg-type]  # it has one


def test_older_alerts_are_behind_a_link(ann: User, client: Client) -> None:
    client.force_login(ann)
    for number in range(51):
        notify(to=ann, message=f"number {number}")
    page = client.get(PAGE).content.decode()
    older = re.search(r"\?state=all&amp;before=\d+", page)
    assert older is not None
    assert shown(client, older[0].replace("&amp;", "&")) == ["number 0"]
