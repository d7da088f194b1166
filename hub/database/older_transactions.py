"""Waiting until nobody works on with what was read before a change."""

import time

from django.db import connection

#: Seconds between two looks.
PAUSE = 0.02

_OLDER = """
    SELECT EXISTS (
        SELECT 1 FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start <= %s
            AND backend_type = 'client backend'
    )
"""


def wait_for_older(*, timeout: float = 10.0) -> bool:
    """Wait until every transaction that began before this call has ended; returns whether they did in time.

    A change that was committed before the call is seen by all that is decided after it. On SQLite, which has one
    writer at a time, that is so at once, and inside a transaction there is nothing to wait for: the change is not
    committed. ``timeout`` is in seconds: a backup may stay in one transaction for hours.

    Raises ``django.db.Error``.
    """
    if connection.vendor != "postgresql" or connection.in_atomic_block:
        return True
    until = time.monotonic() + timeout
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (began,) = cursor.fetchone()
        while True:
            cursor.execute(_OLDER, [began])
            if not cursor.fetchone()[0]:
                return True
            if time.monotonic() > until:
                return False
            time.sleep(PAUSE)
