"""Migrations of a hub that is in use: none of them stops those who write to a large table."""

from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.db import connection, migrations, models, transaction
from django.db.migrations.migration import SwappableTuple
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from django.db.transaction import TransactionManagementError
from django.test.utils import CaptureQueriesContext

from hub.database.online import AddIndexOnline

OURS = ("hub", "hub_accounts", "hub_chat", "hub_notifications", "hub_people", "hub_presence", "hub_worker")

#: What PostgreSQL does to a whole table while nobody may write to it.
LOCKING = (migrations.AddConstraint, migrations.AlterField, migrations.AlterUniqueTogether, migrations.RunSQL)


def migrations_of(*, first: bool) -> Iterator[tuple[str, migrations.Migration]]:
    """Our migrations, with or without the first one of each app."""
    for config in apps.get_app_configs():
        if config.label in OURS:
            names = sorted(path.stem for path in Path(config.path, "migrations").glob("[0-9]*.py"))
            for name in names if first else names[1:]:
                found = import_module(f"{config.name}.migrations.{name}").Migration(name, config.label)
                yield f"{config.label}.{name}", found


def locks(operations: Sequence[Operation]) -> list[str]:
    """What of these operations locks a table that was there before."""
    new = {operation.name.lower() for operation in operations if isinstance(operation, migrations.CreateModel)}
    found = []
    for operation in operations:
        model = str(getattr(operation, "model_name", "")).lower()
        is_index = isinstance(operation, migrations.AddIndex) and not isinstance(operation, AddIndexOnline)
        if model not in new and (is_index or isinstance(operation, LOCKING) or _adds_an_index(operation)):
            found.append(operation.describe())
    return found


def _adds_an_index(operation: Operation) -> bool:
    if not isinstance(operation, migrations.AddField):
        return False
    field: Any = operation.field
    return bool(field.db_index or field.unique or field.remote_field)


def test_no_later_migration_locks_a_table_that_is_in_use() -> None:
    later = migrations_of(first=False)
    assert {name: found for name, migration in later if (found := locks(migration.operations))} == {}


def test_no_migration_wants_the_hubs_own_user_model() -> None:
    """A project that installs the hub has a user model of its own, and no ``hub_people``."""
    named = {
        name: dependency
        for name, migration in migrations_of(first=True)
        for dependency in migration.dependencies
        if dependency[0] == "hub_people" and not isinstance(dependency, SwappableTuple)
    }
    assert named == {}


INDEX = models.Index(fields=["created_at"], name="hub_test_online")


@pytest.mark.parametrize(
    ("operation", "is_refused"),
    [
        (migrations.AddIndex("message", INDEX), True),
        (AddIndexOnline("message", INDEX), False),
        (migrations.AddField("message", "kind", models.CharField(max_length=9, default="")), False),
        (migrations.AddField("message", "kind", models.CharField(max_length=9, default="", db_index=True)), True),
        (migrations.AlterField("message", "text", models.CharField(max_length=9)), True),
        (migrations.AddConstraint("message", models.UniqueConstraint(fields=["text"], name="once")), True),
        (migrations.RemoveIndex("message", "hub_test_online"), False),
    ],
)
def test_what_is_refused(operation: Operation, is_refused: bool) -> None:
    assert bool(locks([operation])) == is_refused
    assert locks([migrations.CreateModel("Message", []), operation]) == []


@pytest.mark.django_db(transaction=True)
def test_index_is_added_while_the_table_is_in_use() -> None:
    state = ProjectState.from_apps(apps)
    after = state.clone()
    operation = AddIndexOnline("message", INDEX)
    operation.state_forwards("hub_chat", after)
    if connection.vendor == "postgresql":
        with pytest.raises(TransactionManagementError), transaction.atomic(), connection.schema_editor() as editor:
            operation.database_forwards("hub_chat", editor, state, after)
    with CaptureQueriesContext(connection) as queries, connection.schema_editor(atomic=False) as editor:
        operation.database_forwards("hub_chat", editor, state, after)
    try:
        assert any("CONCURRENTLY" in query["sql"] for query in queries) == (connection.vendor == "postgresql")
        with connection.cursor() as cursor:
            assert INDEX.name in connection.introspection.get_constraints(cursor, "hub_chat_message")
    finally:
        with connection.schema_editor(atomic=False) as editor:
            operation.database_backwards("hub_chat", editor, after, state)
