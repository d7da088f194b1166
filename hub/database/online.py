"""Changes of tables that are in use: nobody who writes to one waits until it is over.

Migrations after the first take their indexes from here (``tests/hub/test_migrations.py`` refuses others), and set
``atomic = False``. One that was interrupted is run again; PostgreSQL then has an index of this name that it calls
invalid, which has to be dropped first.
"""

from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations import AddIndex
from django.db.migrations.state import ProjectState
from django.db.transaction import TransactionManagementError


class AddIndexOnline(AddIndex):
    """``AddIndex`` that builds the index with ``CONCURRENTLY`` on PostgreSQL. SQLite has no such thing.

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
        if self.allow_migrate_model(editor.connection.alias, model):
            editor.add_index(model, self.index, concurrently=True)
