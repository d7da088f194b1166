"""Emptying the database after a test that commits.

Django's own way truncates every table, which PostgreSQL does slowly, and then makes content types and permissions
anew, which takes longer than most tests. Here those stay: they follow from the models and are the same for every test.
"""

import sqlite3
from functools import cache
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import TransactionTestCase

KEPT = {"django_content_type", "auth_permission"}


def empty_quickly() -> None:
    """Have each test that commits (``django_db(transaction=True)``) empty the database so."""
    TransactionTestCase._fixture_teardown = _empty  # type: ignore[attr-defined]  # Django's own, and not public


def leave() -> None:
    """Close what emptied the databases, so that they can be dropped."""
    for connection in _kept.values():
        connection.close()
    _kept.clear()


def _empty(case: TransactionTestCase) -> None:
    for alias in case._databases_names(include_mirrors=False):  # type: ignore[attr-defined]  # not public
        connection = connections[alias]
        with_rows, deletions = _with_rows(alias), _deletions(alias)
        connection.close()  # a transaction that the test left open ends
        beside = _beside(connection)
        # In one transaction: foreign keys are checked at its end, so that the order of the tables does not matter.
        beside.execute("BEGIN" if connection.vendor == "postgresql" else "BEGIN IMMEDIATE")
        try:
            # To look for rows in all tables takes a small part of what it takes to delete those that are not there.
            for (index,) in beside.execute(with_rows).fetchall():
                beside.execute(deletions[index])
            beside.execute("COMMIT")
        finally:
            beside.rollback()  # where that failed, the next test has its own try


#: By the name of the database.
_kept: dict[str, Any] = {}


def _beside(connection: BaseDatabaseWrapper) -> Any:
    """A connection that outlives the tests: each new one reads anew what all tables are, which takes longer than all
    else that emptying them needs.
    """
    parameters = connection.get_connection_params()
    if connection.vendor == "postgresql":
        import psycopg

        name = parameters["dbname"]
        if name not in _kept or _kept[name].closed:
            _kept[name] = psycopg.connect(**parameters, autocommit=True)
    else:
        name = parameters["database"]
        if name not in _kept:
            _kept[name] = sqlite3.connect(**parameters, isolation_level=None)
            _kept[name].executescript("PRAGMA synchronous = OFF; PRAGMA foreign_keys = ON")
    return _kept[name]


@cache
def _tables(alias: str) -> list[str]:
    connection = connections[alias]
    tables = connection.introspection.django_table_names(only_existing=True, include_views=False)
    return [connection.ops.quote_name(table) for table in tables if table not in KEPT]


@cache
def _deletions(alias: str) -> list[str]:
    return [f"DELETE FROM {table}" for table in _tables(alias)]  # noqa: S608  # names of our own models


@cache
def _with_rows(alias: str) -> str:
    """The query for the indexes of the tables that have rows."""
    parts = (
        f"SELECT {index} WHERE EXISTS (SELECT 1 FROM {table})"  # noqa: S608  # as above
        for index, table in enumerate(_tables(alias))
    )
    return " UNION ALL ".join(parts)
