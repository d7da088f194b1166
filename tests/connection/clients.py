"""Clients of the client connection for tests: the protocol's own Python library, with what it hears kept in queues."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from centrifuge import (
    Client,
    ClientEventHandler,
    ConnectedContext,
    DisconnectedContext,
    ErrorContext,
    JoinContext,
    LeaveContext,
    PublicationContext,
    ServerPublicationContext,
    ServerSubscribedContext,
    ServerUnsubscribedContext,
    SubscribedContext,
    SubscribingContext,
    Subscription,
    SubscriptionErrorContext,
    SubscriptionEventHandler,
    UnsubscribedContext,
)


class Inbox:
    """What a client was told, in order, as pairs of kind and content."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, Any]] = []
        self._queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._news = asyncio.Event()

    def add(self, kind: str, what: Any) -> None:
        self.heard.append((kind, what))
        self._news.set()

    def all(self, kind: str) -> list[Any]:
        return [what for heard, what in self.heard if heard == kind]

    async def wait(self, kind: str, number: int = 1, timeout: float = 20.0) -> Any:
        """The ``number``-th of a kind."""
        async with asyncio.timeout(timeout):
            while len(found := self.all(kind)) < number:
                self._news.clear()
                await self._news.wait()
        return found[number - 1]


class _Events(ClientEventHandler):
    def __init__(self, inbox: Inbox) -> None:
        self.inbox = inbox

    async def on_connected(self, ctx: ConnectedContext) -> None:
        self.inbox.add("connected", ctx)

    async def on_disconnected(self, ctx: DisconnectedContext) -> None:
        self.inbox.add("disconnected", ctx)

    async def on_connecting(self, ctx: Any) -> None:
        self.inbox.add("connecting", ctx)

    async def on_error(self, ctx: ErrorContext) -> None:
        self.inbox.add("error", ctx)

    async def on_subscribed(self, ctx: ServerSubscribedContext) -> None:
        self.inbox.add("subscribed", ctx)

    async def on_unsubscribed(self, ctx: ServerUnsubscribedContext) -> None:
        self.inbox.add("unsubscribed", ctx)

    async def on_publication(self, ctx: ServerPublicationContext) -> None:
        self.inbox.add("publication", ctx)


class _SubscriptionEvents(SubscriptionEventHandler):
    def __init__(self, inbox: Inbox) -> None:
        self.inbox = inbox

    async def on_subscribed(self, ctx: SubscribedContext) -> None:
        self.inbox.add("subscribed", ctx)

    async def on_subscribing(self, ctx: SubscribingContext) -> None:
        self.inbox.add("subscribing", ctx)

    async def on_unsubscribed(self, ctx: UnsubscribedContext) -> None:
        self.inbox.add("unsubscribed", ctx)

    async def on_publication(self, ctx: PublicationContext) -> None:
        self.inbox.add("publication", ctx)

    async def on_join(self, ctx: JoinContext) -> None:
        self.inbox.add("join", ctx)

    async def on_leave(self, ctx: LeaveContext) -> None:
        self.inbox.add("leave", ctx)

    async def on_error(self, ctx: SubscriptionErrorContext) -> None:
        self.inbox.add("error", ctx)


class Connected:
    """A client of ``centrifuge-python``; ``inbox`` has what the hub subscribed it to."""

    def __init__(self, address: str, **options: Any) -> None:
        self.inbox = Inbox()
        options = {"min_reconnect_delay": 0.05, "max_reconnect_delay": 0.2, **options}
        self.client = Client(f"ws://{address}/connection/websocket", events=_Events(self.inbox), **options)

    async def subscribe(self, channel: str, **options: Any) -> tuple[Subscription, Inbox]:
        """Subscribe, and return when the hub has answered either way."""
        inbox = Inbox()
        subscription = self.client.new_subscription(
            channel, events=_SubscriptionEvents(inbox), min_resubscribe_delay=0.05, **options
        )
        await subscription.subscribe()
        async with asyncio.timeout(20):
            while not inbox.all("subscribed") and not inbox.all("unsubscribed") and not inbox.all("error"):
                await asyncio.sleep(0.01)
        return subscription, inbox

    async def disconnect(self) -> None:
        """Disconnect, and wait for the end of the connection, which the library leaves to itself."""
        await self.client.disconnect()
        await asyncio.gather(*self.client._background_tasks, return_exceptions=True)


@contextlib.asynccontextmanager
async def connected(address: str, **options: Any) -> AsyncIterator[Connected]:
    """A client that has connected."""
    client = Connected(address, **options)
    await client.client.connect()
    try:
        await client.inbox.wait("connected")
        yield client
    finally:
        await client.disconnect()
