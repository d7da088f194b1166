"""The client connection as ``centrifuge-python`` sees it."""

from typing import Any

import msgspec
import pytest
from asgiref.sync import sync_to_async
from centrifuge import ReplyError
from django.contrib.auth.models import Group
from pytest_django.fixtures import Settings

from chat.actions import post_message
from chat.models import Room
from hub.access import signed_tokens
from hub.access.control import DisconnectUser, SubscribeUser, UnsubscribeUser, send
from hub.accounts.tokens import issue
from hub.concurrency import node
from hub.session.methods import RpcCall, RpcError, rpc
from hub.users import display_name, user_id
from lab.harness.waiting import await_for
from notifications import notify
from tests.connection.clients import Connected, connected
from tests.hub.serving import serving
from tests.support.people import User

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.any_database]


async def token_of(user: User) -> str:
    return await sync_to_async(issue)(user)


async def test_an_alert_reaches_a_client_that_has_subscribed_to_nothing(address: str, ada: User) -> None:
    async with connected(address, token=await token_of(ada)) as client:
        await sync_to_async(notify)(to=ada, message="Hello")
        publication = await client.inbox.wait("publication")
    assert publication.channel == f"user:{user_id(ada)}"
    assert publication.pub.data["message"] == "Hello"
    assert publication.pub.offset == 1


async def test_a_client_hears_what_is_written_in_the_room_it_subscribed_to(address: str, ada: User, room: str) -> None:
    async with connected(address, token=await token_of(ada)) as client:
        _, inbox = await client.subscribe(room)
        await client.client.publish(room, {"message": "Hello"})
        await await_for(lambda: [p for p in inbox.all("publication") if p.pub.offset], that="the message has come")
    subscribed = await inbox.wait("subscribed")
    (publication,) = [p for p in inbox.all("publication") if p.pub.offset]
    assert subscribed.recoverable and subscribed.positioned and subscribed.stream_position.epoch
    assert (publication.pub.data["text"], publication.pub.data["username"]) == ("Hello", "ada")


async def test_a_guest_may_read_a_room_and_not_write_in_it(address: str, room: str) -> None:
    async with connected(address) as client:
        await client.subscribe(room)
        with pytest.raises(ReplyError) as refused:
            await client.client.publish(room, {"message": "Hello"})
    assert refused.value.code == 103


@pytest.mark.parametrize(
    ("channel", "code"),
    [
        pytest.param("user:999", 103, marks=pytest.mark.own_user_model),
        ("group:1", 103),
        ("room:999", 103),
        ("control", 102),
        ("node:0123", 102),
        ("nothing:1", 102),
        ("nothing", 102),
        ("room:01", 102),
        ("room:x", 102),
        ("Room:1", 102),
        ("room", 102),
    ],
)
async def test_a_channel_that_is_not_for_this_client_is_refused(
    address: str, ada: User, channel: str, code: int
) -> None:
    async with connected(address, token=await token_of(ada)) as client:
        _, inbox = await client.subscribe(channel)
        unsubscribed = await inbox.wait("unsubscribed")
        assert unsubscribed.code == code
        with pytest.raises(ReplyError) as refused:
            await client.client.publish(channel, {"message": "x"})
        assert refused.value.code == (102 if code == 102 else 103)


@pytest.mark.slow
async def test_what_was_missed_over_a_restart_of_the_server_is_recovered_once_and_in_order(
    ada: User, room: str
) -> None:
    token = await token_of(ada)
    async with serving() as first:
        client = Connected(first, token=token)
        await client.client.connect()
        _, inbox = await client.subscribe(room)
        await sync_to_async(post_message)(room_id=int(room[5:]), author_id=ada.pk, text="0")
        await await_for(lambda: [p for p in inbox.all("publication") if p.pub.offset])
    await node.close()
    for number in range(1, 4):
        await sync_to_async(post_message)(room_id=int(room[5:]), author_id=ada.pk, text=str(number))
        await sync_to_async(notify)(to=ada, message=str(number))
    async with serving() as second:
        client.client._address = f"ws://{second}/connection/websocket"
        subscribed = await inbox.wait("subscribed", 2)
        await client.inbox.wait("publication", 3)
        await await_for(lambda: len([p for p in inbox.all("publication") if p.pub.offset]) == 4)
        await client.disconnect()
    await node.close()
    assert (subscribed.was_recovering, subscribed.recovered) == (True, True)
    assert [p.pub.data["text"] for p in inbox.all("publication") if p.pub.offset] == ["0", "1", "2", "3"]
    assert [p.pub.data["message"] for p in client.inbox.all("publication")] == ["1", "2", "3"]


async def test_a_position_of_another_history_is_not_recovered(address: str, ada: User, room: str) -> None:
    await sync_to_async(post_message)(room_id=int(room[5:]), author_id=ada.pk, text="0")
    async with connected(address, token=await token_of(ada)) as client:
        subscription = client.client.new_subscription(room)
        subscription._recover, subscription._offset, subscription._epoch = True, 0, "another"
        reply: dict[str, Any] = {}
        original = client.client._future_success

        async def look(command_id: int, answer: dict[str, Any]) -> None:
            reply.update(answer)
            await original(command_id, answer)

        client.client._future_success = look
        await subscription.subscribe()
        await subscription.ready()
    assert reply["subscribe"]["was_recovering"] is True
    assert "recovered" not in reply["subscribe"] and "publications" not in reply["subscribe"]
    assert reply["subscribe"]["offset"] == 1


async def test_history_is_read_from_either_end_and_from_a_position(address: str, ada: User, room: str) -> None:
    for number in range(5):
        await sync_to_async(post_message)(room_id=int(room[5:]), author_id=ada.pk, text=str(number))
    async with connected(address, token=await token_of(ada)) as client:
        subscription, _ = await client.subscribe(room)
        first = await subscription.history(limit=2)
        last = await subscription.history(limit=2, reverse=True)
        nothing = await subscription.history()
        from centrifuge import StreamPosition

        rest = await subscription.history(limit=10, since=StreamPosition(offset=3, epoch=first.epoch))
        with pytest.raises(ReplyError) as gone:
            await subscription.history(limit=10, since=StreamPosition(offset=3, epoch="another"))
    assert [p.data["text"] for p in first.publications] == ["0", "1"]
    assert [p.data["text"] for p in last.publications] == ["4", "3"]
    assert (nothing.publications, nothing.offset, nothing.epoch) == ([], 5, first.epoch)
    assert [p.offset for p in rest.publications] == [4, 5]
    assert gone.value.code == 112


async def test_presence_says_who_is_there_and_joins_and_leaves_are_told(
    address: str, ada: User, bob: User, room: str, settings: Settings
) -> None:
    settings.HUB_LEAVE_GRACE = 0.1
    async with connected(address, token=await token_of(ada)) as one:
        subscription, inbox = await one.subscribe(room, join_leave=True)
        async with connected(address, token=await token_of(bob)) as other:
            await other.subscribe(room)
            await await_for(lambda: [j for j in inbox.all("join") if j.info.user == user_id(bob)], that="bob joined")
            there = await subscription.presence()
            stats = await subscription.presence_stats()
            bob_is = other.client.client_id
        left = await inbox.wait("leave")
        alone = await subscription.presence()
    assert {(i.user, i.conn_info["name"]) for i in there.clients.values()} == {
        (user_id(ada), "ada"),
        (user_id(bob), "bob"),
    }
    assert (stats.num_clients, stats.num_users) == (2, 2)
    assert (left.info.client, left.info.user, left.info.conn_info) == (bob_is, user_id(bob), {"name": "bob"})
    assert [i.user for i in alone.clients.values()] == [user_id(ada)]


async def test_a_guest_may_not_ask_who_is_online(address: str) -> None:
    async with connected(address) as client:
        _, inbox = await client.subscribe("online")
        with pytest.raises(ReplyError) as refused:
            await client.client.presence("online")
    assert (await inbox.wait("subscribed")).data == {"count": 1}
    assert refused.value.code == 103


async def test_a_publication_of_a_client_says_who_published(address: str, ada: User, open_namespace: str) -> None:
    async with connected(address, token=await token_of(ada)) as client:
        subscription, inbox = await client.subscribe("open:x")
        await subscription.publish(["any", {"json": 1}])
        publication = (await inbox.wait("publication")).pub
        kept = (await subscription.history(limit=1)).publications[0]
    for pub in (publication, kept):
        assert pub.data == ["any", {"json": 1}]
        assert (pub.info.user, pub.info.client, pub.info.conn_info) == (
            user_id(ada),
            client.client.client_id,
            {"name": "ada"},
        )


async def test_nobody_can_pretend_that_somebody_joined(address: str, ada: User, open_namespace: str) -> None:
    async with connected(address, token=await token_of(ada)) as client:
        subscription, _ = await client.subscribe("open:x")
        with pytest.raises(ReplyError) as refused:
            await subscription.publish({"type": "hub.client_joined", "info": {"client": "x", "user": "1"}})
    assert refused.value.code == 107


class Number(msgspec.Struct):
    number: int


@rpc("tests.double")
def double(call: RpcCall, params: Number) -> dict[str, Any]:
    if params.number < 0:
        raise RpcError(1001, "Only positive numbers")
    return {"number": params.number * 2, "user": display_name(call.user)}


@pytest.mark.parametrize(
    ("method", "data", "code"),
    [("tests.nothing", {}, 104), ("tests.double", {"number": "1"}, 107), ("tests.double", {"number": -1}, 1001)],
)
async def test_a_method_that_is_called_wrongly_answers_with_an_error(
    address: str, method: str, data: dict[str, Any], code: int
) -> None:
    async with connected(address) as client:
        with pytest.raises(ReplyError) as refused:
            await client.client.rpc(method, data)
    assert refused.value.code == code


async def test_a_method_is_called_with_the_user_at_hand(address: str, ada: User) -> None:
    async with connected(address, token=await token_of(ada)) as client:
        result = await client.client.rpc("tests.double", {"number": 21})
    assert result.data == {"number": 42, "user": "ada"}


class Where(msgspec.Struct):
    channel: str


@rpc("tests.am_i_there")
async def am_i_there(call: RpcCall, params: Where) -> bool:
    return params.channel in call.channels


async def test_a_method_is_told_where_the_caller_is_subscribed(address: str, open_namespace: str) -> None:
    async with connected(address) as client:
        subscription, _ = await client.subscribe("open:x")
        there = [await client.client.rpc("tests.am_i_there", {"channel": f"open:{name}"}) for name in "xy"]
        await subscription.unsubscribe()
        await await_for(lambda: is_gone(client), that="the subscription has ended")
    assert [answer.data for answer in there] == [True, False]


async def is_gone(client: Connected) -> bool:
    return not (await client.client.rpc("tests.am_i_there", {"channel": "open:x"})).data


async def test_a_signed_token_connects_as_its_user(address: str, ada: User, token_secret: str) -> None:
    token = signed_tokens.connection_token(user_id(ada), info={"name": "Countess"})
    async with connected(address, token=token) as client:
        await client.inbox.wait("subscribed", 2)
    assert f"user:{user_id(ada)}" in [subscribed.channel for subscribed in client.inbox.all("subscribed")]


@pytest.mark.parametrize("token", ["nonsense", "a.b.c", "hub_nobody's"])
async def test_a_token_that_is_not_valid_ends_the_client_for_good(address: str, token_secret: str, token: str) -> None:
    client = Connected(address, token=token)
    await client.client.connect()
    disconnected = await client.inbox.wait("disconnected")
    assert disconnected.code == 3500


async def test_an_expired_token_is_asked_for_anew(address: str, ada: User, token_secret: str) -> None:
    asked = []

    async def get_token() -> str:
        asked.append(1)
        return signed_tokens.connection_token(user_id(ada))

    async with connected(
        address, token=signed_tokens.connection_token(user_id(ada), seconds=-10), get_token=get_token
    ):
        assert asked


@pytest.mark.slow
async def test_a_token_is_refreshed_before_it_ends(address: str, ada: User, token_secret: str) -> None:
    given: list[str] = []

    async def get_token() -> str:
        given.append(signed_tokens.connection_token(user_id(ada), seconds=4 if not given else 600))
        return given[-1]

    async with connected(address, get_token=get_token) as client:
        await await_for(lambda: len(given) == 2, that="the token was refreshed")
        await client.client.rpc("tests.double", {"number": 1})
    assert not client.inbox.all("error")


async def test_a_subscription_token_opens_a_channel_that_its_rule_does_not(
    address: str, ada: User, bob: User, token_secret: str
) -> None:
    channel = f"user:{user_id(bob)}"

    async def get_token(channel: str) -> str:
        return signed_tokens.subscription_token(user_id(ada), channel)

    async def get_token_of_another(channel: str) -> str:
        return signed_tokens.subscription_token(user_id(bob), channel)

    async with connected(address, token=signed_tokens.connection_token(user_id(ada))) as client:
        refused, refused_inbox = await client.subscribe(channel, get_token=get_token_of_another)
        assert (await refused_inbox.wait("unsubscribed")).code == 103
        client.client.remove_subscription(refused)
        _, inbox = await client.subscribe(channel, get_token=get_token)
        await inbox.wait("subscribed")
        await sync_to_async(notify)(to=bob, message="Hello")
        assert (await inbox.wait("publication")).pub.data["message"] == "Hello"


async def test_the_server_disconnects_a_client_for_good(address: str, ada: User) -> None:
    async with connected(address, token=await token_of(ada)) as client:
        await sync_to_async(send)(DisconnectUser(user=user_id(ada)))
        disconnected = await client.inbox.wait("disconnected")
    assert disconnected.code == 3503


async def test_the_server_subscribes_and_unsubscribes_a_client(address: str, ada: User, room: str) -> None:
    await sync_to_async(post_message)(room_id=int(room[5:]), author_id=ada.pk, text="before")
    async with connected(address, token=await token_of(ada)) as client:
        await sync_to_async(send)(SubscribeUser(user=user_id(ada), channel=room))
        await await_for(lambda: [s for s in client.inbox.all("subscribed") if s.channel == room])
        await sync_to_async(post_message)(room_id=int(room[5:]), author_id=ada.pk, text="Hello")
        await await_for(lambda: [p for p in client.inbox.all("publication") if p.channel == room and p.pub.offset])
        await sync_to_async(send)(UnsubscribeUser(user=user_id(ada), channel=room))
        await await_for(lambda: [u for u in client.inbox.all("unsubscribed") if u.channel == room])


@pytest.mark.slow
async def test_a_member_who_is_removed_loses_the_subscription_and_no_other(address: str, ada: User) -> None:
    private = await sync_to_async(Room.objects.create)(name="private", is_private=True)
    await sync_to_async(private.members.add)(ada)
    async with connected(address, token=await token_of(ada)) as client:
        _, inbox = await client.subscribe(f"room:{private.pk}")
        await inbox.wait("subscribed")
        await sync_to_async(private.members.remove)(ada)
        unsubscribed = await inbox.wait("unsubscribed")
        await sync_to_async(notify)(to=ada, message="Hello")
        await client.inbox.wait("publication")
    assert unsubscribed.code == 2000


async def test_who_joins_a_group_gets_its_alerts_without_connecting_anew(address: str, ada: User) -> None:
    group = await sync_to_async(Group.objects.create)(name="ops")
    async with connected(address, token=await token_of(ada)) as client:
        await sync_to_async(ada.groups.add)(group)
        await await_for(lambda: [s for s in client.inbox.all("subscribed") if s.channel == f"group:{group.pk}"])
        await sync_to_async(notify)(to=group, message="Hello")
        assert (await client.inbox.wait("publication")).pub.data["message"] == "Hello"


async def test_a_deactivated_user_is_disconnected_for_good(address: str, ada: User) -> None:
    async with connected(address, token=await token_of(ada)) as client:
        ada.is_active = False
        await sync_to_async(ada.save)()
        disconnected = await client.inbox.wait("disconnected")
    assert disconnected.code == 3500


async def test_a_page_may_subscribe_to_what_the_hub_has_subscribed_it_to(address: str, ada: User) -> None:
    async with connected(address, token=await token_of(ada)) as client:
        _, inbox = await client.subscribe("everyone")
        await inbox.wait("subscribed")
        await sync_to_async(notify)(to="everyone", message="Hello")
        publication = await inbox.wait("publication")
    assert publication.pub.data["message"] == "Hello"
    assert not client.inbox.all("publication")
