"""Bad input over real sockets: an error for the sender, silence for everybody else, no traceback in any log."""

import json
from collections.abc import Iterator
from contextlib import AsyncExitStack, suppress

import pytest
import websockets

from lab.harness.environment import SESSION_COOKIE
from tests.live.parts import tracebacks
from tests.support.live import LiveHub
from tests.support.sockets import SocketClient, connect

NOTIFY = "from notifications import notify; notify(to='everyone', message=message)"


@pytest.fixture(autouse=True)
def no_traceback(hub: LiveHub) -> Iterator[None]:
    before = tracebacks(hub)
    yield
    assert tracebacks(hub) == before


MESSAGE_FAULTS: list[tuple[str | bytes, str]] = [
    ("", "invalid_json"),
    ("not JSON", "invalid_json"),
    ('{"message": "half', "invalid_json"),
    ("{'message': 'x'}", "invalid_json"),
    ('{"message": NaN}', "invalid_json"),
    ('{"message": 1e999}', "invalid_json"),
    ('{"message": "a\\u0000b"}', "message_not_text"),
    ("\ufeff{}", "invalid_json"),
    ("[" * 30_000, "invalid_json"),
    ('{"a":' * 10_000, "invalid_json"),
    ('{"message":' + "[" * 30_000 + "]" * 30_000 + "}", "invalid_json"),
    ("null", "not_an_object"),
    ('"text"', "not_an_object"),
    ("7", "not_an_object"),
    ('["message"]', "not_an_object"),
    ("{}", "message_required"),
    ('{"Message": "x"}', "message_required"),
    ('{"message": null}', "message_required"),
    ('{"message": ""}', "message_required"),
    ('{"message": " \\n\\t\\u2003"}', "message_required"),
    ('{"message": 7}', "message_not_text"),
    ('{"message": true}', "message_not_text"),
    ('{"message": ["x"]}', "message_not_text"),
    ('{"message": {"message": "x"}}', "message_not_text"),
    (json.dumps({"message": "x" * 4001}), "message_too_long"),
    (json.dumps({"message": "ж" * 4001}), "message_too_long"),
    (b"", "binary_not_supported"),
    (b'{"message": "x"}', "binary_not_supported"),
    (b"\xff\xfe\x00", "binary_not_supported"),
]


async def test_a_bad_message_gets_its_error_and_the_socket_lives_on(
    hub: LiveHub, webs: list[str], room: str, unique: str
) -> None:
    session = hub.create_user(f"boss-{unique}", staff=True)
    for path, kind in ((f"/ws/chat/{room}/", "message"), ("/ws/notifications/", "notification")):
        async with (
            connect(webs[0] + path, session=session) as sender,
            connect(webs[0] + path) as same,
            connect(webs[1] + path) as other,
        ):
            for frame, code in MESSAGE_FAULTS:
                await sender.send(frame)
                error = await sender.receive_type("error")
                assert (set(error), error["code"]) == ({"type", "message", "code"}, code), frame[:60]
                assert error["message"]
            await sender.send_json({"message": unique, "extra": 1})
            for client in (sender, same, other):
                received = await client.receive_until(
                    lambda frame: frame["type"] == "error" or (frame.get("username") != "System")
                )
                assert (received["type"], received["message"]) == (kind, unique)


async def test_exactly_four_thousand_characters_are_a_message(hub: LiveHub, webs: list[str], room: str) -> None:
    session = hub.create_user(f"ann-{room}")
    async with connect(f"{webs[0]}/ws/chat/{room}/", session=session) as ann:
        await ann.send_json({"message": "🎉" * 4000})
        frame = await ann.receive_until(lambda frame: frame.get("id"))
        assert frame["message"] == "🎉" * 4000


@pytest.mark.parametrize("frame", ["x" * (64 * 1024 + 1), b"x" * (64 * 1024 + 1), "x" * 3_000_000])
async def test_a_frame_over_64_KiB_closes_its_socket_and_no_other(  # noqa: N802  # the unit's own spelling
    hub: LiveHub, webs: list[str], room: str, frame: str | bytes
) -> None:
    async with connect(f"{webs[0]}/ws/chat/{room}/") as guest, connect(f"{webs[0]}/ws/chat/{room}/") as other:
        with suppress(websockets.ConnectionClosed):  # perhaps while most of the frame has yet to be sent
            await guest.send(frame)
        assert await guest.close_code() in ({1009} if len(frame) < 100_000 else {1009, 1006})
        await other.send("x")
        await other.receive_type("error")


async def test_a_frame_of_exactly_64_KiB_is_read(hub: LiveHub, webs: list[str], room: str) -> None:  # noqa: N802  # a unit
    async with connect(f"{webs[0]}/ws/chat/{room}/") as guest:
        await guest.send(json.dumps({"message": "x"}).ljust(64 * 1024))
        assert (await guest.receive_type("error"))["code"] == "login_required"


async def test_fragments_that_add_up_to_more_than_64_KiB_close_the_socket(  # noqa: N802  # a unit
    hub: LiveHub, webs: list[str], room: str
) -> None:
    async with connect(f"{webs[0]}/ws/chat/{room}/") as guest:
        with suppress(websockets.ConnectionClosed):
            await guest.connection.send(["x" * 30_000 for _ in range(4)])
        # What the client sends after the close may reset the connection before the code is read.
        assert await guest.close_code() in {1009, 1006}


async def test_text_that_is_not_utf_8_closes_its_socket_and_no_other(hub: LiveHub, webs: list[str], room: str) -> None:
    async with connect(f"{webs[0]}/ws/chat/{room}/") as guest, connect(f"{webs[0]}/ws/chat/{room}/") as other:
        await guest.connection.send(b'{"message": "\xff"}', text=True)
        assert await guest.close_code() == 1007
        await other.send("x")
        await other.receive_type("error")


@pytest.mark.whole_table
@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/ws/",
        "/ws/notifications//",
        "/ws/nothing/",
        "/ws/chat/",
        "/ws/chat/{room}//",
        "/ws/chat/{room}/x/",
        "/ws/chat/unknown-{room}/",
        "/ws/chat/..%2F{room}/",
        "/ws/chat/{room}%2F/",
        "/ws/chat/%00/",
        "/ws/chat/{room}%00/",
        "/ws/chat/%FF%FE/",
        "/ws/chat/%ED%A0%80/",
        "/ws/chat/%/",
        "/ws/chat/" + "x" * 5000 + "/",
        "/ws/chat/" + "%F0%9F%8E%89" * 64 + "/",
        "/admin/",
        "/health/ready",
    ],
)
async def test_an_unknown_url_or_room_is_closed_with_not_found(
    hub: LiveHub, webs: list[str], room: str, path: str
) -> None:
    async with connect(webs[0] + path.replace("{room}", room)) as client:
        assert await client.close_code() == 4404


@pytest.mark.whole_table
@pytest.mark.parametrize(
    "since",
    [
        "x",
        "everyone",
        "everyone@",
        "everyone@.",
        "everyone@zz.1",
        "everyone@.-1",
        "everyone@." + "9" * 40,
        "everyone@00000000.999999999999999999",
        "%00",
        "%FF",
        "%ED%A0%80",
        "," * 100,
        "everyone@.1," * 63 + "everyone@.1",
        "room:1@.1",
        "a" * 6000,
        "9" * 19,
        "²",
    ],
)
async def test_any_position_is_answered_with_a_resumed_frame_first(
    hub: LiveHub, webs: list[str], unique: str, since: str
) -> None:
    async with connect(f"{webs[0]}/ws/notifications/?since={since}") as client:
        frame = await client.receive_json()
        assert (frame["type"], frame["recovered"]) == ("resumed", False)
        hub.shell(NOTIFY, message=unique)
        await client.receive_until(lambda frame: frame.get("message") == unique)


async def test_strange_headers_leave_the_client_a_guest(hub: LiveHub, webs: list[str], room: str) -> None:
    for headers in (
        {"Cookie": f'{SESSION_COOKIE}="\\000\\000\\000\\000\\000\\000\\000\\000"'},
        {"Cookie": f"{SESSION_COOKIE}=" + "x" * 4000},
        {"Cookie": f";;;=;=\xff;{SESSION_COOKIE}"},
        {"Accept-Language": "x" * 4000},
        {"Accept-Language": "\xff;q=nan,ru;q=1e999"},
    ):
        async with connect(f"{webs[0]}/ws/chat/{room}/", headers=headers) as guest:
            await guest.send_json({"message": "x"})
            assert (await guest.receive_json())["code"] == "login_required", headers


async def test_a_strange_cookie_of_another_application_does_not_hide_the_session(
    hub: LiveHub, webs: list[str], room: str
) -> None:
    session = hub.create_user(f"ann-{room}")
    headers = {"Cookie": f'prefs={{"a":"b c"}}; {SESSION_COOKIE}={session}'}
    async with connect(f"{webs[0]}/ws/chat/{room}/", headers=headers) as ann:
        await ann.send_json({"message": "x"})
        assert (await ann.receive_until(lambda frame: "id" in frame or frame["type"] == "error"))["message"] == "x"


async def test_clients_that_vanish_without_a_word_leave_no_traceback(hub: LiveHub, webs: list[str], room: str) -> None:
    async with AsyncExitStack() as stack:
        clients: list[SocketClient] = []
        for path in ("/ws/notifications/", "/ws/online/", f"/ws/chat/{room}/"):
            clients += [await stack.enter_async_context(connect(webs[0] + path)) for _ in range(5)]
        for client in clients:
            client.connection.transport.abort()
    for _ in range(3):
        hub.shell(NOTIFY, message="into the void")
    async with connect(f"{webs[0]}/ws/chat/{room}/") as guest:
        await guest.send("x")
        await guest.receive_type("error")
