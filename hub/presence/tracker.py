"""Presence of this process, and its answers for all processes.

The tracker counts the connections of each person here and tells the backend only of the first and the last one. It
keeps the lease of this process, and calls the hooks of :func:`on_departed` and :func:`on_changed`. The backend is
Redis, or the memory of this process if the channel layer is in memory too. While Redis is away, processes share
presence through the database (``docs/decisions/017-presence-without-redis.md``).
"""

import asyncio
import contextlib
import secrets
from collections.abc import Awaitable, Callable
from concurrent.futures import CancelledError
from typing import TypeVar

from django.db import Error as DatabaseFault

from hub.bus.layer import is_in_memory
from hub.concurrency.background import Background
from hub.concurrency.node import Part
from hub.concurrency.tasks import Tasks
from hub.config import hub_settings
from hub.logs import get_logger
from hub.ops import metrics
from hub.presence.contract import BackendUnavailable, Departed, PresenceBackend, SharedBackend
from hub.presence.database_backend import DatabaseBackend
from hub.presence.memory_backend import MemoryBackend, MemoryStore
from hub.presence.records import LocalRecords
from hub.presence.redis_backend import RedisBackend

T = TypeVar("T")

log = get_logger(__name__)

#: Called with a channel and the people of a dead process there, in the process that removed them.
TellDeparted = Callable[[str, list[str]], Awaitable[None]]

#: ``enter`` or ``leave`` of a backend.
Change = Callable[[str, str], Awaitable[bool]]

#: Seconds between two attempts to get a lease from a backend that is away.
RETRY = 1.0

#: Seconds between two checks whether the backend is still there.
WATCH = 1.0

#: Seconds that the heartbeat waits for those who are told of a dead process: what an app does then may take for ever.
LATE = 2.0

#: Seconds that a page waits for a count.
COUNT_TIMEOUT = 0.5

#: How often a question is put to a backend, which may go away and come back meanwhile.
ATTEMPTS = 3


class PresenceTracker:
    """Tracks the people of this process and answers for all. Lives on one event loop; see :func:`current`."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        #: The name of this process in all backends: another one after each start.
        self.process = secrets.token_hex(6)
        #: Other processes that had a lease a moment ago.
        self.others: set[str] = set()
        self._records = LocalRecords()
        self._shared: SharedBackend
        if is_in_memory():
            self._shared = MemoryBackend(self.process, self._records, MemoryStore())
        else:
            self._shared = RedisBackend(self.process, self._records, self._use_database)
        self._database = DatabaseBackend(self.process, self._records, _tell_changed)
        self._works = True
        self._is_closing = False
        self._tried = asyncio.Event()
        self._telling = Tasks()
        self._heartbeats = Background("presence", self._heartbeat, event="presence_beat_failed", retry=lambda _: RETRY)
        self._heartbeats.wake()

    @property
    def is_apart(self) -> bool:
        """Whether Redis is away or does not know everybody again yet; each process then informs its own sockets."""
        return self._database.active

    async def enter(self, channel: str, person: str) -> bool:
        """A connection of ``person`` joined ``channel``; returns whether it is their first one there."""
        record, entering = (channel, person), self._records.entering
        # Counted before anything is awaited: whoever is cancelled from here on has entered, and leaves.
        is_first_here = self._records.add(channel, person)
        if not is_first_here and record not in entering:
            return False
        entering.add(record)
        try:
            await self._tried.wait()
            # Also where another connection of theirs is telling it just now: a count that is asked for after this
            # must have them, and the other one may be cancelled.
            is_only = await self._shared.enter(channel, person)
        except BackendUnavailable as error:
            self._lost(error)
            is_only = True
        finally:
            entering.discard(record)
        if not is_first_here:
            return False
        return await self._is_only(self._database.enter, channel, person) if self.is_apart else is_only

    def connections(self, channel: str, person: str) -> int:
        """How many connections of ``person`` are at ``channel`` in this process."""
        return self._records.at(channel).get(person, 0)

    async def leave(self, channel: str, person: str) -> bool:
        """A connection of ``person`` left ``channel``; returns whether it was their last one there."""
        if not self._records.remove(channel, person):
            return False
        await self._tried.wait()
        try:
            is_only = await self._shared.leave(channel, person)
        except BackendUnavailable as error:
            self._lost(error)
            is_only = True
        return await self._is_only(self._database.leave, channel, person) if self.is_apart else is_only

    async def count(self, channel: str) -> int:
        """How many people are at ``channel``."""
        return await self._answer(lambda backend: backend.count(channel))

    async def people(self, channel: str) -> list[str]:
        """The people at ``channel``, in no order. While Redis is away, without the guests of other processes."""
        return await self._answer(lambda backend: backend.people(channel))

    async def take_turn(self, name: str, seconds: float) -> bool:
        """Whether this process, of all, may do ``name`` now; then nobody may for ``seconds``.

        Always, while :attr:`is_apart`.
        """
        if not self.is_apart:
            try:
                return await self._shared.take_turn(name, seconds)
            except BackendUnavailable as error:
                self._lost(error)
        return True

    async def renew(self) -> None:
        """Keep the lease of this process, see which others have one, and remove the records of those that died.

        Raises ``BackendUnavailable``. The tracker does this by itself, about once a second.
        """
        others = await self._shared.renew()
        # Those that a Redis which was emptied does not know yet are there all the same.
        self.others = {*others, *(self.others if self.is_apart else ())}
        if self._tried.is_set():
            self._database.returned({process for process, is_whole in others.items() if is_whole})
        elif self._shared.can_fail:
            self._database.begin(returned=True)  # others may be doing without Redis just now
        # Leases also expire while Redis is stopped: who is alive shall have renewed theirs first. That may begin while
        # the people of one process are told as departed.
        async with contextlib.aclosing(self._shared.remove_expired()) as expired:
            while not self.is_apart and (departed := await anext(expired, None)) is not None:
                await self._telling.run([_tell_departed(departed)], LATE)

    async def close(self) -> None:
        """Stop renewing the lease.

        Users stay listed until it expires: they are about to come back elsewhere. Guests come back as somebody else,
        so they are taken off the lists.
        """
        await asyncio.gather(self._heartbeats.close(hub_settings().redis_timeout), self._telling.close())
        self._is_closing = True
        self._tried.set()  # nobody tries any more
        await self._shared.close()
        await self._database.close()

    async def _is_only(self, change: Change, channel: str, person: str) -> bool:
        """Whether no other process has the record: as the database says, or Redis if it knows everybody by then.

        Redis is asked without a change: it has the records of this process as they are now.
        """
        if await self._goes_by_database():
            return await change(channel, person)
        return not await self._answer(lambda backend: backend.is_elsewhere(channel, person))

    async def _answer(self, question: Callable[[PresenceBackend], Awaitable[T]]) -> T:
        for _ in range(ATTEMPTS):
            if await self._goes_by_database():
                break
            try:
                return await question(self._shared)
            except BackendUnavailable as error:
                self._lost(error)
        return await question(self._database)

    async def _goes_by_database(self) -> bool:
        """Whether the database says who is there, once it can."""
        await self._tried.wait()
        if self.is_apart:
            await self._database.known()
        return self.is_apart

    def _lost(self, error: BackendUnavailable) -> None:
        if self._is_closing:
            return
        if self._works:
            log.warning("presence_not_shared", error=str(error))
            self._heartbeats.wake()  # to see at once whether it is back
        self._works = False
        self._use_database()

    def _use_database(self) -> None:
        self._database.begin(self.others)

    async def _heartbeat(self) -> float:
        try:
            await self.renew()
        except BackendUnavailable as error:
            self._lost(error)
            return RETRY
        finally:
            self._tried.set()
        self._works = True
        return min(WATCH, hub_settings().lease_beat)


#: The presence of the running event loop's process.
current = Part(PresenceTracker)


def count_if_known(channel: str) -> int | None:
    """:meth:`PresenceTracker.count`, for a page that is made in a thread; blocks for half a second at most.

    None where this process has no event loop with a tracker, as under WSGI, or does not answer in time.
    """
    tracker = current.made
    if tracker is None or not tracker.loop.is_running():
        return None
    asked = asyncio.run_coroutine_threadsafe(tracker.count(channel), tracker.loop)
    try:
        return asked.result(COUNT_TIMEOUT)
    except (TimeoutError, CancelledError, BackendUnavailable, DatabaseFault):
        asked.cancel()
        return None


_departed: dict[str, list[TellDeparted]] = {}
_changed: list[Callable[[], None]] = []


def on_departed(namespace: str, tell: TellDeparted) -> None:
    """Call ``tell(channel, people)`` when a process has died: once, in the process that removed its people."""
    tellers = _departed.setdefault(namespace, [])
    if tell not in tellers:
        tellers.append(tell)


def on_changed(tell: Callable[[], None]) -> None:
    """Call ``tell()`` when presence in another process has changed while Redis is away."""
    if tell not in _changed:
        _changed.append(tell)


async def _tell_departed(departed: Departed) -> None:
    for channel, people in departed.items():
        for tell in _departed.get(channel.partition(":")[0], ()):
            try:
                await tell(channel, people)
            except Exception:
                # They are off the list already; the other channels must hear of theirs.
                metrics.FAILURES.labels("departure_not_told").inc()
                log.exception("departure_not_told", channel=channel)


def _tell_changed() -> None:
    for tell in _changed:
        tell()
