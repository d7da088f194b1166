"""Waiting for the one writer of a SQLite database by turns, and not by luck.

SQLite's own wait sleeps in steps that grow to 100 ms, and looks after each whether the database is free: whoever
writes all the time takes it again in between. Here whoever wants to write takes the turn first, a lock on a file
beside the database that is held until the transaction has begun. So who has just written stands behind who waits.
"""

import fcntl
import os
import sqlite3
import time
from collections.abc import Callable
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
                self._file = os.open(database + SUFFIX, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            except OSError:  # a folder that is not to be written to
                self._file = None

    def close(self) -> None:
        """Give the file back."""
        file, self._file = self._file, None
        if file is not None:
            os.close(file)

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
        """:meth:`write` for what needs no turn: readers wait for nobody but one who repairs the file."""
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
                is_busy = getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY
                if not is_busy or time.monotonic() - began >= self._longest:
                    raise
            time.sleep(STEP)
