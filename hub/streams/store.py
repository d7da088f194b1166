"""Streams of durable publications in the database: append, sequence, read. This module uses neither Redis nor sockets.

The order of a channel is the order in which its rows were sequenced, after their commits. All functions are
synchronous and use the ``default`` database.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import msgspec
from django.db import connection, transaction
from django.db.models import OuterRef, Subquery
from django.db.models.functions import Coalesce, Greatest, Now

from hub.models import Publication, Stream, new_epoch
from hub.streams import sharing
from hub.streams.sql import BATCH, MOVE_HEADS, NOTED_EVERY, NOW, UPDATED_AT, UPDATED_AT_LATE, among, lock

#: How far back ``touched`` searches: longer than a sequencing transaction stays open, and than host clocks differ.
SLACK = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a channel's history: ``offset`` 0 stands before the first publication.

    ``epoch`` is empty for a channel that has no stream yet; it equals the beginning of whatever stream comes. Where
    clients must be told a name, :func:`begin` knows the one that the stream will have.
    """

    epoch: str = ""
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Envelope:
    """A publication on its way to clients: ``data`` is JSON text; ``offset`` is 0 for an ephemeral one.

    ``info`` is JSON text about the client that published it; empty where it was not a client. ``tags`` is JSON text
    (:mod:`hub.validation.tags`), empty where there are none. ``is_foreign``: other code has sent it over the channel
    layer (:mod:`hub.bus.foreign`).
    """

    channel: str
    epoch: str
    offset: int
    data: str
    info: str = ""
    tags: str = ""
    is_foreign: bool = False

    @property
    def size(self) -> int:
        """Characters of all that clients get of it."""
        return len(self.data) + len(self.info) + len(self.tags)


def append(publications: Sequence[tuple[str, str]], info: str = "", tags: str = "") -> list[Publication]:
    """Insert ``(channel, JSON text)`` pairs into the open transaction; all of them or none. ``info`` and ``tags`` go
    with each.

    They have no offset until :func:`sequence` ran after the commit.
    """
    rows = [Publication(channel=channel, data=text, info=info, tags=tags) for channel, text in publications]
    if len(rows) == 1:
        rows[0].save(force_insert=True)
        return rows
    return Publication.objects.bulk_create(rows, batch_size=BATCH)


def sequence(channels: Iterable[str]) -> list[Envelope]:
    """Give every committed publication of ``channels`` that has no offset the next one of its channel.

    One short transaction that locks the streams in the order of their names, so that two that meet never deadlock.
    Returns the newly numbered envelopes in the order of insertion, which within a channel is the order of offsets.
    Envelopes that another process numbered first are not among them: that process announces them.
    """
    names = sorted(set(channels))
    if len(names) == 1 and _takes_several_statements() and (numbered := _sequence_one(names[0])) is not None:
        return numbered
    envelopes: list[Envelope] = []
    for start in range(0, len(names), BATCH):
        envelopes += _sequence(names[start : start + BATCH])
    return envelopes


# Written as SQL, because Django's bulk_update() makes an expression per row: for 2,000 rows it took ten times as long
# as everything else. The statements are of PostgreSQL 9.5 and SQLite 3.35 and newer.
_LOCK = "SELECT channel, epoch, head FROM hub_stream WHERE channel {among} ORDER BY channel {lock}"
#: The numbers of rows and the heads of streams are looked up in JSON instead of joined. Where PostgreSQL's statistics
#: are of a time at which the table was empty, it expects one row of each side of a join, and reads one side again for
#: each row of the other: numbering 1,000 publications took minutes.
_NUMBER_ON_POSTGRESQL = """
    UPDATE hub_publication SET sequenced_at = {now}, "offset" = (%s::jsonb ->> channel)::bigint + ((
        SELECT JSONB_OBJECT_AGG(numbered.id, numbered.number) FROM (
            SELECT id, ROW_NUMBER() OVER (PARTITION BY channel ORDER BY id) AS number
            FROM hub_publication WHERE "offset" IS NULL AND channel {among}
        ) AS numbered
    ) ->> id::text)::bigint
    WHERE "offset" IS NULL AND channel {among}
    RETURNING id, channel, "offset", data, info, tags
"""
#: All that :func:`_sequence` does with one channel, in one message: PostgreSQL takes its statements for a transaction,
#: or for a part of the one that is open, and each of them sees what was committed until it began. The time of a
#: statement would be that of the message, which came before it waited for the lock. Nothing is numbered where there is
#: no stream yet.
_SEQUENCE_ONE = """
    SELECT epoch FROM hub_stream WHERE channel = %s FOR UPDATE;
    UPDATE hub_publication
    SET sequenced_at = (SELECT CLOCK_TIMESTAMP()), "offset" = (SELECT head FROM hub_stream WHERE channel = %s) + ((
        SELECT JSONB_OBJECT_AGG(numbered.id, numbered.number) FROM (
            SELECT id, ROW_NUMBER() OVER (ORDER BY id) AS number
            FROM hub_publication WHERE "offset" IS NULL AND channel = %s
        ) AS numbered
    ) ->> id::text)::bigint
    WHERE "offset" IS NULL AND channel = %s AND EXISTS (SELECT 1 FROM hub_stream WHERE channel = %s)
    RETURNING id, channel, "offset", data, info, tags;
    UPDATE hub_stream SET updated_at = {updated_at}, head = newest.number
    FROM (SELECT MAX("offset") AS number FROM hub_publication WHERE channel = %s) AS newest
    WHERE channel = %s AND head < newest.number
"""
_NUMBER_ON_SQLITE = """
    UPDATE hub_publication SET sequenced_at = {now}, "offset" = numbered.number
    FROM (
        SELECT pending.id, stream.head + ROW_NUMBER() OVER (PARTITION BY pending.channel ORDER BY pending.id) AS number
        FROM hub_publication pending JOIN hub_stream stream ON stream.channel = pending.channel
        WHERE pending."offset" IS NULL AND pending.channel {among}
    ) AS numbered
    WHERE hub_publication.id = numbered.id
    RETURNING hub_publication.id, hub_publication.channel, hub_publication."offset", hub_publication.data,
        hub_publication.info, hub_publication.tags
"""


def _takes_several_statements() -> bool:
    """Whether a message may have several statements, of which all are done or none."""
    is_transaction = connection.in_atomic_block or connection.get_autocommit()
    of_postgresql = connection.vendor == "postgresql"
    return of_postgresql and is_transaction and not connection.settings_dict["OPTIONS"].get("server_side_binding")


def _sequence_one(name: str) -> list[Envelope] | None:
    """As :func:`_sequence`, for one channel and in one round trip; None where the channel has no stream yet."""
    with connection.cursor() as cursor:
        cursor.execute(_SEQUENCE_ONE.format(updated_at=UPDATED_AT_LATE), [name] * 7)
        epochs = [epoch for (epoch,) in cursor.fetchall()]
        cursor.nextset()
        rows = sorted(cursor.fetchall())
    for epoch in epochs:
        return [Envelope(channel, epoch, offset, *content) for _, channel, offset, *content in rows]
    return None


@transaction.atomic
def _sequence(names: list[str]) -> list[Envelope]:
    found = _locked(names)
    with connection.cursor() as cursor:
        found_in, asked = among(names)
        words = {"among": found_in, "now": NOW[connection.vendor]}
        if connection.vendor == "postgresql":
            heads = msgspec.json.encode({name: position.offset for name, position in found.items()}).decode()
            cursor.execute(_NUMBER_ON_POSTGRESQL.format(**words), [heads, *asked, *asked])
        else:
            cursor.execute(_NUMBER_ON_SQLITE.format(**words), asked)
        rows = sorted(cursor.fetchall())
        if grown := sorted({channel for _, channel, *_ in rows}):
            found_in, asked = among(grown)
            cursor.execute(MOVE_HEADS.format(among=found_in, updated_at=UPDATED_AT[connection.vendor]), asked)
    return [Envelope(channel, found[channel].epoch, offset, *content) for _, channel, offset, *content in rows]


_INSERT_NUMBERED = """
    INSERT INTO hub_publication (channel, "offset", data, info, tags, created_at, sequenced_at, shared_id)
    SELECT channel, head + 1, '', '', '', {now}, {now}, %s FROM hub_stream WHERE channel {among} ORDER BY channel
    RETURNING id, channel, "offset"
"""
_MOVE_HEADS_ON = "UPDATE hub_stream SET updated_at = {updated_at}, head = head + 1 WHERE channel {among}"


@transaction.atomic
def append_shared(shared: int, channels: Iterable[str]) -> list[Envelope]:
    """Append a publication to each of ``channels`` that points to the shared data ``shared``, and number it at once.

    For transactions of the hub's own that end soon: the streams are locked until then, so that whoever publishes in
    one of these channels waits. Two statements for :data:`BATCH` channels, and one version of each row, where a
    publication that is numbered after its commit has two.

    Returns the envelopes, to be announced after the commit. Raises ``LookupError`` where the shared data is deleted.
    """
    names = sorted(set(channels))
    data = sharing.held(shared)
    if data is None:
        raise LookupError(f"There is no shared data {shared}.")
    envelopes: list[Envelope] = []
    ids: list[int] = []
    for start in range(0, len(names), BATCH):
        part = names[start : start + BATCH]
        locked = _locked(part)
        found_in, asked = among(part)
        vendor = connection.vendor
        words = {"among": found_in, "now": NOW[vendor], "updated_at": UPDATED_AT[vendor]}
        with connection.cursor() as cursor:
            cursor.execute(_INSERT_NUMBERED.format(**words), [shared, *asked])
            rows = cursor.fetchall()
            cursor.execute(_MOVE_HEADS_ON.format(**words), asked)
        envelopes += [Envelope(channel, locked[channel].epoch, offset, data) for _, channel, offset in rows]
        ids += [pk for pk, *_ in rows]
    sharing.note_publications(shared, ids)
    return envelopes


def hold(channels: Iterable[str]) -> None:
    """Lock the streams of ``channels`` until the open transaction ends, in the order in which all lock them.

    For several :func:`append_shared` in one transaction: each would lock its own, and two such transactions could wait
    for each other.
    """
    names = sorted(set(channels))
    for start in range(0, len(names), BATCH):
        _locked(names[start : start + BATCH])


def hold_pending(channels: Iterable[str]) -> None:
    """Lock the streams of those of ``channels`` that have committed publications without an offset.

    For who changes publications of several channels: :func:`sequence` has the streams and then those rows, so that
    without it the two could wait for each other. Publications that have their offset are in nobody's way, and neither
    are their streams locked.
    """
    names = sorted(set(channels))
    pending = Publication.objects.filter(offset=None)
    waiting = set[str]()
    for start in range(0, len(names), BATCH):
        waiting.update(pending.filter(channel__in=names[start : start + BATCH]).values_list("channel", flat=True))
    hold(waiting)


def _locked(names: list[str]) -> dict[str, Position]:
    """Lock the streams of ``names``, which are made where there are none, and say where each stands."""
    found = _lock(names)
    if missing := [name for name in names if name not in found]:
        epoch = _first_epoch()
        # Another process may create the same stream now: the second one reads it in the query below.
        Stream.objects.bulk_create([Stream(channel=name, epoch=epoch) for name in missing], ignore_conflicts=True)
        found |= _lock(missing)
    return found


def _lock(names: list[str], how: str = "FOR UPDATE") -> dict[str, Position]:
    """Lock the streams of ``names`` that exist and say where each stands. SQLite's transaction is its lock."""
    with connection.cursor() as cursor:
        found_in, asked = among(names)
        cursor.execute(_LOCK.format(among=found_in, lock=lock(how)), asked)
        return {channel: Position(epoch, head) for channel, epoch, head in cursor.fetchall()}


#: In the place of a channel, the row whose epoch is that of each stream that is made.
_FIRST = ""


def _first_epoch() -> str:
    """The epoch of the streams that the open transaction makes; :func:`renew` waits for its end."""
    if found := _lock([_FIRST], "FOR SHARE"):
        return found[_FIRST].epoch
    Stream.objects.bulk_create([Stream(channel=_FIRST)], ignore_conflicts=True)
    return _lock([_FIRST], "FOR SHARE")[_FIRST].epoch


def positions(channels: Iterable[str]) -> dict[str, Position]:
    """Where each channel stands now; a channel without a stream stands at ``Position("", 0)``."""
    names = set(channels)
    found = _found(names)
    return {name: found.get(name, Position()) for name in names}


def begin(channels: Iterable[str]) -> dict[str, Position]:
    """Where each channel stands now. One without a stream stands at the beginning of the one that it will have.

    One query. It makes no row for a channel, since anybody may ask for channels that nobody ever publishes in.
    """
    names = set(channels)
    found = _found({*names, _FIRST})
    if _FIRST not in found:
        with transaction.atomic():
            _first_epoch()
        found |= _found({_FIRST})
    beginning = Position(found[_FIRST].epoch)
    return {name: found.get(name, beginning) for name in names}


_READ = "SELECT channel, epoch, head FROM hub_stream WHERE channel {among}"


def _found(names: set[str]) -> dict[str, Position]:
    if not names:
        return {}
    with connection.cursor() as cursor:
        found_in, asked = among(list(names))
        cursor.execute(_READ.format(among=found_in), asked)
        return {channel: Position(epoch, head) for channel, epoch, head in cursor.fetchall()}


def read(channel: str, *, after: int, upto: int | None = None, limit: int) -> list[Envelope]:
    """The publications with ``after < offset <= upto``, oldest first, at most ``limit``; without gaps.

    Returns an empty list, not a part, where the first one wanted is no longer kept.
    """
    rows = Publication.objects.filter(channel=channel, offset__gt=after)
    if upto is not None:
        rows = rows.filter(offset__lte=upto)
    ordered = rows.order_by("offset").values_list("offset", "data", "info", "tags", "shared")
    found = sharing.with_texts(ordered[:limit])
    if not found or found[0][0] != after + 1:
        return []
    epoch = positions([channel])[channel].epoch
    return [
        Envelope(channel, epoch, after + number, data, info, tags)
        for number, (_, data, info, tags) in enumerate(found, start=1)
    ]


def renew(channels: Iterable[str] | None = None) -> int:
    """Give ``channels``, by default all, a new epoch; returns how many streams there were.

    For a database that was restored from a backup: clients stop trusting their positions, and connected clients
    reload with the next catch-up. Offsets and publications stay as they are; a stream that was restored without some
    of its publications, or they without it, continues after the last one that exists. By default, streams that are
    created from now on have another epoch too, including those that had existed before the restore.
    """
    epoch = new_epoch()
    streams = Stream.objects.exclude(channel=_FIRST)
    if channels is None:
        # First, and by itself: whoever makes a stream with the old one has committed when this is done, and the others
        # are not held up by a lock on what they wait for.
        Stream.objects.filter(channel=_FIRST).update(epoch=epoch)
    else:
        streams = streams.filter(channel__in=list(channels))
    kept = Publication.objects.filter(channel=OuterRef("channel"), offset__isnull=False).order_by("-offset")
    last = Coalesce(Subquery(kept.values("offset")[:1]), 0)
    return streams.update(epoch=epoch, head=Greatest("head", last), updated_at=Now(), renewed_at=Now())


def touched(elapsed: float = 0.0) -> list[tuple[str, Position]]:
    """Channels whose stream grew within the last ``elapsed`` seconds and a minute, with where they stand now.

    By the database's own clock; the minute is :data:`SLACK`. Some that grew a few seconds before may be among them.
    """
    return [
        (channel, Position(epoch, head))
        for channel, epoch, head in Stream.objects.filter(
            updated_at__gt=Now() - SLACK - NOTED_EVERY - timedelta(seconds=elapsed), channel__gt=_FIRST
        ).values_list("channel", "epoch", "head")
    ]
