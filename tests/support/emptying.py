"""Emptying the database after a test that commits.

Django's own way truncates every table, which PostgreSQL does slowly, and then makes content types and permissions
anew, which takes longer than most tests. Here those stay: they follow from the models and are the same for every test.
"""

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
        # At once, since each way to PostgreSQL, and each statement through Django, takes longer than what it does; and
        # in one transaction: foreign keys are checked at its end, so that the order of the tables does not matter.
        if connection.vendor == "postgresql":
            statements = _statements(alias)
            connection.close()  # a transaction that the test left open ends
            beside = _beside(connection)
            try:
                beside.execute(f"BEGIN; {statements}; COMMIT")
            finally:
                beside.rollback()  # where that failed, the next test has its own try
        else:
            with connection.cursor() as cursor:
                cursor.executescript(f"BEGIN IMMEDIATE; {_statements(alias)}; COMMIT")


#: By the name of the database.
_kept: dict[str, Any] = {}


def _beside(connection: BaseDatabaseWrapper) -> Any:
    """A connection that outlives the tests: each new one reads anew what all tables are, which takes 10 ms."""
    import psycopg

    parameters = connection.get_connection_params()
    name = parameters["dbname"]
    if name not in _kept or _kept[name].closed:
        _kept[name] = psycopg.connect(**parameters, autocommit=True)
    return _kept[name]


@cache
def _statements(alias: str) -> str:
    connection = connections[alias]
    tables = connection.introspection.django_table_names(only_existing=True, include_views=False)
    names = [connection.ops.quote_name(table) for table in tables if table not in KEPT]
    return "; ".join(f"DELETE FROM {name}" for name in names)  # noqa: S608  # names of our own models
