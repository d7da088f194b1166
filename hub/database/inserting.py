"""Inserting one row by a statement that is written once for its model, where Django's ORM writes it for each row."""

from functools import lru_cache
from typing import Any, NamedTuple

from django.db import DEFAULT_DB_ALIAS, connection, connections, models

from hub.database import prepared

#: Types whose casts would cut a text that is too long, instead of refusing it.
_CUTTING = ("varchar", "char")


_INSERT = "INSERT INTO {table} ({columns}) VALUES ({places}) RETURNING {key}"


class Insert(NamedTuple):
    """The parts of a statement that inserts one row of a model."""

    table: str
    key: str
    columns: str
    #: A placeholder for each column, with its type.
    places: str
    fields: tuple["models.Field[Any, Any]", ...]

    def values_of(self, row: models.Model) -> list[Any] | None:
        """What the row has in each column, as SQL takes it; None where one is an expression of SQL."""
        database = connections[DEFAULT_DB_ALIAS]  # what `connection` looks up at each use
        values = [field.get_db_prep_save(field.pre_save(row, add=True), database) for field in self.fields]
        return None if any(hasattr(value, "resolve_expression") for value in values) else values


def insert(row: models.Model) -> bool:
    """Insert ``row``, whose key the database gives it; False, and nothing is stored, where it has to be saved instead.

    Part of the open transaction. No signal is sent, as by ``bulk_create``.
    """
    parts = statement_for(type(row))
    values = None if parts is None else parts.values_of(row)
    if parts is None or values is None:
        return False
    ((pk,),) = prepared.ask(_INSERT.format(**parts._asdict()), values)
    stored(row, pk)
    return True


def stored(row: models.Model, pk: Any) -> None:
    """Have ``row`` know that it is stored under the key ``pk``."""
    row.pk = pk
    row._state.adding, row._state.db = False, connection.alias


def statement_for(model: type[models.Model]) -> Insert | None:
    """None where a row of the model is more than one of a table, or where the database writes a column of it."""
    return _statement_for(model, connection.vendor)


@lru_cache(maxsize=64)
def _statement_for(model: type[models.Model], vendor: str) -> Insert | None:
    meta = model._meta
    fields = [field for field in meta.local_concrete_fields if not field.primary_key]
    is_plain = not (meta.parents or any(field.generated or hasattr(field, "get_placeholder") for field in fields))
    if not is_plain or not isinstance(meta.pk, models.AutoField | models.BigAutoField):
        return None
    return Insert(
        connection.ops.quote_name(meta.db_table),
        quoted(meta.pk),
        ", ".join(map(quoted, fields)),
        ", ".join(_place(field, vendor) for field in fields),
        tuple(fields),
    )


def _place(field: "models.Field[Any, Any]", vendor: str) -> str:
    if vendor != "postgresql":
        return "%s"
    kind = str(field.db_type(connection))
    return "%s::text" if kind.startswith(_CUTTING) else f"%s::{kind}"


def quoted(field: "models.Field[Any, Any]") -> str:
    """The name of its column, as SQL has it."""
    return connection.ops.quote_name(str(field.column))
