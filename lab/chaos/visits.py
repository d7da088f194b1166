"""Short visits on every transport that the hub has: clients that come, take what they are sent, and go."""

import asyncio
import contextlib
import json
import random
import socket
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, Self
from urllib.parse import urlencode

import httpx
import websockets

from lab.chaos.client import http_for_streams
from lab.chaos.parts import Hub
from lab.chaos.people import People

_CONNECT = json.dumps({"id": 1, "connect": {}})

#: What goes wrong for a client whose hub, or whose own stay, has ended.
_ENDS = (websockets.WebSocketException, httpx.HTTPError, OSError, TimeoutError)


class Visitors:
    """Makes visits; ``made`` counts those that were let in, by transport. A context manager."""

    def __init__(self, hub: Hub, people: People, chance: random.Random) -> None:
        self.made = Counter({name: 0 for name, _ in TRANSPORTS})
        self._hub = hub
        self._people = people
        self._chance = chance
        self._http = http_for_streams()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def visit(self, seconds: float) -> None:
        """Come by any transport, as a person or a guest, stay for so long, and leave in order or without a word."""
        name, transport = self._chance.choice(TRANSPORTS)
        headers = {}
        if self._chance.random() < 0.5:
            headers["Authorization"] = f"Bearer {self._chance.choice(self._people.people).token}"
        cut = self._chance.random() < 0.3
        with contextlib.suppress(*_ENDS):
            async with transport(self, self._chance.choice(self._hub.ws_urls), headers, cut) as texts:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(seconds):
                        async for _ in texts:
                            self.made[name] += 1
                            break
                        async for _ in texts:
                            pass

    @contextlib.asynccontextmanager
    async def _simple_endpoint(
        self, base: str, headers: Mapping[str, str], cut: bool
    ) -> AsyncIterator[AsyncIterator[Any]]:
        paths = ["/ws/notifications/?since=now", "/ws/online/", *(f"/ws/chat/{room}/" for room in self._people.rooms)]
        async with _socket(base + self._chance.choice(paths), headers, (), cut) as texts:
            yield texts

    @contextlib.asynccontextmanager
    async def _hub_socket(self, base: str, headers: Mapping[str, str], cut: bool) -> AsyncIterator[AsyncIterator[Any]]:
        # Who is subscribed to this channel is online: presence comes and goes with these, too.
        commands = [_CONNECT, json.dumps({"id": 2, "subscribe": {"channel": "online"}})]
        async with _socket(f"{base}/connection/websocket", headers, commands, cut) as texts:
            yield texts

    @contextlib.asynccontextmanager
    async def _http_stream(
        self, base: str, headers: Mapping[str, str], cut: bool
    ) -> AsyncIterator[AsyncIterator[Any]]:
        async with self._stream("POST", f"{base}/connection/http_stream", headers, cut, content=_CONNECT) as texts:
            yield texts

    @contextlib.asynccontextmanager
    async def _sse(self, base: str, headers: Mapping[str, str], cut: bool) -> AsyncIterator[AsyncIterator[Any]]:
        url = f"{base}/connection/sse?{urlencode({'cf_connect': _CONNECT})}"
        async with self._stream("GET", url, headers, cut) as texts:
            yield texts

    @contextlib.asynccontextmanager
    async def _events(self, base: str, headers: Mapping[str, str], cut: bool) -> AsyncIterator[AsyncIterator[Any]]:
        async with self._stream("GET", f"{base}/events?channel=everyone", headers, cut) as texts:
            yield texts

    @contextlib.asynccontextmanager
    async def _stream(
        self, method: str, url: str, headers: Mapping[str, str], cut: bool, content: str | None = None
    ) -> AsyncIterator[AsyncIterator[Any]]:
        url = url.replace("ws", "http", 1)
        async with self._http.stream(method, url, headers=dict(headers), content=content) as response:
            response.raise_for_status()
            yield response.aiter_lines()
            if cut:
                response.extensions["network_stream"].get_extra_info("socket").shutdown(socket.SHUT_RDWR)


@contextlib.asynccontextmanager
async def _socket(
    url: str, headers: Mapping[str, str], commands: Sequence[str], cut: bool
) -> AsyncIterator[AsyncIterator[Any]]:
    async with websockets.connect(
        url, additional_headers=headers, compression=None, proxy=None, ping_interval=None, close_timeout=2
    ) as connection:
        for command in commands:
            await connection.send(command)
        yield aiter(connection)
        if cut:
            connection.transport.abort()


Transport = Callable[
    [Visitors, str, Mapping[str, str], bool], contextlib.AbstractAsyncContextManager[AsyncIterator[Any]]
]

#: All of them, each as likely as the others.
TRANSPORTS: Sequence[tuple[str, Transport]] = (
    ("simple endpoint", Visitors._simple_endpoint),
    ("client connection", Visitors._hub_socket),
    ("http_stream", Visitors._http_stream),
    ("sse", Visitors._sse),
    ("events", Visitors._events),
)
