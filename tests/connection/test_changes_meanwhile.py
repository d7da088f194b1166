"""Rights that change, and connections that end, while something else of the same client is under way."""

import asyncio
import json
from collections.abc import Iterable
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser

from hub import presence
from hub.channels import Namespace, UnknownChannel
from hub.endpoints.centrifuge import subscribed, subscriptions
from hub.endpoints.centrifuge.client import Client
from hub.endpoints.centrifuge.messages import SubscribeResult
from hub.fanout import relay
from hub.session import connection_presence, rule_revalidation, server_side
from lab.harness.waiting import await_for
from tests.connection.wire import Wire, wired
from tests.support.namespaces import declare
from tests.support.people import User

pytestmark = pytest.mark.django_db(transaction=True)

CHANNEL, OTHER = "held:1", "held:2"


class Gate:
    """Where somebody waits until the test lets them on. Open unless it is closed."""

    def __init__(self) -> None:
        self.waiting = 0
        self._open = asyncio.Event()
        self._open.set()

    def close(self) -> None:
        self._open.clear()

    def open(self) -> None:
        self._open.set()

    async def passed(self) -> None:
        self.waiting += 1
        await self._open.wait()
        self.waiting -= 1

    async def reached(self) -> None:
        await await_for(lambda: self.waiting, that="somebody at the gate")


class Permissions:
    """What everybody may do in the namespace ``held``, and which of its channels are about them."""

    def __init__(self) -> None:
        self.allowed = True
        self.personal: list[str] = []
        #: Where those wait who enter a channel, and those who ask the rule of one.
        self.endpoint, self.rule = Gate(), Gate()

    async def ask(self, user: User | AnonymousUser, **_: str) -> bool:
        answer = self.allowed
        await self.rule.passed()
        return answer

    async def channels_of(self, user: User | AnonymousUser) -> Iterable[str]:
        return list(self.personal)


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Permissions:
    permissions = Permissions()
    monkeypatch.setattr(rule_revalidation, "TIMEOUT", 60.0)  # the test says how long a rule takes
    enter = connection_presence.enter

    async def enter_late(subscription: subscriptions.ClientSubscription) -> Any:
        await permissions.endpoint.passed()
        return await enter(subscription)

    monkeypatch.setattr(connection_presence, "enter", enter_late)
    namespace = Namespace("held", can_subscribe=permissions.ask, presence=True, counts_guests=True)
    declare(monkeypatch, namespace)
    monkeypatch.setattr(server_side, "_registered", [*server_side._registered, permissions.channels_of])
    return permissions


async def nobody_is_at(channel: str) -> None:
    assert not relay.current().subscribed().get(channel)
    assert await presence.current().people(channel) == []
    assert await presence.current().people(connection_presence.listed_at(channel)) == []


def message_of(wire: Wire, *kinds: str) -> list[str]:
    """Which of these came about the channel, in order."""
    return [kind for push in wire.pushes for kind in kinds if kind in push and push["channel"] == CHANNEL]


# --- taken away while it is being established ------------------------------------------------------------------------


async def test_right_that_ends_while_one_subscribes_ends_the_subscription_after_the_answer(held: Permissions) -> None:
    async with wired() as wire:
        held.endpoint.close()
        asking = asyncio.create_task(wire.ask(subscribe={"channel": CHANNEL}))
        await held.endpoint.reached()
        held.allowed = False
        await wire.client.revalidate(wire.client.user)
        assert not message_of(wire, "unsubscribe")
        held.endpoint.open()
        assert "subscribe" in await asking
        assert (await wire.pushed("unsubscribe"))["unsubscribe"]["code"] == 2000
        assert not wire.client.receives(CHANNEL)
        await nobody_is_at(CHANNEL)


async def test_right_that_is_back_before_the_answer_keeps_the_subscription(held: Permissions) -> None:
    async with wired() as wire:
        held.endpoint.close()
        asking = asyncio.create_task(wire.ask(subscribe={"channel": CHANNEL}))
        await held.endpoint.reached()
        for allowed in (False, True):
            held.allowed = allowed
            await wire.client.revalidate(wire.client.user)
        held.endpoint.open()
        assert "subscribe" in await asking
        assert not message_of(wire, "unsubscribe")
        assert wire.client.receives(CHANNEL)


async def test_who_is_taken_off_while_the_hub_subscribes_them_is_told_of_both(held: Permissions) -> None:
    async with wired() as wire:
        held.endpoint.close()
        held.personal = [CHANNEL]
        await wire.client.revalidate(wire.client.user)
        await held.endpoint.reached()
        held.personal = []
        await wire.client.revalidate(wire.client.user)
        held.endpoint.open()
        await wire.pushed("unsubscribe")
        assert message_of(wire, "subscribe", "unsubscribe") == ["subscribe", "unsubscribe"]
        await wire.settled()
        await nobody_is_at(CHANNEL)


async def test_subscription_that_is_about_to_end_opens_nothing_to_who_takes_it_over(
    held: Permissions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``connect`` and ``subscribe`` in one frame: the client has not been told of what the hub subscribed it to."""
    held.personal = [CHANNEL]
    wire = Wire()
    connect = Client._connect

    async def connect_and_lose(self: Client, request: Any) -> Any:
        result = await connect(self, request)
        held.personal, held.allowed = [], False
        await self.revalidate(self.user)
        return result

    monkeypatch.setattr(Client, "_connect", connect_and_lose)
    await wire.client.receive(f'{{"id":1,"connect":{{}}}}\n{{"id":2,"subscribe":{{"channel":"{CHANNEL}"}}}}')
    assert wire.lines[1]["error"]["code"] == 103
    assert message_of(wire, "unsubscribe") == ["unsubscribe"]
    await nobody_is_at(CHANNEL)
    await wire.disconnected()


# --- gone while a command is under way -------------------------------------------------------------------------------


async def test_client_that_is_gone_while_it_enters_is_not_there_afterwards(held: Permissions) -> None:
    """Its commands come by requests of their own, so that one may be under way when its stream ends."""
    async with wired() as wire:
        held.endpoint.close()
        command = json.dumps({"id": 2, "subscribe": {"channel": CHANNEL}})
        asking = asyncio.create_task(wire.client.receive(command))
        await held.endpoint.reached()
        going = asyncio.create_task(wire.disconnected())
        await wire.leaving()
        held.endpoint.open()
        await asyncio.gather(asking, going)
        await nobody_is_at(CHANNEL)


# --- joining by the hub ----------------------------------------------------------------------------------------------


async def test_who_is_taken_off_before_the_hub_subscribes_them_is_not_subscribed(held: Permissions) -> None:
    async with wired() as wire:
        held.rule.close()
        busy = asyncio.create_task(wire.ask(subscribe={"channel": OTHER}))
        await held.rule.reached()
        held.personal = [CHANNEL]
        await wire.client.revalidate(wire.client.user)
        held.personal = []
        held.rule.open()
        await busy
        await wire.settled()
        assert not message_of(wire, "subscribe")
        await nobody_is_at(CHANNEL)


async def test_hub_subscribes_to_all_that_is_new_together(held: Permissions, monkeypatch: pytest.MonkeyPatch) -> None:
    together: list[list[str]] = []
    establish = subscriptions.establish

    async def establish_and_note(new: list[subscriptions.ClientSubscription]) -> list[SubscribeResult]:
        together.append([one.channel for one in new])
        return await establish(new)

    async with wired() as wire:
        monkeypatch.setattr(subscribed, "establish", establish_and_note)
        held.personal = [CHANNEL, OTHER]
        await wire.client.revalidate(wire.client.user)
        await wire.pushed("subscribe", 2)
    assert together == [[CHANNEL, OTHER]]


async def test_what_was_left_comes_back_when_it_ends_and_begins_again(held: Permissions) -> None:
    """As a topic that somebody unfollows and follows anew."""
    held.personal = [CHANNEL]
    async with wired() as wire:
        await wire.ask(unsubscribe={"channel": CHANNEL})
        for server_side_channels in ([CHANNEL], [], [CHANNEL]):
            assert not message_of(wire, "subscribe")
            held.personal = server_side_channels
            await wire.client.revalidate(wire.client.user)
            await wire.settled()
        assert message_of(wire, "subscribe") == ["subscribe"]


async def test_who_goes_while_they_are_taken_off_a_channel_is_not_listed_there(
    held: Permissions, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave, gate = connection_presence.leave, Gate()

    async def leave_late(subscription: subscriptions.ClientSubscription, *, restarting: bool) -> None:
        await gate.passed()
        await leave(subscription, restarting=restarting)

    monkeypatch.setattr(connection_presence, "leave", leave_late)
    async with wired() as wire:
        await wire.ask(subscribe={"channel": CHANNEL})
        gate.close()
        wire.client.out_of_sync(wire.client.subscriptions[CHANNEL])
        await gate.reached()
        going = asyncio.create_task(wire.disconnected())
        await wire.leaving()
        gate.open()
        await going
        await nobody_is_at(CHANNEL)


# --- looking again ---------------------------------------------------------------------------------------------------


async def test_look_that_takes_long_does_not_act_on_what_has_changed_meanwhile(held: Permissions) -> None:
    async with wired() as wire:
        await wire.ask(subscribe={"channel": OTHER})
        held.personal = [CHANNEL]
        await wire.client.revalidate(wire.client.user)
        await wire.pushed("subscribe")
        await wire.settled()
        held.personal = []
        held.rule.close()
        looking = asyncio.create_task(wire.client.revalidate(wire.client.user))
        await held.rule.reached()
        held.personal = [CHANNEL]
        held.rule.open()
        await looking
        assert not message_of(wire, "unsubscribe")
        assert wire.client.receives(CHANNEL)


async def test_rule_that_fails_keeps_nothing_else_from_ending(
    held: Permissions, open_namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(user: User | AnonymousUser, **_: str) -> bool:
        raise UnknownChannel

    held.personal = [CHANNEL]
    async with wired() as wire:
        await wire.ask(subscribe={"channel": f"{open_namespace}:1"})
        await wire.ask(3, subscribe={"channel": OTHER})
        wire.client.subscriptions[f"{open_namespace}:1"].namespace = Namespace("open", can_subscribe=fails)
        held.personal, held.allowed = [], False
        with pytest.raises(UnknownChannel):
            await wire.client.revalidate(wire.client.user)
        assert {push["channel"] for push in wire.pushes if "unsubscribe" in push} == {CHANNEL, OTHER}
        assert wire.client.receives(f"{open_namespace}:1")


# --- how many --------------------------------------------------------------------------------------------------------


async def test_what_the_hub_subscribes_to_takes_nothing_from_what_a_client_may(
    ada: User, held: Permissions, settings: Any
) -> None:
    settings.HUB_SUBSCRIPTIONS_PER_SOCKET = 2
    async with wired(ada) as wire:
        assert len(wire.client.subscriptions) == 2
        for number in (1, 2):
            assert "subscribe" in await wire.ask(number + 1, subscribe={"channel": f"held:{number}"})
        assert (await wire.ask(4, subscribe={"channel": "held:3"}))["error"]["code"] == 106
        assert "subscribe" in await wire.ask(5, subscribe={"channel": "everyone"})
        assert (await wire.ask(6, subscribe={"channel": "everyone"}))["error"]["code"] == 105
