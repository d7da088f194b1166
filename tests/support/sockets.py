"""WebSocket clients: ``connect`` for a server that runs, ``open_endpoint`` for the application in this process."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import websockets
from asgiref.testing import ApplicationCommunicator
from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from websockets.asyncio.client import ClientConnection

Frame = dict[str, Any]
#: The Origin that a browser sends from a page of the server itself.
SAME_ORIGIN = "same origin"
#: Seconds to wait for what must come: a machine that is busy with other tests may stand still for some of them.
TIMEOUT = 20.0


class SocketClient:
    """A connection that speaks JSON and never waits without a deadline (seconds)."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def send_json(self, frame: object) -> None:
        await self.connection.send(json.dumps(frame))

    async def send(self, frame: str | bytes) -> None:
        """Send as it is: text or binary, sense or nonsense."""
        await self.connection.send(frame)

    async def receive_json(self, timeout: float = TIMEOUT) -> Frame:
        """The next frame; ``AssertionError`` when none comes or the server closes."""
        try:
            frame: Frame = json.loads(await asyncio.wait_for(self.connection.recv(), timeout))
        except TimeoutError:
            raise AssertionError(f"No frame within {timeout:g} s") from None
        except websockets.ConnectionClosed as closed:
            raise AssertionError(f"No frame: the server closed ({closed})") from closed
        return frame

    async def receive_until(self, wanted: Callable[[Frame], object], timeout: float = TIMEOUT) -> Frame:
        """The first frame that is ``wanted``; those before it are dropped, and named if it does not come."""
        deadline = time.monotonic() + timeout
        dropped: list[Frame] = []
        while True:
            try:
                frame = await self.receive_json(max(deadline - time.monotonic(), 0.001))
            except AssertionError as late:
                raise AssertionError(f"{late}; frames before: {dropped}") from None
            if wanted(frame):
                return frame
            dropped.append(frame)

    async def receive_type(self, kind: str, timeout: float = TIMEOUT) -> Frame:
        """The first frame whose ``type`` is ``kind``."""
        return await self.receive_until(lambda frame: frame.get("type") == kind, timeout)

    async def receive_nothing(self, during: float = 0.3) -> None:
        """Holds when no frame comes for ``during`` seconds."""
        try:
            frame = await asyncio.wait_for(self.connection.recv(), during)
        except TimeoutError:
            return
        raise AssertionError(f"A frame where none was expected: {frame!r}")

    async def close_code(self, timeout: float = TIMEOUT) -> int | None:
        """The code the server closes with; frames before it are dropped."""
        async with asyncio.timeout(timeout):
            with contextlib.suppress(websockets.ConnectionClosedError):  # any code but 1000 and 1001
                async for _ in self.connection:
                    pass
        return self.connection.close_code


@asynccontextmanager
async def connect(
    url: str,
    *,
    cookies: Mapping[str, str] | None = None,
    session: str | None = None,
    token: str | None = None,
    headers: Mapping[str, str] | None = None,
    origin: str | None = SAME_ORIGIN,
    **options: Any,
) -> AsyncIterator[SocketClient]:
    """A socket to a server: ``url`` is ``ws://…``.

    ``session`` is the value of a session cookie, ``token`` goes out as ``Authorization: Bearer``, ``origin=None``
    sends no Origin. Raises ``websockets.InvalidStatus`` when the handshake is refused. ``options`` go to
    ``websockets.connect``.
    """
    sent = dict(headers or {})
    jar = dict(cookies or {})
    if session:
        jar[settings.SESSION_COOKIE_NAME] = session
    if jar:
        sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in jar.items())
    if token:
        sent["Authorization"] = f"Bearer {token}"
    if origin == SAME_ORIGIN:
        parts = urlsplit(url)
        origin = urlunsplit(("https" if parts.scheme == "wss" else "http", parts.netloc, "", "", ""))
    if origin:
        sent["Origin"] = origin
    options = {"proxy": None, "open_timeout": TIMEOUT, "close_timeout": 2, "max_size": None, **options}
    async with websockets.connect(url, additional_headers=sent, **options) as connection:
        yield SocketClient(connection)


def session_cookie(user: AbstractBaseUser) -> str:
    """The value of a session cookie that logs ``user`` in. Sync: async tests call it through ``sync_to_async``."""
    from django.test import Client

    client = Client()
    client.force_login(user)  # type: ignore[arg-type]  # any user model will do
    return client.cookies[settings.SESSION_COOKIE_NAME].value


#: asgiref states no types.
_Communicator: Any = ApplicationCommunicator


class Endpoint:
    """A socket to an ASGI application in this process. Frames are JSON; no wait is without a deadline (seconds)."""

    def __init__(self, application: Any, path: str, headers: Mapping[str, str]) -> None:
        # Channels' own communicator cannot be imported without daphne.
        path, _, query = path.partition("?")
        scope = {
            "type": "websocket",
            "asgi": {"version": "3.0", "spec_version": "2.5"},
            "http_version": "1.1",
            "scheme": "ws",
            "path": path,
            "raw_path": quote(path).encode(),
            "root_path": "",
            "query_string": query.encode(),
            "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
            "subprotocols": [],
            "client": ("127.0.0.1", 50000),
            "server": ("127.0.0.1", 80),
            "state": {},
        }
        self.application = _Communicator(application, scope)

    async def connect(self, timeout: float = TIMEOUT) -> int | None:
        """Shake hands: ``None`` when the application accepts, else the code that it closes with."""
        await self.application.send_input({"type": "websocket.connect"})
        answer = await self.application.receive_output(timeout)
        if answer["type"] == "websocket.accept":
            return None
        assert answer["type"] == "websocket.close", answer
        return int(answer.get("code", 1000))

    async def send(self, frame: str | bytes) -> None:
        """Send as it is: text or binary."""
        kind = "text" if isinstance(frame, str) else "bytes"
        await self.application.send_input({"type": "websocket.receive", kind: frame})

    async def send_json(self, frame: object) -> None:
        await self.send(json.dumps(frame))

    async def receive_json(self, timeout: float = TIMEOUT) -> Frame:
        """The next frame; ``AssertionError`` when none comes or the application closes."""
        try:
            answer = await self.application.receive_output(timeout)
        except TimeoutError:
            raise AssertionError(f"No frame within {timeout:g} s") from None
        assert answer["type"] == "websocket.send", f"No frame, but {answer}"
        frame: Frame = json.loads(answer["text"])
        return frame

    async def receive_nothing(self, during: float = 0.3) -> None:
        """Holds when no frame comes for ``during`` seconds."""
        assert await self.application.receive_nothing(during), "A frame where none was expected"

    async def close_code(self, timeout: float = TIMEOUT) -> int:
        """The code the application closes with; frames before it are dropped."""
        async with asyncio.timeout(timeout):
            while (answer := await self.application.receive_output(timeout))["type"] != "websocket.close":
                pass
        return int(answer.get("code", 1000))

    async def disconnect(self, code: int = 1000, timeout: float = TIMEOUT) -> None:
        """Go, and wait until the application has noticed. Does nothing where it ended by itself."""
        if not self.application.future.done():
            await self.application.send_input({"type": "websocket.disconnect", "code": code})
        await self.application.wait(timeout)


@asynccontextmanager
async def open_endpoint(
    path: str,
    *,
    session: str | None = None,
    headers: Mapping[str, str] | None = None,
    origin: str | None = "http://localhost",
) -> AsyncIterator[Endpoint]:
    """A socket to ``hub.asgi:application`` in this process; ``AssertionError`` when it does not accept.

    The application's lifespan does not run: a test that needs the relay at work starts it.
    """
    from hub.asgi import application

    sent = {"host": "localhost", **(headers or {})}
    if origin:
        sent["origin"] = origin
    if session:
        sent["cookie"] = f"{settings.SESSION_COOKIE_NAME}={session}"
    endpoint = Endpoint(application, path, sent)
    refused = await endpoint.connect()
    assert refused is None, f"{path} refused the connection with {refused}"
    try:
        yield endpoint
    finally:
        await endpoint.disconnect()
