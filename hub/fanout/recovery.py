"""Recovery: what a returning client missed, whole or not at all."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from django.db.models import OuterRef, Q, QuerySet, Subquery

from hub import streams
from hub.concurrency.batcher import CONNECT_PAUSE, Batcher
from hub.config import hub_settings
from hub.database.threads import in_database_thread
from hub.fanout.local_channel import Subscription
from hub.models import Publication, Stream
from hub.streams import Envelope, Position, retention_rule
from hub.streams.cursors import VOUCHED

#: Seconds that a client of several channels may take from its coming in until it is live.
CATCHING_UP = 60.0

#: A client that got a live item has got before it all that was numbered in its other channels this much earlier: what
#: tail repair may not see yet, how old its last look may be, and how long items are held for one that catches up.
SLACK = streams.SLACK + timedelta(seconds=VOUCHED) + timedelta(seconds=CATCHING_UP)


#: A channel, and two offsets: what comes after the first, up to the second.
_Range = tuple[str, int, int]


def _read_all(ranges: list[_Range]) -> dict[_Range, list[Envelope]]:
    return {
        (channel, after, upto): streams.read(channel, after=after, upto=upto, limit=upto - after)
        if retention_rule.is_kept(channel, after + 1, upto)
        else []
        for channel, after, upto in ranges
    }


async def _read(ranges: list[_Range]) -> dict[_Range, list[Envelope]]:
    return await in_database_thread(_read_all, ranges)


#: Those who were cut off by the same event missed the same, and read it together.
_reading: Batcher[_Range, list[Envelope]] = Batcher(_read, limit=20, pause=CONNECT_PAUSE)


async def missed(subscription: Subscription, since: Position) -> list[Envelope] | None:
    """Everything between ``since`` and the subscription's start, or None where that cannot be had whole.

    None means that the position is of another history, older than what is kept, or further behind than
    ``HUB_RECOVERY_LIMIT``: the client must reload. Never a part.
    """
    start, channel = subscription.start, subscription.feed.channel
    if since.epoch != start.epoch and since != Position() and start != Position():
        return None
    behind = start.offset - since.offset
    if behind == 0:
        return []
    if behind < 0:
        # This process has not heard yet of what the client got from another one, unless the position is invented.
        # What comes after it will come live.
        head = (await in_database_thread(streams.positions, [channel]))[channel]
        return [] if head.epoch == since.epoch and head.offset >= since.offset else None
    if behind > hub_settings().recovery_limit:
        return None
    items = await _reading.get((channel, since.offset, start.offset))
    return items if len(items) == behind and items[0].epoch == start.epoch else None


async def recover(
    subscriptions: Sequence[Subscription], since: Mapping[str, Position], telling: Collection[str] = ()
) -> tuple[list[tuple[Subscription, Envelope]] | None, dict[str, Position]]:
    """What a client of several channels missed, and where each channel stands for it.

    Args:
        subscriptions: held.
        since: the client's positions; those of other channels are ignored.
        telling: see :func:`completed`.

    Returns all items, as :func:`in_order` has them, or None where they cannot be had whole; and for each channel where
    it stood when the subscription began, or, for one that ``since`` does not name, what was made of it.

    Raises:
        django.db.Error: it cannot be read.
    """
    positions = {subscription.feed.channel: subscription.start for subscription in subscriptions}
    complete = await completed(since, telling, list(positions))
    histories: dict[Subscription, list[Envelope]] = {}
    for subscription in subscriptions:
        position = complete.get(subscription.feed.channel)
        items = None if position is None else await missed(subscription, position)
        if items is None:
            return None, positions
        histories[subscription] = items
    derived = {channel: complete[channel] for channel in positions if channel not in since}
    return await in_order(histories), {**positions, **derived}


async def completed(
    since: Mapping[str, Position], telling: Collection[str], wanted: Sequence[str]
) -> dict[str, Position]:
    """``since`` with positions for those of the ``wanted`` channels that it does not name, as far as they follow.

    They follow from the newest of the client's items that tell of its other channels too (``telling``; see
    :mod:`hub.streams.cursors`): of each channel the client has what was numbered :data:`SLACK` before that item, and
    perhaps more, which it then gets again. A channel where that cannot be said is left out.

    Raises:
        django.db.Error: it cannot be read.
    """
    unknown = [channel for channel in wanted if channel not in since]
    known = {channel: since[channel] for channel in wanted if channel in since and channel in telling}
    if not unknown or not known:
        return dict(since)
    return {**since, **await in_database_thread(_derived, known, unknown)}


def _derived(known: Mapping[str, Position], unknown: Sequence[str]) -> dict[str, Position]:
    named = Q(pk__in=[])
    for channel, position in known.items():
        named |= Q(channel=channel, offset=position.offset)
    epoch = Stream.objects.filter(channel=OuterRef("channel")).values("epoch")
    rows = Publication.objects.filter(named, sequenced_at__isnull=False).annotate(epoch=Subquery(epoch))
    newest = max(
        (
            (sequenced_at, pk)
            for channel, epoch, sequenced_at, pk in rows.values_list("channel", "epoch", "sequenced_at", "pk")
            if epoch == known[channel].epoch and sequenced_at is not None
        ),
        default=None,
    )
    return _positions_at(newest[0] - SLACK, newest[1], unknown) if newest else {}


def _positions_at(moment: datetime, pk: int, channels: Sequence[str]) -> dict[str, Position]:
    """Where ``channels`` stood at ``moment``, or a little before; those that are not kept back to it are left out.

    What was inserted after the row ``pk`` counts as later, whatever the clock said.
    """
    limit = hub_settings().recovery_limit
    # What is further back than the limit cannot be recovered anyway.
    rows: QuerySet[Publication] = Publication.objects.filter(
        channel=OuterRef("channel"), offset__gt=OuterRef("head") - limit - 1
    ).order_by("offset")
    later = rows.exclude(sequenced_at__lte=moment, pk__lte=pk)
    streams_found = Stream.objects.filter(channel__in=channels).annotate(
        first=Subquery(rows.values("offset")[:1]), next=Subquery(later.values("offset")[:1])
    )
    found = {channel: Position() for channel in channels}
    for stream in streams_found:
        del found[stream.channel]
        offset = stream.head
        if stream.renewed_at is not None and stream.renewed_at > moment:
            continue
        if stream.next is not None:
            offset = stream.next - 1
            if offset and stream.first == stream.next:
                continue
        elif stream.first is None and stream.head and stream.updated_at > moment:
            continue
        found[stream.channel] = Position(stream.epoch, offset)
    return found


async def in_order(histories: Mapping[Subscription, list[Envelope]]) -> list[tuple[Subscription, Envelope]]:
    """The items of several channels in one row, as they were numbered; each channel in its own order.

    So that a client that gets a part of them, because it is cut off again, has all that is older than the newest.

    Raises:
        django.db.Error: it cannot be read.
    """
    rows = []
    histories = {subscription: items for subscription, items in histories.items() if items}
    for number, (subscription, items) in enumerate(histories.items()):
        times = await in_database_thread(_times, items) if len(histories) > 1 else {}
        latest = 0.0
        for item in items:
            # A clock that was set back must not bring a channel out of its order.
            latest = max(latest, times.get(item.offset, 0.0))
            rows.append((latest, number, item.offset, subscription, item))
    return [(subscription, item) for *_, subscription, item in sorted(rows, key=lambda row: row[:3])]


def _times(items: list[Envelope]) -> dict[int, float]:
    first, last = items[0], items[-1]
    rows = Publication.objects.filter(
        channel=first.channel, offset__range=(first.offset, last.offset), sequenced_at__isnull=False
    )
    return {
        offset: at.timestamp()
        for offset, at in rows.values_list("offset", "sequenced_at")
        if offset is not None and at is not None
    }
