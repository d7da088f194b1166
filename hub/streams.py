"""Streams of durable publications in the database: append, sequence, read. Nothing here knows Redis or sockets.

The order of a channel is the order in which its rows were sequenced, after their commits. All functions are
synchronous and use the ``default`` database.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.db.models.functions import Now

from hub.models import Publication, Stream

#: How far back ``touched`` looks: longer than a sequencing transaction stays open and than clocks of hosts differ.
SLACK = timedelta(seconds=60)

#: Channels that one sequencing transaction locks, and rows that one statement updates, at most.
BATCH = 500


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a channel's history: ``offset`` 0 stands before the first publication.

    ``epoch`` is empty for a channel that has no stream yet; it equals the beginning of whatever stream comes.
    """

    epoch: str = ""
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Item:
    """A publication on its way to clients: ``data`` is JSON text; ``offset`` is 0 for an ephemeral one."""

    channel: str
    epoch: str
    offset: int
    data: str


def append(publications: Sequence[tuple[str, str]]) -> list[Publication]:
    """Insert ``(channel, JSON text)`` pairs into the open transaction; all of them or none.

    They have no offset until :func:`sequence` ran after the commit.
    """
    rows = [Publication(channel=channel, data=text) for channel, text in publications]
    if len(rows) == 1:
        rows[0].save(force_insert=True)
        return rows
    return Publication.objects.bulk_create(rows, batch_size=BATCH)


def sequence(channels: Iterable[str]) -> list[Item]:
    """Give every committed publication of ``channels`` that has no offset the next one of its channel.

    One short transaction that locks the streams in the order of their names, so that two that meet never deadlock.
    Returns the newly numbered items, in offset order within a channel; those another process numbered first are not
    among them (that process announces them).
    """
    names = sorted(set(channels))
    items: list[Item] = []
    for start in range(0, len(names), BATCH):
        items += _sequence(names[start : start + BATCH])
    return items


@transaction.atomic
def _sequence(names: list[str]) -> list[Item]:
    streams = _locked(names)
    if missing := [name for name in names if name not in streams]:
        # Another process may make the same stream just now: whoever is second finds it in the look after.
        Stream.objects.bulk_create([Stream(channel=name) for name in missing], ignore_conflicts=True)
        streams |= _locked(missing)
    rows = list(Publication.objects.filter(channel__in=names, offset=None).order_by("id").only("channel", "data"))
    items = []
    for row in rows:
        stream = streams[row.channel]
        stream.head += 1
        row.offset = stream.head
        items.append(Item(row.channel, stream.epoch, stream.head, row.data))
    _store(rows, [streams[name] for name in sorted({row.channel for row in rows})])
    return items


def _locked(names: list[str]) -> dict[str, Stream]:
    rows = Stream.objects.select_for_update().filter(channel__in=names).order_by("channel")
    return {stream.channel: stream for stream in rows}


def _store(rows: list[Publication], streams: list[Stream]) -> None:
    if len(rows) == 1:  # the usual case, in two plain updates
        Publication.objects.filter(pk=rows[0].pk).update(offset=rows[0].offset)
        Stream.objects.filter(pk=streams[0].pk).update(head=streams[0].head, updated_at=Now())
        return
    for stream in streams:
        stream.updated_at = Now()  # an expression until the database has set it
    Publication.objects.bulk_update(rows, ["offset"], batch_size=BATCH)
    Stream.objects.bulk_update(streams, ["head", "updated_at"], batch_size=BATCH)


def positions(channels: Iterable[str]) -> dict[str, Position]:
    """Where each channel stands now; a channel without a stream stands at ``Position("", 0)``."""
    names = set(channels)
    found = {
        channel: Position(epoch, head)
        for channel, epoch, head in Stream.objects.filter(channel__in=names).values_list("channel", "epoch", "head")
    }
    return {name: found.get(name, Position()) for name in names}


def read(channel: str, *, after: int, upto: int | None = None, limit: int) -> list[Item]:
    """The publications with ``after < offset <= upto``, oldest first, at most ``limit``; without gaps.

    Returns an empty list, not a part, where the first one wanted is no longer kept.
    """
    rows = Publication.objects.filter(channel=channel, offset__gt=after)
    if upto is not None:
        rows = rows.filter(offset__lte=upto)
    found = list(rows.order_by("offset").values_list("offset", "data")[:limit])
    if found and found[0][0] != after + 1:
        return []
    epoch = positions([channel])[channel].epoch
    return [Item(channel, epoch, after + number, data) for number, (_, data) in enumerate(found, start=1)]


def touched() -> list[tuple[str, Position]]:
    """Channels whose stream grew within the last minute by the database's own clock, with where they stand now."""
    return [
        (channel, Position(epoch, head))
        for channel, epoch, head in Stream.objects.filter(updated_at__gt=Now() - SLACK).values_list(
            "channel", "epoch", "head"
        )
    ]
