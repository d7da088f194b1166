"""Waiting for the one writer of a SQLite database by turns, and not by luck.

SQLite's own wait sleeps in steps that grow to 100 ms, and looks after each whether the database is free: whoever
writes all the time takes it again in between. Here whoever wants to write takes the turn first, a lock on a file
beside the database that is held until the transaction has begun. So who has just written stands behind who waits.
"""

import fcntl
import os
import sqlite3
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

T = TypeVar("T")

#: Beside the database, as SQLite's ``-wal`` and ``-shm``.
SUFFIX: Final = "-turn"

#: Seconds between two looks: of who has the turn whether the database is free, of the others whether the turn is.
STEP, TURN_STEP = 0.0005, 0.001

#: Seconds after which one goes on without the turn: whoever has it may be stopped, and holds up nobody for longer.
TURN_TIMEOUT: Final = 0.1


class Turns:
    """The wait of one connection. ``longest`` seconds; the file belongs to the user alone.

    Where there can be no file beside it, such as in memory, it waits without turns. The kernel gives up the turn of a
    process that is killed.
    """

    def __init__(self, database: str, longest: float) -> None:
        self._longest = longest
        self._file: int | None = None
        if database:
            try:
                self._file = _opened(database)
            except OSError:  # a folder that is not to be written to, or a file of another user
                return
            # A thread that ends takes its connection with it, which nobody closes.
            self._closing = weakref.finalize(self, os.close, self._file)

    def close(self) -> None:
        """Give the file back."""
        if self._file is not None:
            self._file = None
            self._closing()

    def write(self, attempt: Callable[[], T]) -> T:
        """What ``attempt`` returns, which begins a transaction or is one; tried again while another one writes.

        Raises what it raises; ``sqlite3.OperationalError`` where the database is locked for longer than that.
        """
        began = time.monotonic()
        has_turn = self._take(began)
        try:
            return self._try(attempt, began)
        finally:
            if has_turn and self._file is not None:
                fcntl.flock(self._file, fcntl.LOCK_UN)

    def read(self, attempt: Callable[[], T]) -> T:
        """:meth:`write` for what needs no turn: readers, and what is within a transaction, which seldom wait."""
        return self._try(attempt, time.monotonic())

    def _take(self, began: float) -> bool:
        if self._file is None:
            return False
        until = began + min(TURN_TIMEOUT, self._longest)
        while True:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                # Some file systems have no such locks: then nobody has turns.
                if not isinstance(error, BlockingIOError) or time.monotonic() >= until:
                    return False
            else:
                return True
            time.sleep(TURN_STEP)

    def _try(self, attempt: Callable[[], T], began: float) -> T:
        while True:
            try:
                return attempt()
            except sqlite3.OperationalError as error:
                if not _passes(error) or time.monotonic() - began >= self._longest:
                    raise
            time.sleep(STEP)


def _passes(error: sqlite3.OperationalError) -> bool:
    """Whether what is refused may be done later: not by one who has read what is no longer the newest."""
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF == sqlite3.SQLITE_BUSY and code != sqlite3.SQLITE_BUSY_SNAPSHOT


def _opened(database: str) -> int:
    how = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        return os.open(database + SUFFIX, how)
    except FileNotFoundError:
        file = os.open(database + SUFFIX, how | os.O_CREAT, 0o600)
    if os.geteuid() == 0:
        # A command that is run by root leaves it to the user whose database it is, as SQLite does with its own files.
        owner = Path(database).stat()
        os.fchown(file, owner.st_uid, owner.st_gid)
    return file
