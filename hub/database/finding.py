"""Finding one row by a column, by a query that is written once, where Django's ORM writes it at each call."""

from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

from django.core.exceptions import FieldDoesNotExist
from django.db import DEFAULT_DB_ALIAS, connection, models, router
from django.db.models.manager import BaseManager

from hub.database import prepared
from hub.database.inserting import quoted

Row = TypeVar("Row", bound=models.Model)

_STATEMENT = "SELECT {columns} FROM {table} WHERE {column} = %s ORDER BY {key} LIMIT 1"


class _Query(NamedTuple):
    statement: str
    asked: "models.Field[Any, Any]"
    #: The attributes of a row, and for some of them what makes their value of what the database has, by their place.
    names: list[str]
    converters: list[tuple[int, Any, Any]]


def find_row(model: type[Row], column: str, value: Any) -> Row | None:
    """The first row, by key, whose field ``column`` is ``value``, of those that the model's default manager has.

    None where there is none. One query.
    """
    query = _query_for(model, column, connection.vendor) if _is_plain(model) else None
    if query is None:
        return model._default_manager.filter(**{column: value}).order_by("pk").first()
    for row in prepared.ask(query.statement, [query.asked.get_db_prep_value(value, connection)]):
        values = list(row)
        for place, convert, expression in query.converters:
            values[place] = convert(values[place], expression, connection)
        return model.from_db(DEFAULT_DB_ALIAS, query.names, values)
    return None


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
def _query_for(model: type[models.Model], column: str, vendor: str) -> _Query | None:
    meta = model._meta
    try:
        asked = meta.get_field(column)
    except FieldDoesNotExist:
        return None
    if not isinstance(asked, models.Field) or hasattr(asked, "get_placeholder"):
        return None
    fields = meta.concrete_fields
    written = [field.get_col(meta.db_table) for field in fields]
    converters = [
        (place, convert, expression)
        for place, expression in enumerate(written)
        for convert in [*connection.ops.get_db_converters(expression), *expression.get_db_converters(connection)]
    ]
    statement = _STATEMENT.format(
        columns=", ".join(map(quoted, fields)),
        table=connection.ops.quote_name(meta.db_table),
        column=quoted(asked),
        key=quoted(meta.pk),
    )
    return _Query(statement, asked, [field.attname for field in fields], converters)
