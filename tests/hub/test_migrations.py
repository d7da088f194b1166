"""Migrations of a hub that is in use: none of them stops those who write to a large table, or the version before."""

from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.db import OperationalError, connection, connections, migrations, models, transaction
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.migration import SwappableTuple
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from django.db.models.functions import Lower, Now
from django.db.transaction import TransactionManagementError
from django.test.utils import CaptureQueriesContext

from hub.database.online import AddIndexOnline

OURS = ("hub", "hub_accounts", "hub_chat", "hub_notifications", "hub_people", "hub_presence", "hub_worker")

#: What says nothing to the database, or takes a moment however many rows there are, and is missed by no code.
#: Everything else is refused: what writes each row, reads each row, or takes away what the version before asks for.
HARMLESS = (
    AddIndexOnline,
    migrations.AlterModelManagers,
    migrations.AlterModelOptions,
    migrations.CreateModel,
    migrations.RemoveIndex,
)


def migrations_of(*, first: bool) -> Iterator[tuple[str, migrations.Migration]]:
    """Our migrations, with or without the first one of each app."""
    for config in apps.get_app_configs():
        if config.label in OURS:
            names = sorted(path.stem for path in Path(config.path, "migrations").glob("[0-9]*.py"))
            for name in names if first else names[1:]:
                found = import_module(f"{config.name}.migrations.{name}").Migration(name, config.label)
                yield f"{config.label}.{name}", found


def refused(migration: migrations.Migration, before: ProjectState) -> list[str]:
    """What of the migration may not be done to tables that were there ``before``, while they are in use."""
    found = _refused(migration.operations, migration.app_label, before.clone(), new=set())
    online = [isinstance(operation, AddIndexOnline) for operation in migration.operations]
    if any(online) and (migration.atomic or not all(online)):
        found.append("AddIndexOnline wants atomic = False and a migration of its own, which can be run again")
    return found


def _refused(operations: Sequence[Operation], app: str, state: ProjectState, *, new: set[str]) -> list[str]:
    """The same of some of its operations. ``state`` moves on with them; ``new`` are the tables that they make."""
    found = []
    for operation in operations:
        model = str(getattr(operation, "model_name", "")).lower()
        if isinstance(operation, migrations.SeparateDatabaseAndState):
            found += _refused(operation.database_operations, app, state.clone(), new=new)
        elif isinstance(operation, migrations.CreateModel):
            new.add(operation.name.lower())
        elif model not in new and not _is_harmless(operation, app, state):
            found.append(operation.describe())
        operation.state_forwards(app, state)
    return found


def _is_harmless(operation: Operation, app: str, state: ProjectState) -> bool:
    if isinstance(operation, migrations.AddField):
        return _comes_by_itself(operation.field)
    if isinstance(operation, migrations.AlterField):
        return _kept(state.models[app, operation.model_name_lower].fields[operation.name]) == _kept(operation.field)
    return isinstance(operation, HARMLESS)


def _comes_by_itself(field: Any) -> bool:
    """Whether the database adds the column without writing rows, and fills it in where code of before inserts one."""
    if field.many_to_many:
        return True  # a table of its own
    if field.unique or field.db_index or field.remote_field or field.generated:
        return False
    if field.has_db_default():
        return not hasattr(field.db_default, "resolve_expression")  # one that is computed may differ in each row
    return bool(field.null and not field.has_default())


def _kept(field: Any) -> tuple[str, Sequence[Any], dict[str, Any]]:
    """What the database is told of a column."""
    _, path, args, options = field.deconstruct()
    return path, args, {name: value for name, value in options.items() if name not in field.non_db_attrs}


def test_no_later_migration_locks_a_table_that_is_in_use() -> None:
    loader = MigrationLoader(None)
    found = {
        name: refused(migration, loader.project_state((migration.app_label, migration.name), at_end=False))
        for name, migration in migrations_of(first=False)
    }
    assert {name: operations for name, operations in found.items() if operations} == {}


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
PEOPLE = settings.AUTH_USER_MODEL


def migration(*operations: Operation, atomic: bool = True) -> migrations.Migration:
    """A later one of the chat."""
    later: type[migrations.Migration] = type(
        "Migration", (migrations.Migration,), {"operations": operations, "atomic": atomic}
    )
    return later("9999_later", "hub_chat")


def added(field: Any) -> Operation:
    return migrations.AddField("message", "extra", field)


def altered(name: str, change: Callable[[Any], object]) -> Operation:
    """The field of messages, with one thing changed."""
    field = ProjectState.from_apps(apps).models["hub_chat", "message"].fields[name].clone()
    change(field)
    return migrations.AlterField("message", name, field)


def run_nothing(*_: object) -> None: ...


@pytest.mark.parametrize(
    "operation",
    [
        added(models.CharField(max_length=9, null=True)),
        added(models.CharField(max_length=9, default="", db_default="")),
        added(models.IntegerField(db_default=0)),
        added(models.ManyToManyField(PEOPLE, related_name="+")),
        altered("text", lambda field: setattr(field, "help_text", "for people")),
        migrations.AlterModelOptions("message", {"verbose_name": "message"}),
        migrations.RemoveIndex("message", "hub_message_of_room"),
        migrations.SeparateDatabaseAndState(state_operations=[migrations.RemoveField("message", "username")]),
    ],
    ids=lambda operation: operation.describe(),
)
def test_what_is_allowed(operation: Operation) -> None:
    assert refused(migration(operation), ProjectState.from_apps(apps)) == []


@pytest.mark.parametrize(
    "operation",
    [
        # Django has the database forget the default again, so that the version before could not insert a row.
        added(models.CharField(max_length=9, default="")),
        added(models.CharField(max_length=9, null=True, default="a")),
        added(models.DateTimeField(db_default=Now())),
        added(models.CharField(max_length=9, null=True, db_index=True)),
        added(models.CharField(max_length=9, null=True, unique=True)),
        added(models.ForeignKey(PEOPLE, models.CASCADE, null=True)),
        added(models.ForeignKey(PEOPLE, models.CASCADE, null=True, db_index=False, db_constraint=False)),
        added(
            models.GeneratedField(
                expression=Lower("text"), output_field=models.TextField(), db_persist=True
            )  # fills in each row
        ),
        altered("text", lambda field: setattr(field, "null", True)),
        altered("username", lambda field: setattr(field, "max_length", 9)),
        altered("username", lambda field: setattr(field, "_unique", True)),
        altered("username", lambda field: setattr(field, "db_index", True)),
        migrations.AlterField("message", "text", models.CharField(max_length=9)),
        migrations.AddIndex("message", INDEX),
        migrations.AddConstraint("message", models.UniqueConstraint(fields=["text"], name="once")),
        migrations.RemoveConstraint("message", "hub_message_key_once"),
        migrations.AlterUniqueTogether("message", {("text", "username")}),
        migrations.AlterModelTable("message", "other"),
        migrations.RenameField("message", "text", "words"),
        migrations.RenameModel("message", "saying"),
        migrations.RemoveField("message", "text"),
        migrations.DeleteModel("message"),
        migrations.RunSQL("UPDATE hub_chat_message SET text = ''"),
        migrations.RunPython(run_nothing),
        migrations.SeparateDatabaseAndState(database_operations=[migrations.AddIndex("message", INDEX)]),
        # A model that is made for Django alone has its table already.
        migrations.SeparateDatabaseAndState(
            state_operations=[migrations.CreateModel("Old", [("id", models.AutoField(primary_key=True))])],
            database_operations=[migrations.RunSQL("ALTER TABLE old ADD CHECK (true)")],
        ),
    ],
    ids=lambda operation: operation.describe(),
)
def test_what_is_refused(operation: Operation) -> None:
    assert refused(migration(operation), ProjectState.from_apps(apps)) != []


def test_new_table_may_get_everything() -> None:
    new = migrations.CreateModel("Pin", [("id", models.AutoField(primary_key=True)), ("at", models.DateTimeField())])
    index = migrations.AddIndex("pin", models.Index(fields=["at"], name="hub_pin_at"))
    assert refused(migration(new, index), ProjectState.from_apps(apps)) == []
    assert refused(migration(new, migrations.RunPython(run_nothing)), ProjectState.from_apps(apps)) != []


def test_index_has_a_migration_of_its_own_which_can_be_run_again() -> None:
    before, online = ProjectState.from_apps(apps), AddIndexOnline("message", INDEX)
    assert refused(migration(online, atomic=False), before) == []
    assert refused(migration(online), before) != []
    assert refused(migration(online, added(models.IntegerField(null=True)), atomic=False), before) != []


class Indexing:
    """Builds :data:`INDEX` as ``migrate`` does."""

    def __init__(self) -> None:
        self._before = ProjectState.from_apps(apps)
        self._after = self._before.clone()
        self._operation = AddIndexOnline("message", INDEX)
        self._operation.state_forwards("hub_chat", self._after)

    def build(self, *, atomic: bool = False) -> None:
        with connection.schema_editor(atomic=atomic) as editor:
            self._operation.database_forwards("hub_chat", editor, self._before, self._after)

    def remove(self) -> None:
        with connection.schema_editor() as editor:
            self._operation.database_backwards("hub_chat", editor, self._after, self._before)


@pytest.fixture
def indexing(transactional_db: None) -> Iterator[Indexing]:
    made = Indexing()
    yield made
    made.remove()


def validity() -> list[bool]:
    """Whether PostgreSQL uses :data:`INDEX`; nothing where it has none."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)", [INDEX.name])
        return [bool(valid) for (valid,) in cursor.fetchall()]


def test_index_is_added_while_the_table_is_in_use(indexing: Indexing) -> None:
    if connection.vendor == "postgresql":
        with pytest.raises(TransactionManagementError), transaction.atomic():
            indexing.build(atomic=True)
    with CaptureQueriesContext(connection) as queries:
        indexing.build()
    assert any("CONCURRENTLY" in query["sql"] for query in queries) == (connection.vendor == "postgresql")
    with connection.cursor() as cursor:
        assert INDEX.name in connection.introspection.get_constraints(cursor, "hub_chat_message")


needs_postgresql = pytest.mark.skipif(
    connection.vendor != "postgresql",
    reason="only PostgreSQL builds indexes while a table is in use, and is told how to keep it (make test-postgres)",
)


@needs_postgresql
@pytest.mark.django_db
def test_rows_that_are_changed_all_the_time_have_room_and_lists_of_people_are_not_compressed() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT reloptions FROM pg_class WHERE oid = 'hub_stream'::regclass")
        assert cursor.fetchone() == (["fillfactor=50"],)
        cursor.execute(
            "SELECT attstorage::text FROM pg_attribute WHERE attrelid = %s::regclass AND attname = 'keys'",
            ["hub_notifications_listedpeople"],
        )
        assert cursor.fetchone() == ("e",)


@needs_postgresql
def test_index_that_was_interrupted_is_built_again_and_one_that_is_there_is_kept(indexing: Indexing) -> None:
    """``migrate`` waits for those who write, is interrupted, and is run again, also after the index was built."""
    other = connections.create_connection(connection.alias)
    try:
        with other.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("LOCK TABLE hub_chat_message IN ROW EXCLUSIVE MODE")
        with connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = '300ms'")
        with pytest.raises(OperationalError):
            indexing.build()
        with connection.cursor() as cursor:
            cursor.execute("RESET statement_timeout")
    finally:
        other.close()
    assert validity() == [False]
    indexing.build()
    assert validity() == [True]
    with CaptureQueriesContext(connection) as queries:
        indexing.build()
    assert validity() == [True]
    assert not any("CREATE" in query["sql"] for query in queries)
