"""Tags of publications, what a backend gives a subscription, and joins and leaves that are pushed unasked."""

import time
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from hub import streams
from hub.access import control, signed_tokens
from hub.bus.envelope import pack, unpack
from hub.channels import Namespace, anyone
from hub.channels import namespace as channels
from hub.fanout import relay
from hub.publishing import apublish_ephemeral, publish
from hub.streams import Envelope
from hub.users import user_id
from hub.validation.tags import BadTags
from lab.harness.waiting import await_for
from tests.connection.wire import wired
from tests.support.namespaces import declare
from tests.support.people import User

pytestmark = pytest.mark.django_db(transaction=True)


TAGS = {"region": "eu", "größe": "5", "empty": ""}


def test_tags_are_kept_and_read_back() -> None:
    publish("user:1", {"type": "x"}, tags=TAGS)
    publish("user:1", {"type": "x"})
    first, second = streams.read("user:1", after=0, limit=10)
    assert first.tags and not second.tags
    assert unpack(pack(first), "user:1") == first
    assert "tags" not in pack(second)


BAD_TAGS: list[Any] = [
    {"": "x"},
    {"a": 1},
    {1: "a"},
    {"a": "\ud800"},
    {"a\0": "x"},
    {"a": "b" * 257},
    {"a" * 65: "b"},
    {f"n{number}": "" for number in range(17)},
]


@pytest.mark.parametrize("tags", BAD_TAGS, ids=range(len(BAD_TAGS)))
def test_what_is_no_tag_is_refused_and_nothing_is_stored(tags: Any) -> None:
    with pytest.raises(BadTags):
        publish("user:1", {"type": "x"}, tags=tags)
    assert streams.positions(["user:1"])["user:1"].offset == 0


async def test_tags_come_live_in_history_and_with_a_recovery(open_namespace: str) -> None:
    async with wired() as wire:
        await wire.ask(2, subscribe={"channel": "open:1"})
        await sync_to_async(publish)("open:1", 1, tags=TAGS)  # type: ignore[arg-type]  # any JSON
        await apublish_ephemeral("open:1", {"type": "x"})
        assert (await wire.pushed("pub"))["pub"]["tags"] == TAGS
        assert "tags" not in (await wire.pushed("pub", 2))["pub"]
        kept = (await wire.ask(3, history={"channel": "open:1", "limit": 10}))["history"]["publications"]
        assert [publication["tags"] for publication in kept] == [TAGS]
    async with wired() as wire:
        wanted = {"channel": "open:1", "recover": True, "offset": 0, "epoch": ""}
        recovered = (await wire.ask(2, subscribe=wanted))["subscribe"]["publications"]
        assert [publication["tags"] for publication in recovered] == [TAGS]


@pytest.mark.parametrize("text", ["[]", "{", '{"a":1}', "null"])
def test_tags_that_are_none_on_the_layer_are_left_out(text: str) -> None:
    from hub.endpoints.centrifuge import encoder

    assert encoder.publication(Envelope("user:1", "", 0, "{}", "", text)) == '{"data":{}}'


async def give(order: control.ControlMessage) -> None:
    """Give an order that this process hears of."""
    await await_for(lambda: control.CHANNEL in relay.current().subscribed(), that="orders are followed")
    await sync_to_async(control.send)(order)


async def test_a_backend_gives_a_subscription_data_info_and_an_end(open_namespace: str, ada: User) -> None:
    async with wired(ada) as wire, wired() as other:
        await other.ask(2, subscribe={"channel": "open:1", "join_leave": True})
        order = control.SubscribeUser(user_id(ada), "open:1", data='{"a":1}', info='{"role":"speaker"}')
        await give(order)
        pushed = await wire.pushed("subscribe")
        assert (pushed["channel"], pushed["subscribe"]["data"]) == ("open:1", {"a": 1})
        joined = (await other.pushed("join", 2))["join"]["info"]
        assert joined["chan_info"] == {"role": "speaker"}
        present = (await other.ask(3, presence={"channel": "open:1"}))["presence"]["presence"]
        assert [who.get("chan_info") for who in present.values() if who["user"]] == [{"role": "speaker"}]


@pytest.mark.slow
async def test_a_subscription_by_a_backend_ends_at_its_time(open_namespace: str, ada: User) -> None:
    async with wired(ada) as wire:
        await give(control.SubscribeUser(user_id(ada), "open:1", expire_at=int(time.time()) + 2))
        await wire.pushed("subscribe")
        await await_for(lambda: any("unsubscribe" in push for push in wire.pushes), that="it has ended")
        assert "open:1" not in wire.client.subscriptions


@pytest.fixture(params=[True, False])
def forced(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    namespace = Namespace(
        "told",
        can_subscribe=anyone,
        presence=True,
        counts_guests=True,
        join_leave=True,
        force_push_join_leave=request.param,
    )
    declare(monkeypatch, namespace)
    return bool(request.param)


async def test_joins_are_pushed_unasked_where_the_namespace_says_so(forced: bool) -> None:
    async with wired() as one, wired() as two:
        await one.ask(2, subscribe={"channel": "told:1"})
        await two.ask(2, subscribe={"channel": "told:1"})
        await apublish_ephemeral("told:1", {"type": "afterwards"})
        await one.pushed("pub")
        assert any("join" in push for push in one.pushes) is forced


@pytest.mark.parametrize("value", [True, False])
async def test_joins_are_pushed_unasked_where_the_token_says_so(
    open_namespace: str, ada: User, token_secret: str, value: bool
) -> None:
    claims = {"sub": user_id(ada), "channel": "open:1", "override": {"force_push_join_leave": {"value": value}}}
    async with wired(ada) as one, wired() as two:
        await one.ask(2, subscribe={"channel": "open:1", "token": signed_tokens.sign(claims, seconds=60)})
        await two.ask(2, subscribe={"channel": "open:1"})
        await apublish_ephemeral("open:1", {"type": "afterwards"})
        await one.pushed("pub")
        joined = [push["join"]["info"]["user"] for push in one.pushes if "join" in push]
        assert ("" in joined) is value


def test_a_namespace_cannot_push_what_it_does_not_know() -> None:
    with pytest.raises(ValueError, match="join_leave"):
        channels.register(Namespace("never_told", force_push_join_leave=True))
