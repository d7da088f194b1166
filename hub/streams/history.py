"""Reads the history of a durable channel in pages, from either end or from a position, without gaps.

All functions are synchronous and raise ``django.db.Error``.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q, QuerySet

from hub.models import Publication, PublicationKey, SharedData
from hub.streams import finding, retention_rule, sharing, store
from hub.streams.store import Envelope, Position

#: The largest page, in publications.
PAGE_LIMIT = 1000

#: Publications that one statement deletes, in a transaction of its own.
CHUNK = 500

#: Publications that one query reads of a page that may have so many characters only.
STEP = 50

#: An offset, and the texts of data, info and tags.
_Text = tuple[int | None, str, str, str]

#: The clocks of hosts differ by less.
CLOCKS = timedelta(hours=1)


class NotKept(LookupError):
    """The history after the position is incomplete: the position is of another history, or older than retention."""


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """A part of a channel's history without gaps, and where the channel stood when it was read."""

    envelopes: list[Envelope]
    position: Position


def page(
    channel: str, *, limit: int, since: Position | None = None, reverse: bool = False, size: int | None = None
) -> HistoryPage:
    """At most ``limit`` publications of ``channel``, and no more than :data:`PAGE_LIMIT`.

    Args:
        limit: 0 reads the position only; a negative number sets no limit of its own.
        since: where to go on from: what follows this position or, in reverse, what is before it. An empty epoch
            stands for whatever history there is. Without it, from the oldest that is kept or, in reverse, the newest.
        reverse: newest first.
        size: characters of data, after which the page ends. It has its first publication, however long that is. No
            more than :data:`STEP` publications are read beyond it.

    Raises:
        NotKept: ``since`` is of another history, ahead of this one, or what follows it is no longer kept.
    """
    # The position before the envelopes: what is published in between is left for the next page.
    position = store.begin([channel])[channel]
    if since is not None and (since.epoch not in ("", position.epoch) or since.offset > position.offset):
        raise NotKept(channel)
    count = PAGE_LIMIT if limit < 0 else min(limit, PAGE_LIMIT)
    dropped = retention_rule.dropped_upto(channel, position.offset) if count else 0
    rows = Publication.objects.filter(channel=channel, offset__gt=dropped, offset__lte=position.offset)
    if since is not None:
        rows = rows.filter(offset__lt=since.offset) if reverse else rows.filter(offset__gt=since.offset)
    found = _begin(_in_steps(rows, count, count if size is None else STEP, reverse=reverse), size)
    if since is not None and not reverse and count and since.offset < position.offset:
        first = found[0][0] if found else None
        if first != since.offset + 1:
            raise NotKept(channel)
    envelopes = [
        Envelope(channel, position.epoch, offset or 0, data, info, tags) for offset, data, info, tags in found
    ]
    return HistoryPage(envelopes, position)


def _in_steps(rows: QuerySet[Publication], count: int, step: int, *, reverse: bool) -> Iterator[_Text]:
    """At most ``count`` of ``rows``, ``step`` of them with each query; they end where a gap has come up meanwhile."""
    ordered = rows.order_by("-offset" if reverse else "offset").values_list("offset", "data", "info", "tags", "shared")
    next_offset: int | None = None
    while count > 0:
        wanted = ordered
        if next_offset is not None:
            wanted = ordered.filter(offset__lte=next_offset) if reverse else ordered.filter(offset__gte=next_offset)
        found = sharing.with_texts(wanted[: min(step, count)])
        if not found or next_offset not in (None, found[0][0]):
            return
        yield from found
        if len(found) < step:
            return
        count -= len(found)
        next_offset = (found[-1][0] or 0) + (-1 if reverse else 1)


def _begin(texts: Iterable[_Text], size: int | None) -> list[_Text]:
    """The first of ``texts``, and those behind it as far as all have ``size`` characters at most."""
    found: list[_Text] = []
    left = float("inf") if size is None else size
    for text in texts:
        left -= len(text[1])
        if left < 0 and found:
            break
        found.append(text)
    return found


def places(ids: Iterable[int]) -> dict[int, Position]:
    """Where these rows stand in their channels; those that have no offset yet, or are gone, are left out."""
    found = Publication.objects.filter(pk__in=list(ids), offset__isnull=False)
    rows = list(found.values_list("pk", "channel", "offset"))
    positions = store.positions(channel for _, channel, _ in rows)
    return {pk: Position(positions[channel].epoch, offset or 0) for pk, channel, offset in rows}


def pending(ids: Iterable[int]) -> list[str]:
    """The channels of those of these rows that are stored and have no offset yet."""
    found = Publication.objects.filter(pk__in=list(ids), offset__isnull=True)
    return list(found.values_list("channel", flat=True))


def remove(channel: str) -> int:
    """Delete what ``channel`` keeps and return how many publications that were; its next offset stays the next one.

    Clients that are behind are told to reload. What is published meanwhile stays.
    """
    head = store.positions([channel])[channel].offset
    return _delete(Publication.objects.filter(channel=channel, offset__lte=head).order_by("offset"))


def forget(channel: str) -> None:
    """Delete all that is stored for ``channel``, for its name to mean something else from here on.

    That is what :func:`remove` deletes, what is committed and has no offset yet, and the keys that the channel has
    seen (:mod:`hub.publishing.idempotency`). Its next offset stays the next one, so that clients that are behind are
    told to reload.
    """
    _delete(Publication.objects.filter(channel=channel).order_by("offset"))
    _delete(PublicationKey.objects.filter(channel=channel).order_by("key"))


def replace(channel: str, beginnings: Collection[str], data: str, *, since: datetime | None = None) -> int:
    """Put ``data`` in the place of the publications of ``channel`` whose JSON text begins with one of ``beginnings``.

    ``data`` is JSON text as :func:`hub.publishing.encode` makes it. For content that must be withdrawn: clients that
    read the history, or recover, get ``data`` instead. Offsets stay, so the history has no gap, and nobody has to
    reload. Clients that have the publication already are told nothing.

    Args:
        since: when the oldest of them was made, by the clock of whoever did. What is newer is found by the index of
            offsets; the rest is read only where that is fewer publications than ``beginnings``.

    Returns how many publications that were.
    """
    if not beginnings:
        return 0
    kept = Publication.objects.filter(channel=channel)
    count = 0
    if since is not None and (low := finding.offset_since(channel, since - CLOCKS)):
        count = _put(kept.filter(Q(offset__gte=low) | Q(offset=None)), beginnings, data)
        if count >= len(beginnings):
            return count
        kept = kept.filter(offset__lt=low)
    return count + _put(kept, beginnings, data)


def _put(rows: QuerySet[Publication], beginnings: Collection[str], data: str) -> int:
    meant = Q()
    for beginning in beginnings:
        meant |= Q(data__startswith=beginning)
    # What is shared stays as it is in the other channels.
    of_shared = Q(shared__isnull=False) & Exists(SharedData.objects.filter(meant, pk=OuterRef("shared")))
    return rows.filter(meant | of_shared).update(data=data, shared=None)


def offsets_of(publications: Collection[int]) -> dict[int, tuple[str, int]]:
    """The channel and the offset of each publication with one of these ids that has one, and is kept; by its id."""
    ids, found = sorted(publications), dict[int, tuple[str, int]]()
    for start in range(0, len(ids), CHUNK):
        rows = Publication.objects.filter(pk__in=ids[start : start + CHUNK], offset__isnull=False)
        found.update(
            (pk, (channel, offset or 0)) for pk, channel, offset in rows.values_list("pk", "channel", "offset")
        )
    return found


def offsets_of_shared(shared: Collection[int], channels: Sequence[str]) -> list[tuple[str, int]]:
    """The channel and the offset of each publication in ``channels`` that shares this data (:mod:`.sharing`)."""
    found: list[tuple[str, int]] = []
    for pk, first, last in SharedData.objects.filter(pk__in=shared, first__isnull=False).values_list(
        "pk", "first", "last"
    ):
        pointing = Publication.objects.filter(pk__range=(first, last), shared=pk)
        for start in range(0, len(channels), CHUNK):
            rows = pointing.filter(channel__in=channels[start : start + CHUNK])
            found += [(channel, offset or 0) for channel, offset in rows.values_list("channel", "offset")]
    return found


def _delete(rows: QuerySet[Publication] | QuerySet[PublicationKey]) -> int:
    """Delete ``rows`` in chunks, and return how many there were."""
    deleted = 0
    while True:
        ids = list(rows.values_list("pk", flat=True)[:CHUNK])
        deleted += rows.model.objects.filter(pk__in=ids).delete()[0]
        if len(ids) < CHUNK:
            return deleted
