"""How PostgreSQL keeps tables, for migrations: what Django has no word for."""

from typing import Any

from django.db.migrations import RunSQL


class SetStorage(RunSQL):
    """``ALTER TABLE … SET`` of PostgreSQL; other databases have no such choice, and nothing is done.

    Rows that are there stay as they are, so it belongs into the migration that makes the table.

    Args:
        table: its name in the database.
        change: what stands behind ``ALTER TABLE <table>``.
    """

    def __init__(self, table: str, change: str) -> None:
        super().__init__(f"ALTER TABLE {table} {change}", RunSQL.noop)
        self.table, self.change = table, change

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        return type(self).__name__, [self.table, self.change], {}

    def describe(self) -> str:
        return f"Have PostgreSQL keep {self.table} so: {self.change}"

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        if schema_editor.connection.vendor == "postgresql":
            super().database_forwards(app_label, schema_editor, from_state, to_state)
