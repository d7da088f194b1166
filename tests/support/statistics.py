"""PostgreSQL's statistics, as they are before the database has looked at the rows that came."""

import contextlib
from collections.abc import Iterator

from django.db import connection, transaction

#: The tables and indexes of the models. Their pages are those of rows that are dead.
_EMPTY = """
    UPDATE pg_class SET reltuples = 0, relpages = 50
    WHERE relkind IN ('r', 'i') AND relnamespace = 'public'::regnamespace
"""
_READ = "SELECT SUM(seq_tup_read + idx_tup_fetch)::bigint FROM pg_stat_xact_user_tables"


@contextlib.contextmanager
def statistics_of_empty_tables() -> Iterator[None]:
    """Have PostgreSQL plan as if every table had been empty when it last looked. A statement that takes 10 s fails."""
    with connection.cursor() as cursor:
        cursor.execute(f"{_EMPTY}; SET statement_timeout = '10s'")
        try:
            yield
        finally:
            cursor.execute("RESET statement_timeout; ANALYZE")


@contextlib.contextmanager
def rows_read() -> Iterator[list[int]]:
    """How many rows PostgreSQL read of tables for what the block did; in the list when the block has ended."""
    counted: list[int] = []
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_READ)
        (before,) = cursor.fetchone()
        yield counted
        cursor.execute(_READ)
        counted.append(cursor.fetchone()[0] - before)
