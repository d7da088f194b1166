"""What the statements of this package have in common, for each database."""

from typing import Any

from django.db import connection

#: Names that are parameters of their own, at most.
FEW = 10

#: Channels that one statement locks, and rows that it updates, at most.
BATCH = 500

#: The database's own clock, as Django's ``Now()`` has it for each.
NOW = {"sqlite": "STRFTIME('%%Y-%%m-%%d %%H:%%M:%%f', 'NOW')", "postgresql": "STATEMENT_TIMESTAMP()"}

#: Has the heads of streams follow what was stored.
MOVE_HEADS = """
    UPDATE hub_stream
    SET updated_at = {now}, head = (SELECT MAX("offset") FROM hub_publication WHERE channel = hub_stream.channel)
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
