"""Emptying the database after a test that commits.

Django's own way truncates every table, which PostgreSQL does slowly, and then makes content types and permissions
anew, which takes longer than most tests. Here those stay: they follow from the models and are the same for every test.
"""

from functools import cache

from django.db import connections, transaction
from django.test import TransactionTestCase

KEPT = {"django_content_type", "auth_permission"}


def empty_quickly() -> None:
    """Have each test that commits (``django_db(transaction=True)``) empty the database so."""
    TransactionTestCase._fixture_teardown = _empty  # type: ignore[attr-defined]  # Django's own, and not public


def _empty(case: TransactionTestCase) -> None:
    for alias in case._databases_names(include_mirrors=False):  # type: ignore[attr-defined]  # not public
        connection = connections[alias]
        # At once, since each way to PostgreSQL, and each statement through Django, takes longer than what it does; and
        # in one transaction: foreign keys are checked at its end, so that the order of the tables does not matter.
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                with transaction.atomic(using=alias):
                    cursor.execute(_statements(alias))
            else:
                cursor.executescript(f"BEGIN IMMEDIATE; {_statements(alias)}; COMMIT")


@cache
def _statements(alias: str) -> str:
    connection = connections[alias]
    tables = connection.introspection.django_table_names(only_existing=True, include_views=False)
    names = [connection.ops.quote_name(table) for table in tables if table not in KEPT]
    return "; ".join(f"DELETE FROM {name}" for name in names)  # noqa: S608  # names of our own models
