"""Statements that PostgreSQL reads and plans once for each connection, where the project lets it.

Planning takes longer than running where a statement touches a few rows. Django prepares nothing by itself, because a
pooler may give the next statement to another connection; ``OPTIONS["prepare_threshold"]`` says that there is none in
the way, which is how psycopg is asked as well (``docs/howto/run-on-several-machines.md``).
"""

from collections.abc import Sequence
from typing import Any

from django.db import DEFAULT_DB_ALIAS, NotSupportedError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper


def is_alone(using: str = DEFAULT_DB_ALIAS) -> bool:
    """Whether no transaction is open: a statement is one of its own."""
    connection = connections[using]
    return not connection.in_atomic_block and connection.get_autocommit()


def prepares(using: str = DEFAULT_DB_ALIAS) -> bool:
    """Whether :func:`ask` has its statements prepared."""
    connection = connections[using]
    return connection.vendor == "postgresql" and _threshold(connection) is not None


def ask(statement: str, values: Sequence[Any], *, using: str = DEFAULT_DB_ALIAS) -> list[tuple[Any, ...]]:
    """The rows that ``statement`` returns. Prepared where the database does so, so write no values into it.

    Seen by ``execute_wrapper`` and the log of queries as any other.
    """
    try:
        return _asked(statement, values, using)
    except NotSupportedError:
        # A column has another type than when the statement was planned, and nothing was done. In a transaction the
        # caller has it rolled back, after which the driver has all statements planned again.
        if not (prepares(using) and is_alone(using)):
            raise
    with transaction.atomic(using=using), connections[using].cursor() as cursor:
        cursor.execute("SELECT 1")  # without a statement there is nothing to roll back
        transaction.set_rollback(True, using=using)
    return _asked(statement, values, using)


def _asked(statement: str, values: Sequence[Any], using: str) -> list[tuple[Any, ...]]:
    with _cursor(connections[using]) as cursor:
        cursor.execute(statement, values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def _threshold(connection: BaseDatabaseWrapper) -> Any:
    return connection.settings_dict["OPTIONS"].get("prepare_threshold")


def _cursor(connection: BaseDatabaseWrapper) -> Any:
    if not prepares(connection.alias):
        return connection.cursor()
    from psycopg import Cursor

    connection.close_if_health_check_failed()
    connection.ensure_connection()
    # Django's own cursors write values into the statement, and so prepare nothing.
    return connection._prepare_cursor(Cursor(connection.connection))  # type: ignore[attr-defined]  # not public
