"""Presence in the memory of one web process, for a channel layer that reaches no other process either."""

import asyncio
from collections.abc import AsyncGenerator, Mapping

from hub.config import hub_settings
from hub.presence.contract import Departed
from hub.presence.records import LocalRecords


class MemoryStore:
    """What the backends that are given the same store share."""

    def __init__(self) -> None:
        #: Channel -> person -> the processes where they are.
        self.records: dict[str, dict[str, set[str]]] = {}
        #: Process -> when its lease expires.
        self.leases: dict[str, float] = {}
        #: Name -> until when nobody may take a turn.
        self.turns: dict[str, float] = {}


class MemoryBackend:
    """The records of the processes of one store; see :class:`hub.presence.contract.SharedBackend`. Never unavailable.

    Args:
        process: the name of this process.
        records: its records.
        store: shared with the other backends that are to see them.
    """

    can_fail = False

    def __init__(self, process: str, records: LocalRecords, store: MemoryStore) -> None:
        self._loop = asyncio.get_running_loop()
        self._process = process
        self._records = records
        self._store = store

    async def enter(self, channel: str, person: str) -> bool:
        """Add a record of this process. Returns whether no process had it."""
        processes = self._store.records.setdefault(channel, {}).setdefault(person, set())
        is_new = not processes
        processes.add(self._process)
        return is_new

    async def leave(self, channel: str, person: str) -> bool:
        """Remove a record of this process. Returns whether it was the last one to have it."""
        return self._remove(self._process, channel, person)

    async def is_elsewhere(self, channel: str, person: str) -> bool:
        """Whether another process that is alive has the record."""
        processes = self._store.records.get(channel, {}).get(person, set())
        return self._any_alive(processes - {self._process})

    async def count(self, channel: str) -> int:
        """How many people are at ``channel``."""
        return len(self._store.records.get(channel, ()))

    async def people(self, channel: str) -> list[str]:
        """The people at ``channel``."""
        return list(self._store.records.get(channel, ()))

    async def renew(self) -> Mapping[str, bool]:
        """Keep the lease of this process, or get one, and add its records again if it had none."""
        leases = self._store.leases
        is_new = self._process not in leases
        leases[self._process] = self._loop.time() + hub_settings().lease_seconds
        if is_new:
            for record in set(self._records) - self._records.entering:
                await self.enter(*record)
        return {process: True for process in leases if process != self._process}

    async def take_turn(self, name: str, seconds: float) -> bool:
        """Whether this process may do ``name`` now; then nobody may for ``seconds``."""
        now = self._loop.time()
        if self._store.turns.get(name, now) > now:
            return False
        self._store.turns[name] = now + seconds
        return True

    async def remove_expired(self) -> AsyncGenerator[Departed, None]:
        """Remove the records of processes whose lease has expired; yields the people of each who departed."""
        now = self._loop.time()
        for process in [process for process, expires in self._store.leases.items() if expires <= now]:
            del self._store.leases[process]
            departed: dict[str, list[str]] = {}
            for channel in list(self._store.records):
                for person in list(self._store.records[channel]):
                    if self._remove(process, channel, person):
                        departed.setdefault(channel, []).append(person)
            yield departed

    async def close(self) -> None:
        """Stop. Users stay until the lease expires, guests are removed."""
        for record in self._records.guests():
            self._remove(self._process, *record)

    def _remove(self, process: str, channel: str, person: str) -> bool:
        people = self._store.records.get(channel, {})
        processes = people.get(person, set())
        if process not in processes:
            return False
        processes.remove(process)
        if self._any_alive(processes):
            return False
        del people[person]
        if not people:
            del self._store.records[channel]
        return True

    def _any_alive(self, processes: set[str]) -> bool:
        now = self._loop.time()
        return any(self._store.leases.get(process, 0.0) > now for process in processes)
