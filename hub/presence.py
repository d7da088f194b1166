"""Presence: which people are at a channel now, over all web processes, by leases that expire.

A *person* is a text: ``u42`` for a user, ``g…`` for one guest's connection. Each web process counts the sockets of a
person by itself and tells Redis only of the first and the last one. It holds one lease, renewed by one write per
beat; when it dies without a word, the lease expires and whoever notices first removes the people it had. All Redis
work is done by scripts, so that "was I the first?" has one answer for all processes.

Redis keys, below ``<prefix>:presence:``

========================  =========  =================================================================
``processes``             sorted set process -> when its lease expires, in Redis' own time
``at:<channel>``          hash       person -> the processes where they are, joined by spaces
``of:<process>``          set        ``<channel> <person>`` for each of the process's people
========================  =========  =================================================================
"""

import asyncio
import contextlib
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from redis.exceptions import RedisError

from hub import redis_client
from hub.cancellation import is_wanted
from hub.conf import hub_settings

log = structlog.get_logger(__name__)

#: Called with a channel and the people that a dead process left there, by the process that removed them.
Departed = Callable[[str, list[str]], Awaitable[None]]

#: How the name of a guest begins: one connection, and nobody who could come back.
GUEST = "g"

#: A channel and a person at it.
Place = tuple[str, str]

#: Seconds between two attempts to get a lease from a Redis that is away.
RETRY = 1.0

# The functions all scripts share. `others` are the processes of a person's entry that are alive, without `process`.
_PRELUDE = """
local prefix, process = KEYS[1], ARGV[1]
local clock = redis.call('TIME')
local now = tonumber(clock[1]) + tonumber(clock[2]) / 1000000
local function others(entry)
  local alive = {}
  for name in string.gmatch(entry or '', '%S+') do
    if name ~= process then
      local expires = redis.call('ZSCORE', prefix .. 'processes', name)
      if expires and tonumber(expires) > now then alive[#alive + 1] = name end
    end
  end
  return alive
end
local function depart(channel, person)
  local key = prefix .. 'at:' .. channel
  local alive = others(redis.call('HGET', key, person))
  redis.call('SREM', prefix .. 'of:' .. process, channel .. ' ' .. person)
  if #alive > 0 then
    redis.call('HSET', key, person, table.concat(alive, ' '))
    return 0
  end
  return redis.call('HDEL', key, person)
end
"""

# ARGV: process, channel, person. Returns 1 when nobody else has this person at the channel.
_ENTER = (
    _PRELUDE
    + """
local key = prefix .. 'at:' .. ARGV[2]
local entry = redis.call('HGET', key, ARGV[3])
local alive = others(entry)
redis.call('HSET', key, ARGV[3], table.concat(alive, ' ') .. ' ' .. process)
redis.call('SADD', prefix .. 'of:' .. process, ARGV[2] .. ' ' .. ARGV[3])
-- An entry whose processes are all dead is of somebody who is coming back before anyone noticed: not a newcomer.
if entry then return 0 end
return 1
"""
)

# ARGV: process, channel, person. Returns 1 when this was the last process that had this person at the channel.
_LEAVE = _PRELUDE + "return depart(ARGV[2], ARGV[3])"

# ARGV: process, seconds of the lease. Returns {1 when the lease was new, a process whose lease has expired or ''}.
_BEAT = (
    _PRELUDE
    + """
local added = redis.call('ZADD', prefix .. 'processes', now + tonumber(ARGV[2]), process)
local dead = redis.call('ZRANGEBYSCORE', prefix .. 'processes', '-inf', now, 'LIMIT', 0, 1)
return {added, dead[1] or ''}
"""
)

# ARGV: the dead process. Returns channel, person, channel, person … of those who are nowhere else now.
_SWEEP = (
    _PRELUDE
    + """
local expires = redis.call('ZSCORE', prefix .. 'processes', process)
if not expires or tonumber(expires) > now then return {} end
local departed = {}
for _, place in ipairs(redis.call('SMEMBERS', prefix .. 'of:' .. process)) do
  local channel, person = string.match(place, '^(%S+) (%S+)$')
  if depart(channel, person) == 1 then
    departed[#departed + 1] = channel
    departed[#departed + 1] = person
  end
end
redis.call('DEL', prefix .. 'of:' .. process)
redis.call('ZREM', prefix .. 'processes', process)
return departed
"""
)


class Presence:
    """The people of this process, and a view of all. Lives on one event loop; see :func:`current`.

    While Redis is away the answers are those of this process alone; when it is back it learns what has changed.
    """

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._process = secrets.token_hex(6)
        self._redis = redis_client.connect()
        self._key = f"{hub_settings().redis_prefix}:presence:"
        self._scripts = {text: self._redis.register_script(text) for text in (_ENTER, _LEAVE, _BEAT, _SWEEP)}
        self._sockets: Counter[Place] = Counter()
        #: One change at a time for a place; places share locks, so that there is a fixed number of them.
        self._locks = [asyncio.Lock() for _ in range(64)]
        self._entering: set[Place] = set()
        self._has_lease = False
        self._tried = asyncio.Event()
        self._is_lost = asyncio.Event()
        self._beating = self.loop.create_task(self._beat_for_ever())

    async def enter(self, channel: str, person: str) -> bool:
        """A socket of ``person`` came to ``channel``; returns whether they were nowhere at it before."""
        place = (channel, person)
        # Counted before anything is awaited: whoever is cancelled from here on has entered, and leaves.
        self._sockets[place] += 1
        if self._sockets[place] > 1:
            return False
        self._entering.add(place)
        try:
            await self._tried.wait()
            async with self._lock(place):
                return await self._told(_ENTER, place)
        finally:
            self._entering.discard(place)

    async def leave(self, channel: str, person: str) -> bool:
        """A socket of ``person`` left ``channel``; returns whether they are nowhere at it now."""
        place = (channel, person)
        self._sockets[place] -= 1
        if self._sockets[place] > 0:
            return False
        del self._sockets[place]
        async with self._lock(place):
            return await self._told(_LEAVE, place)

    async def count(self, channel: str) -> int:
        """How many people are at ``channel``."""
        try:
            if self._has_lease:
                return int(await self._redis.hlen(f"{self._key}at:{channel}"))
        except RedisError as error:
            self._lost(error)
        return len(self._here(channel))

    async def people(self, channel: str) -> list[str]:
        """The people at ``channel``, in no order."""
        try:
            if self._has_lease:
                return [str(person) for person in await self._redis.hkeys(f"{self._key}at:{channel}")]
        except RedisError as error:
            self._lost(error)
        return self._here(channel)

    async def take_turn(self, name: str, seconds: float) -> bool:
        """Whether this process, of all, may do ``name`` now; then nobody may for ``seconds``."""
        try:
            if self._has_lease:
                key = f"{self._key}turn:{name}"
                return bool(await self._redis.set(key, self._process, nx=True, px=int(seconds * 1000)))
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
        guests = [place for place in self._sockets if place[1].startswith(GUEST)]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(hub_settings().redis_timeout):
                await asyncio.gather(*(self._told(_LEAVE, place) for place in guests))
        await self._redis.aclose()

    def _here(self, channel: str) -> list[str]:
        return [person for at, person in self._sockets if at == channel]

    def _lock(self, place: Place) -> asyncio.Lock:
        return self._locks[hash(place) % len(self._locks)]

    def _lost(self, error: RedisError) -> None:
        if self._has_lease or not self._tried.is_set():
            log.warning("presence_not_shared", error=type(error).__name__)
        self._has_lease = False
        self._is_lost.set()

    async def _told(self, script: str, place: Place) -> bool:
        """What Redis says to ``script`` at ``place``; without Redis, that nobody else is there."""
        try:
            return bool(await self._run(script, *place)) if self._has_lease else True
        except RedisError as error:
            self._lost(error)
            return True

    async def _run(self, script: str, *arguments: str, process: str | None = None) -> Any:
        return await self._scripts[script](keys=[self._key], args=[process or self._process, *arguments])

    # --- the lease ------------------------------------------------------------------------------------------------

    async def _beat_for_ever(self) -> None:
        while is_wanted():
            try:
                await self._renew()
            except RedisError as error:
                self._lost(error)
            except Exception:
                log.exception("presence_beat_failed")
            self._tried.set()
            if not self._has_lease:
                await asyncio.sleep(RETRY)
                continue
            self._is_lost.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(hub_settings().lease_beat):
                    await self._is_lost.wait()

    async def _renew(self) -> None:
        had_lease = self._has_lease
        new, dead = await self._run(_BEAT, str(hub_settings().lease_seconds))
        self._has_lease = True
        if new or not had_lease:
            # Redis was away, restarted empty, or took this process for dead.
            await self._reconcile()
        while dead:
            await self._remove(dead)
            _, dead = await self._run(_BEAT, str(hub_settings().lease_seconds))

    async def _reconcile(self) -> None:
        """Make Redis' list of this process's people the true one."""
        entries = await self._redis.smembers(f"{self._key}of:{self._process}")
        listed = {(channel, person) for channel, _, person in (str(entry).partition(" ") for entry in entries)}
        # Those who enter just now tell Redis themselves, and want to know whether they were the first.
        for place in (listed ^ set(self._sockets)) - self._entering:
            async with self._lock(place):
                await self._run(_ENTER if place in self._sockets else _LEAVE, *place)

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


_presence: Presence | None = None
_departed: dict[str, list[Departed]] = {}


def current() -> Presence:
    """The presence of the running event loop's process, made on first use."""
    global _presence
    if _presence is None or _presence.loop is not asyncio.get_running_loop():
        _presence = Presence()
    return _presence


def on_departed(namespace: str, tell: Departed) -> None:
    """Have ``tell(channel, people)`` called where a process died: once, in the process that noticed first."""
    tellers = _departed.setdefault(namespace, [])
    if tell not in tellers:
        tellers.append(tell)


async def close() -> None:
    """Close the presence of the running loop, if there is one."""
    global _presence
    presence, _presence = _presence, None
    if presence is not None and presence.loop is asyncio.get_running_loop():
        await presence.close()
