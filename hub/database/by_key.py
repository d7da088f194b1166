"""Storing and changing one row of the hub's by its key, by statements that are written once for its model.

Django's ORM writes them at each call. Part of the open transaction, or one of their own; no signal is sent.
"""

from collections.abc import Mapping
from datetime import timedelta
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

from django.db import DEFAULT_DB_ALIAS, connection, connections, models

from hub.database import prepared
from hub.database.finding import columns_of, row_of
from hub.database.inserting import quoted

Row = TypeVar("Row", bound=models.Model)

_PUT = "INSERT INTO {table} ({columns}) VALUES ({places}) ON CONFLICT ({key}) DO {otherwise} RETURNING {key}"
_UPDATE = "UPDATE {table} SET {changes} WHERE {key} = %s AND {only} RETURNING {columns}"

#: A moment on the database's own clock, so long from now, for each database.
_AFTER = {
    "sqlite": "STRFTIME('%%Y-%%m-%%d %%H:%%M:%%f', 'NOW', %s)",
    "postgresql": "(STATEMENT_TIMESTAMP() + %s::interval)",
}


class After(NamedTuple):
    """So many seconds from now, on the database's own clock."""

    seconds: float

    @staticmethod
    def sql() -> str:
        """Where it stands in a statement."""
        return _AFTER[connection.vendor]

    def parameter(self) -> Any:
        """What that takes."""
        return f"{self.seconds:+.3f} seconds" if connection.vendor == "sqlite" else timedelta(seconds=self.seconds)


def put(row: models.Model, *, is_replacing: bool = True, kept: tuple[str, ...] = ()) -> bool:
    """Insert ``row``, which has its key; returns whether it is stored.

    One that is there under this key is replaced, but for the columns ``kept``; without ``is_replacing`` it stays. A
    value may be :class:`After`, and no other expression.
    """
    values = {field.attname: field.pre_save(row, add=True) for field in row._meta.concrete_fields}
    statement = _put(type(row), _moments(values), kept if is_replacing else None, connection.vendor)
    return bool(prepared.ask(statement, _parameters(row._meta, values)))


@lru_cache(maxsize=64)
def _put(model: type[models.Model], moments: tuple[str, ...], kept: tuple[str, ...] | None, vendor: str) -> str:
    meta = model._meta
    columns = {field.attname: quoted(field) for field in meta.concrete_fields}
    changed = [name for field, name in columns.items() if field not in {*(kept or ()), meta.pk.attname}]
    changes = ", ".join(f"{name} = EXCLUDED.{name}" for name in changed)
    return _PUT.format(
        table=connection.ops.quote_name(meta.db_table),
        columns=", ".join(columns.values()),
        places=", ".join(_place(field, moments) for field in columns),
        key=quoted(meta.pk),
        otherwise="NOTHING" if kept is None else f"UPDATE SET {changes}",
    )


def update(model: type[Row], key: Any, values: Mapping[str, Any], *, only: str = "TRUE") -> Row | None:
    """Set these columns of the row that has ``key``; returns the row as it is now, None where there is none.

    A value may be :class:`After`. ``only`` is SQL, and no text of anybody's: nothing where the row is not so.
    """
    statement = _update(model, tuple(values), _moments(values), only, connection.vendor)
    asked = model._meta.pk.get_db_prep_value(key, connection)
    for row in prepared.ask(statement, [*_parameters(model._meta, values), asked]):
        return row_of(model, row)
    return None


@lru_cache(maxsize=64)
def _update(
    model: type[models.Model], names: tuple[str, ...], moments: tuple[str, ...], only: str, vendor: str
) -> str:
    meta = model._meta
    columns = {field.attname: quoted(field) for field in meta.concrete_fields}
    changes = [f"{columns[name]} = {_place(name, moments)}" for name in names]
    return _UPDATE.format(
        table=connection.ops.quote_name(meta.db_table),
        changes=", ".join(changes),
        key=quoted(meta.pk),
        only=only,
        columns=columns_of(model).written,
    )


def _moments(values: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(name for name, value in values.items() if isinstance(value, After))


def _place(name: str, moments: tuple[str, ...]) -> str:
    return After.sql() if name in moments else "%s"


def _parameters(meta: Any, values: Mapping[str, Any]) -> list[Any]:
    database = connections[DEFAULT_DB_ALIAS]  # what `connection` looks up at each use
    return [
        value.parameter() if isinstance(value, After) else meta.get_field(name).get_db_prep_save(value, database)
        for name, value in values.items()
    ]
