"""Changes of tables that are in use: nobody who writes to one waits until it is over.

Migrations after the first take their indexes from here (``tests/hub/test_migrations.py`` refuses others). Such a
migration has nothing else in it and sets ``atomic = False``. Where it was interrupted, it is run again.
"""

from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations import AddIndex
from django.db.migrations.state import ProjectState
from django.db.transaction import TransactionManagementError

#: Whether an index of this name, on this table, is one that PostgreSQL uses.
_STATE = """
    SELECT indisvalid FROM pg_index
    WHERE indexrelid = to_regclass(%s) AND indrelid = to_regclass(%s)
"""


class AddIndexOnline(AddIndex):
    """``AddIndex`` that builds the index with ``CONCURRENTLY`` on PostgreSQL. SQLite has no such thing.

    It may be repeated: an index that is there is kept, and what is left of a build that was interrupted, which
    PostgreSQL calls invalid, is dropped first. It waits for transactions that were open before it, however short the
    time is for which others wait (``lock_timeout``): nobody waits for it.

    Raises:
        TransactionManagementError: the migration is not ``atomic = False``.
    """

    atomic = False

    def describe(self) -> str:
        return f"{super().describe()}, while the table is in use"

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        editor: Any = schema_editor
        if editor.connection.vendor != "postgresql":
            super().database_forwards(app_label, schema_editor, from_state, to_state)
            return
        if editor.connection.in_atomic_block:
            raise TransactionManagementError("An index is added online outside transactions: set atomic = False.")
        model = to_state.apps.get_model(app_label, self.model_name)
        if not self.allow_migrate_model(editor.connection.alias, model):
            return
        name, table = editor.quote_name(self.index.name), editor.quote_name(model._meta.db_table)
        with editor.connection.cursor() as cursor:
            cursor.execute(_STATE, [name, table])
            found = cursor.fetchone()
        if found and found[0]:
            return
        editor.execute("SET lock_timeout = 0")
        try:
            if found:
                editor.execute(f"DROP INDEX CONCURRENTLY {name}")
            editor.add_index(model, self.index, concurrently=True)
        finally:
            editor.execute("RESET lock_timeout")
