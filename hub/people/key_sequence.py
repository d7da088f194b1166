"""Has the database begin the keys of people at :data:`hub.people.keys.FIRST_KEY`."""

from typing import Any

from django.apps import AppConfig
from django.db import connections
from django.db.models import Max

from hub.people.keys import FIRST_KEY


def begin_at_first_key(sender: AppConfig, using: str, **_: Any) -> None:
    """Set the sequence of the keys where it stands below the first one: after the first migration, and after a flush.

    The constraint on the table refuses a smaller key, so that one is never given by mistake.
    """
    users = sender.get_model("User")
    connection = connections[using]
    if users._meta.swapped or users._meta.db_table not in connection.introspection.table_names():
        return
    last = users._base_manager.using(using).aggregate(last=Max("pk"))["last"]
    if last is None:
        _set_next(connection, users._meta.db_table)


def _set_next(connection: Any, table: str) -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("DELETE FROM sqlite_sequence WHERE name = %s", [table])
            cursor.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (%s, %s)", [table, FIRST_KEY - 1])
        elif connection.vendor == "postgresql":
            cursor.execute("SELECT setval(pg_get_serial_sequence(%s, 'id'), %s, false)", [f'"{table}"', FIRST_KEY])
