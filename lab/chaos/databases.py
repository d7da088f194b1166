"""The databases that the hub under test can have, and how each is taken away from it for a while."""

import contextlib
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from lab.harness.postgres import PostgresServer


class Database(Protocol):
    """A database of one hub. ``variables`` name it to the hub; ``name`` names it to people."""

    name: str
    variables: dict[str, str]

    def break_(self) -> None:
        """Make it unusable for writing, until :meth:`heal`."""

    def heal(self) -> None:
        """Make it usable; harmless where it is. Returns when it answers."""


class Sqlite:
    """``hub.sqlite3`` in the hub's data folder; it is broken by holding its only write lock."""

    name = "SQLite"

    def __init__(self, folder: Path) -> None:
        self._path = folder / "hub.sqlite3"
        self._lock: sqlite3.Connection | None = None
        self.variables: dict[str, str] = {}

    def break_(self) -> None:
        self._lock = sqlite3.connect(self._path, timeout=30, isolation_level=None, check_same_thread=False)
        self._lock.execute("BEGIN EXCLUSIVE")

    def heal(self) -> None:
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.rollback()
            lock.close()


class Postgres:
    """A PostgreSQL server of its own; it is broken by stopping it."""

    name = "PostgreSQL"

    def __init__(self, folder: Path) -> None:
        self._server = PostgresServer(folder)
        self._broken = False
        self._server.start()
        self.variables = {"DATABASE_URL": self._server.url}

    def break_(self) -> None:
        self._broken = True
        self._server.stop()

    def heal(self) -> None:
        if self._broken:
            self._broken = False
            self._server.start()

    def close(self) -> None:
        """Stop it for good."""
        self._server.stop()


@contextlib.contextmanager
def database(folder: Path, *, postgres: bool) -> Iterator[Database]:
    """A database for the hub whose data folder is ``folder``; leaves nothing behind outside of that."""
    if not postgres:
        yield Sqlite(folder)
        return
    own = Path(tempfile.mkdtemp(prefix="hub-postgres-"))
    try:
        server = Postgres(own)
        try:
            yield server
        finally:
            server.close()
    finally:
        shutil.rmtree(own, ignore_errors=True)
