"""``history``, presence, orders, ``channels``, ``info`` and ``batch``."""

import json
from dataclasses import replace
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.test import AsyncClient

from hub import presence, streams
from hub.access import control
from hub.api import calling
from hub.api.method import method_named, methods
from hub.database.threads import in_database_thread
from hub.fanout import relay
from hub.models import Publication
from hub.users import user_id
from lab.harness.waiting import await_for
from tests.api.calling import Api, key_for
from tests.hub.listeners import Listener, follow
from tests.support.people import User, id_of_nobody
from tests.support.sockets import open_endpoint

#: The id of a person.
SEVEN = id_of_nobody(7)


async def publish_three(api: Api) -> str:
    for number in range(1, 4):
        await api.result("publish", channel="kept:1", data=number)
    return str((await api.result("history", channel="kept:1"))["epoch"])


def numbers(result: dict[str, Any]) -> list[tuple[int, Any]]:
    return [(row["offset"], row["data"]) for row in result["publications"]]


# --- history --------------------------------------------------------------------------------------------------------


async def test_history_without_a_limit_is_the_position_alone(api: Api) -> None:
    epoch = await publish_three(api)
    assert await api.result("history", channel="kept:1") == {"publications": [], "offset": 3, "epoch": epoch}


async def test_history_of_a_channel_without_one_is_empty(api: Api) -> None:
    found = await api.result("history", channel="kept:none", limit=10)
    assert (found["publications"], found["offset"]) == ([], 0)
    # Its name stays when something is published.
    await api.result("publish", channel="kept:none", data=1)
    assert (await api.result("history", channel="kept:none"))["epoch"] == found["epoch"] != ""


@pytest.mark.whole_table
@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ({"limit": 2}, [1, 2]),
        ({"limit": -1}, [1, 2, 3]),
        ({"limit": 2**70}, [1, 2, 3]),
        ({"limit": 2, "reverse": True}, [3, 2]),
        ({"limit": 5, "since": {"offset": 1}}, [2, 3]),
        ({"limit": 1, "since": {"offset": 1}}, [2]),
        ({"limit": 5, "since": {"offset": 3}}, []),
        ({"limit": 5, "since": {"offset": 3}, "reverse": True}, [2, 1]),
        ({"limit": 5, "since": {"offset": 0}}, [1, 2, 3]),
        ({"limit": None, "since": None, "reverse": None}, []),
    ],
)
async def test_history_pages(api: Api, request_: dict[str, Any], expected: list[int]) -> None:
    epoch = await publish_three(api)
    if request_.get("since"):
        request_ = {**request_, "since": {**request_["since"], "epoch": epoch}}
    result = await api.result("history", channel="kept:1", **request_)
    assert numbers(result) == [(offset, offset) for offset in expected]
    assert result["offset"] == 3


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"channel": "nothing:1"}, 102),
        ({"channel": "hidden"}, 102),
        ({"channel": "live:1"}, 108),
        ({"channel": "kept:1", "limit": 1, "since": {"offset": 1, "epoch": "other"}}, 112),
        ({"channel": "kept:1", "limit": 1, "since": {"offset": 4}}, 112),
        ({"channel": "kept:1", "limit": 1, "since": {"offset": 2**64 - 1}}, 112),
        ({"channel": "kept:1", "limit": 1, "since": {"offset": -1}}, 107),
        ({"channel": "kept:1", "limit": 1, "since": {}, "reverse": True}, 107),
        ({"channel": "kept:1", "limit": "many"}, 107),
    ],
)
async def test_history_that_cannot_be_had_is_refused(api: Api, request_: dict[str, Any], code: int) -> None:
    await publish_three(api)
    assert await api.error("history", **request_) == code


async def test_history_is_whole_or_an_error_where_its_beginning_is_gone(api: Api) -> None:
    await publish_three(api)
    await Publication.objects.filter(channel="kept:1", offset=1).adelete()
    assert await api.error("history", channel="kept:1", limit=5, since={"offset": 0}) == 112
    since_one = await api.result("history", channel="kept:1", limit=5, since={"offset": 1})
    assert numbers(since_one) == [(2, 2), (3, 3)]
    assert numbers(await api.result("history", channel="kept:1", limit=5)) == [(2, 2), (3, 3)]


@pytest.mark.slow
async def test_history_remove_deletes_all_and_the_next_offset_is_the_next(api: Api) -> None:
    epoch = await publish_three(api)
    await api.result("publish", channel="kept:2", data=1)
    assert await api.result("history_remove", channel="kept:1") == {}
    assert await api.result("history", channel="kept:1", limit=5) == {"publications": [], "offset": 3, "epoch": epoch}
    assert await api.error("history", channel="kept:1", limit=5, since={"offset": 1}) == 112
    assert (await api.result("publish", channel="kept:1", data=4))["offset"] == 4
    assert await Publication.objects.filter(channel="kept:2").acount() == 1


@pytest.mark.parametrize(("channel", "code"), [("live:1", 108), ("hidden", 102), ("", 107)])
async def test_history_remove_refuses(api: Api, channel: str, code: int) -> None:
    assert await api.error("history_remove", channel=channel) == code


# --- presence -------------------------------------------------------------------------------------------------------


async def test_presence_names_people_once(api: Api) -> None:
    assert await api.result("presence", channel="kept:1") == {"presence": {}}
    ada = await User.objects.acreate_user("ada")
    for person in (f"u{user_id(ada)}", f"u{user_id(ada)}", "gabc"):
        await presence.current().enter("kept:1", person)
    found = (await api.result("presence", channel="kept:1"))["presence"]
    assert found[f"u{user_id(ada)}"] == {
        "client": f"u{user_id(ada)}",
        "user": user_id(ada),
        "conn_info": {"name": "ada"},
    }
    assert await api.result("presence_stats", channel="kept:1") == {"num_clients": 2, "num_users": 2}


@pytest.mark.parametrize("method", ["presence", "presence_stats"])
@pytest.mark.parametrize(("channel", "code"), [("live:1", 108), ("hidden", 102), ("nothing:1", 102), ("", 107)])
async def test_presence_refuses(api: Api, method: str, channel: str, code: int) -> None:
    assert await api.error(method, channel=channel) == code


# --- orders ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "request_", "expected"),
    [
        ("subscribe", {"user": SEVEN, "channel": "kept:1"}, control.SubscribeUser(SEVEN, "kept:1")),
        (
            "subscribe",
            {"user": SEVEN, "channel": "kept:1", "client": "c", "recover_since": {"offset": 3, "epoch": "e"}},
            control.SubscribeUser(SEVEN, "kept:1", "c", 3, "e"),
        ),
        (
            "subscribe",
            {"user": SEVEN, "channel": "kept:1", "data": {"a": 1}, "b64info": "WzFd", "expire_at": 1893456000},
            control.SubscribeUser(SEVEN, "kept:1", data='{"a":1}', info="[1]", expire_at=1893456000),
        ),
        ("unsubscribe", {"user": SEVEN, "channel": "kept:1"}, control.UnsubscribeUser(SEVEN, "kept:1")),
        ("disconnect", {"user": SEVEN}, control.DisconnectUser(SEVEN)),
        (
            "disconnect",
            {"user": SEVEN, "whitelist": ["c"], "disconnect": {"code": 4500, "reason": "moved"}},
            control.DisconnectUser(SEVEN, "", ("c",), 4500, "moved"),
        ),
        ("disconnect", {"client": "c"}, control.DisconnectUser("", "c")),
        (
            "disconnect",
            {"user": SEVEN, "disconnect": {"code": 0, "reason": ""}},
            control.DisconnectUser(SEVEN, reason=""),
        ),
        ("refresh", {"user": SEVEN, "expired": True}, control.RefreshUser(SEVEN, expired=True)),
        ("refresh", {"user": SEVEN, "expire_at": 1893456000}, control.RefreshUser(SEVEN, expire_at=1893456000)),
    ],
)
async def test_order_is_stored_and_given(
    api: Api, method: str, request_: dict[str, Any], expected: control.ControlMessage
) -> None:
    listener = Listener()
    await follow(control.CHANNEL, listener)
    assert await api.result(method, **request_) == {}
    await await_for(lambda: listener.frames, that="the order has come")
    assert [control.read(text) for text in listener.frames] == [expected]


@pytest.mark.whole_table
@pytest.mark.parametrize("method", ["subscribe", "unsubscribe", "disconnect", "refresh"])
@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({}, 107),
        ({"user": "a.b"}, 107),
        ({"user": 7}, 107),
        ({"user": "٣"}, 107),
        ({"user": "9" * 65}, 107),
        ({"user": SEVEN, "session": "s"}, 108),
    ],
)
async def test_order_to_nobody_is_refused(api: Api, method: str, request_: dict[str, Any], code: int) -> None:
    assert await api.error(method, **{"channel": "kept:1", **request_}) == code
    assert await Publication.objects.acount() == 0


@pytest.mark.parametrize(
    ("method", "request_", "code"),
    [
        ("subscribe", {"channel": "nothing:1"}, 102),
        ("subscribe", {"channel": "hidden"}, 102),
        ("subscribe", {"channel": "control"}, 102),
        ("subscribe", {}, 107),
        ("subscribe", {"channel": "kept:1", "info": "x" * 1024}, 107),
        ("subscribe", {"channel": "kept:1", "b64info": "{}"}, 107),
        ("subscribe", {"channel": "kept:1", "data": "x" * 70_000}, 107),
        ("subscribe", {"channel": "kept:1", "expire_at": -1}, 107),
        ("subscribe", {"channel": "kept:1", "expire_at": 2**53}, 107),
        ("refresh", {"info": {"a": 1}}, 108),
        ("subscribe", {"channel": "kept:1", "override": {"presence": {"value": True}}}, 108),
        ("unsubscribe", {"channel": "control"}, 102),
        ("unsubscribe", {"channel": "nothing:1"}, 102),
        ("disconnect", {"disconnect": {"code": 1000, "reason": ""}}, 107),
        ("disconnect", {"disconnect": {"code": 4500, "reason": "é" * 62}}, 107),
        ("disconnect", {"whitelist": ["c" * 1000] * 100}, 107),
        ("refresh", {"expire_at": -1}, 107),
        ("refresh", {"expire_at": 2**53}, 107),
        ("refresh", {"expire_at": 2**70}, 107),
    ],
)
async def test_order_that_cannot_be_given_is_refused(
    api: Api, method: str, request_: dict[str, Any], code: int
) -> None:
    assert await api.error(method, user=SEVEN, **request_) == code
    assert await Publication.objects.acount() == 0


# --- what the processes have ----------------------------------------------------------------------------------------


async def test_channels_are_those_that_are_followed(api: Api) -> None:
    for channel in ("kept:1", "kept:1", "live:2", control.CHANNEL):
        await follow(channel, Listener())
    found = (await api.result("channels"))["channels"]
    assert found == {"kept:1": {"num_clients": 2}, "live:2": {"num_clients": 1}}
    assert list((await api.result("channels", pattern="live:*"))["channels"]) == ["live:2"]
    assert (await api.result("channels", pattern="nothing*"))["channels"] == {}
    assert await api.error("channels", pattern="*" * 201) == 107


async def test_channels_do_not_count_the_hubs_own_followers(api: Api) -> None:
    async with open_endpoint("/ws/online/") as endpoint:
        await endpoint.receive_json()
        # The counter of this process follows the count that it sends.
        await await_for(lambda: relay.current().subscribed().get("online") == 2, that="the counter follows")
        assert (await api.result("channels"))["channels"] == {"online": {"num_clients": 1}}


async def test_limited_key_sees_the_channels_that_it_may_name_only() -> None:
    for channel in ("room:7", f"user:{SEVEN}", "everyone"):
        await follow(channel, Listener())
    limited = Api(await sync_to_async(key_for)("channels", "info", channels=("user:*",)))
    for asked in ({}, {"pattern": "room:*"}, {"pattern": "*"}, {"pattern": "r*7"}):
        assert "room:7" not in (await limited.result("channels", **asked))["channels"]


async def test_info_tells_of_this_process(api: Api) -> None:
    await follow("kept:1", Listener())
    (node,) = (await api.result("info"))["nodes"]
    assert (node["num_subs"], node["num_channels"], node["num_clients"]) == (1, 1, 0)
    assert node["uid"] and node["name"] and node["version"] and node["process"]["rss"] > 0


# --- batch ----------------------------------------------------------------------------------------------------------


async def test_batch_replies_to_each_command_in_order(api: Api) -> None:
    status, reply = await api.raw(
        "batch",
        json.dumps(
            {
                "commands": [
                    {"publish": {"channel": "kept:1", "data": 1}},
                    {"publish": {"channel": "nothing:1", "data": 1}},
                    {"nothing": {}},
                    {},
                    {"publish": {}, "history": {}},
                    {"batch": {"commands": []}},
                    {"history": {"channel": "kept:1", "limit": 1}, "publish": None},
                    {"publish": 7},
                ],
                "parallel": True,
            }
        ),
    )
    assert status == 200
    replies = reply["replies"]
    assert replies[0]["publish"]["offset"] == 1
    codes = [each.get("error", {}).get("code") for each in replies]
    assert codes == [None, 102, 104, 104, 104, 104, None, 107]
    assert replies[6]["history"]["publications"] == [{"offset": 1, "data": 1}]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, 107),
        ({"commands": 1}, 107),
        ({"commands": [1]}, 107),
        ({"commands": [{"info": {}}] * 1001}, 106),
    ],
)
async def test_batch_that_cannot_be_read_is_refused(api: Api, body: dict[str, Any], code: int) -> None:
    _, reply = await api.raw("batch", json.dumps(body))
    assert reply["error"]["code"] == code


async def test_batch_goes_on_after_a_command_that_failed(api: Api) -> None:
    commands = [{"publish": {"channel": "kept:1", "data": data}} for data in (1, "x" * 70_000, 3)]
    _, reply = await api.raw("batch", json.dumps({"commands": commands}))
    assert ["publish" in each for each in reply["replies"]] == [True, False, True]
    assert (await streams_of("kept:1")).offset == 2


async def test_batch_ends_where_its_replies_become_too_long(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    await api.result("publish", channel="kept:1", data="x" * 1000)
    monkeypatch.setattr(calling, "REPLIES_LIMIT", 2500)
    asked = {"channel": "kept:1", "limit": 1}
    published = {"channel": "kept:2", "data": 1}
    commands = [{"history": asked}] * 3 + [{"publish": published}]
    _, reply = await api.raw("batch", json.dumps({"commands": commands}))
    assert [next(iter(each)) for each in reply["replies"]] == ["history"] * 3 + ["error"]
    assert reply["replies"][3]["error"]["code"] == 106
    assert "send it again" in reply["replies"][3]["error"]["message"]
    assert (await streams_of("kept:2")).offset == 0


async def streams_of(channel: str) -> streams.Position:
    return (await in_database_thread(streams.positions, [channel]))[channel]


@pytest.mark.parametrize("offset", [2**63, 2**64, 10**30])
async def test_a_position_of_any_size_is_one_that_nothing_is_recovered_from(api: Api, offset: int) -> None:
    await api.result("subscribe", user=SEVEN, channel="kept:1", recover_since={"offset": offset, "epoch": "e"})


@pytest.mark.parametrize("channel", [f"room:{2**63}", "group:" + "9" * 64])
async def test_an_id_that_no_row_can_have_is_an_unknown_channel(api: Api, channel: str) -> None:
    named: list[tuple[str, dict[str, Any]]] = [
        ("publish", {"data": {"type": "x"}}),
        ("presence", {}),
        ("presence_stats", {}),
        ("history", {"limit": 1}),
        ("history_remove", {}),
        ("subscribe", {"user": SEVEN}),
        ("unsubscribe", {"user": SEVEN}),
    ]
    for method, request in named:
        assert await api.error(method, channel=channel, **request) == 102, method
    replies = await api.result("broadcast", channels=[channel, "kept:1"], data={"type": "x"})
    assert ["error" in reply for reply in replies["responses"]] == [True, False]


# --- fields that a method does not know -----------------------------------------------------------------------------

#: The methods that other servers of this protocol have: their clients send fields that the hub does not have.
OF_THE_PROTOCOL = {
    "publish",
    "broadcast",
    "subscribe",
    "unsubscribe",
    "disconnect",
    "refresh",
    "presence",
    "presence_stats",
    "history",
    "history_remove",
    "channels",
    "info",
}


def test_methods_of_the_protocol_ignore_what_they_do_not_know_and_all_others_refuse_it() -> None:
    strict = {method.name for method in methods() if method.request.__struct_config__.forbid_unknown_fields}
    assert {method.name for method in methods()} - strict == OF_THE_PROTOCOL


@pytest.mark.parametrize(
    ("name", "request_", "field"),
    [
        ("notify", {"to": "everyone", "mesage": "m"}, "mesage"),
        ("schedules", {"to": "everyone", "message": "m", "when": {"type": "every", "hours": 1}}, "to"),
        ("topics", {"name": "deploys", "title": "Deployments"}, "name"),
    ],
)
async def test_unknown_field_is_refused_and_named(api: Api, name: str, request_: dict[str, Any], field: str) -> None:
    error = (await api(name, **request_))["error"]
    assert error["code"] == 107 and f"unknown field `{field}`" in error["message"]


@pytest.mark.parametrize("name", ["groups", "rooms", "topics"])
async def test_lists_are_read_by_get_which_names_what_it_does_not_know(async_client: AsyncClient, name: str) -> None:
    headers = {"X-API-Key": await sync_to_async(key_for)("*")}
    found = await async_client.get(f"/api/{name}", headers=headers)
    assert found.status_code == 200 and found.json()["result"][name] == []
    refused = await async_client.get(f"/api/{name}?naem=x", headers=headers)
    assert "unknown field `naem`" in refused.json()["error"]["message"]


@pytest.mark.parametrize("result", ["half \ud83d", {"a": object()}])
async def test_result_that_is_no_json_is_the_error_of_its_call_alone(
    api: Api, monkeypatch: pytest.MonkeyPatch, result: Any
) -> None:
    async def run(call: Any) -> Any:
        return result

    asked = method_named("info")
    assert asked is not None
    monkeypatch.setattr("hub.api.calling.method_named", {"info": replace(asked, run=run)}.get)
    monkeypatch.setattr("hub.api.answering.method_named", {"info": replace(asked, run=run)}.get)
    assert await api.error("info") == 100
    _, reply = await api.raw("batch", '{"commands": [{"info": {}}, {"nothing": {}}]}')
    assert [one["error"]["code"] for one in reply["replies"]] == [100, 104]
    status, reply = await api.raw("", '{"method": "info"}')
    assert (status, reply["error"]["code"]) == (200, 100)
