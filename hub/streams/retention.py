"""Retention: deletes publications that their namespace no longer keeps.

Pruning deletes the oldest part of a channel's history and never leaves a gap. Readers skip publications that are due
for pruning (:mod:`hub.streams.retention_rule`). The stream keeps its head and its epoch: the next publication gets the
next offset, and a client whose position is older than what is left is told to reload (:mod:`hub.fanout.recovery`).
"""

import time
from collections.abc import Iterator

from django.db.models import OuterRef, Q, QuerySet, Subquery

from hub.channels import DEFAULT, Namespace, namespaces
from hub.database.turns import is_over
from hub.models import Publication, Stream
from hub.ops import metrics
from hub.streams.retention_rule import Retention, retention_of

#: Publications that one statement deletes, in a transaction of its own: no lock is held longer than that takes.
CHUNK = 500

#: Streams that one query looks at.
STREAMS = 200


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
                    if is_over(deadline):
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
                Subquery(oldest.values(old=retention.is_old)[:1]),
            )[:STREAMS]
        )
        for channel, head, offset, old in page:
            if offset is not None and (old or retention.is_beyond(offset, head)):
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
        rows = _oldest(channel).values_list("offset", retention.is_old)[:CHUNK]
        upto, found = None, 0
        for offset, old in rows:
            found += 1
            if offset is None or not (old or retention.is_beyond(offset, head)):
                break
            upto = offset
        if upto is not None:
            yield Publication.objects.filter(channel=channel, offset__lte=upto).delete()[0]
        if upto is None or found < CHUNK:
            return


def _oldest(channel: str) -> QuerySet[Publication]:
    return Publication.objects.filter(channel=channel, offset__isnull=False).order_by("offset")
