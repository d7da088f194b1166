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
        # In one transaction: foreign keys are checked at its end, so that the order of the tables does not matter.
        with transaction.atomic(using=alias), connections[alias].cursor() as cursor:
            for statements in _statements(alias):
                cursor.execute(statements)


@cache
def _statements(alias: str) -> list[str]:
    connection = connections[alias]
    tables = connection.introspection.django_table_names(only_existing=True, include_views=False)
    names = [connection.ops.quote_name(table) for table in tables if table not in KEPT]
    statements = [f"DELETE FROM {name}" for name in names]  # noqa: S608  # names of our own models
    # PostgreSQL takes them all at once, and a way to the server and back takes longer than what each does there.
    return ["; ".join(statements)] if connection.vendor == "postgresql" else statements
