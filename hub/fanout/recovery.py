"""Recovery: reads what a returning client missed, either all of it or nothing."""

import asyncio
import time
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.db.models import OuterRef, Q, QuerySet, Subquery

from hub import streams
from hub.config import hub_settings
from hub.database.batches import batched
from hub.database.threads import in_database_thread
from hub.fanout.local_channel import Subscription
from hub.models import Publication, Stream
from hub.streams import Envelope, Position, retention_rule
from hub.streams.cursors import DELIVERED_THROUGH_AGE

AnySubscription = TypeVar("AnySubscription", bound=Subscription)

#: Seconds that this process has to receive what a client already has from another process.
CATCH_UP = 2.5

#: Seconds that a client of several channels may take from connecting until it is live.
CATCHING_UP = 60.0

#: When a client receives a live envelope, it has already received everything that was numbered in its other channels
#: this much earlier. The sum of: what catch-up may not see yet, how old its last query may be, and how long envelopes
#: are held for a client that recovers.
SLACK = streams.SLACK + timedelta(seconds=DELIVERED_THROUGH_AGE) + timedelta(seconds=CATCHING_UP)


#: Conditions in one query: SQLite takes 1,000.
TERMS = 500

#: Publications that are read at once, at least; else as many as are recovered where each is as long as it may be.
FEWEST = 20

#: A channel, and two offsets: what comes after the first, up to the second.
_Range = tuple[str, int, int]


def _read_all(ranges: list[_Range]) -> dict[_Range, list[Envelope]]:
    return {
        (channel, after, upto): _read_range(channel, after, upto)
        if retention_rule.is_kept(channel, after + 1, upto)
        else []
        for channel, after, upto in ranges
    }


def _read_range(channel: str, after: int, upto: int) -> list[Envelope]:
    """All of it; a part where that is more than is recovered, so that nobody fills the memory by asking for it."""
    limit = hub_settings().recovery_bytes
    step = max(FEWEST, limit // hub_settings().max_publication)
    found: list[Envelope] = []
    size = 0
    while after < upto and size <= limit:
        read = streams.read(channel, after=after, upto=upto, limit=step)
        if not read:
            break
        found += read
        after += len(read)
        size += sum(envelope.size for envelope in read)
    return found


#: Clients that were cut off by the same event missed the same range, so one query reads it for all of them.
_reading = batched(_read_all, limit=20, connecting=True)


async def recover(
    subscriptions: Sequence[AnySubscription], since: Mapping[str, Position], limit: int | None = None
) -> list[tuple[AnySubscription, Envelope]] | None:
    """Read what a client missed in its channels since its positions; None if any of it is unavailable.

    Unavailable means that the client must reload: a position is missing, belongs to another history, is older than the
    retained envelopes or further behind than ``HUB_RECOVERY_LIMIT``, or it is all more than ``limit`` characters.

    Args:
        subscriptions: held. One whose client is ahead of this process begins again where this process has caught up,
            so that nothing is sent twice.
        since: positions of other channels are ignored.
        limit: by default, and at most, ``HUB_RECOVERY_BYTES``.

    Returns the envelopes in the order of :func:`in_order`.

    Raises:
        django.db.Error: it cannot be read.
    """
    histories: dict[AnySubscription, list[Envelope]] = {}
    left = hub_settings().recovery_bytes if limit is None else limit
    deadline = time.monotonic() + CATCH_UP
    for subscription in subscriptions:
        position = since.get(subscription.channel)
        envelopes = None if position is None else await missed(subscription, position, deadline)
        if envelopes is None:
            return None
        if (left := left - sum(envelope.size for envelope in envelopes)) < 0:
            return None
        histories[subscription] = envelopes
    return await in_order(histories)


async def missed(subscription: Subscription, since: Position, deadline: float | None = None) -> list[Envelope] | None:
    """All envelopes of one channel between ``since`` and the subscription's start; see :func:`recover`.

    Args:
        deadline: on the clock of ``time.monotonic``, until which to wait for this process where the client is ahead
            of it; by default ``CATCH_UP`` seconds from now.
    """
    found = await _between(subscription, since)
    if found is None or since.offset <= subscription.start.offset:
        return found
    if deadline is None:
        deadline = time.monotonic() + CATCH_UP
    local_channel = subscription.local_channel
    while local_channel.last < since.offset and time.monotonic() < deadline:
        await asyncio.sleep(0.05)
    if local_channel.last >= since.offset and subscription in local_channel:  # it may have ended meanwhile
        local_channel.remove(subscription)
        subscription.attach(local_channel)
    return await _between(subscription, since)  # more may have been published meanwhile


async def _between(subscription: Subscription, since: Position) -> list[Envelope] | None:
    start, channel = subscription.start, subscription.channel
    if since.epoch != start.epoch and since != Position():
        return None
    behind = start.offset - since.offset
    if behind == 0:
        return []
    if behind < 0:
        # Another process delivered envelopes that this one has not received yet, unless the client invented the
        # position. What follows it will arrive live.
        head = (await in_database_thread(streams.positions, [channel]))[channel]
        return [] if head.epoch == since.epoch and head.offset >= since.offset else None
    if behind > hub_settings().recovery_limit:
        return None
    envelopes = await _reading.get((channel, since.offset, start.offset))
    return envelopes if len(envelopes) == behind and envelopes[0].epoch == start.epoch else None


async def completed(
    since: Mapping[str, Position], marked: Collection[str], wanted: Sequence[str]
) -> dict[str, Position]:
    """``since``, completed with positions of those ``wanted`` channels that it does not name.

    They are derived from the newest envelope whose cursor carries the delivered-through mark (``marked``; see
    :mod:`hub.streams.cursors`). The client has what was numbered in each channel :data:`SLACK` before that envelope,
    and perhaps more, which it then receives again. A channel for which no position can be derived is left out.

    Raises:
        django.db.Error: it cannot be read.
    """
    unknown = tuple(channel for channel in wanted if channel not in since)
    known = tuple((channel, since[channel]) for channel in wanted if channel in since and channel in marked)
    if not unknown or not known:
        return dict(since)
    return {**since, **await _deriving.get((known, unknown))}


#: What a client has: channels with its positions there.
_Known = tuple[tuple[str, Position], ...]

#: A time, and the primary key of the publication that was numbered then.
_Moment = tuple[datetime, int]


def derive_positions(clients: Sequence[tuple[_Known, tuple[str, ...]]]) -> dict[Any, dict[str, Position]]:
    """Where clients stand in channels that their cursors do not name.

    Args:
        clients: of each, the positions that it has, and the channels in which it wants to know its position.

    Returns by client a position for each channel for which one can be derived, too early rather than too late.
    Clients whose newest publication is the same are asked about together.

    Raises:
        django.db.Error: it cannot be read.
    """
    newest = _newest({known for known, _ in clients})
    channels: dict[_Moment, set[str]] = {}
    for known, unknown in clients:
        if known in newest:
            channels.setdefault(newest[known], set()).update(unknown)
    positions = {moment: _positions_at(moment[0] - SLACK, moment[1], channels[moment]) for moment in channels}
    derived: dict[Any, dict[str, Position]] = {}
    for known, unknown in clients:
        found = positions[newest[known]] if known in newest else {}
        derived[known, unknown] = {channel: found[channel] for channel in unknown if channel in found}
    return derived


#: Clients that were cut off together mostly have the same newest publication.
_deriving = batched(derive_positions, limit=100, connecting=True)


def _newest(knowns: Collection[_Known]) -> dict[_Known, _Moment]:
    """The newest publication of each that names one which is kept, and of the history that the channel has now."""
    positions = list({position for known in knowns for position in known})
    history = Stream.objects.filter(channel=OuterRef("channel")).values("epoch")
    moments: dict[tuple[str, Position], _Moment] = {}
    for begin in range(0, len(positions), TERMS):
        named = Q(pk__in=[])
        for channel, position in positions[begin : begin + TERMS]:
            named |= Q(channel=channel, offset=position.offset)
        rows = Publication.objects.filter(named, sequenced_at__isnull=False).annotate(epoch=Subquery(history))
        for channel, epoch, offset, sequenced_at, pk in rows.values_list(
            "channel", "epoch", "offset", "sequenced_at", "pk"
        ):
            if offset is not None and sequenced_at is not None:  # as the condition says, and their types do not
                moments[channel, Position(epoch, offset)] = (sequenced_at, pk)
    of_each = {known: [moments[one] for one in known if one in moments] for known in knowns}
    return {known: max(found) for known, found in of_each.items() if found}


def _positions_at(moment: datetime, pk: int, channels: Collection[str]) -> dict[str, Position]:
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
    found: dict[str, Position] = {}
    empty = set(channels)
    for stream in streams_found:
        empty.discard(stream.channel)
        offset = stream.head
        if stream.renewed_at is not None and stream.renewed_at > moment:
            continue
        if stream.next is not None:
            offset = stream.next - 1
            if offset and stream.first == stream.next:
                continue
        elif stream.first is None and stream.head and stream.updated_at > moment - streams.NOTED_EVERY:
            continue
        found[stream.channel] = Position(stream.epoch, offset)
    if empty:  # nothing was ever published there: the client is at the beginning
        found |= streams.begin(empty)
    return found


async def in_order(
    histories: Mapping[AnySubscription, list[Envelope]],
) -> list[tuple[AnySubscription, Envelope]]:
    """The envelopes of several channels in one list, by the time they were numbered; each channel in its own order.

    A client that is cut off in the middle of the list then has everything older than the newest envelope it got.

    Raises:
        django.db.Error: it cannot be read.
    """
    rows = []
    histories = {subscription: envelopes for subscription, envelopes in histories.items() if envelopes}
    for number, (subscription, envelopes) in enumerate(histories.items()):
        times = await in_database_thread(_times, envelopes) if len(histories) > 1 else {}
        latest = 0.0
        for envelope in envelopes:
            # A clock that was set back must not bring a channel out of its order.
            latest = max(latest, times.get(envelope.offset, 0.0))
            rows.append((latest, number, envelope.offset, subscription, envelope))
    return [(subscription, envelope) for *_, subscription, envelope in sorted(rows, key=lambda row: row[:3])]


def _times(envelopes: list[Envelope]) -> dict[int, float]:
    first, last = envelopes[0], envelopes[-1]
    rows = Publication.objects.filter(
        channel=first.channel, offset__range=(first.offset, last.offset), sequenced_at__isnull=False
    )
    return {
        offset: at.timestamp()
        for offset, at in rows.values_list("offset", "sequenced_at")
        if offset is not None and at is not None
    }
