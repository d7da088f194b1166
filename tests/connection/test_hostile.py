"""What a client should never send: the protocol's own answer, no traceback, and nobody else is touched."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.concurrency import node
from hub.endpoints.centrifuge import formats, messages, protobuf
from hub.endpoints.centrifuge.client import Client
from tests.connection.wire import CONNECT, played
from tests.hub.serving import RawClient, serving

pytestmark = pytest.mark.django_db(transaction=True)

TEXT, BINARY, CLOSE = 1, 2, 8

#: Keys of real commands, so that what is made up is often nearly right.
KEYS = [
    *messages.Command.__struct_fields__,
    "channel",
    "data",
    "token",
    "recover",
    "offset",
    "epoch",
    "subs",
    "limit",
    "since",
    "reverse",
    "method",
    "flag",
]
VALUES = ["everyone", "user:1", "room:1", "online", "control", "", "a\x00b", "ws:\ud800", -1, 2**70, 1e400, None, True]

json_values = st.recursive(
    st.one_of(st.sampled_from(VALUES), st.text(), st.integers(), st.floats(), st.booleans(), st.none()),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.sampled_from(KEYS), inner, max_size=5)),
    max_leaves=12,
)
commands = st.dictionaries(st.sampled_from(KEYS), json_values, max_size=4)
frames = st.one_of(
    st.text(),
    json_values.map(json.dumps),
    st.lists(commands.map(json.dumps), min_size=1, max_size=4).map("\n".join),
)


@pytest.mark.any_database
@pytest.mark.parametrize(
    "frame",
    [
        "",
        " ",
        "\n",
        "nonsense",
        "[]",
        "1",
        "null",
        '"connect"',
        "{",
        '{"id":"1","ping":{}}',
        '{"id":-1,"rpc":{}}',
        '{"id":4294967296,"rpc":{}}',
        '{"id":2,"publish":{}}',
        '{"id":2,"publish":{"channel":1}}',
        '{"id":2,"subscribe":{"channel":"everyone","offset":-1}}',
        '{"id":2,"subscribe":{"channel":"everyone","offset":1e30}}',
        '{"id":2}',
        '{"subscribe":{"channel":"everyone"}}',
        '{"id":2,"rpc":{},"send":{}}',
        '{"id":2,"connect":{}}',
        '{"id":2,"rpc":{"data":' + "[" * 50_000 + "]" * 50_000 + "}}",
        '{"id":2,"subscribe":{"channel":"' + "x" * 300 + '"}}',
        "{}" * 10,
        b"\xff\xfe",
        b'{"id":2,"rpc":{"method":"chat.room","data":{"name":"\xff"}}}',
        b'{"id":2,"publish":{"channel":"room:1","data":{"message":"\xed\xa0\x80"}}}',
        b'{"send":{"data":{"type":"\xc0\x80"}}}',
        b'{"id":2,"rpc":{"method":"topics.list","data":{"\xff":1}}}',
    ],
)
async def test_what_is_no_command_ends_the_client_for_good(frame: str | bytes, caplog: Any) -> None:
    wire = await played(CONNECT, frame)
    assert wire.closed == (1009 if len(frame) > 65536 else 3501)
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize("text", ["\\ud83d", "\\uDE00 x", "a \\ud83d\\ud83d\\ude00"])
async def test_text_that_was_cut_inside_a_character_ends_nobody(text: str) -> None:
    wire = await played(CONNECT, f'{{"id":2,"rpc":{{"method":"topics.list","data":{{"{text}":"{text}"}}}}}}')
    assert (wire.closed, wire.lines[1]["id"]) == (None, 2)


async def test_bytes_that_are_no_text_connect_nobody(caplog: Any) -> None:
    wire = await played(b'{"id":1,"connect":{"data":{"user":"\xff"}}}')
    assert (wire.closed, wire.lines) == (3501, [])
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize("frame", ["{}", '{"id":1,"subscribe":{"channel":"everyone"}}', '{"send":{}}'])
async def test_a_client_that_does_not_connect_first_is_ended(frame: str) -> None:
    wire = await played(frame, CONNECT)
    assert wire.closed == (None if frame == "{}" else 3501)


@pytest.mark.slow
@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(frames, min_size=1, max_size=4))
def test_whatever_a_client_sends_is_answered_or_ends_it(caplog: Any, said: list[str]) -> None:
    wire = asyncio.run(played(CONNECT, *said))
    assert wire.lines[0]["connect"]["client"]
    assert wire.closed in {None, 3013, 3501, 1009}
    for line in wire.lines[1:]:
        assert line == {} or "push" in line or "id" in line
        if "error" in line:
            assert line["error"]["code"] != 100, (said, line)
    assert "Traceback" not in caplog.text


@pytest.mark.slow
async def test_a_hundred_hostile_clients_do_not_touch_another_one(caplog: Any) -> None:
    frames: list[tuple[int, bytes]] = [
        (TEXT, b"nonsense"),
        (TEXT, b'{"id":1,"connect":{"token":"' + b"a" * 9000 + b'"}}'),
        (BINARY, b"\x00\x01"),
        (TEXT, b'{"id":1,"connect":{}}\n' * 50),
        (TEXT, b"[" * 60_000),
    ]
    async with (
        serving() as address,
        RawClient.connected(address, "/connection/websocket") as bystander,
    ):
        await bystander.send(TEXT, CONNECT.encode())
        assert b'"connect"' in (await bystander.frame())[1]
        for number in range(100):
            opcode, payload = frames[number % len(frames)]
            async with RawClient.connected(address, "/connection/websocket") as hostile:
                await hostile.send(opcode, payload)
                answered = [await hostile.frame()]
                while answered[-1][0] != CLOSE:
                    answered.append(await hostile.frame())
                assert int.from_bytes(answered[-1][1][:2], "big") in {3500, 3501}
        await bystander.send(TEXT, b'{"id":2,"rpc":{"method":"nothing"}}')
        assert b'"code":104' in (await bystander.frame())[1]
    await node.close()
    assert "Traceback" not in caplog.text


async def test_a_client_that_sends_too_fast_is_told_so_and_then_ended(settings: Any) -> None:
    settings.HUB_SOCKET_RATE = 0.001  # however slowly this runs, it is too fast
    flood = [f'{{"id":{number},"rpc":{{"method":"nothing"}}}}' for number in range(2, 80)]
    wire = await played(CONNECT, "\n".join(flood))
    errors = [line["error"] for line in wire.lines[1:]]
    assert errors[0]["code"] == 104
    assert {(error["code"], error.get("retry_after")) for error in errors[-20:]} == {(111, 1000)}
    assert wire.closed == 3013


@pytest.mark.parametrize(
    "request_", [{"unsubscribe": {"channel": "everyone"}}, {"sub_refresh": {"channel": "everyone", "token": "x"}}]
)
async def test_a_flood_of_what_costs_nothing_ends_the_client_too(request_: dict[str, Any], settings: Any) -> None:
    settings.HUB_SUBSCRIPTIONS_PER_SOCKET = 50
    flood = "\n".join(json.dumps({"id": number, **request_}) for number in range(2, 700))
    wire = await played(CONNECT, flood)
    answered = [line for line in wire.lines[1:] if "id" in line]
    assert wire.closed == 3013
    # As many as a page may need that leaves all its channels, and some more.
    assert 100 <= len(answered) < 300


@pytest.mark.parametrize(("form", "frame"), [("JSON", "{}\n" * 5000), ("PROTOBUF", protobuf.PING * 5000)])
async def test_of_a_frame_no_more_commands_are_read_than_the_client_may_send(
    form: str, frame: str | bytes, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.HUB_SUBSCRIPTIONS_PER_SOCKET = 50
    read: list[object] = []

    def counted(text: str | bytes) -> messages.Command:
        read.append(text)
        return messages.Command()

    monkeypatch.setattr(messages, "command_in", counted)
    monkeypatch.setattr(protobuf, "command_in", counted)
    monkeypatch.setattr(Client, "format", getattr(formats, form))
    wire = await played(frame)
    assert wire.closed == 3013
    assert 100 <= len(read) < 300


@pytest.mark.parametrize("make", [lambda n: {"id": n, "subscribe": {"channel": f"open:{n}"}}])
async def test_a_client_has_a_limited_number_of_subscriptions(
    make: Callable[[int], dict[str, Any]], open_namespace: str, settings: Any
) -> None:
    settings.HUB_SUBSCRIPTIONS_PER_SOCKET = 5
    wire = await played(CONNECT, "\n".join(json.dumps(make(number)) for number in range(2, 9)))
    answers = [line for line in wire.lines[1:] if "id" in line]
    assert [answer.get("error", {}).get("code") for answer in answers] == [None] * 5 + [106] * 2
