"""Which publications of a channel say something, found by the time at which they were published."""

from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import connection
from django.db.models import Q

from hub.models import Publication

#: A channel that keeps no more than so many is looked through.
FEW = 1000

#: The clock of whoever publishes may be so far from that of the database.
_CLOCKS = timedelta(minutes=5)

#: A publication has its offset so soon after its row was made: its transaction was committed by then.
_COMMIT = timedelta(days=1)


def published(channel: str, beginning: str, at: datetime) -> tuple[int, datetime] | None:
    """The offset of the publication of ``channel`` whose JSON text begins so, and when it got that.

    Args:
        at: when its publisher made it.

    None where it is not kept, or has none yet; of a channel that keeps many also where its transaction took a day.
    Reads the part of the channel from then on, which the index of offsets finds: offsets and times grow together.
    """
    rows = Publication.objects.filter(channel=channel, sequenced_at__isnull=False)
    first, last, low = _first_since(channel, at - _CLOCKS)
    if last - first >= FEW:
        high = _first_since(channel, at + _COMMIT).found
        rows = rows.filter(offset__gte=low, offset__lt=high)
    meant = rows.filter(Q(data__startswith=beginning) | Q(shared__data__startswith=beginning))
    found = meant.order_by("offset").values_list("offset", "sequenced_at").first()
    return (found[0], found[1]) if found and found[0] is not None and found[1] is not None else None


def offset_since(channel: str, moment: datetime) -> int:
    """The smallest offset of ``channel`` that was given at this moment or later; the last and one where none was.

    0 where all that the channel keeps is to be looked through: it is few, or all of it is as new as that. One
    statement, which finds some thirty rows by the index of offsets.
    """
    first, last, found = _first_since(channel, moment)
    return found if found > first and last - first >= FEW else 0


# As SQL, of PostgreSQL and SQLite alike: a search in halves is one round trip. By turns a row of it reads the time in
# the middle, by the index of offsets, and leaves one of the halves. Offsets may be missing in a history: what is next
# to the middle stands for it. The ends are two look-ups, since SQLite would read all of the channel for both in one.
_SEARCH = """
    WITH RECURSIVE kept (first, last) AS (
        SELECT
            (SELECT "offset" FROM hub_publication WHERE {kept} ORDER BY "offset" LIMIT 1),
            (SELECT "offset" FROM hub_publication WHERE {kept} ORDER BY "offset" DESC LIMIT 1)
    ), search (low, high, at, is_read) AS (
        SELECT first, last + 1, CAST(NULL AS timestamptz), 0 FROM kept
        UNION ALL
        SELECT
            CASE WHEN is_read = 1 AND at < %(moment)s THEN (low + high) / 2 + 1 ELSE low END,
            CASE WHEN is_read = 0 OR at < %(moment)s THEN high ELSE (low + high) / 2 END,
            CASE WHEN is_read = 0 THEN (
                SELECT sequenced_at FROM hub_publication
                WHERE {kept} AND "offset" >= (low + high) / 2 ORDER BY "offset" LIMIT 1
            ) END,
            1 - is_read
        FROM search WHERE low < high
    )
    SELECT first, last, low FROM search, kept WHERE low >= high
"""
_KEPT = 'channel = %(channel)s AND "offset" IS NOT NULL AND sequenced_at IS NOT NULL'


class _Found(NamedTuple):
    """The first and the last offset that a channel keeps, and what was looked for; zeros where it keeps none."""

    first: int
    last: int
    found: int


def _first_since(channel: str, moment: datetime) -> _Found:
    """The smallest offset that was given at this moment or later; the one behind the last where none was."""
    asked = {"channel": channel, "moment": connection.ops.adapt_datetimefield_value(moment)}
    with connection.cursor() as cursor:
        cursor.execute(_SEARCH.format(kept=_KEPT), asked)
        found = cursor.fetchone()
    return _Found(*found) if found else _Found(0, 0, 0)
