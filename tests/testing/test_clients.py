"""A client in the process of the test is what a page of the user has, without a server and without Redis."""

import asyncio
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.test import TestCase, TransactionTestCase

from chat.models import Room
from hub.access import control
from hub.access.control import DisconnectUser
from hub.channels import Namespace, anyone
from hub.concurrency import node
from hub.publishing import apublish, apublish_ephemeral, publish
from hub.testing import CommandRefused, ConnectionEnded, Published, capture_publications, connected
from hub.users import user_id
from notifications import anotify, notify
from tests.support.namespaces import declare
from tests.support.people import User


class Cases:
    ada: User
    room: str

    def setUp(self) -> None:
        self.ada = User.objects.create_user("ada")
        self.bob = User.objects.create_user("bob")
        self.room = f"room:{Room.objects.create(name='lobby').pk}"
        notify(to=self.ada, message="before")

    async def test_alert_reaches_its_person_and_nobody_else(self) -> None:
        async with connected(self.ada) as ada, connected(self.bob) as bob, connected() as guest:
            await anotify(to=self.ada, message="hello")
            received = await ada.receive()
            assert received.data["message"] == "hello"
            assert received.channel == f"user:{user_id(self.ada)}"
            await bob.receive_nothing()
            await anotify(to="everyone", message="all")
            assert [(await one.receive()).data["message"] for one in (ada, bob, guest)] == ["all"] * 3

    async def test_what_django_does_in_the_thread_of_the_test_is_received(self) -> None:
        async with connected(self.ada) as ada:
            await sync_to_async(notify)(to=self.ada, message="hello")
            assert (await ada.receive(ada.server_side[1])).data["message"] == "hello"

    async def test_method_that_one_calls_reaches_the_others(self) -> None:
        async with connected(self.ada) as ada, connected(self.bob) as bob:
            await bob.subscribe(self.room)
            answer = await ada.call("chat.post", {"room": int(self.room.partition(":")[2]), "text": "hi"})
            posted = await bob.receive(self.room, of_type="chat.message_posted")
            assert (posted.data["id"], posted.data["text"]) == (answer["id"], "hi")

    async def test_publications_of_a_channel_come_in_order(self) -> None:
        async with connected() as guest:
            await guest.subscribe(self.room)
            for number in range(3):
                await apublish(self.room, {"type": "x", "number": number})
            received = [await guest.receive(self.room) for _ in range(3)]
            assert [(one.offset, one.data["number"]) for one in received] == [(1, 0), (2, 1), (3, 2)]
            await apublish_ephemeral(self.room, {"type": "live"})
            assert (await guest.receive(self.room)).offset == 0
            await guest.unsubscribe(self.room)
            await apublish(self.room, {"type": "x"})
            await guest.receive_nothing()

    async def test_what_was_published_before_is_history_and_not_news(self) -> None:
        async with connected(self.ada) as ada:
            await ada.receive_nothing()
            channel = f"user:{user_id(self.ada)}"
            history = await ada.ask("history", channel=channel, limit=10)
            assert [one["data"]["message"] for one in history["publications"]] == ["before"]

    async def test_refused_command_says_why(self) -> None:
        async with connected() as guest:
            with pytest.raises(CommandRefused, match=r"subscribe: .* \(103\)") as refused:
                await guest.subscribe(f"user:{user_id(self.ada)}")
            assert refused.value.code == 103
            with pytest.raises(CommandRefused, match=r"rpc: .* \(104\)"):
                await guest.call("no.such.method")

    async def test_hub_that_closes_the_connection_is_told(self) -> None:
        async with connected(self.ada) as ada:
            await sync_to_async(control.send)(DisconnectUser(user_id(self.ada), code=4500, reason="enough"))
            assert await ada.wait_closed() == 4500
            with pytest.raises(ConnectionEnded, match=r"enough \(4500\)"):
                await ada.receive()
            with pytest.raises(ConnectionEnded):
                await ada.ask("ping")

    async def test_somebody_who_is_not_active_does_not_get_in(self) -> None:
        self.ada.is_active = False
        await self.ada.asave()
        with pytest.raises(ConnectionEnded):
            async with connected(self.ada):
                pass

    async def test_nothing_that_comes_is_said_with_what_came_instead(self) -> None:
        async with connected(self.ada) as ada:
            await anotify(to="everyone", message="another channel")
            with pytest.raises(AssertionError, match=r"No publication of x within 0\.2 s.*(?s:.*)another channel"):
                await ada.receive("x", timeout=0.2)
            with pytest.raises(AssertionError, match=r"where none was expected: .*another channel"):
                await ada.receive_nothing()
            with pytest.raises(AssertionError, match="did not close"):
                await ada.wait_closed(timeout=0.05)

    async def test_publications_are_captured_beside_a_client(self) -> None:
        async with connected(self.ada) as ada, capture_publications() as published:
            await anotify(to=self.ada, message="hello")
            await ada.receive()
        assert [one.data["message"] for one in published] == ["hello"]

    async def test_people_who_come_are_seen(self) -> None:
        async with connected(self.ada) as ada:
            await ada.ask("subscribe", channel=self.room, join_leave=True)
            async with connected(self.bob) as bob:
                await bob.subscribe(self.room)
                present = (await ada.ask("presence", channel=self.room))["presence"].values()
                assert {one["user"] for one in present} == {user_id(self.ada), user_id(self.bob)}

    async def test_nothing_of_it_is_left(self) -> None:
        async with connected(self.ada):
            pass
        assert not node.current().parts


@pytest.mark.django_db  # for the run on PostgreSQL
class ClientsInTestCase(Cases, TestCase):
    async def test_work_that_runs_at_the_same_time_is_received(self) -> None:
        async with connected(self.ada) as ada:
            begun = asyncio.Event()

            async def receive() -> Published:
                begun.set()
                return await ada.receive()

            receiving = asyncio.create_task(receive())
            await begun.wait()
            await sync_to_async(notify)(to=self.ada, message="hello")
            assert (await receiving).data["message"] == "hello"


@pytest.mark.django_db  # for the run on PostgreSQL
class ClientsWhereTestsCommit(Cases, TransactionTestCase):
    pass


async def test_pytest_has_a_fixture_with_the_database_that_it_needs(hub_connected: type[connected]) -> None:
    ada = await sync_to_async(User.objects.create_user)("ada")
    async with hub_connected(ada) as client:
        await anotify(to=ada, message="hello")
        assert (await client.receive()).data["message"] == "hello"


@pytest.mark.django_db(transaction=True)
async def test_client_publishes_where_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    declare(monkeypatch, Namespace("open", can_subscribe=anyone, can_publish=anyone))
    async with connected() as guest, connected() as other:
        await other.subscribe("open:1")
        await guest.publish("open:1", {"type": "x"})
        assert (await other.receive("open:1")).data == {"type": "x"}


@pytest.mark.django_db(transaction=True)
async def test_neither_redis_nor_the_layer_of_the_settings_is_used(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.HUB_REDIS_URL = "unix:///no/such/socket"
    monkeypatch.setattr("hub.bus.redis_layer.HubChannelLayer.group_send_many", None)
    async with connected() as guest:
        await sync_to_async(publish)("everyone", {"type": "x"})
        await guest.receive("everyone")


def test_loops_of_several_tests_follow_each_other(transactional_db: None) -> None:
    async def story() -> None:
        async with connected() as guest:
            await anotify(to="everyone", message="hello")
            await guest.receive()

    for _ in range(2):
        async_to_sync(story)()
        asyncio.run(story())
