"""Presence through the database while Redis is away: each web process keeps a row that lists its people.

A process writes its row when somebody joins or leaves, at most once a second, and reads the rows of the others once a
second. A row that is not renewed expires by the database's clock. Database presence begins when the process loses
Redis, and ends for all at about the same moment: a process whose people are in Redis again says so in its row, and
uses the database until all others have said so too. Until then a count from Redis would be too small.
"""

import asyncio
import contextlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec
from django.db import Error as DatabaseFault

from hub.concurrency.background import Background
from hub.config import hub_settings
from hub.database.threads import in_database_thread
from hub.logs import get_logger
from hub.ops import metrics
from hub.presence import process_rows
from hub.presence.contract import BackendUnavailable
from hub.presence.process_rows import Row
from hub.presence.records import LocalRecords

log = get_logger(__name__)

#: Seconds between two reads of the other rows, and the shortest time between two writes of the own row.
TURN = 1.0

#: Seconds for which answers wait for the rows of processes that were alive a moment ago.
GRACE = 8.0

#: Seconds that the last write of a process that ends may take.
CLOSE_TIMEOUT = 2.0


@dataclass(frozen=True, slots=True)
class _Other:
    """Another process, as its row has it."""

    revision: int
    returned: bool
    nameless: Mapping[str, int]
    named: Mapping[str, frozenset[str]]
    #: When it was read, on this process's clock.
    read_at: float = field(compare=False)


class DatabaseBackend:
    """The records of all processes, shared through the database; see :class:`hub.presence.contract.PresenceBackend`.

    It works by itself between :meth:`begin` and the moment when all processes have returned to Redis.

    Args:
        process: the name of this process.
        records: its records.
        tell: called when something has changed elsewhere.
    """

    def __init__(self, process: str, records: LocalRecords, tell: Callable[[], None]) -> None:
        self.loop = asyncio.get_running_loop()
        #: Whether questions are to be answered from here.
        self.active = False
        self._process = process
        self._records = records
        self._tell = tell
        self._others: dict[str, _Other] = {}
        #: Since when there is no row any more of some of them.
        self._gone_at: dict[str, float] = {}
        self._expected: set[str] = set()
        #: Whose rows there were in the end, and when that was: Redis may go again before they are seen there.
        self._recent: set[str] = set()
        self._ended_at = 0.0
        self._known = asyncio.Event()
        self._deadline = 0.0
        #: Redis has the people of this process again.
        self._returned = False
        self._revision = 0
        #: Whether the row may have to be written.
        self._is_changed = False
        self._written: tuple[str, bool] | None = None
        self._write_at = self._read_at = self._renew_at = 0.0
        self._failing = False
        #: Whether the own row is to be deleted.
        self._is_to_forget = False
        self._closed = False
        self._exchanges = Background(
            "database_presence",
            self._step,
            event="database_presence_unavailable",
            expected=(BackendUnavailable,),
            retry=lambda _: TURN,
        )

    # --- changes ---------------------------------------------------------------------------------------------------

    def begin(self, expected: Collection[str] = (), *, returned: bool = False) -> None:
        """Answer from the database from now on.

        Args:
            expected: the other processes that were alive a moment ago.
            returned: Redis is there, but others may be doing without it; else it is away.
        """
        had_returned, self._returned = self._returned, returned
        if self._closed:
            return
        if self.active:
            if had_returned and not returned:
                # Others may have gone on with Redis by now, and have to write their rows again.
                self._expect({*self._expected, *expected})
            return
        self.active = True
        metrics.PRESENCE_IN_DATABASE.set(1)
        self._failing = False
        recent = self._recent if self.loop.time() - self._ended_at < GRACE else set()
        self._expect({*expected, *recent})
        self._write_at = 0.0

    def returned(self, present: Collection[str]) -> None:
        """Redis has the people of this process again, and those of the other processes ``present``."""
        if not self.active:
            return
        self._expected -= set(present)
        if not self._returned:
            self._returned = self._is_changed = True
            # Whether others still do without Redis has to be seen first; if none does, Redis gives the answers.
            self._expect(self._expected)

    def _expect(self, processes: Collection[str]) -> None:
        self._expected = set(processes)
        self._known.clear()
        self._deadline = self.loop.time() + GRACE
        self._read_at = 0.0
        self._exchanges.wake()

    async def close(self) -> None:
        """Stop. Named people stay listed until the row expires: they are about to come back; the others are gone."""
        self._closed = True
        await self._exchanges.close()
        if self._written is not None:
            with contextlib.suppress(TimeoutError, DatabaseFault):
                async with asyncio.timeout(CLOSE_TIMEOUT):
                    await self._write(process_rows.encode(self._records.by_channel, guests=False))
            self._written = None  # the row stays
        self._end()

    # --- answers ----------------------------------------------------------------------------------------------------

    async def enter(self, channel: str, person: str) -> bool:
        """Write the row soon. Returns whether no other process has the record, as far as the rows tell."""
        self._change()
        return not await self.is_elsewhere(channel, person)

    async def leave(self, channel: str, person: str) -> bool:
        """Write the row soon. Returns whether no other process has the record, as far as the rows tell."""
        self._change()
        return not await self.is_elsewhere(channel, person)

    def _change(self) -> None:
        if not self._is_changed and self.active:
            self._is_changed = True
            self._exchanges.wake()

    async def is_elsewhere(self, channel: str, person: str) -> bool:
        """Whether the row of another process has the record."""
        await self.known()
        return any(person in other.named.get(channel, ()) for other in self._others.values())

    async def count(self, channel: str) -> int:
        """How many people are at ``channel``."""
        await self.known()
        here, elsewhere = self._records.at(channel), self._elsewhere(channel)
        both = sum(person in here for person in elsewhere)
        nameless = sum(other.nameless.get(channel, 0) for other in self._others.values())
        return len(here) + len(elsewhere) - both + nameless

    async def people(self, channel: str) -> list[str]:
        """The people at ``channel``, without the guests of other processes, which have no names there."""
        await self.known()
        return list(self._elsewhere(channel) | self._records.at(channel).keys())

    async def known(self) -> None:
        """Wait until the rows of all processes that are thought to be alive were read, about ``GRACE`` at most."""
        if not self.active or self._known.is_set():
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(2 * GRACE):
                await self._known.wait()

    def _elsewhere(self, channel: str) -> frozenset[str]:
        return frozenset[str]().union(*(other.named.get(channel, ()) for other in self._others.values()))

    # --- the work ---------------------------------------------------------------------------------------------------

    async def _step(self) -> float | None:
        if not self.active:
            if self._is_to_forget:
                self._is_to_forget = False  # tried once: the row will expire
                await in_database_thread(process_rows.forget, self._process)
            return None
        try:
            await self.renew()
        except Exception:
            self._failing = True
            self._end_if_all_returned()
            raise
        self._failing = False
        self._end_if_all_returned()
        return self._pause()

    def _pause(self) -> float:
        """The seconds until there is something to write, to read or, after the end, to delete."""
        if not self.active:
            return 0.0
        due = min(self._read_at, self._write_at) if self._is_changed else self._read_at
        return max(due - self.loop.time(), 0.01)

    async def renew(self) -> Mapping[str, bool]:
        """Write what is due, read what is due: one statement each. Returns the other processes that have rows."""
        try:
            await self._exchange()
        except DatabaseFault as error:
            raise BackendUnavailable(type(error).__name__) from error
        return dict.fromkeys(self._others, True)

    async def _exchange(self) -> None:
        now = self.loop.time()
        if now >= self._write_at:
            self._is_changed = False
            # One whose people Redis has writes only for others that still need it, which it must see first.
            if not self._returned or self._written is not None or self._others:
                text = process_rows.encode(self._records.by_channel)
                if self._written != (text, self._returned) or now >= self._renew_at:
                    await self._write(text)
        if now >= self._read_at:
            self._read_at = now + TURN
            known = {process: other.revision for process, other in self._others.items()}
            self._take(await in_database_thread(process_rows.read, self._process, known))

    async def _write(self, text: str) -> None:
        now = self.loop.time()
        self._write_at, self._renew_at = now + TURN, now + hub_settings().lease_beat
        self._revision += 1
        returned = self._returned
        await in_database_thread(process_rows.store, self._process, text, revision=self._revision, returned=returned)
        self._written = (text, returned)

    def _take(self, rows: Sequence[Row]) -> None:
        others: dict[str, _Other] = {}
        for row in rows:
            if row.people is not None:
                others[row.process] = _decoded(row, row.people, self.loop.time())
            elif row.process in self._others:
                others[row.process] = self._others[row.process]
        # Once seen is enough: a row that goes is of a process that has returned, or is dead.
        self._expected -= others.keys()
        self._gone_at = {process: at for process, at in self._gone_at.items() if process not in others}
        others |= {process: other for process, other in self._others.items() if self._may_return(process, others)}
        if others != self._others:
            self._others = others
            self.loop.call_soon(self._tell)

    def _may_return(self, process: str, others: Collection[str]) -> bool:
        """Whether ``process`` went on with a Redis that is away again by now: it writes its row again in a moment."""
        if process in others or self._returned:
            return False
        now = self.loop.time()
        if process not in self._gone_at and now - self._others[process].read_at > hub_settings().lease_seconds / 2:
            return False  # it has not renewed its row for too long: it has expired
        return now - self._gone_at.setdefault(process, now) < GRACE

    def _end_if_all_returned(self) -> None:
        """Answer once all expected rows were read; end once all processes have returned to Redis."""
        has_read = bool(self._read_at) and not self._failing
        if (self._expected or not has_read) and self.loop.time() < self._deadline:
            return
        self._known.set()
        if self._returned and all(other.returned for other in self._others.values()):
            self._end()

    def _end(self) -> None:
        if not self.active:
            return
        self.active = False
        metrics.PRESENCE_IN_DATABASE.set(0)
        self._known.set()
        self._recent, self._ended_at = set(self._others), self.loop.time()
        self._others, self._gone_at = {}, {}
        self._is_to_forget = self._returned and self._written is not None
        self._written = None
        self.loop.call_soon(self._tell)


def _decoded(row: Row, text: str, read_at: float) -> _Other:
    try:
        people = process_rows.decode(text)
    except msgspec.DecodeError:  # of another version of the hub
        log.exception("database_presence_failed")
        people = {}
    return _Other(
        row.revision,
        row.returned,
        {channel: nameless for channel, (nameless, _) in people.items() if nameless},
        {channel: frozenset(named) for channel, (_, named) in people.items() if named},
        read_at,
    )
