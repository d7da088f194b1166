"""What the statements of this package have in common, for each database."""

from datetime import timedelta
from typing import Any

from django.db import connection

#: Names that are parameters of their own, at most.
FEW = 10

#: Channels that one statement locks, and rows that it updates, at most.
BATCH = 500

#: The database's own clock, as Django's ``Now()`` has it for each.
NOW = {"sqlite": "STRFTIME('%%Y-%%m-%%d %%H:%%M:%%f', 'NOW')", "postgresql": "STATEMENT_TIMESTAMP()"}

#: A stream says when it last grew within this time: its ``updated_at`` may be so much too early.
NOTED_EVERY = timedelta(seconds=10)


def _noted(now: str) -> str:
    """The ``updated_at`` of a stream that grows: on PostgreSQL, the one that it has where that is near enough.

    A row whose indexed columns stay as they are is changed within its page, and no index is written to.
    """
    too_old = f"hub_stream.updated_at < {now} - INTERVAL '{NOTED_EVERY.total_seconds():g} seconds'"
    return f"CASE WHEN {too_old} THEN {now} ELSE hub_stream.updated_at END"


#: By the time at which the statement began: for one that waits for nobody.
UPDATED_AT = {"sqlite": NOW["sqlite"], "postgresql": _noted(NOW["postgresql"])}
#: By the time of now: for a statement of PostgreSQL that has waited for locks.
UPDATED_AT_LATE = _noted("CLOCK_TIMESTAMP()")

#: Has the heads of streams follow what was stored.
MOVE_HEADS = """
    UPDATE hub_stream
    SET updated_at = {updated_at},
        head = (SELECT MAX("offset") FROM hub_publication WHERE channel = hub_stream.channel)
    WHERE channel {among}
"""


def among(names: list[str]) -> tuple[str, list[Any]]:
    """The SQL that a column is one of ``names``, and its parameters.

    Of many names PostgreSQL gets one text: its driver writes a parameter, and an element of an array, at a time, in
    Python, which takes longer than the statement itself. No name has a comma (:mod:`hub.channels.namespace`).
    """
    if len(names) > FEW and connection.vendor == "postgresql":
        return "= ANY(STRING_TO_ARRAY(%s, ','))", [",".join(names)]
    return f"IN ({', '.join(['%s'] * len(names))})", list(names)


def lock(how: str = "FOR UPDATE") -> str:
    """The end of a query that locks what it finds. SQLite's transaction is its lock."""
    return how if connection.features.has_select_for_update else ""
