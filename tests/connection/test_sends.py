"""What clients send without wanting an answer."""

import json
from typing import Any

import msgspec
import pytest

from hub.concurrency import node
from hub.ops import metrics
from hub.session import client_messages
from hub.session.client_messages import receives
from hub.session.methods import RpcCall, RpcError
from hub.users import display_name
from lab.harness.waiting import await_for
from tests.connection.node import needs_node, node_client
from tests.connection.wire import CONNECT, played, wired
from tests.support.people import User

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.any_database]


class Seen(msgspec.Struct):
    number: int


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Who sent which number as ``tests.seen``, in order; a negative one is refused, and zero breaks it."""
    monkeypatch.setattr(client_messages, "_receivers", dict(client_messages._receivers))
    taken: list[tuple[str, int]] = []

    @receives("tests.seen")
    def take(call: RpcCall, message: Seen) -> None:
        if message.number < 0:
            raise RpcError(1001, "Only positive numbers")
        if not message.number:
            raise ZeroDivisionError
        taken.append((display_name(call.user), message.number))

    @receives("tests.seen_at_once")
    async def take_at_once(call: RpcCall, message: Seen) -> None:
        taken.append((call.client, message.number))

    return taken


def sent(kind: str = "tests.seen", **fields: Any) -> str:
    """The frame of a message."""
    return json.dumps({"send": {"data": {"type": kind, **fields}}})


@pytest.mark.slow
@needs_node
@pytest.mark.parametrize("transport", ["websocket", "http_stream", "sse"])
async def test_what_the_javascript_client_sends_is_taken(
    address: str, seen: list[tuple[str, int]], transport: str
) -> None:
    async with node_client(address, transport) as client:
        await client.wait("connected")
        for number in (1, 2):
            await client.do("send", data={"type": "tests.seen", "number": number})
        await client.do("send", data={"type": "tests.unknown"})
        await client.do("send", data={"type": "tests.seen", "number": "many"})
        await client.do("send", data=["no object"])
        await client.do("send", data={"type": "tests.seen", "number": 3})
        await await_for(lambda: len(seen) == 3, that="the last one is taken")
        assert (await client.do("rpc", method="alerts.list", data={}))["data"]["items"] == []
        assert not client.all("disconnected") and not client.all("error")
    # Over HTTP each is a request of its own, and they may pass each other.
    assert (seen if transport == "websocket" else sorted(seen)) == [("", 1), ("", 2), ("", 3)]


async def test_function_gets_the_caller_and_may_be_async(ada: User, seen: list[tuple[str, int]]) -> None:
    async with wired(ada) as wire:
        await wire.client.receive("\n".join([sent(number=7), sent("tests.seen_at_once", number=8, more="is let go")]))
    await node.close()
    assert seen == [("ada", 7), (wire.client.client, 8)]


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (sent("tests.unknown"), "method_not_found"),
        (sent(number="7"), "bad_request"),
        (sent(), "bad_request"),
        (sent(number=-1), "refused"),
        (sent(number=0), "internal_server_error"),
        ('{"send":{}}', "bad_request"),
        ('{"send":{"data":7}}', "bad_request"),
        ('{"send":{"data":{"type":7}}}', "bad_request"),
        ('{"id":5,"send":{"data":{"type":"tests.unknown"}}}', "method_not_found"),
    ],
)
async def test_what_cannot_be_taken_is_counted_and_never_answered(
    seen: list[tuple[str, int]], frame: str, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    counted = metrics.CLIENT_ERRORS.labels(code)
    before = counted._value.get()
    async with wired() as wire:
        await wire.client.receive(f'{frame}\n{{"id":6,"rpc":{{"method":"alerts.list"}}}}')
    await node.close()
    assert [line["id"] for line in wire.lines] == [1, 6]
    assert wire.closed is None
    assert counted._value.get() == before + 1
    assert not seen
    # A defect of the function is the only one that somebody has to hear of.
    assert ("command_failed" in caplog.text) is (code == "internal_server_error")


async def test_flood_is_let_go_without_an_answer_and_ended(seen: list[tuple[str, int]], settings: Any) -> None:
    settings.HUB_SOCKET_BURST, settings.HUB_SOCKET_RATE = 5.0, 0.001
    wire = await played(CONNECT, "\n".join(sent(number=number) for number in range(1, 60)))
    assert [number for _, number in seen] == [1, 2, 3, 4, 5]
    assert [line["id"] for line in wire.lines] == [1]
    assert wire.closed == 3013


def test_one_type_has_one_function(seen: list[tuple[str, int]]) -> None:
    with pytest.raises(ValueError, match=r"tests\.seen"):

        @receives("tests.seen")
        def another(call: RpcCall, message: Seen) -> None:
            """Never called."""
