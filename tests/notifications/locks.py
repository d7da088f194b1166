"""Whether one transaction waits for another."""

from django.db import connection

#: Other test processes have databases on the same server. A wait for a transaction names none, but who waits has locks
#: on tables of its own.
_WAITS = """
    SELECT EXISTS (
        SELECT 1 FROM pg_locks AS wanted
        JOIN pg_locks AS held USING (pid)
        JOIN pg_database ON pg_database.oid = held.database
        WHERE NOT wanted.granted AND pg_database.datname = current_database()
    )
"""


def somebody_waits() -> bool:
    """Whether PostgreSQL has a transaction in this database that waits for a lock."""
    with connection.cursor() as cursor:
        cursor.execute(_WAITS)
        return bool(cursor.fetchone()[0])
