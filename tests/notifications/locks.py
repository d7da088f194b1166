"""Whether one transaction waits for another."""

from django.db import connection


def somebody_waits() -> bool:
    """Whether PostgreSQL has a transaction that waits for a lock."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM pg_locks WHERE NOT granted")
        return bool(cursor.fetchone()[0])
