"""The crowd's clients behave as real ones do: against servers that say what a test wants them to say."""

import asyncio
import contextlib
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest
from websockets.asyncio.server import ServerConnection, serve

from lab.chaos import client as client_module
from lab.chaos import hub_client
from lab.chaos.client import Client, Place
from lab.chaos.event_client import EventClient
from lab.chaos.hub_client import HubClient
from lab.chaos.ledger import Ledger
from lab.chaos.people import Person
from lab.chaos.plain_client import PlainClient
from lab.harness.environment import SESSION_COOKIE
from lab.harness.waiting import await_for

ADA = Person(7, "ada", "a session", "hub_token")

Script = Callable[[ServerConnection], Awaitable[None]]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(hub_client, "RETRY", (0.0, 0.01))


@pytest.fixture
def ledger() -> Ledger:
    book = Ledger("c0ffee")
    for _ in range(9):
        book.attempt("test")
    return book


@contextlib.asynccontextmanager
async def saying(*scripts: Script) -> AsyncIterator[str]:
    """A WebSocket server whose n-th connection goes by the n-th script, and those after by the last, for ever."""
    number = 0

    async def handle(connection: ServerConnection) -> None:
        nonlocal number
        script, number = scripts[min(number, len(scripts) - 1)], number + 1
        await script(connection)

    async with serve(handle, "127.0.0.1", 0) as server:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@contextlib.asynccontextmanager
async def coming(kind: type[Client], url: str, ledger: Ledger, *more: Any, **place: Any) -> AsyncIterator[Any]:
    client = kind("client", Place(**place), [url], ledger, random.Random(1), *more)
    client.start()
    try:
        yield client
    finally:
        await client.stop()


async def hear(connection: ServerConnection) -> list[Any]:
    """The commands of the next frame."""
    return [json.loads(line) for line in str(await connection.recv()).split("\n")]


async def tell(connection: ServerConnection, *lines: Any) -> None:
    """One frame, a line for each."""
    await connection.send("\n".join(map(json.dumps, lines)))


def published(channel: str, offset: int, number: int) -> dict[str, Any]:
    return {"push": {"channel": channel, "pub": {"data": alert(number), "offset": offset}}}


def alert(number: int) -> dict[str, Any]:
    return {"type": "notifications.notification_created", "message": f"chaos-c0ffee-{number}", "id": 100 + number}


def connected(**subs: Any) -> dict[str, Any]:
    return {"id": 1, "connect": {"client": "x", "version": "hub", "subs": subs, "ping": 25, "pong": True}}


HERE = {"recoverable": True, "positioned": True, "epoch": "e1", "offset": 3}


async def test_hub_client_comes_back_to_every_channel_with_epoch_and_offset(ledger: Ledger) -> None:
    heard: list[Any] = []

    async def first(connection: ServerConnection) -> None:
        heard.extend(await hear(connection))
        await tell(connection, connected(everyone=HERE))
        heard.extend(await hear(connection))
        await tell(connection, {"id": 2, "rpc": {"data": {"id": 4, "channel": "room:4", "may_write": True}}})
        heard.extend(await hear(connection))
        await tell(connection, {"id": 3, "subscribe": {**HERE, "offset": 0}})
        await tell(connection, published("everyone", 4, 1), published("room:4", 1, 2))
        await connection.close(3001)

    async def second(connection: ServerConnection) -> None:
        (connect,) = await hear(connection)
        heard.append(connect)
        missed = [{"data": alert(3), "offset": 5}, {"data": alert(4), "offset": 6}]
        back = {**HERE, "recovered": True, "was_recovering": True, "offset": 4, "publications": missed}
        await tell(connection, {**connected(everyone=back), "id": connect["id"]})
        heard.extend(await hear(connection))
        await connection.wait_closed()

    async with saying(first, second) as url, coming(HubClient, url, ledger, person=ADA, room="lobby", by_token=True):
        await await_for(lambda: len(heard) == 5, that="it is back")
        await await_for(lambda: ledger.shown_by(4) == 1, that="what it missed is shown")
    assert heard[0]["connect"] == {"name": "chaos", "token": "hub_token", "subs": {}}
    assert heard[1]["rpc"] == {"method": "chat.room", "data": {"name": "lobby"}}
    assert heard[2]["subscribe"] == {"channel": "room:4"}
    assert heard[3]["connect"]["subs"] == {"everyone": {"recover": True, "epoch": "e1", "offset": 4}}
    assert heard[4]["subscribe"] == {"channel": "room:4", "recover": True, "epoch": "e1", "offset": 1}


async def test_hub_client_answers_pings_and_drops_what_it_has(ledger: Ledger) -> None:
    answers: list[Any] = []

    async def script(connection: ServerConnection) -> None:
        await hear(connection)
        await tell(connection, connected(everyone=HERE))
        await tell(connection, published("everyone", 4, 1), {}, published("everyone", 4, 1))
        answers.extend(await hear(connection))
        await connection.wait_closed()

    async with saying(script) as url, coming(HubClient, url, ledger) as client:
        await await_for(lambda: answers, that="a pong")
        assert (client.client_state.repeats, client.client_state.disorder, ledger.shown_by(1)) == (1, [], 1)
    assert answers == [{}]


async def test_hub_client_notes_what_was_left_out(ledger: Ledger) -> None:
    async def script(connection: ServerConnection) -> None:
        await hear(connection)
        await tell(connection, connected(everyone=HERE), published("everyone", 5, 1))
        await connection.wait_closed()

    async with saying(script) as url, coming(HubClient, url, ledger) as client:
        await await_for(lambda: client.client_state.disorder, that="a finding")
        assert client.client_state.disorder == ["everyone went from 3 to 5"]


async def test_hub_client_that_is_told_to_reload_goes_on_from_there(ledger: Ledger) -> None:
    async def first(connection: ServerConnection) -> None:
        await hear(connection)
        await tell(connection, connected(everyone=HERE))
        await connection.close(3010)

    async def second(connection: ServerConnection) -> None:
        (connect,) = await hear(connection)
        there = {**HERE, "epoch": "e2", "offset": 8, "was_recovering": True}
        await tell(connection, {**connected(everyone=there), "id": connect["id"]}, published("everyone", 9, 1))
        await connection.wait_closed()

    async with saying(first, second) as url, coming(HubClient, url, ledger) as client:
        await await_for(lambda: ledger.shown_by(1), that="what came after that")
        assert (client.client_state.reloads, client.client_state.disorder) == (1, [])
        assert client.client_state.positions == {"everyone": ("e2", 9)}


async def test_hub_client_sends_a_message_again_under_the_same_key_until_it_is_answered(ledger: Ledger) -> None:
    posts: list[Any] = []

    async def enter(connection: ServerConnection) -> dict[str, Any]:
        """Let it in; returns its first call after that."""
        (connect,) = await hear(connection)
        await tell(connection, {**connected(everyone=HERE), "id": connect["id"]})
        while True:
            for asked in await hear(connection):
                if asked.get("rpc", {}).get("method") == "chat.post":
                    found: dict[str, Any] = asked
                    return found
                found = {"data": {"id": 4, "channel": "room:4", "may_write": True}}
                await tell(connection, {"id": asked["id"], "subscribe": HERE, "rpc": found})

    async def breaks(connection: ServerConnection) -> None:
        posts.append(await enter(connection))
        connection.transport.abort()

    async def fails_once(connection: ServerConnection) -> None:
        for answer in ({"error": {"code": 100, "message": "", "temporary": True}}, {"rpc": {"data": {"id": 1}}}):
            posts.append(await enter(connection) if len(posts) == 1 else (await hear(connection))[0])
            await tell(connection, {"id": posts[-1]["id"], **answer})
        await connection.wait_closed()

    async with (
        saying(breaks, fails_once) as url,
        coming(HubClient, url, ledger, person=ADA, room="lobby") as client,
    ):
        await await_for(lambda: client.can_write, that="it is in its room")
        client.chance = random.Random(2)  # which decides for a call, not for publishing
        await client.say(5)
        await await_for(lambda: ledger.attempts[5].acknowledged_at, that="an acknowledgement")
    data = {"room": 4, "text": "chaos-c0ffee-5", "key": "chaos-c0ffee-5"}
    assert [post["rpc"]["data"] for post in posts] == [data] * 3


@pytest.mark.parametrize(
    ("kind", "code", "comes_back"),
    [
        (HubClient, 3001, True),
        (HubClient, 4008, True),
        (HubClient, 3500, False),
        (HubClient, 1009, False),
        (PlainClient, 1012, True),
        (PlainClient, 4008, True),
        (PlainClient, 4411, False),
    ],
)
async def test_close_code_says_whether_a_client_comes_back(
    ledger: Ledger, kind: type[Client], code: int, comes_back: bool
) -> None:
    visits = 0

    async def script(connection: ServerConnection) -> None:
        nonlocal visits
        visits += 1
        await connection.close(code)

    async with saying(script) as url, coming(kind, url, ledger) as client:
        await await_for(lambda: visits > 1 or client.client_state.refused, that="what it does")
        assert bool(client.client_state.refused) is not comes_back
        assert client.closed[code]


async def test_answer_to_a_call_of_a_hub_client_comes_to_who_called(ledger: Ledger) -> None:
    answers: list[Any] = []

    async def script(connection: ServerConnection) -> None:
        (connect,) = await hear(connection)
        read = {"type": "notifications.alerts_read", "ids": [1], "unread": 1}
        marked = {"push": {"channel": "everyone", "pub": {"data": read, "offset": 5}}}
        await tell(connection, {**connected(everyone=HERE), "id": connect["id"]})
        await tell(connection, published("everyone", 4, 1), marked, published("everyone", 6, 3))
        (asked,) = await hear(connection)
        assert asked["rpc"] == {"method": "alerts.mark_read", "data": {"ids": [101]}}
        await tell(connection, {"id": asked["id"], "rpc": {"data": {"unread": 1}}})
        await connection.wait_closed()

    async with saying(script) as url, coming(HubClient, url, ledger, person=ADA) as client:
        await await_for(lambda: ledger.shown_by(3), that="what came")
        assert client.alerts == [101, 103]  # and not that one was read
        await client.call("alerts.mark_read", {"ids": [101]}, answers.append)
        await await_for(lambda: answers, that="an answer")
    assert answers == [{"data": {"unread": 1}}]


async def test_simple_endpoint_leaves_out_what_is_no_alert_and_that_is_no_disorder(ledger: Ledger) -> None:
    def frame(channel: str, offset: int, number: int) -> dict[str, Any]:
        return {**alert(number), "offset": offset, "cursor": f"{channel}@e1.{offset}"}

    async def script(connection: ServerConnection) -> None:
        await connection.send(
            json.dumps({"type": "resumed", "recovered": False, "cursor": "user:7@e1.3,everyone@e1.3"})
        )
        for one in (frame("user:7", 5, 1), frame("everyone", 5, 2)):
            await connection.send(json.dumps(one))
        await connection.wait_closed()

    async with saying(script) as url, coming(PlainClient, url, ledger, person=ADA) as client:
        await await_for(lambda: ledger.shown_by(2), that="both")
        assert client.client_state.disorder == ["everyone went from 3 to 5"]
        assert client.alerts == [101, 102]


async def test_event_client_comes_back_with_the_last_id_that_it_was_given(ledger: Ledger) -> None:
    begun: list[int] = []
    asked: list[str] = []
    ended: list[int] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        begun.append(1)
        try:
            await answer(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # A client that is cut, or leaves for good, may go at any moment, with what came unread.
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
            ended.append(1)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readuntil(b"\r\n\r\n")).decode())
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")
        recovered = "true" if "last-event-id" in asked[-1].lower() else "null"
        where = f"event: open\nid: everyone@e1.{3 if len(asked) == 1 else 4}\ndata: "
        writer.write(f'{where}{{"recovered":{recovered}}}\n\n:\n\n'.encode())
        item = {"channel": "everyone", "data": alert(len(asked)), "offset": 3 + len(asked)}
        writer.write(f"id: everyone@e1.{item['offset']}\ndata: {json.dumps(item)}\n\n".encode())
        await writer.drain()
        if len(asked) > 1:
            await reader.read()  # until the client goes

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with (
        server,
        httpx.AsyncClient(timeout=httpx.Timeout(5, read=None), trust_env=False) as http,
        coming(EventClient, url, ledger, http, person=ADA) as client,
    ):
        await await_for(lambda: ledger.shown_by(2), that="what comes after it is back")
        assert (client.client_state.disorder, client.client_state.reloads, client.client_state.repeats) == ([], 0, 0)
        assert client.closed == {1000: 1}
        client.cut()
        await await_for(lambda: client.closed[1000] + client.closed[1006] == 2, that="the end of one that was cut")
    await await_for(lambda: len(ended) == len(begun), that="all connections have ended")
    assert asked[0].startswith("GET /events?channel=everyone&channel=user%3A7 ")
    assert "Last-Event-ID: everyone@e1.4" in asked[1]
    assert f"Cookie: {SESSION_COOKIE}=a session" in asked[0]
