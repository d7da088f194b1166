"""Presence: which people are at a channel now, over all web processes, by leases that expire.

A *person* is a text: ``u42`` for a user, ``g…`` for one guest's connection. Each web process counts the connections of
a person and writes only the first and the last one to Redis. It holds one lease, renewed by one write per beat. If the
process dies, the lease expires, and the first process that notices removes the people it had. All changes in Redis are
made by the Lua scripts in ``scripts``, so that "was I the first?" has one answer for all processes. While Redis is
away, processes share presence through the database (:mod:`hub.presence.database_presence`).

Redis keys, below ``<prefix>:presence:``

========================  =========  =================================================================
``processes``             sorted set process -> when its lease expires, in Redis' own time
``at:<channel>``          hash       person -> the processes where they are, joined by spaces
``of:<process>``          set        ``<channel> <person>`` for each of the process's people
``whole``                 set        processes of which Redis has all people
========================  =========  =================================================================
"""

import asyncio
import contextlib
import itertools
import secrets
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import structlog
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from hub.bus import redis_client
from hub.concurrency.cancellation import is_wanted
from hub.concurrency.per_loop import PerLoop
from hub.config import hub_settings
from hub.presence import database_presence
from hub.presence.database_presence import DatabasePresence

T = TypeVar("T")

log = structlog.get_logger(__name__)

#: Called with a channel and the people of a dead process there, in the process that removed them.
Departed = Callable[[str, list[str]], Awaitable[None]]

#: The prefix of a guest's name. A guest is one connection, which cannot come back.
GUEST = database_presence.GUEST

#: A channel and a person at it.
Place = tuple[str, str]

#: Seconds between two attempts to get a lease from a Redis that is away.
RETRY = 1.0

#: Seconds between two checks whether Redis is still there.
WATCH = 1.0

#: How often a query is tried on Redis, which may go away and come back meanwhile.
ATTEMPTS = 3

#: The most people that one script changes.
MANY = 500

_SCRIPTS = Path(__file__).parent / "scripts"


def _script(name: str, *, needs_lease: bool = False) -> str:
    """The Lua text of ``scripts/<name>.lua``, after the functions that all scripts share."""
    parts = ["shared", "lease", name] if needs_lease else ["shared", name]
    return "".join((_SCRIPTS / f"{part}.lua").read_text(encoding="utf-8") for part in parts)


# The first lines of each file say what it takes and returns.
_ENTER = _script("enter", needs_lease=True)
_LEAVE = _script("leave", needs_lease=True)
_COUNT = _script("count", needs_lease=True)
_PEOPLE = _script("people", needs_lease=True)
_ENTER_MANY = _script("enter_many")
_LEAVE_MANY = _script("leave_many")
_PROCESSES = _script("processes", needs_lease=True)
_BEAT = _script("beat")
_SWEEP = _script("sweep")


class PresenceTracker:
    """Tracks the people of this process and answers for all. Lives on one event loop; see :func:`current`."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._process = secrets.token_hex(6)
        self._redis = redis_client.connect()
        self._key = f"{hub_settings().redis_prefix}:presence:"
        texts = (_ENTER, _LEAVE, _COUNT, _PEOPLE, _ENTER_MANY, _LEAVE_MANY, _PROCESSES, _BEAT, _SWEEP)
        self._scripts = {text: self._redis.register_script(text) for text in texts}
        #: Who is at which channel here, with the number of their sockets.
        self._here: dict[str, dict[str, int]] = {}
        self._database_presence = DatabasePresence(self._process, self._here, _tell_changed)
        #: Other processes that had a lease a moment ago.
        self._others: set[str] = set()
        #: One change at a time for a place; places share locks, so that there is a fixed number of them.
        self._locks = [asyncio.Lock() for _ in range(64)]
        #: As many as there are connections: who waits for one must look again whether Redis is still there.
        self._asking = asyncio.Semaphore(redis_client.CONNECTIONS)
        self._entering: set[Place] = set()
        self._has_lease = self._is_closing = False
        self._beat_at = 0.0
        #: A process whose lease has expired.
        self._dead = ""
        self._tried = asyncio.Event()
        self._is_lost = asyncio.Event()
        self._beating = self.loop.create_task(self._beat_for_ever())

    @property
    def is_apart(self) -> bool:
        """Whether Redis is away or does not know everybody again yet; each process then informs its own sockets."""
        return self._database_presence.active

    async def enter(self, channel: str, person: str) -> bool:
        """A connection of ``person`` joined ``channel``; returns whether it is their first one there."""
        place = (channel, person)
        # Counted before anything is awaited: whoever is cancelled from here on has entered, and leaves.
        persons = self._here.setdefault(channel, {})
        persons[person] = persons.get(person, 0) + 1
        is_first_here = persons[person] == 1
        if not is_first_here and place not in self._entering:
            return False
        self._database_presence.changed()
        self._entering.add(place)
        try:
            await self._tried.wait()
            # Also where another connection of theirs is telling it just now: a count that is asked for after this
            # must have them, and the other one may be cancelled.
            async with self._lock(place):
                is_only = await self._told(_ENTER, place)
        finally:
            self._entering.discard(place)
        return is_first_here and await self._is_only(place, is_only)

    def connections(self, channel: str, person: str) -> int:
        """How many connections of ``person`` are at ``channel`` in this process."""
        return self._here.get(channel, {}).get(person, 0)

    async def leave(self, channel: str, person: str) -> bool:
        """A connection of ``person`` left ``channel``; returns whether it was their last one there."""
        place = (channel, person)
        persons = self._here.get(channel, {})
        if person not in persons:
            return False
        persons[person] -= 1
        if persons[person] > 0:
            return False
        del persons[person]
        if not persons:
            del self._here[channel]
        self._database_presence.changed()
        async with self._lock(place):
            is_only = await self._told(_LEAVE, place)
        return await self._is_only(place, is_only)

    async def count(self, channel: str) -> int:
        """How many people are at ``channel``."""
        for _ in range(ATTEMPTS):
            if await self._goes_by_database():
                break
            try:
                return int(await self._run(_COUNT, channel))
            except RedisError as error:
                self._lost(error)
        return self._database_presence.count(channel)

    async def people(self, channel: str) -> list[str]:
        """The people at ``channel``, in no order. While Redis is away, without the guests of other processes."""
        for _ in range(ATTEMPTS):
            if await self._goes_by_database():
                break
            try:
                return [str(person) for person in await self._run(_PEOPLE, channel)]
            except RedisError as error:
                self._lost(error)
        return self._database_presence.people(channel)

    async def take_turn(self, name: str, seconds: float) -> bool:
        """Whether this process, of all, may do ``name`` now; then nobody may for ``seconds``.

        Always, while :attr:`is_apart`.
        """
        if not self.is_apart:
            try:
                key = f"{self._key}turn:{name}"
                wanted = int(seconds * 1000)
                return bool(await self._ask(lambda: self._redis.set(key, self._process, nx=True, px=wanted)))
            except RedisError as error:
                self._lost(error)
        return True

    async def close(self) -> None:
        """Stop renewing the lease.

        Users stay listed until it expires: they are about to come back elsewhere. Guests come back as somebody else,
        so they are taken off the lists.
        """
        self._beating.cancel()
        # Bounded, because a Redis command may swallow a cancellation.
        await asyncio.wait([self._beating], timeout=hub_settings().redis_timeout)
        places = [place for place in self._places() if place[1].startswith(GUEST)]
        with contextlib.suppress(TimeoutError, RedisError):
            async with asyncio.timeout(hub_settings().redis_timeout):
                await self._tell_many(_LEAVE_MANY, places)
        self._has_lease, self._is_closing = False, True
        self._tried.set()  # nobody tries any more
        await self._answered()
        await self._database_presence.close()
        await self._redis.aclose()

    async def _answered(self) -> None:
        """Wait for commands under way, of those who leave just now: a client that was closed would connect again."""
        held = 0
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(hub_settings().redis_timeout):
                while held < redis_client.CONNECTIONS:
                    await self._asking.acquire()
                    held += 1
        for _ in range(held):
            self._asking.release()

    def _places(self) -> list[Place]:
        return [(channel, person) for channel, persons in self._here.items() for person in persons]

    def _lock(self, place: Place) -> asyncio.Lock:
        return self._locks[hash(place) % len(self._locks)]

    async def _goes_by_database(self) -> bool:
        """Whether the database says who is there, once it can."""
        await self._tried.wait()
        if self.is_apart:
            await self._database_presence.known()
        return self.is_apart

    def _lost(self, error: RedisError) -> None:
        if self._is_closing:
            return
        if self._has_lease or not self._tried.is_set():
            log.warning("presence_not_shared", error=type(error).__name__)
        self._has_lease = False
        self._is_lost.set()
        self._database_presence.begin(self._others)

    async def _told(self, script: str, place: Place) -> bool:
        """What Redis says to ``script`` at ``place``; without Redis, that nobody else is there."""
        if self._has_lease:
            try:
                return bool(await self._run(script, *place))
            except RedisError as error:
                self._lost(error)
        return True

    async def _is_only(self, place: Place, is_only: bool) -> bool:
        """Whether ``place`` is of this process alone, when Redis, as far as it was there, says ``is_only``."""
        if not await self._goes_by_database():
            return is_only
        return not self._database_presence.is_elsewhere(*place)

    async def _ask(self, command: Callable[[], Awaitable[T]]) -> T:
        """What Redis answers; raises ``RedisError``, at once where others have found that it is away."""
        async with self._asking:
            if not self._has_lease:
                raise RedisConnectionError("Redis is away")
            try:
                return await command()
            except RedisConnectionError:
                # One that was open while Redis was restarted, perhaps; a new one says at once whether it is away.
                return await command()

    async def _run(self, script: str, *arguments: str, process: str | None = None) -> Any:
        keys, all_arguments = [self._key], [process or self._process, *arguments]
        return await self._ask(lambda: self._scripts[script](keys=keys, args=all_arguments))

    async def _beat(self) -> tuple[bool, str]:
        """Renew the lease, or get one; returns whether it is new, and a process whose lease has expired, or ``""``."""
        arguments = [self._process, str(hub_settings().lease_seconds)]
        new, dead = await self._scripts[_BEAT](keys=[self._key], args=arguments)
        return bool(new), str(dead)

    async def _tell_many(self, script: str, places: Sequence[Place]) -> None:
        for start in range(0, len(places), MANY):
            await self._run(script, *itertools.chain.from_iterable(places[start : start + MANY]))

    # --- the lease ------------------------------------------------------------------------------------------------

    async def _beat_for_ever(self) -> None:
        while is_wanted():
            try:
                self._is_lost.clear()
                await self._look_after()
            except RedisError as error:
                self._lost(error)
            except Exception:
                log.exception("presence_beat_failed")
            self._tried.set()
            if not self._has_lease:
                await asyncio.sleep(RETRY)
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(WATCH, hub_settings().lease_beat)):
                    await self._is_lost.wait()

    async def _look_after(self) -> None:
        """Renew the lease when it is time; otherwise only see whether Redis is there, and who else."""
        if not self._has_lease or self.loop.time() >= self._beat_at:
            await self._renew()
        found = await self._run(_PROCESSES)
        others = dict(zip(map(str, found[::2]), found[1::2], strict=True))
        del others[self._process]
        # Those that a Redis which was emptied does not know yet are there all the same.
        self._others = {*others, *(self._others if self.is_apart else ())}
        if self._tried.is_set():
            self._database_presence.returned({name for name, is_whole in others.items() if is_whole})
        else:
            self._database_presence.begin(returned=True)  # others may be doing without Redis just now
        # Leases also expire while Redis is stopped: who is alive shall have renewed theirs first.
        while self._dead and not self.is_apart:
            await self._remove(self._dead)
            await self._renew()

    async def _renew(self) -> None:
        began = self.loop.time()
        new, self._dead = await self._beat()
        if new and self._has_lease:
            # Redis was emptied, and has forgotten the others too, perhaps; or it took this process for dead.
            self._database_presence.begin(self._others)
        had_lease, self._has_lease = self._has_lease, True
        if new or not had_lease:
            await self._reconcile()
        self._beat_at = began + hub_settings().lease_beat

    async def _reconcile(self) -> None:
        """Correct the people that Redis lists for this process."""
        async with contextlib.AsyncExitStack() as stack:
            for lock in self._locks:  # nobody enters or leaves meanwhile
                await stack.enter_async_context(lock)
            entries = await self._ask(lambda: self._redis.smembers(f"{self._key}of:{self._process}"))
            listed = {(channel, person) for channel, _, person in (str(entry).partition(" ") for entry in entries)}
            here = set(self._places())
            # Those who enter just now tell Redis themselves, and want to know whether they were the first.
            await self._tell_many(_ENTER_MANY, list(here - self._entering))
            await self._tell_many(_LEAVE_MANY, list(listed - here))
        await self._ask(lambda: self._redis.sadd(f"{self._key}whole", self._process))

    async def _remove(self, dead: str) -> None:
        departed = await self._run(_SWEEP, process=dead)
        by_channel: dict[str, list[str]] = {}
        for channel, person in zip(departed[::2], departed[1::2], strict=True):
            by_channel.setdefault(channel, []).append(person)
        for channel, people in by_channel.items():
            for tell in _departed.get(channel.partition(":")[0], ()):
                try:
                    await tell(channel, people)
                except Exception:
                    # They are off the list already; the other channels must hear of theirs.
                    log.exception("departure_not_told", channel=channel)


#: The presence of the running event loop's process, and the end of it.
current = PerLoop(PresenceTracker)
close = current.close

_departed: dict[str, list[Departed]] = {}
_changed: list[Callable[[], None]] = []


def on_departed(namespace: str, tell: Departed) -> None:
    """Call ``tell(channel, people)`` when a process has died: once, in the process that removed its people."""
    tellers = _departed.setdefault(namespace, [])
    if tell not in tellers:
        tellers.append(tell)


def on_changed(tell: Callable[[], None]) -> None:
    """Call ``tell()`` when presence in another process has changed while Redis is away."""
    if tell not in _changed:
        _changed.append(tell)


def _tell_changed() -> None:
    for tell in _changed:
        tell()
