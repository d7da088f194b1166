"""Revalidates the permissions of open connections: at once on a control message, and periodically for all.

A control message (:mod:`hub.access.control`) says whose permissions may have changed, not what they are: the database
is asked. Changes without a message, such as a session that expires or a row that was edited by hand, are found by the
periodic revalidation. It visits every connection within ``HUB_RECHECK_INTERVAL``, in small chunks. Both also refresh
the aliases of channels (:mod:`hub.channels.aliases`).
"""

import asyncio
from collections.abc import Collection, Iterable, Sequence

import msgspec
import structlog
from django.contrib.auth.models import AnonymousUser
from django.db import Error as DatabaseFault

from hub.access import control, credentials
from hub.access.control import Revalidate
from hub.access.registry import OpenSocket
from hub.access.registry import current as registry
from hub.concurrency.cancellation import is_wanted
from hub.concurrency.faults import described
from hub.concurrency.per_loop import PerLoop
from hub.config import hub_settings
from hub.fanout import relay
from hub.fanout.frames import FrameBatch
from hub.fanout.local_channel import ProcessSubscriber
from hub.streams import Envelope

log = structlog.get_logger(__name__)

#: Connections that are revalidated together: one query for each kind of credential, without blocking the event loop.
CHUNK = 100

#: A message without user and channel is about every connection.
EVERYBODY = Revalidate()

#: Seconds for which a message is remembered: a client may be connecting with data that was read before it.
REMEMBERED = 60.0

#: Seconds before revalidation is retried after the database did not answer.
RETRY = 2.0


class Revalidation(ProcessSubscriber):
    """Handles control messages and revalidates connections. One for each event loop: :func:`current`."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        #: Recent messages, by the time of their arrival.
        self._changed: dict[Revalidate, float] = {}
        #: Those that name a channel: each is compared with the channels of a new connection.
        self._changed_channels: list[Revalidate] = []
        self._waiting: set[Revalidate] = set()
        #: Connections whose revalidation failed, to be retried.
        self._failed: set[OpenSocket] = set()
        self._work = asyncio.Event()
        self._tasks = [
            self.loop.create_task(run())
            for run in (self._subscribe, self._revalidate_changed, self._revalidate_periodically)
        ]

    def register(self, socket: OpenSocket) -> None:
        """Add a connection to the registry; revalidate it if permissions changed while it was connecting."""
        registry().add(socket)
        if (change := Revalidate(user=socket.user.pk or 0)) in self._changed:
            self._schedule(change)
        for change in self._changed_channels:
            if socket.receives(change.channel):
                self._schedule(change)

    async def close(self) -> None:
        """Stop all tasks."""
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks, timeout=hub_settings().redis_timeout)

    # --- control messages: hub.fanout.local_channel.Subscriber -------------------------------------------------------

    async def _subscribe(self) -> None:
        while is_wanted():
            try:
                subscription = await relay.current().subscribe(control.CHANNEL, self, _text)
            except DatabaseFault as error:
                log.warning("control_not_subscribed", error=type(error).__name__)
                await asyncio.sleep(RETRY)
            else:
                subscription.release()
                return

    def write(self, block: FrameBatch) -> None:
        """Handle control messages from the relay."""
        for text in block.texts:
            try:
                message = control.read(text)
            except msgspec.MsgspecError:
                log.warning("unknown_control_message")
                continue
            if isinstance(message, Revalidate):
                self._changed[message] = self.loop.time()
                if message.channel:
                    self._changed_channels.append(message)
                self._schedule(message)
            else:
                for socket in registry().addressed(message.user, message.client):
                    socket.handle(message)

    def restart(self) -> None:
        """Messages were missed: revalidate every connection."""
        self._schedule(EVERYBODY)

    # --- revalidating -----------------------------------------------------------------------------------------------

    def _schedule(self, change: Revalidate) -> None:
        self._waiting.add(change)
        self._work.set()

    async def _revalidate_changed(self) -> None:
        while is_wanted():
            await self._work.wait()
            self._work.clear()
            too_old = self.loop.time() - REMEMBERED
            self._changed = {change: at for change, at in self._changed.items() if at > too_old}
            self._changed_channels = [change for change in self._changed if change.channel]
            changes, self._waiting = self._waiting, set()
            failed, self._failed = self._failed, set()
            channels = {change.channel for change in changes if change.channel}
            await _refresh_aliases(None if EVERYBODY in changes else channels)
            concerned = (socket for change in changes for socket in _concerned(change))
            again = (socket for socket in failed if socket in registry())
            sockets = list(dict.fromkeys((*concerned, *again)))
            for chunk in _chunks(sockets):
                self._failed |= await revalidate(chunk)
            if self._failed:
                # Retried alone and later, so that others do not wait for them.
                self.loop.call_later(RETRY, self._work.set)

    async def _revalidate_periodically(self) -> None:
        while is_wanted():
            chunks = list(_chunks(list(registry())))
            await _refresh_aliases(None)
            for chunk in chunks:
                await revalidate(socket for socket in chunk if socket in registry())
                await asyncio.sleep(hub_settings().recheck_interval / len(chunks))
            if not chunks:
                await asyncio.sleep(hub_settings().recheck_interval)


async def _refresh_aliases(channels: Collection[str] | None) -> None:
    """:meth:`hub.fanout.relay.Relay.refresh_aliases`; if the database fails, the next revalidation tries again."""
    try:
        await relay.current().refresh_aliases(channels)
    except Exception as error:  # noqa: BLE001  # whatever it was, the tasks of revalidation go on
        log.warning("aliases_not_refreshed", error=type(error).__name__)


def _concerned(change: Revalidate) -> Iterable[OpenSocket]:
    if change == EVERYBODY:
        return registry()
    if change.channel:
        return [socket for socket in registry() if socket.receives(change.channel)]
    return registry().of_user(change.user)


async def revalidate(sockets: Iterable[OpenSocket]) -> set[OpenSocket]:
    """Revalidate ``sockets`` against the database; returns those for which that failed.

    A failure of one does not affect the others.
    """
    sockets = list(sockets)
    results = await asyncio.gather(*map(_revalidate_one, sockets), return_exceptions=True)
    failed = {socket: error for socket, error in zip(sockets, results, strict=True) if isinstance(error, Exception)}
    if failed:
        log.warning("revalidation_failed", sockets=len(failed), **described(next(iter(failed.values()))))
    return set(failed)


async def _revalidate_one(socket: OpenSocket) -> None:
    # The connections of a chunk ask at the same time, so that one query looks up all.
    whose = await credentials.whose(socket.credential) if socket.credential else AnonymousUser()
    await socket.revalidate(None if isinstance(whose, credentials.Invalid) else whose)


def _chunks(sockets: Sequence[OpenSocket]) -> Iterable[Sequence[OpenSocket]]:
    return (sockets[start : start + CHUNK] for start in range(0, len(sockets), CHUNK))


def _text(item: Envelope) -> str:
    return item.data


#: The one of the running event loop.
current = PerLoop(Revalidation)
