"""Presence in Redis, by leases that expire.

A process holds one lease, renewed by one write per heartbeat, and its records stand below that lease. If the process
dies, the lease expires, and the first process that notices removes its records. All changes are made by the Lua
scripts in ``scripts``, so that "was I the first?" has one answer for all processes. Expiry is by Redis' own clock.

Redis keys, below ``<prefix>:presence:``

========================  =========  =================================================================
``processes``             sorted set process -> when its lease expires, in Redis' own time
``at:<channel>``          hash       person -> the processes where they are, joined by spaces
``of:<process>``          set        ``<bytes of the channel> <channel><person>`` for each record of the process
``whole``                 set        processes of which Redis has all records
``turn:<name>``           string     the process whose turn it is, until it expires
========================  =========  =================================================================
"""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from hub.bus import redis_client
from hub.config import hub_settings
from hub.presence.contract import BackendUnavailable, Departed, Record
from hub.presence.records import LocalRecords

P = ParamSpec("P")
T = TypeVar("T")

#: The most records that one script changes.
MANY = 500

_SCRIPTS = Path(__file__).parent / "scripts"


def _script(name: str, *, needs_lease: bool = False) -> str:
    """The Lua text of ``scripts/<name>.lua``, after the functions that all scripts share."""
    parts = ["shared", "lease", name] if needs_lease else ["shared", name]
    return "".join((_SCRIPTS / f"{part}.lua").read_text(encoding="utf-8") for part in parts)


# The first lines of each file say what it takes and returns.
_TEXTS = {
    **{
        name: _script(name, needs_lease=True)
        for name in ("enter", "leave", "elsewhere", "count", "people", "processes")
    },
    **{name: _script(name) for name in ("enter_many", "leave_many", "renew", "remove")},
}


class RedisBackend:
    """The records of all processes; see :class:`hub.presence.contract.SharedBackend`.

    What needs the lease raises ``BackendUnavailable`` at once while there is none: where others have found that Redis
    is away, nobody waits for it.

    Args:
        process: the name of this process.
        records: its records.
        forgotten: called when Redis has forgotten this process, before it has the records again.
    """

    can_fail = True

    def __init__(self, process: str, records: LocalRecords, forgotten: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._process = process
        self._records = records
        self._forgotten = forgotten
        self._redis = redis_client.connect()
        self._key = f"{hub_settings().redis_prefix}:presence:"
        self._scripts = {name: self._redis.register_script(text) for name, text in _TEXTS.items()}
        #: One change at a time for a record; records share locks, so that there is a fixed number of them.
        self._locks = [asyncio.Lock() for _ in range(64)]
        #: As many as there are connections: who waits for one must look again whether Redis is still there.
        self._asking = asyncio.Semaphore(redis_client.CONNECTIONS)
        self._has_lease = False
        self._renewed_at = 0.0
        #: A process whose lease has expired.
        self._expired = ""

    async def enter(self, channel: str, person: str) -> bool:
        """Add a record of this process. Returns whether no process had it, not even one that has died since."""
        async with self._lock(channel, person):
            return bool(await self._run("enter", channel, person))

    async def leave(self, channel: str, person: str) -> bool:
        """Remove a record of this process. Returns whether it was the last one to have it."""
        async with self._lock(channel, person):
            return bool(await self._run("leave", channel, person))

    async def is_elsewhere(self, channel: str, person: str) -> bool:
        """Whether another process that is alive has the record."""
        return bool(await self._run("elsewhere", channel, person))

    async def count(self, channel: str) -> int:
        """How many people are at ``channel``."""
        return int(await self._run("count", channel))

    async def people(self, channel: str) -> list[str]:
        """The people at ``channel``."""
        return [person for person in map(str, await self._run("people", channel)) if _is_text(person)]

    async def renew(self) -> Mapping[str, bool]:
        """Renew the lease when it is time; otherwise only see whether Redis is there, and who else."""
        if not self._has_lease or self._loop.time() >= self._renewed_at + hub_settings().lease_beat:
            await self._renew_lease()
        found = await self._run("processes")
        others = {str(process): bool(is_whole) for process, is_whole in zip(found[::2], found[1::2], strict=True)}
        del others[self._process]
        return others

    async def take_turn(self, name: str, seconds: float) -> bool:
        """Whether this process, of all, may do ``name`` now; then nobody may for ``seconds``."""
        key, wanted = f"{self._key}turn:{name}", int(seconds * 1000)
        return bool(await self._ask(self._redis.set, key, self._process, nx=True, px=wanted))

    async def remove_expired(self) -> AsyncGenerator[Departed, None]:
        """Remove the records of processes whose lease has expired; yields the people of each who departed."""
        while self._expired:
            found = await self._run("remove", process=self._expired)
            departed: dict[str, list[str]] = {}
            for channel, person in zip(map(str, found[::2]), map(str, found[1::2]), strict=True):
                if _is_text(channel) and _is_text(person):
                    departed.setdefault(channel, []).append(person)
            yield departed
            await self._renew_lease()

    async def close(self) -> None:
        """Stop renewing the lease: users stay until it expires. Guests are removed."""
        with contextlib.suppress(TimeoutError, BackendUnavailable):
            async with asyncio.timeout(hub_settings().redis_timeout):
                await self._run_many("leave_many", self._records.guests())
        self._has_lease = False
        await self._answered()
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

    def _lock(self, channel: str, person: str) -> asyncio.Lock:
        return self._locks[hash((channel, person)) % len(self._locks)]

    # --- the lease ------------------------------------------------------------------------------------------------

    async def _renew_lease(self) -> None:
        began = self._loop.time()
        arguments = [self._process, str(hub_settings().lease_seconds)]
        try:
            is_new, expired = await self._scripts["renew"](keys=[self._key], args=arguments)
        except RedisError as error:
            raise self._lost(error) from error
        self._expired = str(expired)
        if is_new and self._has_lease:
            # Redis was emptied, and has forgotten the others too, perhaps; or it took this process for dead.
            self._forgotten()
        had_lease, self._has_lease = self._has_lease, True
        if is_new or not had_lease:
            await self._restore()
        self._renewed_at = began

    async def _restore(self) -> None:
        """Make the records of this process in Redis those that it has."""
        async with contextlib.AsyncExitStack() as stack:
            for lock in self._locks:  # nobody enters or leaves meanwhile
                await stack.enter_async_context(lock)
            entries = await self._ask(self._redis.smembers, f"{self._key}of:{self._process}")
            listed = {record for entry in entries if (record := _decoded(str(entry))) is not None}
            here = set(self._records)
            # Those who enter just now tell Redis themselves, and want to know whether they were the first.
            await self._run_many("enter_many", list(here - self._records.entering))
            await self._run_many("leave_many", list(listed - here))
        await self._ask(self._redis.sadd, f"{self._key}whole", self._process)

    # --- commands --------------------------------------------------------------------------------------------------

    async def _ask(self, command: Callable[P, Awaitable[T]], *args: P.args, **options: P.kwargs) -> T:
        async with self._asking:
            if not self._has_lease:
                raise BackendUnavailable("no lease")
            try:
                try:
                    return await command(*args, **options)
                except RedisConnectionError:
                    # One that was open while Redis was restarted, perhaps; a new one says at once whether it is away.
                    return await command(*args, **options)
            except RedisError as error:
                raise self._lost(error) from error

    def _lost(self, error: RedisError) -> BackendUnavailable:
        self._has_lease = False
        return BackendUnavailable(type(error).__name__)

    def _run(self, script: str, *arguments: str, process: str = "") -> Awaitable[Any]:
        return self._ask(self._scripts[script], keys=[self._key], args=[process or self._process, *arguments])

    async def _run_many(self, script: str, records: Sequence[Record]) -> None:
        for start in range(0, len(records), MANY):
            await self._run(script, *itertools.chain.from_iterable(records[start : start + MANY]))


def _decoded(entry: str) -> Record | None:
    """The record that stands in ``of:<process>`` as ``entry``; None for one that was damaged."""
    length, _, names = entry.partition(" ")
    try:
        encoded, end = names.encode(), int(length)
        return encoded[:end].decode(), encoded[end:].decode()
    except ValueError:
        return None


def _is_text(name: str) -> bool:
    """Whether it can go to clients and databases: what was damaged in Redis may be no UTF-8."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
