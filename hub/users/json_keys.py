"""Keys of users as JSON has them (:mod:`hub.users.json_form`), of many at once: read from the database, looked up
there, and given to statements.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from django.core.exceptions import EmptyResultSet
from django.db import connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BooleanField, F, Func, QuerySet
from django.db.models.sql.compiler import SQLCompiler

from hub.users.ids import id_columns, id_from, ids_are_keys
from hub.users.json_form import Written, written
from hub.users.model import Key, User, all_users, as_stored, key_field, keys_are_uuids


def written_keys(users: "QuerySet[Any]") -> list[Written]:
    """The keys of the users of a query, in its order. One query."""
    if not keys_are_uuids():
        return [written(key) for key in users.values_list("pk", flat=True)]
    try:
        statement, asked = users.values_list("pk").query.get_compiler(users.db).as_sql()
    except EmptyResultSet:
        return []
    is_native = connections[users.db].features.has_native_uuid_field
    with connections[users.db].cursor() as cursor:
        if is_native:
            from psycopg.types.string import TextLoader

            # The database sends texts, of which the driver makes UUIDs. Said of this cursor, not of the connection.
            cursor.adapters.register_loader("uuid", TextLoader)
        cursor.execute(statement, asked)
        keys = [row[0] for row in cursor.fetchall()]
    return keys if is_native else [f"{key[:8]}-{key[8:12]}-{key[12:16]}-{key[16:20]}-{key[20:]}" for key in keys]


def keys_and_ids(users: "QuerySet[User]") -> list[tuple[Written, str]]:
    """The key of each user of a query and what they are called outside, in its order. One query."""
    if ids_are_keys():
        return [(key, str(key)) for key in written_keys(users)]
    return [(written(key), id_from(values)) for key, *values in users.values_list("pk", *id_columns())]


def ids_of_written(keys: Sequence[Written]) -> dict[Written, str]:
    """What the users with these keys are called outside, by key.

    Where the key is not the id that takes a query, and users who are gone are left out.
    """
    if ids_are_keys():
        return {key: str(key) for key in keys}
    return dict(keys_and_ids(all_users().filter(_IsAmong(keys)).order_by("pk"))) if keys else {}


def select_users(keys: Sequence[Key]) -> tuple[str, list[Any]]:
    """SQL that selects the keys of those users with ``keys`` who are there, in order, and its parameters.

    There is one key at least. Django takes longer for ``pk__in`` than SQL does, and drivers read a statement with a
    parameter for each key for longer than the database needs for it.
    """
    users = all_users().filter(_IsAmong(keys)).order_by("pk").values_list("pk")
    statement, asked = users.query.get_compiler(connection.alias).as_sql()
    return statement, list(asked)


def as_rows(keys: Sequence[Key]) -> tuple[str, list[Any]]:
    """SQL that selects these keys as the database stores them, in order, and its parameters, of which there is one.

    Drivers read a statement with a parameter for each key for longer than the database needs for it.
    """
    if connection.vendor == "postgresql":
        array, asked = _as_array(keys)
        return f"SELECT UNNEST({array})", [asked]
    if keys_are_uuids():
        # The 32 digits that the rows have.
        return "SELECT value FROM JSON_EACH(%s)", [msgspec.json.encode(keys).decode().replace("-", "")]
    return "SELECT value FROM JSON_EACH(%s)", [msgspec.json.encode(as_stored(keys)).decode()]


def among(column: str, keys: Sequence[Key]) -> tuple[str, list[Any]]:
    """SQL that ``column`` has one of these keys, of which there is one at least, and its parameters: one as well."""
    if connection.vendor == "postgresql":
        array, asked = _as_array(keys)
        return f"{column} = ANY({array})", [asked]
    given, asked = as_rows(keys)
    return f"{column} IN ({given})", asked


def _as_array(keys: Sequence[Key]) -> tuple[str, Any]:
    kind = key_field().rel_db_type(connection)
    if keys_are_uuids() or isinstance(keys[0], int):
        # The driver writes each element of an array by itself.
        return f"CAST(STRING_TO_ARRAY(%s, ',') AS {kind}[])", ",".join(map(str, keys))
    return f"CAST(%s AS {kind}[])", as_stored(keys)


class _IsAmong(Func):
    """Whether the key of a user is one of these: Django takes longer for ``pk__in`` than SQL does."""

    def __init__(self, keys: Sequence[Written]) -> None:
        super().__init__(F("pk"), output_field=BooleanField())
        self.keys = keys

    def as_sql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, *_: Any, **__: Any
    ) -> tuple[str, tuple[Any, ...]]:
        column, asked = compiler.compile(self.source_expressions[0])
        condition, keys = among(column, self.keys)
        return condition, (*asked, *keys)
