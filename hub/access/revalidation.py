"""Revalidates the permissions of open connections: at once on a control message, and periodically for all.

A control message (:mod:`hub.access.control`) says whose permissions may have changed, not what they are: the database
is asked. Changes without a message, such as a session that expires or a row that was edited by hand, are found by the
periodic revalidation. It visits every connection within ``HUB_RECHECK_INTERVAL``, in small chunks. Both also refresh
the aliases of channels (:mod:`hub.channels.aliases`).
"""

import asyncio
from collections.abc import Collection, Iterable, Sequence

import msgspec
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ValidationError

from hub.access import control, credentials
from hub.access.control import Revalidate
from hub.access.registry import OpenSocket
from hub.access.registry import current as registry
from hub.concurrency.background import Background
from hub.concurrency.faults import described
from hub.concurrency.node import Part
from hub.concurrency.tasks import Tasks, failure_of
from hub.config import hub_settings
from hub.fanout import relay
from hub.fanout.inbox import Inbox
from hub.logs import get_logger
from hub.ops import metrics
from hub.users import key_of_text

log = get_logger(__name__)

#: Connections that are revalidated together: one query for each kind of credential, without blocking the event loop.
CHUNK = 100

#: A message without user and channel is about every connection.
EVERYBODY = Revalidate()

#: Seconds for which a message is remembered: a client may be connecting with data that was read before it.
REMEMBERED = 60.0

#: Seconds before revalidation is retried after the database did not answer.
RETRY = 2.0

#: Seconds that the check of one connection may hold up those of others: a rule of an app may take for ever.
LATE = 2.0


class Revalidation:
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
        #: Checks of connections, and the rules that they ask.
        self.checks = Tasks()
        #: Connections whose check goes on, and nobody waits for it.
        self._late: set[OpenSocket] = set()
        #: What the round that is under way has still to visit, and the seconds between two chunks of it.
        self._round: list[Sequence[OpenSocket]] = []
        self._pace = 0.0
        self._inbox = Inbox(control.CHANNEL, self._handle, self._missed, event="control_not_subscribed")
        self._revalidating = Background("revalidation", self._revalidate_changed, event="revalidation_failed")
        self._visiting = Background("periodic revalidation", self._revalidate_next, event="revalidation_failed")
        self._visiting.wake()

    def register(self, socket: OpenSocket) -> None:
        """Add a connection to the registry; revalidate it if permissions changed while it was connecting."""
        registry().add(socket)
        if self._changed:
            change = Revalidate(user="" if socket.user.pk is None else str(socket.user.pk))
            if change in self._changed:
                self._schedule(change)
        for change in self._changed_channels:
            if socket.receives(change.channel):
                self._schedule(change)

    def retry(self, socket: OpenSocket) -> None:
        """Revalidate a connection again, soon: what was asked about it has answered late."""
        self._failed.add(socket)
        self._revalidating.wake()

    async def close(self) -> None:
        """Handle no messages and revalidate nothing any more."""
        parts = (self._inbox, self._revalidating, self._visiting, self.checks)
        await asyncio.gather(*(part.close() for part in parts))

    # --- control messages -------------------------------------------------------------------------------------------

    def _handle(self, text: str) -> None:
        try:
            message = control.read(text)
        except msgspec.MsgspecError:
            log.warning("unknown_control_message")
            return
        if isinstance(message, Revalidate):
            self._changed[message] = self.loop.time()
            if message.channel:
                self._changed_channels.append(message)
            self._schedule(message)
        else:
            for socket in registry().addressed(message.user, message.client):
                socket.handle(message)

    def _missed(self) -> None:
        """Messages were missed: revalidate every connection."""
        self._schedule(EVERYBODY)

    # --- revalidating -----------------------------------------------------------------------------------------------

    def _schedule(self, change: Revalidate) -> None:
        self._waiting.add(change)
        self._revalidating.wake()

    async def _revalidate_changed(self) -> float | None:
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
            self._failed |= await self.revalidate(chunk)
        # They are retried alone and later, so that others do not wait for them.
        return RETRY if self._failed else None

    async def _revalidate_next(self) -> float:
        """Revalidate the next chunk of the round; a round visits all connections."""
        if not self._round:
            self._round = list(_chunks(list(registry())))
            self._pace = hub_settings().recheck_interval / max(1, len(self._round))
            await _refresh_aliases(None)
        if self._round:
            chunk = self._round.pop(0)
            await self.revalidate(socket for socket in chunk if socket in registry())
        return self._pace

    async def revalidate(self, sockets: Iterable[OpenSocket]) -> set[OpenSocket]:
        """Revalidate ``sockets`` against the database; returns those for which that failed, or takes too long.

        One of them affects no other: those that answer are done after :data:`LATE` seconds at most. The check of one
        that does not goes on by itself, and until it ends only its session or token is looked at again.
        """
        wanted = list(dict.fromkeys(sockets))
        late = self._late.intersection(wanted)
        checks = await self.checks.run((_revalidate_one(socket, socket in late) for socket in wanted), LATE)
        failed: dict[OpenSocket, BaseException] = {}
        for socket, check in zip(wanted, checks, strict=True):
            if not check.done():
                failed[socket] = TimeoutError()
                if socket not in late:
                    self._let_go(socket, check)
            elif (error := failure_of(check)) is not None:
                failed[socket] = error
        if failed:
            log.warning("revalidation_failed", sockets=len(failed), **described(next(iter(failed.values()))))
        return late | failed.keys()

    def _let_go(self, socket: OpenSocket, check: asyncio.Task[None]) -> None:
        def ended(check: asyncio.Task[None]) -> None:
            self._late.discard(socket)
            if not check.cancelled():
                check.exception()  # looked at: the next check says what is wrong

        self._late.add(socket)
        check.add_done_callback(ended)


async def _refresh_aliases(channels: Collection[str] | None) -> None:
    """:meth:`hub.fanout.relay.Relay.refresh_aliases`; if the database fails, the next revalidation tries again."""
    try:
        await relay.current().refresh_aliases(channels)
    except Exception as error:  # noqa: BLE001  # whatever it was, the tasks of revalidation go on
        metrics.FAILURES.labels("aliases_not_refreshed").inc()
        log.warning("aliases_not_refreshed", error=type(error).__name__)


def _concerned(change: Revalidate) -> Iterable[OpenSocket]:
    if change == EVERYBODY:
        return registry()
    if change.channel:
        return [socket for socket in registry() if socket.receives(change.channel)]
    try:
        return registry().of_user(key_of_text(change.user))
    except ValidationError:
        log.warning("unknown_control_message")
        return ()


async def _revalidate_one(socket: OpenSocket, only_credential: bool) -> None:
    # The connections of a chunk ask at the same time, so that one query looks up all.
    whose = await credentials.still_whose(socket.credential) if socket.credential else AnonymousUser()
    if isinstance(whose, credentials.Invalid):
        await socket.revalidate(None)
    elif not only_credential:
        await socket.revalidate(whose)


def _chunks(sockets: Sequence[OpenSocket]) -> Iterable[Sequence[OpenSocket]]:
    return (sockets[start : start + CHUNK] for start in range(0, len(sockets), CHUNK))


#: The one of the running event loop.
current = Part(Revalidation, uses=[relay.current, registry], at_start=True)
