"""Alerts over the client connection: the list and its live stream, marks, and the same list over HTTP."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone

import hub.asgi  # noqa: F401  # joins tokens to those who ask for them
from hub.accounts.tokens import issue
from hub.users import user_id
from notifications import notify
from notifications.models import Notification, NotificationState, ReadMark
from tests.connection.wire import Wire, wired
from tests.support.people import User

pytestmark = pytest.mark.django_db(transaction=True)

ITEMS = "/notifications/items/"


send = sync_to_async(notify)


async def answer(wire: Wire, method: str, /, **data: Any) -> Any:
    return (await wire.ask(rpc={"method": method, "data": data}))["rpc"]["data"]


async def refusal(wire: Wire, method: str, /, **data: Any) -> int:
    return int((await wire.ask(rpc={"method": method, "data": data}))["error"]["code"])


async def test_the_list_and_the_live_stream_join(ann: User) -> None:
    async with wired(ann) as wire:
        await send(to=ann, message="listed", title="t", level="warning", url="/x/", data={"n": 1})
        listed = await answer(wire, "alerts.list")
        await send(to=ann, message="live")
        second = await wire.pushed("pub", 2)
    (item,) = listed["items"]
    live = wire.pushes[0]["pub"]["data"]
    assert (item.pop("read"), item.pop("seen")) == (False, False)
    assert item == live
    channel = f"user:{user_id(ann)}"
    assert second["channel"] == channel
    assert second["pub"]["offset"] == listed["positions"][channel]["offset"] + 1
    assert set(listed["positions"]) == {"everyone", channel}
    assert (listed["unread"], listed["more"]) == (1, False)


async def test_the_list_goes_on_behind_its_last_item(ann: User) -> None:
    await sync_to_async(ann.groups.add)(await Group.objects.acreate(name="ops"))
    for to in ("everyone", ann, "group:ops", "everyone", ann):
        await send(to=to, message="m")
    async with wired(ann) as wire:
        seen: list[int] = []
        before: dict[str, int] = {}
        more = True
        while more:
            page = await answer(wire, "alerts.list", limit=2, **before)
            seen += [item["id"] for item in page["items"]]
            more, before = page["more"], {"before": seen[-1]}
    assert seen == sorted(seen, reverse=True)
    assert len(seen) == await Notification.objects.acount() == 5


async def test_all_tabs_of_a_person_are_told_what_was_read_and_nobody_else(ann: User) -> None:
    rows = [(await send(to="everyone", message="m"))[0].pk for _ in range(3)]
    async with wired(ann) as first, wired(ann) as second, wired(await User.objects.acreate_user("bob")) as other:
        assert await answer(first, "alerts.mark_read", ids=rows[:1]) == {"unread": 2}
        assert await answer(first, "alerts.mark_all_read", upto=rows[1]) == {"unread": 1}
        for wire in (first, second):
            await wire.pushed("pub", 2)
            assert [push["pub"]["data"] for push in wire.pushes] == [
                {"type": "notifications.alerts_read", "ids": rows[:1], "unread": 2},
                {"type": "notifications.alerts_read", "upto": rows[1], "unread": 1},
            ]
        listed = await answer(second, "alerts.list")
        assert [item["read"] for item in listed["items"]] == [False, True, True]
        await send(to="everyone", message="the last")
        await other.pushed("pub")
    assert [push["pub"]["data"]["message"] for push in other.pushes] == ["the last"]


async def test_what_was_read_while_a_page_was_away_is_recovered_in_order(ann: User) -> None:
    (row,) = await send(to=ann, message="m")
    channel = f"user:{user_id(ann)}"
    async with wired(ann) as wire:
        position = (await answer(wire, "alerts.list"))["positions"][channel]
    async with wired(ann) as other:
        await answer(other, "alerts.mark_read", ids=[row.pk])
    back = Wire(ann)
    await back.client.receive(json.dumps({"id": 1, "connect": {"subs": {channel: {"recover": True, **position}}}}))
    subscribed = back.lines[0]["connect"]["subs"][channel]
    await back.disconnected()
    assert subscribed["recovered"]
    assert [publication["data"]["ids"] for publication in subscribed["publications"]] == [[row.pk]]


@pytest.mark.parametrize(
    ("method", "data"),
    [
        ("alerts.list", {"limit": 51}),
        ("alerts.list", {"limit": 0}),
        ("alerts.list", {"before": 0}),
        ("alerts.list", {"before": 2**63}),
        ("alerts.list", {"before": "1"}),
        ("alerts.mark_read", {}),
        ("alerts.mark_read", {"ids": [1] * 101}),
        ("alerts.mark_read", {"ids": [2**64]}),
        ("alerts.mark_read", {"ids": [-1]}),
        ("alerts.mark_read", {"ids": [True]}),
        ("alerts.mark_all_read", {"upto": 1.5}),
        ("alerts.mark_all_read", {"upto": None}),
    ],
)
async def test_parameters_of_another_kind_are_refused(ann: User, method: str, data: dict[str, Any]) -> None:
    async with wired(ann) as wire:
        assert await refusal(wire, method, **data) == 107


async def test_guests_list_what_is_for_everyone_and_mark_nothing() -> None:
    (row,) = await send(to="everyone", message="m")
    async with wired() as wire:
        listed = await answer(wire, "alerts.list")
        assert [(item["id"], item["read"]) for item in listed["items"]] == [(row.pk, True)]
        assert (listed["unread"], list(listed["positions"])) == (0, ["everyone"])
        assert await refusal(wire, "alerts.mark_read", ids=[row.pk]) == 401
        assert await refusal(wire, "alerts.mark_all_read", upto=row.pk) == 401
    assert not await ReadMark.objects.aexists()


async def test_an_alert_to_everyone_that_is_sent_again_is_stored_once() -> None:
    async with wired(await User.objects.acreate_user("boss", is_staff=True)) as wire:
        for _ in range(2):
            assert await answer(wire, "alerts.broadcast", message="Lunch", key="k1") == {}
        assert await answer(wire, "alerts.broadcast", message="Lunch", key="k2") == {}
        assert await refusal(wire, "alerts.broadcast", message=" ") == 400
        assert await refusal(wire, "alerts.broadcast", message="m", key="order:7") == 107
    assert await Notification.objects.filter(user=None, group=None, message="Lunch").acount() == 2


async def test_who_may_not_tell_everyone_is_told_so(ann: User) -> None:
    for user in (ann, None):
        async with wired(user) as wire:
            assert await refusal(wire, "alerts.broadcast", message="m") == 403
    assert not await Notification.objects.aexists()


def test_the_same_list_comes_over_http_by_session_and_by_token(ann: User, client: Client) -> None:
    for _ in range(3):
        notify(to=ann, message="m")
    token = issue(ann)
    client.force_login(ann)
    by_session = client.get(ITEMS, {"limit": 2}).json()
    by_token = Client().get(ITEMS, {"limit": 2}, headers={"Authorization": f"Bearer {token}"}).json()
    assert by_session.pop("now") <= by_token.pop("now")
    assert by_session == by_token
    assert (len(by_session["items"]), by_session["unread"], by_session["more"]) == (2, 3, True)
    rest = client.get(ITEMS, {"before": by_session["items"][-1]["id"]})
    assert (len(rest.json()["items"]), rest.json()["more"]) == (1, False)
    assert {"no-store", "private"} <= set(rest["Cache-Control"].split(", "))
    assert Client().get(ITEMS).json()["items"] == []


@pytest.mark.parametrize("query", [{"limit": "x"}, {"limit": "1000"}, {"before": "-1"}, {"before": "9" * 30}])
def test_a_wrong_query_over_http_is_answered_with_what_is_wrong(client: Client, query: dict[str, str]) -> None:
    response = client.get(ITEMS, query)
    assert (response.status_code, response.json()["error"]["code"]) == (400, 400)


@pytest.mark.parametrize("token", ["hub_nobody", "", "ключ", "a.b.c"])
def test_a_token_that_is_not_valid_makes_no_guest(ann: User, client: Client, token: str) -> None:
    client.force_login(ann)
    response = client.get(ITEMS, headers={"Authorization": f"Bearer {token}"})
    assert (response.status_code, response.json()["error"]["code"]) == (401, 401)


def test_the_page_knows_what_is_unread(ann: User, client: Client) -> None:
    notify(to=ann, message="m")
    client.force_login(ann)
    response = client.get("/notifications/")
    assert response.context["unread"] == 1
    assert [alert.read for alert in response.context["alerts"]] == [False]


async def test_inbox_and_its_live_stream_join_on_all_devices(ann: User) -> None:
    channel = f"user:{user_id(ann)}"
    async with wired(ann) as laptop, wired(ann) as phone:
        rows = [(await send(to=ann, message=f"number {number}"))[0].pk for number in range(3)]
        listed = await answer(laptop, "inbox.list", limit=2)
        assert [item["id"] for item in listed["items"]] == rows[:0:-1]
        assert listed["next"] == rows[1]
        assert listed["counts"] == {"unread": 3, "archived": 0, "snoozed": 0}
        (item,) = (await answer(laptop, "inbox.list", before=listed["next"]))["items"]
        places = [item[key] for key in ("read", "seen", "archived_at", "snoozed_until")]
        assert places == [False, False, None, None]
        await phone.pushed("pub", 3)
        changed = await answer(laptop, "inbox.change", change="archive", ids=rows[:1])
        assert changed == {"ids": rows[:1], "counts": {"unread": 2, "archived": 1, "snoozed": 0}, "more": False}
        told = await phone.pushed("pub", 4)
        assert told["pub"]["data"] == {
            "type": "notifications.alerts_changed",
            "ids": rows[:1],
            "change": "archived",
            "counts": changed["counts"],
        }
        assert told["pub"]["offset"] == listed["positions"][channel]["offset"] + 1
        assert await answer(phone, "inbox.counts") == changed["counts"]
        assert [item["id"] for item in (await answer(phone, "alerts.list"))["items"]] == rows[:0:-1]
        until = (timezone.now() + timedelta(days=1)).astimezone(timezone.get_fixed_timezone(60))
        await answer(phone, "inbox.change", change="snooze", ids=rows[1:2], until=until.isoformat())
        (item,) = (await answer(laptop, "inbox.list", state="snoozed", text="NUMBER 1"))["items"]
        assert datetime.fromisoformat(item["snoozed_until"]) == until
        everything = await answer(laptop, "inbox.change_all", change="read", upto=rows[2])
        assert everything["ids"] == rows[2:]
        assert await answer(laptop, "inbox.list", state="unread", level="error") | {"positions": {}} == {
            "items": [],
            "next": 0,
            "counts": {"unread": 0, "archived": 1, "snoozed": 1},
            "positions": {},
        }


@pytest.mark.parametrize(
    ("method", "data", "code"),
    [
        ("inbox.list", {"state": "lost"}, 107),
        ("inbox.list", {"level": "loud"}, 107),
        ("inbox.list", {"text": "x" * 101}, 107),
        ("inbox.change", {"change": "burn", "ids": [1]}, 107),
        ("inbox.change", {"change": "read"}, 107),
        ("inbox.change", {"change": "read", "ids": [1] * 1001}, 107),
        ("inbox.change", {"change": "snooze", "ids": [1], "until": "2027-01-01T08:00:00"}, 107),
        ("inbox.change", {"change": "snooze", "ids": [1]}, 400),
        ("inbox.change", {"change": "snooze", "ids": [1], "until": "2999-01-01T08:00:00Z"}, 400),
        ("inbox.change", {"change": "snooze", "ids": [1], "until": "0001-01-01T00:00:00+14:00"}, 400),
        ("inbox.change_all", {"change": "archive", "upto": 1}, 107),
    ],
)
async def test_changes_of_another_kind_are_refused(ann: User, method: str, data: dict[str, Any], code: int) -> None:
    async with wired(ann) as wire:
        assert await refusal(wire, method, **data) == code


async def test_guests_list_an_inbox_and_change_nothing() -> None:
    (row,) = await send(to="everyone", message="m")
    async with wired() as wire:
        listed = await answer(wire, "inbox.list")
        assert [(item["id"], item["read"]) for item in listed["items"]] == [(row.pk, True)]
        assert listed["counts"] == {"unread": 0, "archived": 0, "snoozed": 0}
        assert (await answer(wire, "inbox.list", state="archived"))["items"] == []
        assert await refusal(wire, "inbox.change", change="archive", ids=[row.pk]) == 401
        assert await refusal(wire, "inbox.change_all", change="archive_read", upto=row.pk) == 401
    assert not await NotificationState.objects.aexists()
