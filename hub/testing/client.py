"""A client of the hub in the process of a test: it subscribes, receives, publishes and calls methods."""

import asyncio
import contextlib
from collections import deque
from types import TracebackType
from typing import Any, NoReturn

import msgspec
from django.contrib.auth.models import AnonymousUser
from django.db import connections
from django.utils.translation import get_language

from hub.access import credentials, revalidation
from hub.access.authentication import Authenticated
from hub.access.credentials import Invalid
from hub.access.reasons import End
from hub.concurrency import node
from hub.database import in_database_thread, threads
from hub.database.transactions import is_in_test_case
from hub.endpoints.centrifuge.client import Client
from hub.fanout.frames import FrameBatch
from hub.limits.connections import Counted
from hub.testing.commits import PendingCommit, number_what_is_stored
from hub.testing.in_process import in_process
from hub.testing.mistakes import (
    Misused,
    reading_the_database,
    refuse_memory_shared_by_threads,
    refuse_unsaved,
)
from hub.testing.publications import Published
from hub.users import User, Visitor, user_id, written_key

#: Seconds between two looks for what code that runs at the same time leaves for the commit of a ``TestCase``.
PAUSE = 0.02


class CommandRefused(Exception):
    """The hub has refused a command of a client.

    Attributes:
        code: of docs/client-connection.md, such as 103 where permission is denied.
        sentence: what the client is told.
    """

    def __init__(self, command: str, code: int, sentence: str) -> None:
        super().__init__(f"{command}: {sentence} ({code})")
        self.code = code
        self.sentence = sentence


class ConnectionEnded(AssertionError):
    """The hub has closed the connection of a client, which the test did not expect.

    Attributes:
        code: the close code.
        reason: its name.
    """

    def __init__(self, code: int, reason: str) -> None:
        guests = " Guests are not let in (HUB_GUESTS)." if code == End.NO_GUESTS.client else ""
        super().__init__(f"The hub closed the connection: {reason} ({code}).{guests}")
        self.code = code
        self.reason = reason


class HubClient:
    """One connected client, made by :func:`connected`. Each wait has a deadline, in seconds."""

    def __init__(self) -> None:
        #: What the hub sent unasked and is no publication: joins, leaves, subscriptions that it began or ended.
        self.pushes: list[dict[str, Any]] = []
        #: Code and reason with which the hub has closed the connection; None while it is open.
        self.closed: tuple[int, str] | None = None
        #: Channels that the hub has subscribed the client to by itself, such as ``user:7``.
        self.server_side: list[str] = []
        self._arrived: deque[Published] = deque()
        self._changed = asyncio.Event()
        self._replies: dict[int, dict[str, Any]] = {}
        self._commands = 0
        self._pending: PendingCommit | None = None
        self._client: Client
        self._counted: Counted

    # --- what a client does ----------------------------------------------------------------------------------------

    async def subscribe(self, channel: str) -> None:
        """Receive the publications of ``channel`` from now on. Raises :class:`CommandRefused`."""
        await self.ask("subscribe", channel=channel)

    async def unsubscribe(self, channel: str) -> None:
        """Receive no more of ``channel``."""
        await self.ask("unsubscribe", channel=channel)

    async def publish(self, channel: str, data: Any) -> None:
        """Publish to ``channel``, as a client may where its namespace allows it. Raises :class:`CommandRefused`."""
        await self.ask("publish", channel=channel, data=data)

    async def call(self, method: str, data: Any = None) -> Any:
        """Call a method that an app has registered (``@rpc``); returns its answer. Raises :class:`CommandRefused`."""
        return (await self.ask("rpc", method=method, data=data)).get("data")

    async def send(self, data: Any) -> None:
        """Send a message without an answer."""
        await self._said({"send": {"data": data}})

    async def ask(self, command: str, **fields: Any) -> dict[str, Any]:
        """Give any command of docs/client-connection.md, such as ``ask("history", channel="room:7", limit=10)``.

        Returns its result.

        Raises:
            CommandRefused: the hub refuses it.
            ConnectionEnded: the hub closes the connection instead of an answer.
        """
        self._commands += 1
        number = self._commands
        await self._said({"id": number, command: fields})
        reply = self._replies.pop(number, None)
        if reply is None:
            self._raise_closed()
        if error := reply.get("error"):
            raise CommandRefused(command, error["code"], error["message"])
        result: dict[str, Any] = reply.get(command, {})
        return result

    # --- what a client gets ----------------------------------------------------------------------------------------

    async def receive(
        self, channel: str | None = None, *, of_type: str | None = None, timeout: float = 5.0
    ) -> Published:
        """The next publication, or the next of ``channel`` or whose data has this ``type``; the others stay.

        Raises:
            AssertionError: none came in time; the text has what else came.
            ConnectionEnded: the hub has closed the connection.
        """
        try:
            async with asyncio.timeout(timeout):
                while True:
                    await self._commit()
                    for one in self._arrived:
                        if channel in (None, one.channel) and of_type in (None, _type_of(one)):
                            self._arrived.remove(one)
                            return one
                    if self.closed is not None:
                        self._raise_closed()
                    await self._wait()
        except TimeoutError:
            raise AssertionError(self._nothing_came(channel, of_type, timeout)) from None

    async def receive_nothing(
        self, channel: str | None = None, *, of_type: str | None = None, during: float = 0.1
    ) -> None:
        """Hold when none of what :meth:`receive` would return comes within ``during`` seconds."""
        try:
            one = await self.receive(channel, of_type=of_type, timeout=during)
        except ConnectionEnded:
            raise
        except AssertionError:
            return
        raise AssertionError(f"A publication where none was expected: {one}")

    async def wait_closed(self, *, timeout: float = 5.0) -> int:
        """The code with which the hub closes the connection; ``AssertionError`` where it does not in time."""
        try:
            async with asyncio.timeout(timeout):
                while self.closed is None:
                    await self._commit()
                    await self._wait()
        except TimeoutError:
            raise AssertionError(f"The hub did not close the connection within {timeout:g} s.") from None
        return self.closed[0]

    # --- hub.transports.transport.Transport ------------------------------------------------------------------------

    emulated = False
    raw = None

    def write(self, block: FrameBatch) -> None:
        """As a transport: take frames from the hub."""
        for line in "\n".join(block.texts).split("\n"):
            self._take(msgspec.json.decode(line))
        self._changed.set()

    async def answer(self, text: str, who: object) -> None:
        """As a transport: take a reply."""
        self.write(FrameBatch([text]))

    def close(self, code: int, reason: str) -> None:
        """As a transport: the hub closes the connection."""
        self.closed = (code, reason)
        self._changed.set()

    # --- inside ----------------------------------------------------------------------------------------------------

    async def open(self, user: User | None) -> None:
        """Connect; for :func:`connected`."""
        who: Visitor | None = user or AnonymousUser()
        credential = credentials.of_user(user_id(user)) if user is not None else ""
        if credential:
            found = await credentials.whose(credential)
            who = None if isinstance(found, Invalid) else found
        if await in_database_thread(_begin):
            self._pending = await in_database_thread(PendingCommit)
        revalidation.current()
        self._counted = Counted(None, written_key(user) if user is not None else None)
        self._client = Client(self, Authenticated(who, credential, "", get_language() or "en"), self._counted)
        self.server_side = list((await self.ask("connect")).get("subs", {}))

    async def leave(self) -> None:
        """Disconnect; for :func:`connected`."""
        if hasattr(self, "_client"):
            self._counted.leave()
            await self._client.leave()

    async def _said(self, command: dict[str, Any]) -> None:
        await self._commit()
        await self._client.receive(msgspec.json.encode(command).decode())

    def _take(self, line: dict[str, Any]) -> None:
        match line:
            case {"id": number}:
                self._replies[number] = line
            case {"push": {"channel": channel, "pub": publication}}:
                self._arrived.append(_received(channel, publication))
            case {"push": push}:
                self.pushes.append(push)
            case _:
                self._client.ponged = True  # a ping, which a client answers

    async def _commit(self) -> None:
        if self._pending is not None:
            await in_database_thread(self._pending.run)

    async def _wait(self) -> None:
        self._changed.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PAUSE if self._pending is not None else None):
                await self._changed.wait()

    def _raise_closed(self) -> NoReturn:
        raise ConnectionEnded(*(self.closed or (0, "without an answer")))

    def _nothing_came(self, channel: str | None, of_type: str | None, timeout: float) -> str:
        what = " ".join(["No publication", *(part for part in (of_type, channel and f"of {channel}") if part)])
        others = "".join(f"\n  {one}" for one in self._arrived)
        subscribed = ", ".join(sorted(self._client.subscriptions)) or "no channel"
        return (
            f"{what} within {timeout:g} s. The client is subscribed to {subscribed}."
            f"{f' What came instead:{others}' if others else ''}"
        )


class connected:  # noqa: N801  # it is called like a function
    """A client of the hub, connected as ``user`` (as a guest without one), in the process of an async test.

        async with connected(ada) as client:
            await client.subscribe("room:7")
            await anotify(to=ada, message="hello")
            assert (await client.receive("user:7")).data["message"] == "hello"

    It is what a browser's page has: the hub subscribes it to the channels of its user, permissions are asked and rate
    limits hold. No server runs, and nothing leaves the process. In an async test of a ``TestCase`` what waits for the
    commit runs whenever the client waits.

    Raises:
        Misused: the user is not stored; the test has no database, or one that cannot be shared by threads.
        hub.database.threads.InTestCase: the event loop runs in the thread of a transaction, as with pytest-asyncio and
            ``django_db`` without ``transaction=True``.
        ConnectionEnded: the hub does not let this user in, such as one who is not active.
    """

    def __init__(self, user: User | None = None) -> None:
        refuse_unsaved(user)
        self._user = user
        self._made: HubClient | None = None

    async def __aenter__(self) -> HubClient:
        in_process.enter()
        self._made = HubClient()
        _open_clients.append(self._made)
        try:
            await in_database_thread(_refuse_what_cannot_work)
            await self._made.open(self._user)
        except BaseException:
            await self._end(self._made)
            raise
        return self._made

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._made is not None:
            await self._end(self._made)

    def __enter__(self) -> NoReturn:
        raise Misused("connected() needs an event loop: write `async with connected(…)` in an `async def test_…`.")

    def __exit__(self, *error: object) -> None:
        """For the sentence of :meth:`__enter__`."""

    async def _end(self, client: HubClient) -> None:
        try:
            await client.leave()
        finally:
            _open_clients.remove(client)
            if not _open_clients:
                # Nothing of it may hold the database that the next test finds empty.
                await node.close()
                threads.close_all()
            await asyncio.to_thread(in_process.leave)


_open_clients: list[HubClient] = []


def _begin() -> bool:
    """Whether the test is one of a ``TestCase``; what its set-up has published is history then."""
    if not any(is_in_test_case(connections[alias]) for alias in connections):
        return False
    number_what_is_stored()
    return True


def _refuse_what_cannot_work() -> None:
    with reading_the_database("connected()"):
        connections["default"].ensure_connection()
    if not any(is_in_test_case(connections[alias]) for alias in connections):
        refuse_memory_shared_by_threads()


def _type_of(one: Published) -> Any:
    return one.data.get("type") if isinstance(one.data, dict) else None


def _received(channel: str, publication: dict[str, Any]) -> Published:
    return Published(
        channel=channel,
        data=publication.get("data"),
        offset=publication.get("offset", 0),
        info=publication.get("info"),
        tags=publication.get("tags", {}),
    )
