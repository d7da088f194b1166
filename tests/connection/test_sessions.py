"""One client of the client connection, command by command."""

import asyncio
import json
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from chat.actions import post_message
from hub import presence, streams
from hub.access import control, revalidation
from hub.access.reasons import Unsubscribed
from hub.channels import Namespace, anyone
from hub.channels.namespace import signed_in
from hub.endpoints.centrifuge import client as client_module
from hub.endpoints.centrifuge import commands, keepalive, subscriptions
from hub.fanout import relay
from hub.models import Publication, Stream
from hub.publishing import apublish, publish_many
from hub.session import connection_presence
from hub.streams import Envelope
from hub.users import user_id
from lab.harness.waiting import await_for
from tests.connection.wire import CONNECT, Wire, wired
from tests.support.namespaces import declare
from tests.support.people import User

pytestmark = pytest.mark.django_db(transaction=True)


async def posted(room: str, author: User, *texts: str) -> None:
    for text in texts:
        await sync_to_async(post_message)(room_id=int(room[5:]), author_id=author.pk, text=text)


async def position_of(channel: str) -> dict[str, Any]:
    found = (await sync_to_async(streams.begin)([channel]))[channel]
    return {"epoch": found.epoch, "offset": found.offset}


# --- connecting -----------------------------------------------------------------------------------------------------


async def test_a_guest_is_subscribed_to_what_is_for_everyone(ada: User) -> None:
    async with wired() as guest, wired(ada) as user:
        assert list(guest.lines[0]["connect"]["subs"]) == ["everyone"]
        assert list(user.lines[0]["connect"]["subs"]) == ["everyone", f"user:{user_id(ada)}"]
        assert user.lines[0]["connect"]["ping"] == 25 and user.lines[0]["connect"]["pong"] is True
        assert "session" not in user.lines[0]["connect"]


async def test_a_channel_without_publications_has_a_position_too(ada: User) -> None:
    async with wired(ada) as wire:
        found = wire.lines[0]["connect"]["subs"][f"user:{user_id(ada)}"]
    assert found["recoverable"] and found["positioned"] and len(found["epoch"]) == 8
    assert "offset" not in found
    assert (await position_of(f"user:{user_id(ada)}"))["epoch"] == found["epoch"]


async def test_server_side_subscriptions_are_recovered_with_the_connect(ada: User) -> None:
    channel = f"user:{user_id(ada)}"
    await apublish(channel, {"type": "a", "n": 1})
    since = await position_of(channel)
    await apublish(channel, {"type": "a", "n": 2})
    wire = Wire(ada)
    subs = {channel: {"recover": True, **since}, "everyone": {"recover": True, "epoch": "other", "offset": 0}}
    await wire.client.receive(json.dumps({"id": 1, "connect": {"subs": subs}}))
    await wire.disconnected()
    found = wire.lines[0]["connect"]["subs"]
    assert found[channel]["recovered"] and found[channel]["offset"] == 1
    assert [pub["data"]["n"] for pub in found[channel]["publications"]] == [2]
    assert found["everyone"]["was_recovering"] and "recovered" not in found["everyone"]


async def test_a_client_that_says_nothing_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "FIRST_COMMAND", 0.01)
    wire = Wire()
    await await_for(lambda: wire.closed == 3012)
    await wire.disconnected()


async def test_commands_of_one_frame_are_answered_in_one_frame() -> None:
    wire = Wire()
    answers: list[str] = []

    async def answer(text: str, who: object) -> None:
        answers.append(text)

    wire.answer = answer  # type: ignore[method-assign]  # this one is slow
    second = '{"id":2,"rpc":{"method":"nothing"}}'
    await wire.client.receive(f"{CONNECT}\n{second}\n{second.replace('2', '3', 1)}")
    await wire.disconnected()
    assert [json.loads(line)["id"] for line in answers[0].split("\n")] == [1, 2, 3]


async def test_of_many_long_replies_one_is_in_memory_at_a_time() -> None:
    """A frame of a kilobyte asks for a hundred times as much as a client may have waiting."""
    await sync_to_async(publish_many)([("everyone", {"type": "a", "text": "x" * 4000}) for _ in range(20)])
    wire = Wire()
    answers: list[str] = []
    taken = asyncio.Event()

    async def answer(text: str, who: object) -> None:
        answers.append(text)
        await taken.wait()

    wire.answer = answer  # type: ignore[method-assign]  # this one is slow
    asked = [json.dumps({"id": number, "history": {"channel": "everyone", "limit": 20}}) for number in range(2, 12)]
    receiving = asyncio.create_task(wire.client.receive("\n".join([CONNECT, *asked])))
    await await_for(lambda: answers, that="the first replies are written")
    assert [json.loads(line)["id"] for line in answers[0].split("\n")] == [1, 2]
    taken.set()
    await receiving
    await wire.disconnected()
    assert [json.loads(text)["id"] for text in answers[1:]] == list(range(3, 12))


async def test_what_one_answer_recovers_is_bounded_over_all_channels(ada: User, settings: Any) -> None:
    settings.HUB_RECOVERY_BYTES = 150
    channels = [f"user:{user_id(ada)}", "everyone"]
    for channel in channels:
        await apublish(channel, {"type": "a", "text": "x" * 80})
    wire = Wire(ada)
    subs = {channel: {"recover": True, "epoch": (await position_of(channel))["epoch"]} for channel in channels}
    await wire.client.receive(json.dumps({"id": 1, "connect": {"subs": subs}}))
    await wire.disconnected()
    found = wire.lines[0]["connect"]["subs"]
    whole = [channel for channel in channels if found[channel].get("recovered")]
    assert len(whole) == 1 and len(found[whole[0]]["publications"]) == 1
    assert all(found[channel]["was_recovering"] for channel in channels)


async def test_long_history_comes_in_pages_and_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "HISTORY_SIZE", 10_000)
    await sync_to_async(publish_many)([("everyone", {"type": "a", "text": "x" * 4000}) for _ in range(7)])
    offsets: list[int] = []
    async with wired() as wire:
        epoch = (await position_of("everyone"))["epoch"]
        for number in range(2, 6):
            since = {"epoch": epoch, "offset": offsets[-1] if offsets else 0}
            asked = {"channel": "everyone", "limit": 300, "since": since}
            page = (await wire.ask(number, history=asked))["history"]["publications"]
            assert sum(len(json.dumps(one["data"])) for one in page) < 10_000
            offsets += [one["offset"] for one in page]
    assert offsets == list(range(1, 8))


async def test_a_client_that_asks_whether_the_hub_is_there_is_answered() -> None:
    async with wired() as wire:
        assert await wire.ask(ping={}) == {"id": 2, "ping": {}}


# --- subscribing and recovering -------------------------------------------------------------------------------------


async def test_a_subscription_is_answered_before_what_came_meanwhile(
    ada: User, room: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with wired(ada) as wire:
        enter = connection_presence.enter

        async def enter_late(subscription: subscriptions.ClientSubscription) -> Any:
            await posted(room, ada, "meanwhile")
            await await_for(lambda: subscription.local_channel.last == 1)
            return await enter(subscription)

        monkeypatch.setattr(connection_presence, "enter", enter_late)
        await wire.client.receive(json.dumps({"id": 2, "subscribe": {"channel": room}}))
        await await_for(lambda: [push for push in wire.pushes if push["channel"] == room and "pub" in push])
    kinds = [
        ("reply" if line.get("id") == 2 else "pub") for line in wire.lines[1:] if room in str(line) or "id" in line
    ]
    assert kinds[0] == "reply"
    assert [push["pub"]["data"]["text"] for push in wire.pushes if "offset" in push.get("pub", {})] == ["meanwhile"]


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 30])
async def test_what_was_missed_is_recovered_whole(ada: User, room: str, count: int) -> None:
    await posted(room, ada, "seen")
    since = await position_of(room)
    texts = [str(number) for number in range(count)]
    await posted(room, ada, *texts)
    async with wired(ada) as wire:
        found = (await wire.ask(subscribe={"channel": room, "recover": True, **since}))["subscribe"]
    assert found["was_recovering"] and found["recovered"] and found["offset"] == 1
    assert [pub["data"]["text"] for pub in found["publications"]] == texts
    assert [pub["offset"] for pub in found["publications"]] == list(range(2, count + 2))


@pytest.mark.slow
async def test_megabytes_are_recovered_by_a_client_that_reads() -> None:
    await sync_to_async(publish_many)([("everyone", {"type": "a", "text": "x" * 4000}) for _ in range(900)])
    async with wired() as wire:
        epoch = (await position_of("everyone"))["epoch"]
        await wire.ask(unsubscribe={"channel": "everyone"})
        found = (await wire.ask(3, subscribe={"channel": "everyone", "recover": True, "epoch": epoch}))["subscribe"]
    assert found["recovered"] and len(found["publications"]) == 900


@pytest.mark.parametrize(("setting", "value"), [("HUB_RECOVERY_LIMIT", 2), ("HUB_RECOVERY_BYTES", 100)])
async def test_a_client_that_missed_too_much_reloads(
    ada: User, room: str, settings: Any, setting: str, value: int
) -> None:
    setattr(settings, setting, value)
    await posted(room, ada, "0", "1", "2")
    async with wired(ada) as wire:
        found = (await wire.ask(subscribe={"channel": room, "recover": True, "offset": 0}))["subscribe"]
    assert found["was_recovering"] and "recovered" not in found and "publications" not in found
    assert found["offset"] == 3


async def test_client_that_only_wants_to_know_its_position_is_told_that_it_has_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    namespace = Namespace("plain", can_subscribe=anyone, force_recovery=False)
    declare(monkeypatch, namespace)
    async with wired() as wire:
        found = (await wire.ask(2, subscribe={"channel": "plain:1", "positioned": True}))["subscribe"]
        assert found["positioned"] and found["epoch"] and "recoverable" not in found
        found = (await wire.ask(3, subscribe={"channel": "plain:2", "recoverable": True}))["subscribe"]
        assert found["positioned"] and found["recoverable"]
        assert "positioned" not in (await wire.ask(4, subscribe={"channel": "plain:3"}))["subscribe"]


async def test_who_wants_all_or_nothing_gets_an_error(ada: User, room: str) -> None:
    async with wired(ada) as wire:
        answer = await wire.ask(subscribe={"channel": room, "recover": True, "epoch": "_", "flag": 3})
        assert answer["error"]["code"] == 112
        assert not wire.client.receives(room)


@pytest.mark.parametrize("more", [0, 1], ids=["as far as the client", "further"])
async def test_a_client_that_is_ahead_of_this_process_sees_all_and_nothing_twice(
    ada: User, room: str, more: int
) -> None:
    """It had its publications from another process, of which this one hears a moment later, and of ``more``."""
    await posted(room, ada, "0")
    async with wired(ada) as first, wired(ada) as second:
        await first.ask(subscribe={"channel": room})
        local = first.client.subscriptions[room]
        unheard = [Envelope(room, local.local_channel.epoch, 2 + number, '{"type":"a"}') for number in range(1 + more)]
        for item in unheard:
            await Publication.objects.acreate(channel=room, offset=item.offset, data=item.data)
        await Stream.objects.filter(channel=room).aupdate(head=2 + more)
        for item in unheard:
            relay.current().loop.call_later(0.2, relay.current().deliver, item)
        since = {"epoch": local.local_channel.epoch, "offset": 2}
        found = (await second.ask(subscribe={"channel": room, "recover": True, **since}))["subscribe"]
        assert found["recovered"]
        await posted(room, ada, "last")
        await await_for(lambda: [push for push in second.pushes if push.get("pub", {}).get("offset")])
    pushed = [push["pub"] for push in second.pushes if "offset" in push.get("pub", {})]
    seen = [publication["offset"] for publication in [*found.get("publications", []), *pushed]]
    assert seen == list(range(3, 4 + more))


@pytest.mark.slow
async def test_another_history_of_a_channel_makes_its_subscribers_come_back(ada: User, room: str) -> None:
    await posted(room, ada, "0")
    await apublish(f"user:{user_id(ada)}", {"type": "a"})
    async with wired(ada) as wire:
        await wire.ask(subscribe={"channel": room})
        await sync_to_async(streams.renew)([room])
        unsubscribed = await wire.pushed("unsubscribe")
        assert (unsubscribed["channel"], unsubscribed["unsubscribe"]["code"]) == (room, 2500)
        assert wire.closed is None
        await sync_to_async(streams.renew)([f"user:{user_id(ada)}"])
        await await_for(lambda: wire.closed == 3010, that="a channel of the hub's own choice ends the connection")


async def test_a_client_that_unsubscribes_hears_nothing_more(ada: User, room: str) -> None:
    async with wired(ada) as wire, wired(ada) as other:
        await wire.ask(subscribe={"channel": room})
        await other.ask(subscribe={"channel": room})
        assert (await wire.ask(3, unsubscribe={"channel": room})) == {"id": 3, "unsubscribe": {}}
        before = len(wire.pushes)
        await posted(room, ada, "0")
        await await_for(lambda: [push for push in other.pushes if push.get("pub", {}).get("offset")])
        assert len(wire.pushes) == before
        assert (await wire.ask(4, subscribe={"channel": room}))["subscribe"]["offset"] == 1


async def test_a_subscription_that_exists_is_not_made_again(ada: User, room: str) -> None:
    async with wired(ada) as wire:
        await wire.ask(subscribe={"channel": room})
        assert (await wire.ask(3, subscribe={"channel": room}))["error"]["code"] == 105


@pytest.mark.parametrize("request_", [{"type": 2}, {"tf": {"key": "a", "op": "eq"}}])
async def test_what_the_hub_does_not_have_is_refused_and_not_left_out(request_: dict[str, Any]) -> None:
    async with wired() as wire:
        assert (await wire.ask(subscribe={"channel": "online", **request_}))["error"]["code"] == 108


# --- what the hub does by itself ------------------------------------------------------------------------------------


@pytest.mark.parametrize("by_backend", [False, True], ids=["by the client", "by a backend"])
async def test_personal_channel_that_was_left_stays_left_until_it_is_wanted_again(ada: User, by_backend: bool) -> None:
    channel = f"user:{user_id(ada)}"

    async def looked_at_again() -> None:
        await wire.settled()
        await revalidation.current().revalidate([wire.client])
        await wire.settled()

    async with wired(ada) as wire:
        if by_backend:
            wire.client.handle(control.UnsubscribeUser(user=user_id(ada), channel=channel))
            assert (await wire.pushed("unsubscribe"))["channel"] == channel
        else:
            await wire.ask(unsubscribe={"channel": channel})
        await looked_at_again()
        assert not wire.client.receives(channel)
        if by_backend:
            wire.client.handle(control.SubscribeUser(user=user_id(ada), channel=channel))
            assert (await wire.pushed("subscribe"))["channel"] == channel
        else:
            assert "subscribe" in await wire.ask(3, subscribe={"channel": channel})
        subscription = wire.client.subscriptions[channel]
        await wire.client.unsubscribe(subscription, Unsubscribed.INSUFFICIENT_STATE)
        await looked_at_again()
        assert wire.client.receives(channel), "it was not left but lost, and wanted the last time"


async def test_who_does_not_answer_pings_is_ended() -> None:
    async with wired() as answering, wired() as silent:
        for _ in range(keepalive.INTERVAL):
            keepalive.current().turn()
        assert {} in answering.lines and {} in silent.lines
        await answering.client.receive("{}")
        for _ in range(keepalive.TIMEOUT):
            keepalive.current().turn()
        assert (answering.closed, silent.closed) == (None, 3012)


@pytest.mark.slow
async def test_a_server_that_stops_lets_its_clients_come_back_and_tells_nobody_that_they_left(
    ada: User, bob: User, room: str
) -> None:
    async with wired(bob) as watching:
        await watching.ask(subscribe={"channel": room, "join_leave": True})
        async with wired(ada) as wire:
            await wire.ask(subscribe={"channel": room})
            await watching.pushed("join", 2)
            wire.client.stop()
            assert wire.closed == 3001
        await posted(room, bob, "afterwards")
        await await_for(lambda: [push for push in watching.pushes if push.get("pub", {}).get("offset")])
        assert not [push for push in watching.pushes if "leave" in push]
        assert "person_left" not in str(watching.pushes)


async def test_nothing_is_written_after_the_end(ada: User, room: str) -> None:
    async with wired(ada) as wire:
        await wire.ask(subscribe={"channel": room})
        wire.client.stop()
        before = len(wire.lines)
        await posted(room, ada, "0")
        await await_for(lambda: not relay.current()._dirty)
        assert len(wire.lines) == before


# --- namespaces -----------------------------------------------------------------------------------------------------


async def test_a_rule_gets_the_arguments_of_the_pattern_and_a_guest_is_not_signed_in(
    ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def rule(user: User, year: int, slug: str) -> bool:
        asked.append((user, year, slug))
        return True

    declare(monkeypatch, Namespace("news", pattern="<int:year>-<slug:slug>", can_subscribe=rule))
    declare(monkeypatch, Namespace("staff", can_subscribe=signed_in))
    async with wired(ada) as wire, wired() as guest:
        assert "subscribe" in await wire.ask(subscribe={"channel": "news:2026-hello_there"})
        assert (await wire.ask(3, subscribe={"channel": "news:x-y"}))["error"]["code"] == 102
        assert "subscribe" in await wire.ask(4, subscribe={"channel": "staff:1"})
        assert (await guest.ask(subscribe={"channel": "staff:1"}))["error"]["code"] == 103
    assert set(asked) == {(ada, 2026, "hello_there")}


async def test_the_default_namespace_is_closed_unless_it_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    async with wired() as wire:
        assert (await wire.ask(subscribe={"channel": "anything"}))["error"]["code"] == 102
        opened = Namespace(
            "",
            durable=False,
            can_subscribe=anyone,
            presence=True,
            counts_guests=True,
            can_see_presence=anyone,
            join_leave=True,
        )
        declare(monkeypatch, opened)
        assert "subscribe" in await wire.ask(3, subscribe={"channel": "Anything-1", "join_leave": True})
        there = (await wire.ask(4, presence={"channel": "Anything-1"}))["presence"]["presence"]
        assert list(there) == [wire.client.client]
        assert (await wire.ask(5, subscribe={"channel": "control"}))["error"]["code"] == 102


async def test_connections_of_a_process_that_died_are_told_to_have_left(ada: User, bob: User, room: str) -> None:
    async with wired(bob) as watching:
        await watching.ask(subscribe={"channel": room, "join_leave": True})
        await connection_presence.departed(
            connection_presence.listed_at(room), [f"0123abcd.{user_id(ada)}.", "nonsense.of.another", "x.y"]
        )
        left = await watching.pushed("leave")
    assert left["leave"]["info"] == {"client": "0123abcd", "user": user_id(ada)}


async def test_people_of_a_simple_endpoint_are_present_too(ada: User, bob: User, room: str) -> None:
    await presence.current().enter(room, f"u{user_id(bob)}")
    async with wired(ada) as wire:
        await wire.ask(subscribe={"channel": room})
        there = (await wire.ask(3, presence={"channel": room}))["presence"]["presence"]
        stats = (await wire.ask(4, presence_stats={"channel": room}))["presence_stats"]
    assert {key: info["conn_info"]["name"] for key, info in there.items()} == {
        wire.client.client: "ada",
        f"u{user_id(bob)}": "bob",
    }
    assert stats == {"num_clients": 2, "num_users": 2}
