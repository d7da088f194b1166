"""A response that stays open: long replies to a client that does not read."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from hub.transports import http_stream, transport
from hub.transports.http_stream import HttpStream
from hub.transports.transport import LONG
from hub.transports.unread import UnreadAnswers
from lab.harness.waiting import await_for


def lines(texts: Sequence[str]) -> bytes:
    return "".join(f"{text}\n" for text in texts).encode()


class Reader:
    """The client of a response: what it was sent, while it reads."""

    def __init__(self) -> None:
        self.stream = HttpStream(lines, lambda: None)
        self.reads = asyncio.Event()
        self.taken = 0
        self.running = asyncio.create_task(self.stream.run({}, self._send, asyncio.Future, b"application/json"))

    async def begun(self) -> None:
        await await_for(lambda: self.stream._taken is not None, that="the response has begun")

    async def _send(self, event: dict[str, Any]) -> None:
        await self.reads.wait()
        self.taken += len(event.get("body", b""))


async def test_long_reply_waits_until_the_client_has_taken_it() -> None:
    reader = Reader()
    await reader.begun()
    await reader.stream.answer("short", "ada")
    answering = [asyncio.create_task(reader.stream.answer("x" * LONG, "ada"))]
    await asyncio.wait(answering, timeout=0.05)
    assert not answering[0].done()
    reader.reads.set()
    await asyncio.wait_for(answering[0], 20)
    assert reader.taken >= LONG
    reader.stream.end()
    await reader.running


async def test_client_that_never_takes_a_long_reply_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "DRAIN_TIMEOUT", 0.01)
    reader = Reader()
    await reader.begun()
    await asyncio.wait_for(reader.stream.answer("x" * LONG, "ada"), 20)
    assert reader.stream.has_ended
    reader.reads.set()
    await reader.running
    assert reader.taken < LONG


async def test_long_replies_that_nobody_takes_make_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_stream, "answers", UnreadAnswers(room=10 * LONG, room_of_one=3 * LONG))
    streams = [HttpStream(lines, lambda: None) for _ in range(4)]
    for stream in streams:
        await stream.answer("x" * LONG, "ada")  # none of them runs
    assert [stream.has_ended for stream in streams] == [True, True, False, False]
    streams[2].end()
    await streams[0].answer("x" * LONG, "ada")
    last = HttpStream(lines, lambda: None)
    await last.answer("x" * LONG, "ada")
    assert not streams[3].has_ended and not last.has_ended
