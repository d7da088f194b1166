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
        return self.connection.cursor(factory=partial(_Cursor, turns=self._turns))

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
    def __init__(self, connection: Any, *, turns: Turns) -> None:
        super().__init__(connection)
        self._turns = turns

    def execute(self, query: str, params: Any = None) -> Any:
        return self._waiting(query, super().execute, params)

    def executemany(self, query: str, param_list: Any) -> Any:
        rows = list(param_list)  # it may be tried again
        return self._waiting(query, super().executemany, rows)

    def _waiting(self, query: str, execute: Any, params: Any) -> Any:
        if self.connection.in_transaction:  # it has the lock
            return execute(query, params)
        wait = self._turns.read if query.lstrip()[:7].upper().startswith(_READING) else self._turns.write
        return wait(partial(execute, query, params))
