"""Finding one row by a column, by a query that is written once, where Django's ORM writes it at each call."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

from django.core.exceptions import FieldDoesNotExist
from django.db import DEFAULT_DB_ALIAS, connection, models, router
from django.db.models.manager import BaseManager

from hub.database import prepared
from hub.database.inserting import quoted

Row = TypeVar("Row", bound=models.Model)

_STATEMENT = "SELECT {columns} FROM {table} WHERE {column} = %s ORDER BY {key} LIMIT 1 {lock}"


class _Query(NamedTuple):
    statement: str
    asked: "models.Field[Any, Any]"


class Columns(NamedTuple):
    """The columns of a model."""

    #: As SQL has them.
    written: str
    #: The attributes of a row, and for some of them what makes their value of what the database has, by their place.
    names: list[str]
    converters: list[tuple[int, Any, Any]]


def find_row(model: type[Row], column: str, value: Any, *, lock: bool = False) -> Row | None:
    """The first row, by key, whose field ``column`` is ``value``, of those that the model's default manager has.

    None where there is none. One query. With ``lock`` nobody else changes the row until the open transaction ends.
    """
    query = _query_for(model, column, lock, connection.vendor) if _is_plain(model) else None
    if query is None:
        rows = model._default_manager.filter(**{column: value}).order_by("pk")
        return (rows.select_for_update() if lock else rows).first()
    for row in prepared.ask(query.statement, [query.asked.get_db_prep_value(value, connection)]):
        return row_of(model, row)
    return None


def row_of(model: type[Row], values: Sequence[Any]) -> Row:
    """The row that has these values, of a statement that returned :func:`columns_of` its model."""
    columns = columns_of(model)
    made = list(values)
    for place, convert, expression in columns.converters:
        made[place] = convert(made[place], expression, connection)
    return model.from_db(DEFAULT_DB_ALIAS, columns.names, made)


def columns_of(model: type[models.Model]) -> Columns:
    """The columns of ``model``, in the order in which :func:`row_of` takes them."""
    return _columns_of(model, connection.vendor)


def _is_plain(model: type[models.Model]) -> bool:
    """Whether no manager of the project's own says which rows there are: it may be others each time."""
    manager = model._default_manager
    return (
        connection.vendor in {"postgresql", "sqlite"}
        and type(manager).get_queryset is BaseManager.get_queryset
        and manager._queryset_class is models.QuerySet  # type: ignore[attr-defined]  # not public
        and not model._meta.parents
        and router.db_for_read(model) == DEFAULT_DB_ALIAS
    )


@lru_cache(maxsize=64)
def _columns_of(model: type[models.Model], vendor: str) -> Columns:
    fields = model._meta.concrete_fields
    converters = [
        (place, convert, expression)
        for place, expression in enumerate(field.get_col(model._meta.db_table) for field in fields)
        for convert in [*connection.ops.get_db_converters(expression), *expression.get_db_converters(connection)]
    ]
    return Columns(", ".join(map(quoted, fields)), [field.attname for field in fields], converters)


@lru_cache(maxsize=64)
def _query_for(model: type[models.Model], column: str, is_locking: bool, vendor: str) -> _Query | None:
    meta = model._meta
    try:
        asked = meta.get_field(column)
    except FieldDoesNotExist:
        return None
    if not isinstance(asked, models.Field) or hasattr(asked, "get_placeholder"):
        return None
    statement = _STATEMENT.format(
        columns=columns_of(model).written,
        table=connection.ops.quote_name(meta.db_table),
        column=quoted(asked),
        key=quoted(meta.pk),
        lock="FOR UPDATE" if is_locking and connection.features.has_select_for_update else "",
    )
    return _Query(statement, asked)
