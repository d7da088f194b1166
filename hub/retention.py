"""Retention: how many publications of a channel are kept, and for how long.

What is pruned is the oldest part of a channel's history, never a piece of its middle, so that what is left has no
gap. The stream stays with its head and its epoch: the next publication gets the next offset, and a client whose
position is older than what is left is told to reload (``hub.recovery``).
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import BooleanField, ExpressionWrapper, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Now

from hub import metrics
from hub.channels import DEFAULT, Namespace, namespaces
from hub.conf import hub_settings
from hub.models import Publication, Stream

#: Publications that one statement deletes, in a transaction of its own: no lock is held longer than that takes.
CHUNK = 500

#: Streams that one query looks at.
STREAMS = 200


@dataclass(frozen=True, slots=True)
class Retention:
    """What is kept of each channel: the newest ``items``, none older than ``days``; 0 sets no limit."""

    items: int
    days: float


def retention_of(namespace: Namespace) -> Retention:
    """What its app declares, unless ``HUB_RETENTION`` says otherwise."""
    override = hub_settings().retention.get(namespace.name, {})
    return Retention(int(override.get("items", namespace.keep_items)), override.get("days", namespace.keep_days))


def prune(*, seconds: float = 60.0) -> int:
    """Delete the publications that need not be kept, and return how many that were.

    Stops after about ``seconds``; what is left is the next call's. Safe to run at the same time as itself, as
    publishers and as readers.
    """
    deadline = time.monotonic() + seconds
    deleted = 0
    for namespace in namespaces():
        retention = retention_of(namespace)
        if namespace.durable and (retention.items or retention.days):
            for channel, head in _with_too_much(namespace, retention):
                for count in _prune(channel, head, retention):
                    metrics.PRUNED.labels(namespace.name).inc(count)
                    deleted += count
                    if time.monotonic() > deadline:
                        return deleted
    return deleted


def _with_too_much(namespace: Namespace, retention: Retention) -> Iterator[tuple[str, int]]:
    """The channels whose oldest publication need not be kept, each with its head."""
    oldest = Publication.objects.filter(channel=OuterRef("channel"), offset__isnull=False).order_by("offset")
    streams = Stream.objects.filter(_channels_of(namespace)).order_by("channel")
    after = ""
    while True:
        # Two probes of an index for each stream; the row itself is read where it may go.
        page = list(
            streams.filter(channel__gt=after).values_list(
                "channel",
                "head",
                Subquery(oldest.values("offset")[:1]),
                Subquery(oldest.values(old=_is_old(retention))[:1]),
            )[:STREAMS]
        )
        for channel, head, offset, old in page:
            if offset is not None and (old or _is_beyond(offset, head, retention)):
                yield channel, head
        if len(page) < STREAMS:
            return
        after = page[-1][0]


def _channels_of(namespace: Namespace) -> Q:
    if namespace.single:
        return Q(channel=namespace.name)
    if namespace.name != DEFAULT:
        return Q(channel__startswith=f"{namespace.name}:")
    return ~Q(channel__contains=":") & ~Q(channel__in=[one.name for one in namespaces() if one.single])


def _prune(channel: str, head: int, retention: Retention) -> Iterator[int]:
    while True:
        rows = _oldest(channel).values_list("offset", _is_old(retention))[:CHUNK]
        upto, found = None, 0
        for offset, old in rows:
            found += 1
            if offset is None or not (old or _is_beyond(offset, head, retention)):
                break
            upto = offset
        if upto is not None:
            yield Publication.objects.filter(channel=channel, offset__lte=upto).delete()[0]
        if upto is None or found < CHUNK:
            return


def _oldest(channel: str) -> QuerySet[Publication]:
    return Publication.objects.filter(channel=channel, offset__isnull=False).order_by("offset")


def _is_beyond(offset: int, head: int, retention: Retention) -> bool:
    return bool(retention.items) and offset <= head - retention.items


def _is_old(retention: Retention) -> "ExpressionWrapper[Q]":
    never = Q(pk__in=[])
    old = Q(created_at__lt=Now() - timedelta(days=retention.days)) if retention.days else never
    return ExpressionWrapper(old, output_field=BooleanField())
