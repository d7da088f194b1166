"""The pages about audiences, about changing what was sent and about who got it: their blocks do what they say."""

import json
import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.core.exceptions import ImproperlyConfigured
from django.test import AsyncClient, Client, RequestFactory
from django.urls import reverse

import hub.urls  # noqa: F401  # registers the methods
from hub.api import keys
from hub.users import user_id
from notifications import notify
from notifications.models import FailedCall, Notification
from notifications.oversight import pages
from notifications.sending import named_audiences
from notifications.sending.alerting import BadAlert
from tests.api.calling import key_for
from tests.connection.wire import wired
from tests.docs.documents import block, blocks, prose, table, text_of
from tests.docs.shop import Shop, shop
from tests.support.people import User, make_crowd

CHANGING, AUDIENCES, FINDING = (
    f"docs/howto/{name}.md" for name in ("change-what-was-sent", "notify-an-audience", "find-out-who-got-it")
)


@pytest.fixture
def ann() -> Any:
    return User.objects.create_user("ann")


@pytest.fixture(scope="module")
def orders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A shop with the orders of the README, and the audience of the page."""
    files = {
        "shop/models.py": block("README.md", "shop/models.py"),
        "shop/audiences.py": block(AUDIENCES, "shop/audiences.py"),
    }
    with shop(tmp_path_factory.mktemp("sending"), files) as project:
        yield project


STORY_OF_CHANGES = """
from django.contrib.auth.models import Group
from hub.people.models import User
from notifications.models import Notification
from shop.models import Order

Group.objects.create(name="warehouse")
order = Order.objects.create(number="7", customer=User.objects.create_user("ada"))
print(Notification.objects.count())
{blocks}
print(Notification.objects.count())
"""

STORY_OF_AUDIENCES = """
from django.core.management import call_command
from hub.people.models import User
from hub.testing import assert_notified, capture_notifications, drain_jobs
from notifications import notify
from notifications.inbox import queries
from notifications.models import Notification
from shop.models import Order

call_command("check")
Notification.objects.all().delete()
bob, eve = (User.objects.create_user(name) for name in ("bob", "eve"))
Order.objects.create(number="8", customer=bob)
ada = bob
{blocks}
drain_jobs()
for one in (bob, eve):
    print(one.username, sorted(row.message for row in queries.latest_for(one)))
"""


@pytest.mark.live
def test_the_page_of_changes_changes_what_it_has_sent(orders: Shop) -> None:
    written = [
        block(CHANGING, f"anywhere: {what}")
        for what in ("taking back", "replacing", "an alert that expires", "an alert for later")
    ]
    lines = orders.run(STORY_OF_CHANGES.replace("{blocks}", "\n".join(written))).splitlines()
    assert lines == ["0", "2"]


@pytest.mark.live
def test_the_page_of_audiences_reaches_those_whom_it_names(orders: Shop) -> None:
    written = [block(AUDIENCES, f"anywhere{what}") for what in ("", ": the audience", ": in a test")]
    lines = orders.run(STORY_OF_AUDIENCES.replace("{blocks}", "\n".join(written))).splitlines()
    everybody = ["We are back", "We wait for you"]
    assert lines[1:] == [f"bob {sorted([*everybody, 'We have moved', 'We have moved'])}", f"eve {everybody}"]


async def curled(command: str, *, key: str) -> Any:
    """The answer to a line of the page for ``curl``, in this process."""
    words = shlex.split(command.replace("$API_KEY", key).replace("$KEY", key))
    url = re.sub(r"^(http://)?[^/]+", "", next(word for word in words if "/api/" in word))
    headers = {words[words.index("-H") + 1].partition(": ")[0]: key}
    if "-d" in words:
        body = words[words.index("-d") + 1]
        form = "application/x-www-form-urlencoded"  # as curl says of what it sends
        return (await AsyncClient().post(url, body, content_type=form, headers=headers)).json()
    return (await AsyncClient().get(url, headers=headers)).json()


@pytest.fixture
async def key(transactional_db: None) -> str:
    keys.forget()
    return await sync_to_async(key_for)()


async def test_the_call_of_the_page_of_audiences_is_answered_as_it_says(key: str) -> None:
    await sync_to_async(make_crowd)("one", 2)
    command, said = next(one for one in blocks(AUDIENCES, "") if "curl" in one).splitlines()
    answer = await curled(command, key=key)
    (pk,) = answer["result"]["ids"]
    assert answer == json.loads(said.replace("7", str(pk)))
    progress = await curled(f"curl {answer['result']['progress'][0]} -H 'X-API-Key: $KEY'", key=key)
    assert "result" in progress


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("to", "number"),
    [
        ("audience:customer", 0),
        ("audience:customers", 1),
        ("audience:newest", 2),
        ("permission:shop.change_orders", 4),
    ],
)
def test_sentences_of_the_page_of_audiences_are_those_of_the_hub(
    monkeypatch: pytest.MonkeyPatch, to: str, number: int
) -> None:
    monkeypatch.setattr(named_audiences, "_declared", {})
    named_audiences.audience("customers")(lambda: list(User.objects.all()))  # type: ignore[arg-type, return-value]  # what is told
    named_audiences.audience("newest")(lambda: User.objects.order_by("-pk")[:5])
    mistakes = re.findall(r"^\* \*\*`([^`]+)`", text_of(AUDIENCES), flags=re.MULTILINE)
    beginning = re.sub(r"\s+", " ", mistakes[number]).partition("…")[0].strip()
    with pytest.raises((BadAlert, ImproperlyConfigured)) as raised:
        notify(to=to, message="m")
    assert str(raised.value).startswith(beginning)


async def test_the_calls_of_the_page_say_who_got_it(key: str) -> None:
    ann = await User.objects.acreate_user("ann")
    (row,) = await sync_to_async(notify)(to=ann, message="m")
    one, several = blocks(FINDING, "sh")[0].splitlines()
    async with wired(ann):
        told = await curled(one.replace("id=7", f"id={row.pk}").replace("user=42", f"user={user_id(ann)}"), key=key)
    assert [connection["has"] for connection in told["result"]["person"]["connections"]] == ["before"]
    listed = await curled(several.replace("user=42", f"user={user_id(ann)}"), key=key)
    assert [item["id"] for item in listed["result"]["items"]] == [row.pk]


@pytest.mark.django_db(transaction=True)
def test_code_of_the_page_says_who_sends(ann: User) -> None:
    request = RequestFactory().get("/")
    request.user = ann
    exec(blocks(FINDING, "python")[0], {"request": request})  # noqa: S102  # code of our own document
    assert Notification.objects.get().source == f"person:{user_id(ann)}"


@pytest.mark.django_db(transaction=True)
def test_words_of_the_page_stand_on_the_pages_of_the_admin(
    admin_client: Client, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "open_connections", lambda *_: [])  # as web processes answer that have none
    FailedCall.objects.create(source="rule:a", what="b", error="c")
    page = ""
    for to in (ann, "members"):  # one that went live, and one that was distributed
        (row,) = notify(to=to, message="m")
        report = reverse("admin:hub_notifications_notification_report", args=[row.pk])
        page += admin_client.get(report, {"person": user_id(ann)}).text.lower()
    for said, _meaning in table(FINDING, "it says", "that is"):
        assert said in page, said
    above_the_list = reverse("admin:hub_notifications_notification_changelist")
    home = admin_client.get("/admin/").text + admin_client.get(above_the_list).text
    for link in ("Failed calls", "Notifications of a person", "Write a notification"):
        assert link in home and link in prose(FINDING)
    for button in ("Preview", "Send a test to me"):
        assert button in admin_client.get(reverse("admin:hub_notifications_notification_compose")).text
        assert f"*{button}*" in prose(FINDING)
    assert "send again" in page
