"""The outbox sweeper: numbers stored publications whose publisher crashed, or lost the database, before it could."""

import time
from datetime import timedelta

from django.db.models import Q
from django.db.models.functions import Now

from hub import streams
from hub.database.turns import is_over
from hub.logs import get_logger
from hub.models import Publication
from hub.ops import metrics
from hub.publishing.verbs import INCONSISTENT, log_inconsistent, release

log = get_logger(__name__)

#: Seconds that the publisher has to number its own rows. The sweeper leaves younger rows alone.
GRACE = 1.0


def sweep(*, seconds: float = 20.0) -> int:
    """Number and announce publications without an offset that are older than ``GRACE``; returns how many publications.

    Goes through all channels, :data:`hub.streams.BATCH` at a time (:func:`sweep_some`), and stops after about
    ``seconds``; what is left is the next call's. Safe to call from any process and thread at any time, and as often as
    needed: a row is numbered once. Works without Redis: catch-up delivers what no process was told of.

    Raises ``django.db.Error`` where the database cannot be used; the next call continues.
    """
    deadline = time.monotonic() + seconds
    swept, after = sweep_some()
    while after and not is_over(deadline):
        more, after = sweep_some(after)
        swept += more
    return swept


def sweep_some(after: str = "") -> tuple[int, str]:
    """:func:`sweep` for the next channels behind ``after``; returns what the next call is to begin behind, too.

    That is empty behind the last of them. So streams that are inconsistent, and stay, never hide others. One query of
    a small index where there is nothing.
    """
    # Rows have the clock of the host that inserted them. One that is wrong makes them look early or late, in either
    # direction, and must not hide them.
    young = Q(created_at__range=(Now() - timedelta(seconds=GRACE), Now() + timedelta(seconds=GRACE)))
    left = Publication.objects.filter(~young, offset=None, channel__gt=after).order_by("channel")
    channels = list(left.values_list("channel", flat=True).distinct()[: streams.BATCH])
    if not channels:
        return 0, ""
    try:
        swept = release(channels)
    except INCONSISTENT:
        swept = sum(_release_alone(channel) for channel in channels)
    if swept:
        metrics.SWEPT.inc(swept)
        log.warning("publications_swept", publications=swept, channels=len(channels))
    return swept, channels[-1] if len(channels) == streams.BATCH else ""


def _release_alone(channel: str) -> int:
    # Such a stream must not keep those of others from being numbered.
    try:
        return release([channel])
    except INCONSISTENT:
        log_inconsistent(channel)
        return 0
