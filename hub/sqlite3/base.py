"""What Django loads of the engine."""

from functools import partial
from typing import Any, Final

from django.core.exceptions import ImproperlyConfigured
from django.db.backends.sqlite3 import base
from django.db.backends.utils import debug_transaction

from hub.sqlite3.turns import Turns

#: Statements that take no lock of the writer, outside of a transaction.
_READING: Final = ("SELECT", "PRAGMA", "EXPLAIN")


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection of Django's that waits by turns (:mod:`hub.sqlite3.turns`), for ``timeout`` seconds of ``OPTIONS``.

    Needs ``"transaction_mode": "IMMEDIATE"`` or ``"EXCLUSIVE"``: a transaction that begins as a reader cannot wait.
    """

    transaction_mode: str | None
    _turns: Turns

    def get_connection_params(self) -> dict[str, Any]:
        params: dict[str, Any] = super().get_connection_params()
        if self.transaction_mode not in {"IMMEDIATE", "EXCLUSIVE"}:
            raise ImproperlyConfigured(
                f"The engine hub.sqlite3 of the database {self.alias!r} needs "
                '"OPTIONS": {"transaction_mode": "IMMEDIATE"}.'
            )
        self._longest = float(params.get("timeout", 5.0))
        return params

    def get_new_connection(self, conn_params: Any) -> Any:
        made = super().get_new_connection(conn_params)  # which still waits as SQLite does: it may set up the file
        made.execute("PRAGMA busy_timeout = 0")
        _, _, path = made.execute("PRAGMA database_list").fetchone()
        self._turns = Turns(path, self._longest)
        return made

    def create_cursor(self, name: Any = None) -> Any:
        return self.connection.cursor(factory=partial(_Cursor, turns=self._turns, longest=self._longest))

    def _commit(self) -> Any:
        if self.connection is not None:
            with debug_transaction(self, "COMMIT"), self.wrap_database_errors:
                # Without a write-ahead log it waits for whoever reads.
                return self._turns.read(self.connection.commit)
        return None

    def _close(self) -> Any:
        try:
            return super()._close()  # type: ignore[misc]  # the stubs do not know it
        finally:
            self._turns.close()


class _Cursor(base.SQLiteCursorWrapper):
    def __init__(self, connection: Any, *, turns: Turns, longest: float) -> None:
        super().__init__(connection)
        self._turns, self._longest = turns, longest

    def execute(self, query: str, params: Any = None) -> Any:
        return self._waiting(query, super().execute, params)

    def executemany(self, query: str, param_list: Any) -> Any:
        rows = list(param_list)  # it may be tried again
        return self._waiting(query, super().executemany, rows)

    def executescript(self, sql_script: str) -> Any:
        # It cannot be tried again from its middle, so each of its statements waits as SQLite does.
        self.connection.execute(f"PRAGMA busy_timeout = {int(self._longest * 1000)}")
        try:
            return super().executescript(sql_script)
        finally:
            self.connection.execute("PRAGMA busy_timeout = 0")

    def _waiting(self, query: str, execute: Any, params: Any) -> Any:
        # A transaction that began as a writer has the lock; one that was begun by hand may still have to wait.
        needs_turn = not self.connection.in_transaction and not query.lstrip()[:7].upper().startswith(_READING)
        wait = self._turns.write if needs_turn else self._turns.read
        return wait(partial(execute, query, params))
