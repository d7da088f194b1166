"""What a presence backend does: it keeps the records of all web processes.

A *record* is a channel and a person who is there. A *person* is a text: ``u42`` for a user, ``g…`` for one guest's
connection. A backend object belongs to one process and lives on one event loop. It reads the records of its process
from :class:`hub.presence.records.LocalRecords` whenever it needs them: they change first, then the backend is told.

=============================  ===========================  =======================  ==================================
backend                        first and last               counts                   after the crash of a process
=============================  ===========================  =======================  ==================================
``redis_backend``              one answer for all           exact                    people departed are returned once
``memory_backend``             one answer for all           exact                    people departed are returned once
``database_backend``           a second late at most, so    a second late at most    people are counted no longer once
                               two processes may both be                             the row has expired; nobody is
                               told that they are first                              returned as departed
=============================  ===========================  =======================  ==================================
"""

from collections.abc import AsyncGenerator, Mapping
from typing import Protocol

#: The prefix of a guest's name. A guest is one connection, which cannot come back.
GUEST = "g"

#: A channel and a person who is there.
Record = tuple[str, str]

#: People who are at no process any more, by channel.
Departed = Mapping[str, list[str]]


class BackendUnavailable(Exception):
    """The backend does not answer, or has no lease of this process. It may answer again after the next renewal."""


class PresenceBackend(Protocol):
    """The records of all processes. Each method but ``close`` may raise :class:`BackendUnavailable`."""

    async def enter(self, channel: str, person: str) -> bool:
        """Add a record of this process. Returns whether no other process has it; a repetition changes nothing."""

    async def leave(self, channel: str, person: str) -> bool:
        """Remove a record of this process. Returns whether no other process has it; a repetition changes nothing."""

    async def is_elsewhere(self, channel: str, person: str) -> bool:
        """Whether another process has the record. Changes nothing."""

    async def count(self, channel: str) -> int:
        """How many people are at ``channel``, each counted once."""

    async def people(self, channel: str) -> list[str]:
        """The people at ``channel``, in no order."""

    async def renew(self) -> Mapping[str, bool]:
        """Keep the lease of this process, which lasts ``HUB_LEASE_SECONDS``, or get one.

        A backend that has forgotten the records of this process has them again afterwards. Returns the other processes
        that have a lease, and of each whether the backend has all its records.
        """

    async def close(self) -> None:
        """Stop. Users stay until the lease expires: they are about to come back. Guests are removed."""


class SharedBackend(PresenceBackend, Protocol):
    """A backend that can answer for all processes by itself, with one answer for all."""

    #: Whether it may be away, so that processes do without it.
    can_fail: bool

    async def take_turn(self, name: str, seconds: float) -> bool:
        """Whether this process, of all, may do ``name`` now; then nobody may for ``seconds``."""

    def remove_expired(self) -> AsyncGenerator[Departed, None]:
        """Remove the records of processes whose lease has expired, one process at a time.

        Yields the people who are at no other process: each in one process only, and only once.
        """
