"""The sweep: publications that were stored but, because of a crash or of a database that went away, not numbered."""

from datetime import timedelta

import structlog
from django.db import DataError, IntegrityError
from django.db.models import Q
from django.db.models.functions import Now

from hub import streams
from hub.models import Publication
from hub.ops import metrics
from hub.publishing.verbs import release

log = structlog.get_logger(__name__)

#: Seconds that the publisher itself has for it. A younger row is not touched for its own sake.
PATIENCE = 1.0

#: What the database says of a stream that was tampered with, or restored in part.
_INCONSISTENT = (IntegrityError, DataError, OverflowError)


def sweep() -> int:
    """Number and announce what has had no offset for longer than ``PATIENCE``; returns how many publications.

    One query of a small index where there is nothing. Safe to call from any process and thread at any time, as often
    as one likes: a row is numbered once. Needs no Redis: what is announced to nobody, tail repair delivers.

    Raises ``django.db.Error`` where the database cannot be used; the next call does what this one could not.
    """
    # Rows have the clock of the host that inserted them. One that is wrong makes them look early or late, in either
    # direction, and must not hide them.
    young = Q(created_at__range=(Now() - timedelta(seconds=PATIENCE), Now() + timedelta(seconds=PATIENCE)))
    left = Publication.objects.filter(~young, offset=None).order_by()
    channels = list(left.values_list("channel", flat=True).distinct()[: streams.BATCH])
    if not channels:
        return 0
    try:
        swept = release(channels)
    except _INCONSISTENT:
        swept = sum(_release_alone(channel) for channel in channels)
    if swept:
        metrics.SWEPT.inc(swept)
        log.warning("publications_swept", publications=swept, channels=len(channels))
    return swept


def _release_alone(channel: str) -> int:
    # Such a stream must not keep those of others from being numbered.
    try:
        return release([channel])
    except _INCONSISTENT:
        log.error("stream_inconsistent", channel=channel)  # noqa: TRY400  # the log event says what it means
        return 0
