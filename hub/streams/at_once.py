"""Publications that are numbered by the statement that stores them, for transactions that end right after it.

Where no other transaction is around them, numbering after the commit (:func:`hub.streams.sequence`) is a second commit
and a second version of each row, and spares nobody a wait: the streams are locked for a moment either way. What cannot
be numbered so is left to that: channels without a stream or with publications that come first, because they wait for
their number, and streams that were tampered with.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import msgspec
from django.db import connection, models
from django.utils import timezone

from hub.database import inserting, prepared
from hub.models import Publication
from hub.streams.sql import BATCH, MOVE_HEADS, NOW, UPDATED_AT, UPDATED_AT_LATE, among, lock
from hub.streams.store import Envelope


class Appended(NamedTuple):
    """Publications that are stored and numbered, and what is to be announced of them after the commit."""

    rows: list[Publication]
    envelopes: list[Envelope]


#: That a stream can be continued: nothing waits for its number, and none of its numbers is taken.
_IS_READY = """
    NOT EXISTS (
        SELECT 1 FROM hub_publication waiting WHERE waiting.channel = hub_stream.channel AND waiting."offset" IS NULL
    ) AND NOT EXISTS (
        SELECT 1 FROM hub_publication later
        WHERE later.channel = hub_stream.channel AND later."offset" > hub_stream.head
    )
"""
_COLUMNS = '(channel, "offset", data, info, tags, created_at, sequenced_at)'


def _written(statement: str, **parts: str) -> str:
    return statement.format(columns=_COLUMNS, is_ready=_IS_READY, **parts)


# One publication.
_INSERT_ON_SQLITE = _written(
    """
    INSERT INTO hub_publication {columns}
    SELECT channel, head + 1, %s, %s, %s, %s, {now} FROM hub_stream WHERE channel = %s AND {is_ready}
    RETURNING id, "offset"
    """,
    now=NOW["sqlite"],
)
_MOVE_HEAD_ON_SQLITE = _written(
    "UPDATE hub_stream SET updated_at = {now}, head = %s WHERE channel = %s RETURNING epoch", now=NOW["sqlite"]
)
#: The stream is locked first, so that its time is never before that of the publication before: an update works out
#: what it writes before it waits for the lock.
_CONTINUED = _written(
    """
    locked AS (
        SELECT channel, epoch, head FROM hub_stream WHERE channel = %s::text AND {is_ready} FOR UPDATE
    ), stream AS (
        UPDATE hub_stream SET head = locked.head + 1, updated_at = {updated_at} FROM locked
        WHERE hub_stream.channel = locked.channel
        RETURNING hub_stream.channel, hub_stream.epoch, hub_stream.head, CLOCK_TIMESTAMP() AS numbered_at
    )
    """,
    updated_at=UPDATED_AT_LATE,
)
_INSERT_ON_POSTGRESQL = _written(
    """
    WITH {continued}, publication AS (
        INSERT INTO hub_publication {columns}
        SELECT channel, head, %s::text, %s::text, %s::text, %s::timestamptz, numbered_at FROM stream
        RETURNING id
    )
    SELECT publication.id, stream.head, stream.epoch FROM publication, stream
    """,
    continued=_CONTINUED,
)
#: With another row, whose key is written into the publication.
_INSERT_WITH_ROW = """
    WITH {continued}, stored AS (
        INSERT INTO {table} ({row_columns}) SELECT {places} FROM stream RETURNING {key} AS pk
    ), publication AS (
        INSERT INTO hub_publication {columns}
        SELECT channel, head, %s::text || pk::text || %s::text, '', '', %s::timestamptz, numbered_at
        FROM stream, stored
        RETURNING id
    )
    SELECT stored.pk, publication.id, stream.head, stream.epoch FROM stored, publication, stream
"""

# Several publications.
_LOCK = """
    SELECT channel, epoch, head, {is_ready}
    FROM hub_stream WHERE channel {among} ORDER BY channel {lock}
"""
_INSERT_ALL = {
    "sqlite": _written(
        """
        INSERT INTO hub_publication {columns}
        SELECT JSON_EXTRACT(value, '$[0]'), JSON_EXTRACT(value, '$[1]'), JSON_EXTRACT(value, '$[2]'), %s, %s, %s, {now}
        FROM JSON_EACH(%s) ORDER BY key
        RETURNING id, channel, "offset"
        """,
        now=NOW["sqlite"],
    ),
    "postgresql": _written(
        """
        INSERT INTO hub_publication {columns}
        SELECT channel, number, data, %s, %s, %s, {now}
        FROM UNNEST(%s::text[], %s::bigint[], %s::text[]) WITH ORDINALITY AS new (channel, number, data, place)
        ORDER BY place
        RETURNING id, channel, "offset"
        """,
        now=NOW["postgresql"],
    ),
}


def is_possible() -> bool:
    """Whether statements see what others have just committed."""
    level = connection.settings_dict["OPTIONS"].get("isolation_level") if connection.vendor == "postgresql" else None
    return level is None or int(level) == _READ_COMMITTED


def is_one_step() -> bool:
    """Whether one publication is one statement, and so a transaction by itself."""
    return connection.vendor == "postgresql" and is_possible()


#: As psycopg has it.
_READ_COMMITTED = 2


def append_at_once(publications: Sequence[tuple[str, str]], info: str = "", tags: str = "") -> Appended | None:
    """Append ``(channel, JSON text)`` pairs and number them; None, and nothing is stored, where that cannot be.

    All of them or none, in the order given. Their streams are locked until the open transaction ends, in the order in
    which all lock them, so it has to end right after this: whoever publishes in one of the channels waits, and who
    waits for a row while having them may wait in a ring.
    """
    now = connection.ops.adapt_datetimefield_value(timezone.now())
    if len(publications) > 1:
        return _append_all(publications, info, tags, now)
    ((channel, text),) = publications
    if connection.vendor == "postgresql":
        found = prepared.ask(_INSERT_ON_POSTGRESQL, [channel, text, info, tags, now])
    else:
        found = prepared.ask(_INSERT_ON_SQLITE, [text, info, tags, now, channel])
        found = [(*row, _moved(channel, row[1])) for row in found]
    for pk, offset, epoch in found:
        return Appended(
            [_row(pk, channel, offset, text, info, tags)], [Envelope(channel, epoch, offset, text, info, tags)]
        )
    return None


def _moved(channel: str, head: int) -> str:
    ((epoch,),) = prepared.ask(_MOVE_HEAD_ON_SQLITE, [head, channel])
    return str(epoch)


def append_with_row(row: models.Model, channel: str, before: str, after: str) -> Appended | None:
    """Insert ``row`` and append a publication of it, whose JSON text is ``before``, the row's key and ``after``.

    One statement and one round trip, on PostgreSQL. None, and nothing is stored, where that cannot be. The row has its
    key then, as if it had been saved; no signal is sent.
    """
    insert = inserting.statement_for(type(row)) if connection.vendor == "postgresql" else None
    values = None if insert is None else insert.values_of(row)
    if insert is None or values is None:
        return None
    statement = _with_row(insert)
    now = connection.ops.adapt_datetimefield_value(timezone.now())
    for pk, publication, offset, epoch in prepared.ask(statement, [channel, *values, before, after, now]):
        inserting.stored(row, pk)
        text = f"{before}{pk}{after}"
        return Appended([_row(publication, channel, offset, text)], [Envelope(channel, epoch, offset, text)])
    return None


@cache
def _with_row(insert: inserting.Insert) -> str:
    parts = {"table": insert.table, "row_columns": insert.columns, "places": insert.places, "key": insert.key}
    return _written(_INSERT_WITH_ROW, continued=_CONTINUED, **parts)


def _append_all(publications: Sequence[tuple[str, str]], info: str, tags: str, now: Any) -> Appended | None:
    names = sorted({channel for channel, _ in publications})
    places: dict[str, tuple[str, int]] = {}
    for start in range(0, len(names), BATCH):
        places |= _locked(names[start : start + BATCH])
    if len(places) < len(names):
        return None
    heads = {name: head for name, (_, head) in places.items()}
    numbered: list[tuple[str, int, str]] = []
    for channel, text in publications:
        heads[channel] += 1
        numbered.append((channel, heads[channel], text))
    keys: dict[tuple[str, int], int] = {}
    for start in range(0, len(numbered), BATCH):
        keys |= _inserted(numbered[start : start + BATCH], info, tags, now)
    with connection.cursor() as cursor:
        for start in range(0, len(names), BATCH):
            found_in, asked = among(names[start : start + BATCH])
            cursor.execute(MOVE_HEADS.format(among=found_in, updated_at=UPDATED_AT[connection.vendor]), asked)
    return Appended(
        [_row(keys[channel, offset], channel, offset, text, info, tags) for channel, offset, text in numbered],
        [Envelope(channel, places[channel][0], offset, text, info, tags) for channel, offset, text in numbered],
    )


def _locked(names: list[str]) -> Mapping[str, tuple[str, int]]:
    """The epoch and the head of those that can be continued, which are locked."""
    with connection.cursor() as cursor:
        found_in, asked = among(names)
        statement = _written(_LOCK, among=found_in, lock=lock())
        cursor.execute(statement, asked)
        return {channel: (epoch, head) for channel, epoch, head, is_ready in cursor.fetchall() if is_ready}


def _inserted(numbered: list[tuple[str, int, str]], info: str, tags: str, now: Any) -> dict[tuple[str, int], int]:
    """The keys of what is stored, by channel and offset."""
    columns = [[*column] for column in zip(*numbered, strict=True)]
    many = columns if connection.vendor == "postgresql" else [msgspec.json.encode(numbered).decode()]
    with connection.cursor() as cursor:
        cursor.execute(_INSERT_ALL[connection.vendor], [info, tags, now, *many])
        return {(channel, offset): pk for pk, channel, offset in cursor.fetchall()}


def _row(pk: int, channel: str, offset: int, text: str, info: str = "", tags: str = "") -> Publication:
    row = Publication(pk=pk, channel=channel, offset=offset, data=text, info=info, tags=tags)
    row._state.adding, row._state.db = False, connection.alias
    return row
