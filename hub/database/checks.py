"""What ``manage.py check`` says about the database that has the hub's tables."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.core import checks
from django.db import connections, router

from hub.models import Stream

_SUPPORTED = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}

_OPTIONS = '"OPTIONS": {"transaction_mode": "IMMEDIATE", "init_command": "PRAGMA journal_mode=WAL"}'


@checks.register
def database_works(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """The database is one that the hub knows, and SQLite lets several threads write."""
    alias = router.db_for_write(Stream)
    connection = connections[alias]
    if connection.vendor not in _SUPPORTED:
        return [
            checks.Error(
                f"The hub's tables are in the database {alias!r}, which is {connection.display_name}: the hub works "
                f"with {' and '.join(_SUPPORTED.values())}.",
                hint="Have such a database as 'default'; other models may be anywhere.",
                id="hub.E033",
            )
        ]
    return list(_of_sqlite(alias, connection.settings_dict["OPTIONS"])) if connection.vendor == "sqlite" else []


def _of_sqlite(alias: str, options: dict[str, Any]) -> Iterator[checks.CheckMessage]:
    if str(options.get("transaction_mode")).upper() not in {"IMMEDIATE", "EXCLUSIVE"}:
        yield checks.Warning(
            f"Two transactions in the database {alias!r} that read and then write lock each other out: SQLite has no "
            "transaction_mode.",
            hint=_OPTIONS,
            id="hub.W035",
        )
    if "journal_mode=wal" not in str(options.get("init_command")).lower().replace(" ", ""):
        yield checks.Warning(
            f"Whoever reads in the database {alias!r} waits for whoever writes: SQLite keeps no write-ahead log.",
            hint=_OPTIONS,
            id="hub.W036",
        )
