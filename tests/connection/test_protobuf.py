"""The Protobuf form of the client connection: the libraries' own Protobuf modes, and what no library sends."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from asgiref.sync import sync_to_async
from centrifuge import ReplyError
from centrifuge.codecs import _ProtobufCodec as codec
from centrifuge.protocol import client_pb2
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from chat.actions import post_message
from hub.access.control import DisconnectUser, send
from hub.accounts.tokens import issue
from hub.endpoints.centrifuge import formats, protobuf, schema
from hub.endpoints.centrifuge.messages import Malformed
from hub.fanout.frames import BINARY, FrameBatch, frame
from hub.streams import Envelope
from hub.users import user_id
from lab.harness.waiting import await_for
from notifications import notify
from tests.connection.clients import connected
from tests.connection.node import needs_node, node_client
from tests.hub.serving import SERVERS, serving
from tests.support.people import User

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.any_database]

PROTOBUF = Subprotocol("centrifuge-protobuf")


async def token_of(user: User) -> str:
    return await sync_to_async(issue)(user)


def said(data: bytes) -> Any:
    return json.loads(data)


# --- the libraries --------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["lean", "plain"])
async def test_python_library_does_all_in_protobuf(ada: User, room: str, open_namespace: str, kind: str) -> None:
    async with (
        serving(**SERVERS[kind]) as address,
        connected(address, token=await token_of(ada), use_protobuf=True) as client,
    ):
        await sync_to_async(notify)(to=ada, message="Hello")
        alert = await client.inbox.wait("publication")
        assert (alert.channel, said(alert.pub.data)["message"], alert.pub.offset) == (
            f"user:{user_id(ada)}",
            "Hello",
            1,
        )

        subscription, inbox = await client.subscribe(room, join_leave=True)
        subscribed = await inbox.wait("subscribed")
        assert subscribed.recoverable and subscribed.positioned and subscribed.stream_position.epoch
        await client.client.publish(room, b'{"message": "Good morning"}')
        await await_for(lambda: [p for p in inbox.all("publication") if p.pub.offset], that="the message has come")
        page = await subscription.history(limit=10)
        assert [said(one.data)["text"] for one in page.publications] == ["Good morning"]
        (there,) = (await subscription.presence()).clients.values()
        assert (there.user, said(there.conn_info)) == (user_id(ada), {"name": "ada"})
        assert (await subscription.presence_stats()).num_users == 1

        _, opened = await client.subscribe(f"{open_namespace}:1", join_leave=True)
        await client.client.publish(f"{open_namespace}:1", b'{"n": [1, "\xc3\xa9", null]}')
        assert said((await opened.wait("publication")).pub.data) == {"n": [1, "é", None]}
        with pytest.raises(ReplyError) as refused:
            await client.client.publish("room:999999", b"{}")
        assert refused.value.code in {102, 103}
        found = await client.client.rpc("alerts.list", b"{}")
        assert said(found.data)["items"][0]["message"] == "Hello"


async def test_python_library_recovers_in_protobuf_what_it_missed(address: str, ada: User, room: str) -> None:
    async with connected(address, token=await token_of(ada), use_protobuf=True) as client:
        _, inbox = await client.subscribe(room)
        await sync_to_async(send)(DisconnectUser(user=user_id(ada), code=4000))  # and it comes back
        await inbox.wait("subscribing", 2)
        await sync_to_async(post_message)(room_id=int(room[5:]), author_id=ada.pk, text="While you were away")
        await await_for(
            lambda: [p for p in inbox.all("publication") if p.pub.offset == 1], that="the message is recovered"
        )


@pytest.mark.slow
@needs_node
async def test_javascript_library_does_all_in_protobuf(address: str, ada: User, room: str) -> None:
    options = {"token": await token_of(ada)}
    async with node_client(address, protobuf=True, options=options) as client:
        await client.wait("connected")
        await sync_to_async(notify)(to=ada, message="Hello")
        assert (await client.wait("publication"))["data"]["message"] == "Hello"
        await client.do("subscribe", channel=room, options={"joinLeave": True})
        subscribed = await client.wait(f"{room} subscribed")
        assert subscribed["recoverable"] and subscribed["streamPosition"]["epoch"]
        assert (await client.wait(f"{room} join"))["info"]["user"] == user_id(ada)
        await client.do("publish", channel=room, data={"message": "Good morning"})
        await await_for(lambda: [p for p in client.all(f"{room} publication") if p.get("offset") == 1])
        found = await client.do("history", channel=room, options={"limit": 10})
        assert [p["data"]["text"] for p in found["publications"]] == ["Good morning"]
        (there,) = (await client.do("presence", channel=room))["clients"].values()
        assert there["connInfo"] == {"name": "ada"}
        assert (await client.do("rpc", method="alerts.list", data={}))["data"]["items"][0]["message"] == "Hello"


# --- both forms say the same ----------------------------------------------------------------------------------------


def fields_of(descriptor: Any) -> dict[str, tuple[int, int]]:
    return {field.name: (field.number, field.type) for field in descriptor.fields}


def compared(ours: Any, theirs: Any, seen: set[str]) -> None:
    """Every field of ours is one of the protocol's, with its number and type, and so on down."""
    if ours.full_name in seen:
        return
    seen.add(ours.full_name)
    known = {field.name: field for field in theirs.fields}
    for field in ours.fields:
        assert field.name in known, (ours.name, field.name)
        its = known[field.name]
        assert field.number == its.number, (ours.name, field.name)
        if field.name == "tf":  # a message, which is only looked for: bytes are sent in the same way
            continue
        assert (field.type, field.is_repeated) == (its.type, its.is_repeated), (ours.name, field.name)
        if field.message_type is not None:
            compared(field.message_type, its.message_type, seen)


@pytest.mark.parametrize("name", ["Command", "Reply"])
def test_fields_are_those_of_the_protocol(name: str) -> None:
    compared(getattr(schema, name).DESCRIPTOR, getattr(client_pb2, name).DESCRIPTOR, set())


def test_publication_is_encoded_once_for_all_clients() -> None:
    item = Envelope("room:1", "epoch", 7, '{"text":"Hello"}')
    encoder = formats.PROTOBUF.encoder_for(join_leave=False)
    assert encoder is formats.PROTOBUF.encoder_for(join_leave=False)
    made = encoder(item)
    assert isinstance(made, bytes)
    ((push,),) = [codec.decode_replies(made)]
    assert push["push"]["channel"] == "room:1" and push["push"]["pub"]["offset"] == "7"
    batch = FrameBatch([made, made])
    assert batch.raw == [frame(BINARY, made) * 2]
    assert batch.raw is batch.raw


@pytest.mark.parametrize("info", ["", '{"client":"c","user":"7","conn_info":{"name":"Ada"}}'])
@pytest.mark.parametrize("tags", ["", '{"kind":"news"}'])
@pytest.mark.parametrize("data", ['{"text":"Zwölf"}', '{\n "n": [1, 2.5, null]\n}', '"text"', "0", "no JSON"])
@pytest.mark.parametrize("offset", [0, 7, 2**53])
def test_publication_says_the_same_in_both_forms(info: str, tags: str, data: str, offset: int) -> None:
    item = Envelope("room:1", "epoch", offset, data, info, tags)
    for join_leave in (False, True):
        in_json = formats.JSON.encoder_for(join_leave=join_leave)(item)
        in_protobuf = formats.PROTOBUF.encoder_for(join_leave=join_leave)(item)
        assert in_protobuf == (None if in_json is None else protobuf.frame_of(str(in_json)))


def test_ping_is_a_reply_that_says_nothing() -> None:
    assert codec.decode_replies(protobuf.PING) == [{}]
    assert [command.requests() for command in protobuf.commands_in(codec.encode_commands([{}]))] == [[]]


# --- what no library sends ------------------------------------------------------------------------------------------


def encoded(*commands: dict[str, Any]) -> bytes:
    found: bytes = codec.encode_commands(commands)
    return found


def publishing(data: bytes) -> bytes:
    command = client_pb2.Command(id=2)
    command.publish.channel, command.publish.data = "everyone", data
    text = command.SerializeToString()
    return bytes([len(text), *text])


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        "",
        "{}",
        '{"id":1,"connect":{}}',
        b'{"id":1,"connect":{}}',
        b"\x05\x08",
        b"\xff" * 5,
        b"\xff" * 20,
        b"\x80",
        b"\x80\x80\x80\x80\x80\x80\x00",
        b"\x02\xff\xff",
        b"\xff\xff\xff\x7f",
        b"\x01\x00",
        publishing(b"{"),
        publishing(b"hello"),
        publishing(b"\xff"),
        publishing(b'"\xff"'),
        publishing(b"1 2"),
        publishing(b'1},"rpc":{"method":"x"'),
        publishing(b'{}\n{"id":3}'[:-1]),
        encoded({"id": 1, "history": {"channel": "x", "since": {"offset": 2**63}}}),
        encoded({"id": 1, "subscribe": {"channel": "x" * 300}}),
    ],
)
def test_what_is_no_command_is_refused(frame: str | bytes) -> None:
    with pytest.raises(Malformed):
        list(protobuf.commands_in(frame))


def test_data_stays_as_it_came_and_nothing_in_it_is_a_field() -> None:
    (command,) = protobuf.commands_in(publishing(b'{"rpc": {"method": "x"}, "n": 1.0}'))
    (request,) = command.requests()
    assert msgspec.json.encode(request) == b'{"channel":"everyone","data":{"rpc": {"method": "x"}, "n": 1.0}}'


def test_filter_by_tags_is_seen_although_it_is_not_read() -> None:
    frame = encoded({"id": 1, "subscribe": {"channel": "x", "tf": {"key": "a", "cmp": "eq", "val": "b"}}})
    (command,) = protobuf.commands_in(frame)
    assert command.subscribe is not None and command.subscribe.tf


async def closed_after(address: str, frames: Sequence[str | bytes], query: str = "") -> tuple[int | None, str | None]:
    protocols = None if query else [PROTOBUF]
    async with connect(f"ws://{address}/connection/websocket{query}", subprotocols=protocols) as opened:
        for one in frames:
            await opened.send(one)
        await asyncio.wait_for(opened.wait_closed(), 20)
        return opened.close_code, opened.close_reason


async def test_client_that_sends_something_else_is_told_so_and_stays_away(address: str) -> None:
    assert await closed_after(address, ['{"id":1,"connect":{}}']) == (3501, "bad request")
    assert await closed_after(address, [encoded({"id": 1, "connect": {}}), b"\xff\xff"]) == (3501, "bad request")
    assert await closed_after(address, [encoded({"id": 1, "connect": {"token": "x"}})]) == (3500, "invalid token")


@pytest.mark.parametrize("query", ["", "?format=protobuf", "?cf_protocol=protobuf"])
async def test_client_asks_for_the_form_by_subprotocol_or_url(address: str, query: str) -> None:
    protocols = None if query else [PROTOBUF]
    async with connect(f"ws://{address}/connection/websocket{query}", subprotocols=protocols) as opened:
        assert opened.subprotocol == (None if query else PROTOBUF)
        await opened.send(encoded({"id": 1, "connect": {}}, {"id": 2, "subscribe": {"channel": "nothing:1"}}))
        answer = await opened.recv()
        assert isinstance(answer, bytes)
        connected_, refused = codec.decode_replies(answer)
        assert "everyone" in connected_["connect"]["subs"] and connected_["connect"]["ping"] == 25
        assert (refused["id"], refused["error"]["code"]) == (2, 102)


@pytest.mark.slow
async def test_one_channel_serves_both_forms_at_once(address: str, ada: User, room: str) -> None:
    async with (
        connected(address, token=await token_of(ada), use_protobuf=True) as first,
        connected(address, token=await token_of(ada)) as second,
    ):
        _, in_protobuf = await first.subscribe(room)
        _, in_json = await second.subscribe(room)
        for number in range(20):
            await second.client.publish(room, {"message": str(number)})
        wanted = [str(number) for number in range(20)]
        await await_for(lambda: len([p for p in in_protobuf.all("publication") if p.pub.offset]) == 20)
        await await_for(lambda: len([p for p in in_json.all("publication") if p.pub.offset]) == 20)
        assert [said(p.pub.data)["text"] for p in in_protobuf.all("publication") if p.pub.offset] == wanted
        assert [p.pub.data["text"] for p in in_json.all("publication") if p.pub.offset] == wanted
