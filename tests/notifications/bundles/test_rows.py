"""What becomes of a row of several: taken back, replaced, expired, opened, searched, kept."""

from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import transaction
from django.utils import timezone
from pytest_django.fixtures import Settings

from hub.channels import LAST_ID
from hub.models import Publication
from hub.testing import assert_notified, capture_notifications, connected
from notifications import Action, Chosen, Kind, Link, action, alert, notify, retract
from notifications.action_choices import NoSuchAction, choose
from notifications.inbox import organizing, queries
from notifications.inbox.bundles import bundle_for
from notifications.inbox.organizing import archive, mark_all_read, unarchive
from notifications.models import Notification
from notifications.offers import declaring as offers
from notifications.rules.coalescing import send_last
from notifications.sending import expiring, retention
from notifications.sending.expiring import sweep
from tests.notifications.bundles.rows import of, put, say, shown
from tests.notifications.published import published
from tests.support.people import User

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_key_joins_once(ann: User, comment: Kind) -> None:
    first = say(ann, "Ada", key="a")
    say(ann, "Bob", key="b")
    assert say(ann, "again", key="a") == first
    assert shown(ann) == [("2 new comments on cat", 2, False)]


@pytest.mark.slow
@pytest.mark.parametrize("read", ["unread", "read", "all read", "archived", "snoozed"])
def test_what_is_taken_back_leaves_the_others_as_they_were(ann: User, comment: Kind, read: str) -> None:
    row = [say(ann, key, key=key) for key in "abcd"][-1]
    put(ann, row, read)
    before = queries.counts_for(ann)
    place = {"archived": "archived", "snoozed": "snoozed"}.get(read, "all")
    sizes = []
    for key in "badc":
        assert retract(key=key) == 1
        assert retract(key=key) == 0
        part = queries.inbox_for(ann, state=place, limit=5)  # type: ignore[arg-type]  # one of them
        sizes.append([(one.message, one.bundle_count, one.read) for one in part.alerts])
        assert queries.counts_for(ann) == (before if part.alerts else type(before)(0, 0, 0))
    is_read = read in ("read", "all read")
    assert sizes == [
        [("3 new comments on cat", 3, is_read)],
        [("2 new comments on cat", 2, is_read)],
        [("c wrote on cat", 1, is_read)],
        [],
    ]
    assert not Notification.objects.exists()


def test_what_is_left_comes_out_of_the_archive_as_unread_as_it_went_in(ann: User, comment: Kind) -> None:
    say(ann, "Ada", key="a")
    row = say(ann, "Bob", key="b")
    archive(user=ann, ids=[row.pk])
    retract(key="b")
    (left,) = queries.inbox_for(ann, state="archived", limit=5).alerts
    unarchive(user=ann, ids=[left.pk])
    assert shown(ann) == [("Ada wrote on cat", 1, False)]


def test_what_was_passed_by_the_mark_is_unread_when_it_stands_again(ann: User, comment: Kind) -> None:
    say(ann, "Ada", key="a")
    other = notify(to=ann, message="other")[0]
    say(ann, "Bob", key="b")
    mark_all_read(user=ann, upto=other.pk)
    retract(key="b")
    assert shown(ann) == [("other", 1, True), ("Ada wrote on cat", 1, False)]
    assert queries.unread_count(ann) == 1


def test_open_pages_are_told_what_is_left(ann: User, comment: Kind) -> None:
    first = say(ann, "Ada", key="a")
    second = say(ann, "Bob", key="b")
    retract(key="b")
    *_, gone, back = published(of(ann))
    assert gone["ids"] == [second.pk]
    assert (back["id"], back["silent"], back["message"]) == (first.pk, True, "Ada wrote on cat")
    assert "Bob" not in str(list(Publication.objects.values_list("data", flat=True)))


def test_a_replacement_takes_its_place_in_the_row(ann: User, comment: Kind) -> None:
    say(ann, "Ada", key="a")
    say(ann, "Bob", key="b")
    say(ann, "Ann", key="a", replace=True)
    assert shown(ann) == [("2 new comments on cat", 2, False)]
    assert sorted(Notification.objects.values_list("params__who", flat=True)) == ["Ann", "Bob"]


def test_a_rule_that_says_something_else_leaves_no_trace(ann: User, comment: Kind) -> None:
    def said(who: str) -> Any:
        return alert(to=ann, kind="photo.comment", params={"who": who, "photo": "cat"})

    say(ann, "Ada")
    with transaction.atomic():
        send_last("rule", [said("Bob")])
        send_last("rule", [said("Cem")])
    assert shown(ann) == [("2 new comments on cat", 2, False)]
    with transaction.atomic():
        send_last("rule", [said("Dan")])
        send_last("rule", [])
    assert shown(ann) == [("2 new comments on cat", 2, False)]
    assert sorted(Notification.objects.values_list("params__who", flat=True)) == ["Ada", "Cem"]


def test_a_row_expires_as_a_whole_with_the_last_of_it(ann: User, comment: Kind) -> None:
    soon, later = timezone.now() + timedelta(hours=1), timezone.now() + timedelta(hours=2)
    say(ann, "Ada", expires=later)
    last = say(ann, "Bob", expires=soon)
    assert Notification.objects.get(pk=last.pk).expires_at == later
    Notification.objects.filter(pk=last.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    assert shown(ann) == []
    say(ann, "Cem")
    assert shown(ann) == [("Cem wrote on cat", 1, False)]
    assert sweep() == 2
    assert shown(ann) == [("Cem wrote on cat", 1, False)]


def test_a_large_row_that_expires_is_deleted_in_pieces(
    ann: User, comment: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expiring, "FOLDED_BATCH", 2)
    for number in range(6):
        say(ann, f"p{number}", expires=timedelta(minutes=5))
    say(ann, "other", "dog")
    Notification.objects.filter(expires_at__isnull=False).update(expires_at=timezone.now() - timedelta(minutes=1))
    before = len(published(of(ann)))
    assert [sweep(seconds=0) for _ in range(5)] == [2, 2, 1, 1, 0]
    assert shown(ann) == [("other wrote on dog", 1, False)]
    assert len(published(of(ann))) == before + 1  # of the row


def test_one_that_does_not_expire_keeps_the_row(ann: User, comment: Kind) -> None:
    say(ann, "Ada")
    last = say(ann, "Bob", expires=timedelta(hours=1))
    assert Notification.objects.get(pk=last.pk).expires_at is None


def test_what_is_folded_is_changed_by_nobody(ann: User, comment: Kind) -> None:
    folded = say(ann, "Ada")
    say(ann, "Bob")
    for verb in ("read", "unread", "archive", "seen"):
        assert organizing.change(verb, user=ann, ids=[folded.pk]).ids == []
    assert shown(ann) == [("2 new comments on cat", 2, False)]


def test_a_row_of_many_has_no_buttons(ann: User, comment: Kind) -> None:
    button = Link("open", "Open", "/photos/cat/")
    for who in ("Ada", "Bob"):
        say(ann, who, actions=[button])
    assert "actions" not in published(of(ann))[-1]


async def test_a_row_opens_to_each_of_its_alerts(ann: User, comment: Kind) -> None:
    rows = [await sync_to_async(say)(ann, who, actions=[Link("x", who, "/x/")]) for who in ("Ada", "Bob", "Cem")]
    async with connected(ann) as client:
        part = await client.call("inbox.bundle", {"id": rows[-1].pk, "limit": 2})
        more = await client.call("inbox.bundle", {"id": rows[-1].pk, "before": part["next"]})
        (listed,) = (await client.call("inbox.list", {}))["items"]
        assert await client.call("inbox.bundle", {"id": rows[-1].pk + 1}) == {"items": [], "next": 0}
    said = [(one["id"], one["message"], one["actions"][0]["label"]) for one in part["items"] + more["items"]]
    assert said == [(row.pk, f"{row.params['who']} wrote on cat", row.params["who"]) for row in reversed(rows)]
    assert (part["next"], more["next"]) == (rows[1].pk, 0)
    assert not any("bundle" in one or one["read"] for one in part["items"])
    assert listed["bundle"] == {"id": rows[0].pk, "count": 3}


def test_what_is_under_a_row_is_read_as_it_is_and_nobody_elses(ann: User, comment: Kind) -> None:
    folded, last = say(ann, "Ada"), say(ann, "Bob")
    mark_all_read(user=ann, upto=last.pk)
    for asked in (folded, last):
        part = bundle_for(ann, id=asked.pk, limit=5)
        assert [(row.pk, row.read) for row in part.alerts] == [(last.pk, True), (folded.pk, True)]
    assert bundle_for(User.objects.create_user("eve"), id=last.pk, limit=5).alerts == ()
    (alone,) = notify(to=ann, message="alone")
    assert [row.message for row in bundle_for(ann, id=alone.pk, limit=5).alerts] == ["alone"]


def test_an_action_of_a_folded_alert_can_be_chosen(ann: User, comment: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offers, "_registered", {})

    @action("thank")
    def thank(chosen: Chosen) -> None:
        say(chosen.user, "me")

    first = say(ann, "Ada", actions=[Action("thank", "Thank")])
    say(ann, "Bob")
    choose(user=ann, notification_id=first.pk, name="thank")
    part = bundle_for(ann, id=first.pk, limit=5)
    assert [row.chosen for row in part.alerts] == ["", "", "thank"]
    with pytest.raises(NoSuchAction):
        choose(user=User.objects.create_user("eve"), notification_id=first.pk, name="thank")


def test_test_helpers_find_each_call_and_the_row(ann: User, comment: Kind) -> None:
    with capture_notifications() as sent:
        for who in ("Ada", "Bob"):
            say(ann, who)
    assert [row.params["who"] for row in sent] == ["Ada", "Bob"]
    assert_notified(ann, "Ada wrote on cat")
    assert_notified(ann, bundle_count=2, times=1)
    with pytest.raises(AssertionError, match=r"group_by='cat' \(stands for 2\)"):
        assert_notified(ann, bundle_count=3)


def test_what_is_folded_pushes_nothing_out_of_the_inbox(ann: User, comment: Kind, settings: Settings) -> None:
    settings.HUB_ALERT_ITEMS = 3
    notify(to=ann, message="important")
    for number in range(8):
        say(ann, f"p{number}")
    retention.prune()
    assert shown(ann) == [("8 new comments on cat", 8, False), ("important", 1, False)]
    assert Notification.objects.filter(folded=True).count() == 3


def test_search_finds_a_row_by_what_is_folded_under_it(ann: User, django_assert_max_num_queries: Any) -> None:
    for text in ("lunch today", "no", "Lunch tomorrow", "fine"):
        notify(to=ann, message=text, group_by="talk:1")
    notify(to=ann, message="lunch is ready")
    with django_assert_max_num_queries(12):
        found = queries.inbox_for(ann, text="LUNCH", limit=10).alerts
    assert [(row.message, row.found_under) for row in found] == [("lunch is ready", 0), ("fine", 2)]
    assert [(row.message, row.found_under) for row in queries.inbox_for(ann, text="fine", limit=10).alerts] == [
        ("fine", 1)
    ]
    assert queries.inbox_for(ann, text="breakfast", limit=10).alerts == []
    bob = User.objects.create_user("bob")
    assert queries.inbox_for(bob, text="lunch", limit=10).alerts == []


def test_search_looks_at_so_many_that_are_folded(ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "SEARCHED", 3)
    for text in ("first", "second", "third", "last"):
        notify(to=ann, message=text, group_by="talk:1")
    assert [row.found_under for row in queries.inbox_for(ann, text="second", limit=10).alerts] == [1]
    assert queries.inbox_for(ann, text="first", limit=10).alerts == []


def test_search_goes_on_behind_the_rows_whose_alerts_it_has_looked_at(
    ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "SEARCHED", 6)
    for talk in range(5):
        for text in ("needle" if talk == 1 else "hay", "hay", "hay"):
            notify(to=ann, message=f"{text} {talk}", group_by=f"talk:{talk}")
    found, before, parts = list[str](), LAST_ID, 0
    while before:
        part = queries.inbox_for(ann, text="needle", before=before, limit=10)
        found += [row.message for row in part.alerts]
        before, parts = part.next, parts + 1
    assert (found, parts) == (["hay 1"], 3)


def test_search_counts_those_of_the_level_that_is_asked_for(ann: User) -> None:
    for level in ("error", "info", "error"):
        notify(to=ann, message="disk full", level=level, group_by="disk")
    assert [row.found_under for row in queries.inbox_for(ann, text="disk", level="error", limit=10).alerts] == [2]
    assert [row.found_under for row in queries.inbox_for(ann, text="disk", limit=10).alerts] == [3]
