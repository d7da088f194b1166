"""The outbox sweeper: numbers stored publications whose publisher crashed, or lost the database, before it could."""

from datetime import timedelta

from django.db.models import Q
from django.db.models.functions import Now

from hub import streams
from hub.logs import get_logger
from hub.models import Publication
from hub.ops import metrics
from hub.publishing.verbs import INCONSISTENT, log_inconsistent, release

log = get_logger(__name__)

#: Seconds that the publisher has to number its own rows. The sweeper leaves younger rows alone.
GRACE = 1.0


def sweep() -> int:
    """Number and announce publications without an offset that are older than ``GRACE``; returns how many publications.

    One query of a small index where there is nothing. Safe to call from any process and thread at any time, and
    as often as needed: a row is numbered once. Works without Redis: catch-up delivers what no process was told of.

    Raises ``django.db.Error`` where the database cannot be used; the next call continues.
    """
    # Rows have the clock of the host that inserted them. One that is wrong makes them look early or late, in either
    # direction, and must not hide them.
    young = Q(created_at__range=(Now() - timedelta(seconds=GRACE), Now() + timedelta(seconds=GRACE)))
    left = Publication.objects.filter(~young, offset=None).order_by()
    channels = list(left.values_list("channel", flat=True).distinct()[: streams.BATCH])
    if not channels:
        return 0
    try:
        swept = release(channels)
    except INCONSISTENT:
        swept = sum(_release_alone(channel) for channel in channels)
    if swept:
        metrics.SWEPT.inc(swept)
        log.warning("publications_swept", publications=swept, channels=len(channels))
    return swept


def _release_alone(channel: str) -> int:
    # Such a stream must not keep those of others from being numbered.
    try:
        return release([channel])
    except INCONSISTENT:
        log_inconsistent(channel)
        return 0
