"""Presence through the database while Redis is away: each web process keeps a row that lists its people.

A process writes its row when somebody joins or leaves, at most once a second, and reads the rows of the others once a
second. A row that is not renewed expires by the database's clock. Database presence begins when the process loses
Redis, and ends for all at about the same moment: a process whose people are in Redis again says so in its row, and
uses the database until all others have said so too. Until then a count from Redis would be too small.
"""

import asyncio
import contextlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import msgspec
import structlog
from django.db import Error as DatabaseFault
from django.db.models import Case, F, Q, TextField, Value, When
from django.db.models.functions import Now

from hub import models
from hub.concurrency.cancellation import is_wanted
from hub.config import hub_settings
from hub.database.threads import in_database_thread
from hub.ops import metrics

log = structlog.get_logger(__name__)

#: The prefix of a guest's name. A guest is at one process only, so rows hold only the number of guests.
GUEST = "g"

#: Seconds between two reads of the other rows, and the shortest time between two writes of the own row.
TURN = 1.0

#: Seconds for which answers wait for the rows of processes that were alive a moment ago.
GRACE = 8.0

#: Seconds that the last write of a process that ends may take.
CLOSE_TIMEOUT = 2.0

#: Places that a row names, at most; further people are counted as guests are, so that no row grows beyond bounds.
NAMED = 20_000

#: Who is at which channel here, with the number of sockets of each.
Here = Mapping[str, Mapping[str, int]]

#: What a row holds: channel -> how many people without names, and those with.
_People = dict[str, tuple[int, list[str]]]
_decoder = msgspec.json.Decoder(_People)


@dataclass(frozen=True, slots=True)
class _Other:
    """Another process, as its row has it."""

    revision: int
    returned: bool
    nameless: dict[str, int]
    named: dict[str, frozenset[str]]
    #: When it was read, on this process's clock.
    read_at: float = field(compare=False)


#: A row as it is read; its people only where they have changed.
_Row = tuple[str, int, bool, str | None]


class DatabasePresence:
    """The people of all processes, shared through the database. Lives on one event loop.

    Args:
        process: the name of this one.
        here: its people; read whenever they are needed.
        tell: called when something has changed elsewhere.
    """

    def __init__(self, process: str, here: Here, tell: Callable[[], None]) -> None:
        self.loop = asyncio.get_running_loop()
        #: Whether questions are to be answered from here.
        self.active = False
        self._process = process
        self._here = here
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
        self._wake = asyncio.Event()
        self._revision = 0
        self._written: tuple[str, bool] | None = None
        self._write_at = self._read_at = self._renew_at = 0.0
        self._failing = False
        self._closed = False
        self._task: asyncio.Task[None] | None = None

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
        self._task = self.loop.create_task(self._work(self._task))

    def returned(self, present: Collection[str]) -> None:
        """Redis has the people of this process again, and those of the other processes ``present``."""
        if not self.active:
            return
        self._expected -= set(present)
        if not self._returned:
            self._returned = True
            # Whether others still do without Redis has to be seen first; if none does, Redis gives the answers.
            self._expect(self._expected)
            self._wake.set()

    def _expect(self, processes: Collection[str]) -> None:
        self._expected = set(processes)
        self._known.clear()
        self._deadline = self.loop.time() + GRACE
        self._read_at = 0.0

    def changed(self) -> None:
        """Somebody joined or left in this process."""
        if self.active:
            self._wake.set()

    async def close(self) -> None:
        """Stop. Named people stay listed until the row expires: they are about to come back; the others are gone."""
        self._closed = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task], timeout=CLOSE_TIMEOUT)
        if self.active and self._written is not None:
            with contextlib.suppress(TimeoutError, DatabaseFault):
                async with asyncio.timeout(CLOSE_TIMEOUT):
                    await self._write(_encode(self._here, guests=False))
            self._written = None  # the row stays
        self._end()

    # --- answers ----------------------------------------------------------------------------------------------------

    async def known(self) -> None:
        """Wait until the rows of all processes that are thought to be alive were read, about ``GRACE`` at most."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(2 * GRACE):
                await self._known.wait()

    def count(self, channel: str) -> int:
        """How many people are at ``channel``."""
        here, elsewhere = self._here.get(channel, {}), self._elsewhere(channel)
        both = sum(person in here for person in elsewhere)
        nameless = sum(other.nameless.get(channel, 0) for other in self._others.values())
        return len(here) + len(elsewhere) - both + nameless

    def people(self, channel: str) -> list[str]:
        """The people at ``channel``, without the guests of other processes, which have no names there."""
        return list(self._elsewhere(channel) | self._here.get(channel, {}).keys())

    def is_elsewhere(self, channel: str, person: str) -> bool:
        """Whether another process has this person at ``channel``."""
        return any(person in other.named.get(channel, ()) for other in self._others.values())

    def _elsewhere(self, channel: str) -> frozenset[str]:
        return frozenset[str]().union(*(other.named.get(channel, ()) for other in self._others.values()))

    # --- the work ---------------------------------------------------------------------------------------------------

    async def _work(self, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await asyncio.wait([before])  # it may be deleting the row
        while is_wanted() and self.active:
            self._wake.clear()
            try:
                await self._exchange()
                self._failing = False
            except Exception as error:
                if not isinstance(error, DatabaseFault):
                    log.exception("database_presence_failed")
                elif not self._failing:
                    log.warning("database_presence_unavailable", error=type(error).__name__)
                self._failing = True
                self._read_at = self.loop.time() + TURN
            self._end_if_all_returned()
            await self._pause()

    async def _pause(self) -> None:
        """Sleep until there is something to write or to read."""
        if not self.active:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(max(self._read_at, self.loop.time() + 0.01)):
                await self._wake.wait()
                await asyncio.sleep(self._write_at - self.loop.time())

    async def _exchange(self) -> None:
        """Write what is due, read what is due: one statement each."""
        now = self.loop.time()
        # One whose people Redis has writes only for the sake of others that still need it, which it must see first.
        is_needed = not self._returned or self._written is not None or bool(self._others)
        if is_needed and now >= self._write_at:
            text = _encode(self._here)
            if self._written != (text, self._returned) or now >= self._renew_at:
                await self._write(text)
        if now >= self._read_at:
            self._read_at = now + TURN
            known = {process: other.revision for process, other in self._others.items()}
            self._take(await in_database_thread(_read, self._process, known))

    async def _write(self, text: str) -> None:
        now = self.loop.time()
        self._write_at, self._renew_at = now + TURN, now + hub_settings().lease_beat
        self._revision += 1
        returned = self._returned
        row = models.ProcessPresence(
            process=self._process, people=text, revision=self._revision, returned=returned, expires_at=_expiry()
        )
        await in_database_thread(_store, row)
        self._written = (text, returned)

    def _take(self, rows: list[_Row]) -> None:
        others: dict[str, _Other] = {}
        for process, revision, returned, people in rows:
            if people is not None:
                others[process] = _decoded(revision, returned, people, self.loop.time())
            elif process in self._others:
                others[process] = self._others[process]
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
        written, self._written = self._written, None
        if written is not None and self._returned:
            self._task = self.loop.create_task(self._forget())
        self.loop.call_soon(self._tell)

    async def _forget(self) -> None:
        try:
            await in_database_thread(forget, self._process)
        except DatabaseFault as error:
            log.warning("database_presence_unavailable", error=type(error).__name__)  # it will expire


def forget(process: str = "") -> int:
    """Delete the row of ``process``, and those that have expired; returns how many. Raises ``django.db.Error``."""
    old = Q(process=process) | ~_is_valid()
    return models.ProcessPresence.objects.filter(old).delete()[0]


def _expiry() -> Any:
    return Now() + timedelta(seconds=hub_settings().lease_seconds)


def _is_valid() -> Q:
    """Rows that have not expired. One that lasts too long was written by a clock that has been set back since."""
    return Q(expires_at__range=(Now(), Now() + 2 * timedelta(seconds=hub_settings().lease_seconds)))


def _store(row: models.ProcessPresence) -> None:
    models.ProcessPresence.objects.bulk_create(
        [row],
        update_conflicts=True,
        unique_fields=["process"],
        update_fields=["people", "revision", "returned", "expires_at"],
    )


def _read(process: str, known: Mapping[str, int]) -> list[_Row]:
    """The rows of the other processes that have not expired, without the people of those that are ``known``."""
    same = [When(process=other, revision=revision, then=Value(None)) for other, revision in known.items()]
    people = Case(*same, default=F("people"), output_field=TextField(null=True)) if same else F("people")
    rows = models.ProcessPresence.objects.filter(_is_valid()).exclude(process=process)
    return list(rows.annotate(news=people).values_list("process", "revision", "returned", "news"))


def _encode(here: Here, *, guests: bool = True) -> str:
    people: _People = {}
    room = NAMED
    for channel, persons in here.items():
        named = sorted(person for person in persons if not person.startswith(GUEST))
        nameless = len(persons) - len(named) if guests else 0
        people[channel] = (nameless + max(len(named) - room, 0), named[:room])
        room = max(room - len(named), 0)
    return msgspec.json.encode(people).decode()


def _decoded(revision: int, returned: bool, text: str, read_at: float) -> _Other:
    try:
        people = _decoder.decode(text)
    except msgspec.DecodeError:  # of another version of the hub
        log.exception("database_presence_failed")
        people = {}
    return _Other(
        revision,
        returned,
        {channel: nameless for channel, (nameless, _) in people.items() if nameless},
        {channel: frozenset(named) for channel, (_, named) in people.items() if named},
        read_at,
    )
