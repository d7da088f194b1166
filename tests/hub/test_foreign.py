"""``group_send`` as Channels' tutorials have it, to groups of the hub: who gets it, as what, and what nobody gets."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Collection
from datetime import datetime
from typing import Any

import pytest
from channels.layers import InMemoryChannelLayer
from channels_redis.core import RedisChannelLayer
from prometheus_client import REGISTRY
from pytest_django.fixtures import Settings

import hub
from hub.access import control
from hub.bus import foreign, receiver
from hub.bus.envelope import NotForClients, unpack
from hub.bus.layer import group_send_many
from hub.channels import Namespace, UnknownChannel
from hub.endpoints.centrifuge import emulation
from hub.fanout import relay
from hub.publishing import apublish
from hub.streams import Envelope
from lab.harness.environment import BASE_DIR
from lab.harness.waiting import await_for
from tests.hub.listeners import Listener, follow
from tests.support.namespaces import declare

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.any_database]

EVENT = {"type": "notification", "message": "Grüße 🎉"}


@pytest.fixture
async def running(every_layer: Any, settings: Settings) -> AsyncIterator[Any]:
    settings.HUB_REPAIR_INTERVAL = 0
    settings.HUB_REDIS_TIMEOUT = 10
    await relay.current.close()
    yield every_layer
    await relay.current.close()


def as_json(event: dict[str, Any]) -> str:
    return json.dumps(event, ensure_ascii=False, separators=(",", ":"))


def counted(name: str) -> float:
    return REGISTRY.get_sample_value(f"hub_{name}_total") or 0.0


@pytest.mark.parametrize("channel", ["everyone", "user:42", "group:7", "room:1", "topic:deploys", "online"])
async def test_an_event_reaches_those_who_follow_the_channel_and_no_others(running: Any, channel: str) -> None:
    one, two, other = Listener(), Listener(), Listener()
    await follow(channel, one)
    await follow(channel, two)
    await follow("room:2", other)
    await running.group_send(hub.group(channel), EVENT)
    await one.got(as_json(EVENT))
    await two.got(*one.frames)
    assert other.frames == []


async def test_events_and_publications_of_one_channel_come_in_order_each_once(running: Any) -> None:
    listener = Listener()
    await follow("room:1", listener)
    await running.group_send(hub.group("room:1"), {"type": "first"})
    await listener.got('{"type":"first"}')
    await apublish("room:1", {"n": 1})
    await listener.got('{"type":"first"}', '{"n":1}')
    await running.group_send(hub.group("room:1"), {"type": "last"})
    # Whatever came twice, or was echoed, would be here by now.
    await listener.got('{"type":"first"}', '{"n":1}', '{"type":"last"}')


async def test_a_channel_is_left_and_followed_again(running: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "LINGER", 0.05)
    for number in range(2):
        listener = Listener()
        subscription = await follow("everyone", listener)
        await running.group_send("notifications", {"type": "first", "n": number})
        await listener.got(as_json({"type": "first", "n": number}))
        await running.group_send(hub.group("everyone"), {"type": "second", "n": number})
        await listener.got(as_json({"type": "first", "n": number}), as_json({"type": "second", "n": number}))
        relay.current().unsubscribe(subscription)
        await await_for(lambda: "everyone" not in relay.current()._local_channels, that="the channel is closed")


async def test_a_channel_that_is_followed_again_while_it_is_left_has_all_its_groups(
    running: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    if hasattr(type(running), "group_discard_many"):
        pytest.skip("the hub's own layer leaves all groups in one call")
    monkeypatch.setattr(relay, "LINGER", 0.05)
    leaving, may_leave = asyncio.Event(), asyncio.Event()
    discard = running.group_discard

    async def slow_discard(group: str, channel: str) -> None:
        leaving.set()
        await may_leave.wait()
        await discard(group, channel)

    relay.current().unsubscribe(await follow("everyone", Listener()))
    monkeypatch.setattr(running, "group_discard", slow_discard)
    await asyncio.wait_for(leaving.wait(), 20)
    listener = Listener()
    await follow("everyone", listener)
    may_leave.set()
    for number, group in enumerate(("notifications", hub.group("everyone"))):
        await running.group_send(group, {"type": "sent", "n": number})
    await listener.got(*(as_json({"type": "sent", "n": number}) for number in range(2)))


async def test_group_that_two_join_at_the_same_time_has_one_channel_of_the_layer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Slow(InMemoryChannelLayer):
        async def group_add(self, group: str, channel: str) -> None:
            await asyncio.sleep(0)
            await super().group_add(group, channel)

    layer = Slow()
    monkeypatch.setattr(receiver, "layer", lambda: layer)
    opened = await receiver.open_receiver()
    await asyncio.gather(opened.join(["hub.everyone"]), opened.join(["hub.everyone"]))
    assert len(layer.groups["hub.everyone"]) == 1
    await layer.group_send("hub.everyone", EVENT)
    assert await asyncio.wait_for(opened.receive(), 20) == ("hub.everyone", EVENT)
    opened.close()


@pytest.mark.parametrize(("alias", "channel"), [("notifications", "everyone"), ("online", "online")])
async def test_the_names_of_the_tutorials_reach_the_channel(running: Any, alias: str, channel: str) -> None:
    listener = Listener()
    await follow(channel, listener)
    await running.group_send(alias, {"type": "x"})
    await listener.got('{"type":"x"}')


async def test_consumers_of_others_receive_what_they_did_and_the_hub_sends_nothing_back(
    running: Any,
) -> None:
    listener = Listener()
    await follow("everyone", listener)
    theirs = elsewhere(running)
    for sent, group in enumerate((hub.group("everyone"), "notifications"), start=1):
        channel = await theirs.new_channel()
        await theirs.group_add(group, channel)
        await theirs.group_add("apart", channel)
        await running.group_send(group, EVENT)
        # The hub has had it by now, and whatever it sent back would come before what follows.
        await listener.got(*[as_json(EVENT)] * sent)
        await running.group_send("apart", {"type": "afterwards"})
        assert [(await theirs.receive(channel))["type"] for _ in range(2)] == ["notification", "afterwards"]
        await theirs.group_discard("apart", channel)


def elsewhere(layer: Any) -> Any:
    """The layer as another process has it."""
    if isinstance(layer, RedisChannelLayer):
        return RedisChannelLayer(hosts=layer.hosts, prefix=layer.prefix)
    return layer  # of one process, or the same whichever object is asked


# --- what nobody gets -----------------------------------------------------------------------------------------------


def nested(levels: int) -> Any:
    value: Any = "x"
    for _ in range(levels):
        value = [value]
    return value


HOSTILE: list[dict[Any, Any]] = [
    {},
    {"type": None},
    {"type": ""},
    {"type": 7},
    {"type": ["notification"]},
    {"type": "x" * 10_000},
    {"message": "without a type"},
    {"type": "notification", "message": b"bytes"},
    {"type": "notification", "message": float("nan")},
    {"type": "notification", "message": float("inf")},
    {"type": "notification", "message": nested(101)},
    {"type": "notification", "message": "x" * 70_000},
    {"type": "notification", "message": "🎉" * 20_000},
    {"type": "hub.publication"},
    {"type": "hub.publication", "channel": "control", "epoch": "", "offset": 0, "data": '{"type":"revalidate"}'},
    {"type": "hub.publication", "channel": "everyone", "epoch": "", "offset": -1, "data": "{}"},
    {"type": "hub.client_joined", "info": {"client": "x", "user": "1"}},
    {"message": "the type last", "type": "hub.client_left"},
]

#: What no serialiser takes, so that only the layer in memory carries it.
UNSENDABLE: list[dict[Any, Any]] = [
    {"type": "notification", "message": {1, 2}},
    {"type": "notification", "message": datetime.now},
    {"type": "notification", "message": "\ud800"},
    {"type": "notification", "message": 10**5000},
    {"type": "notification", "message": nested(5_000)},
    {"type": "notification", ("a", "b"): 1},
]


async def test_hostile_events_reach_nobody_and_cost_nobody_theirs(running: Any, caplog: Any) -> None:
    listener = Listener()
    await follow("everyone", listener)
    before = counted("unknown_events")
    sent = [event for event in HOSTILE if event]  # an empty one does not pass the core layer of channels_redis
    for event in sent:
        await running.group_send(hub.group("everyone"), event)
    await running.group_send(hub.group("everyone"), {"type": "good"})
    await listener.got('{"type":"good"}')
    assert counted("unknown_events") - before == len(sent)
    lines = [record for record in caplog.records if "unknown_event" in str(record.msg)]
    assert len(lines) == 1
    assert "the type last" not in str(lines)


@pytest.mark.parametrize("event", HOSTILE + UNSENDABLE, ids=range(len(HOSTILE + UNSENDABLE)))
def test_such_an_event_is_refused(event: dict[Any, Any]) -> None:
    with pytest.raises(NotForClients):
        unpack(event, "everyone")


def test_an_event_that_contains_itself_is_refused() -> None:
    event: dict[str, Any] = {"type": "notification"}
    event["message"] = event
    with pytest.raises(NotForClients):
        unpack(event, "everyone")


@pytest.mark.parametrize("channel", [control.CHANNEL, f"{emulation.NODES.name}:0a1b"])
@pytest.mark.parametrize("kind", ["revalidate", "disconnect", "notification"])
def test_the_hubs_own_channels_take_no_events_of_others(channel: str, kind: str) -> None:
    with pytest.raises(NotForClients):
        unpack({"type": kind, "user": "1"}, channel)


@pytest.mark.slow
async def test_ten_thousand_bad_events_at_once_keep_no_good_one_back(
    layer: Any, settings: Settings, caplog: Any
) -> None:
    settings.HUB_REPAIR_INTERVAL = 0
    await relay.current.close()
    layer.capacity = 20_000  # the in-memory layer's own
    listener = Listener()
    await follow("everyone", listener)
    before = counted("unknown_events")
    began = time.monotonic()
    await group_send_many([(hub.group("everyone"), {"type": "notification", "message": b"x"})] * 10_000)
    await layer.group_send(hub.group("everyone"), {"type": "good"})
    await listener.got('{"type":"good"}', timeout=20)
    assert counted("unknown_events") - before == 10_000
    lines = [record for record in caplog.records if "unknown_event" in str(record.msg)]
    assert len(lines) <= 1 + (time.monotonic() - began) / 10
    await relay.current.close()


# --- frames of the simple endpoints ---------------------------------------------------------------------------------


def envelope(event: dict[str, Any], channel: str = "everyone") -> Envelope:
    return unpack(event, channel)


@pytest.mark.parametrize("kind", [*sorted(foreign.TEXT_TYPES), "chat.message", "notification.message"])
@pytest.mark.parametrize("key", ["message", "text"])
def test_events_of_the_tutorials_become_frames_of_the_endpoint(kind: str, key: str) -> None:
    from chat.events import plain_frames
    from notifications.events import plain_frame

    alert = json.loads(plain_frame(envelope({"type": kind, key: "Hi", "level": "error", "mine": 1})) or "")
    assert {**alert, "timestamp": "", "at": ""} == {
        "type": "notification",
        "message": "Hi",
        "timestamp": "",
        "at": "",
        "title": "",
        "level": "error",
        "url": "",
        "data": None,
        "channel": "everyone",
        "mine": 1,
        **({} if key == "message" else {"text": "Hi"}),
    }
    time.strptime(alert["timestamp"], "%H:%M:%S")
    said = json.loads(plain_frames("en")(envelope({"type": kind, key: "Hi"}, "room:1")) or "")
    assert (said["type"], said["message"], said["username"], said["channel"]) == ("message", "Hi", "System", "room:1")


@pytest.mark.parametrize("key", ["username", "user", "sender"])
def test_a_message_says_who_said_it(key: str) -> None:
    from chat.events import plain_frames

    frame = json.loads(
        plain_frames("en")(envelope({"type": "chat_message", "message": "Hi", key: "ada"}, "room:1")) or ""
    )
    assert frame["username"] == "ada"


@pytest.mark.parametrize(
    "event",
    [
        {"type": "order.shipped", "order": 7},
        {"type": "notification", "message": {"title": "nested"}},
        {"type": "notification"},
        {"type": "error", "message": "x"},
        {"type": "notifications.notification_created", "id": 1, "message": "x"},
        {"type": "chat.message_posted", "text": "x"},
        {"type": "presence.online_counted", "count": 3},
    ],
)
def test_an_event_of_another_type_is_passed_on_as_it_is(event: dict[str, Any]) -> None:
    from chat.events import plain_frames
    from notifications.events import plain_frame
    from presence import events

    for encoder in (plain_frame, plain_frames("en"), events.plain_frame):
        assert json.loads(encoder(envelope(event)) or "") == event


def test_a_count_of_others_is_shown_and_does_not_count_as_the_hubs_own() -> None:
    from presence import events

    assert events.plain_frame(envelope({"type": "online.count", "count": 7}, "online")) == events.frame_of(7)
    assert events.count_in(envelope({"type": "presence.online_counted", "count": 7}, "online")) is None


def test_where_the_client_stands_is_the_hubs_to_say() -> None:
    from notifications.events import plain_frame

    forged = {"type": "notification", "message": "x", "cursor": "everyone@0.9", "offset": 9, "channel": "user:1"}
    frame = json.loads(plain_frame(envelope(forged)) or "")
    assert frame["channel"] == "everyone"
    assert not {"cursor", "offset"} & frame.keys()


# --- names of groups ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["", "every one", "no_such:1", "user:a.b", "room:lobby", "control", "node:1", "user", "Everyone", "../x"]
)
def test_there_is_no_group_of_a_channel_that_no_client_can_follow(name: str) -> None:
    with pytest.raises(UnknownChannel):
        hub.group(name)


def test_the_name_of_a_group_is_importable_before_anything_is_set_up() -> None:
    code = "import sys; from hub import group; assert 'django.db.models' not in sys.modules; assert callable(group)"
    subprocess.run([sys.executable, "-c", code], cwd=BASE_DIR, check=True, timeout=30)


# --- aliases that may change ----------------------------------------------------------------------------------------


@pytest.fixture
def named(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """The aliases of channels of a namespace, to be changed by the test."""
    names: dict[str, list[str]] = {}
    asked: list[Collection[str]] = []

    def find(wanted: Collection[str]) -> dict[str, list[str]]:
        asked.append(list(wanted))
        return {channel: names[channel] for channel in wanted if channel in names}

    declare(monkeypatch, Namespace("named", durable=False, aliases=find))
    return names


async def test_an_alias_follows_its_channel_and_reaches_nobody_else(running: Any, named: dict[str, list[str]]) -> None:
    named.update({"named:1": ["chat_a"], "named:2": ["chat_b", "no such group name"]})
    one, two = Listener(), Listener()
    await follow("named:1", one)
    await follow("named:2", two)
    await running.group_send("chat_a", {"type": "1"})
    await one.got('{"type":"1"}')
    # The first is renamed, and the second has its old name from now on.
    named.update({"named:1": ["chat_c"], "named:2": ["chat_a"]})
    await relay.current().refresh_aliases()
    await running.group_send("chat_a", {"type": "2"})
    await two.got('{"type":"2"}')
    await running.group_send("chat_c", {"type": "3"})
    await one.got('{"type":"1"}', '{"type":"3"}')
    await running.group_send("chat_b", {"type": "nobody"})
    named.clear()
    await relay.current().refresh_aliases(["named:1", "named:2"])
    await running.group_send("chat_a", {"type": "nobody"})
    await running.group_send("chat_c", {"type": "nobody"})
    await running.group_send(hub.group("named:1"), {"type": "4"})
    await one.got('{"type":"1"}', '{"type":"3"}', '{"type":"4"}')
    await two.got('{"type":"2"}')


async def test_a_channel_that_gets_a_name_of_one_that_was_renamed_takes_it_over(
    running: Any, named: dict[str, list[str]]
) -> None:
    named["named:1"] = ["chat_a"]
    old, new = Listener(), Listener()
    await follow("named:1", old)
    named.update({"named:1": ["chat_b"], "named:2": ["chat_a"]})  # and this process has not heard of it
    await follow("named:2", new)
    await running.group_send("chat_a", {"type": "for the new one"})
    await new.got('{"type":"for the new one"}')
    assert old.frames == []


async def test_all_groups_of_a_channel_are_joined_in_one_command(
    layer: Any, named: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    if not hasattr(type(layer), "group_add_many"):
        pytest.skip("the in-memory layer joins one group at a time")
    await relay.current.close()
    await follow("everyone", Listener())
    joined: list[set[str]] = []
    real = type(layer).group_add_many

    async def seen(self: Any, groups: Collection[str], channel: str) -> None:
        joined.append(set(groups))
        await real(self, groups, channel)

    monkeypatch.setattr(type(layer), "group_add_many", seen)
    named["named:1"] = ["chat_a"]
    await follow("named:1", Listener())
    await follow("named:1", Listener())
    assert joined == [{"hub.named.1", "chat_a"}]
    await relay.current.close()
