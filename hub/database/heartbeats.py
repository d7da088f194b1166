"""Heartbeats of the parts that no request reaches: workers and beat. Times are the database's own clock."""

import socket
from collections.abc import Iterable
from datetime import timedelta
from typing import get_args

from django.conf import settings
from django.db.models import DurationField, ExpressionWrapper, F, QuerySet
from django.db.models.functions import Now

from hub.config.queues import BEFORE, Purpose, queue_named
from hub.models import Heartbeat

#: Seconds without a beat after which a part counts as missing.
MISSING_AFTER = 30.0

#: How long the heartbeat of a part that is gone is kept.
KEPT = timedelta(days=1)

WORKER = "worker"
BEAT = "beat"


def worker_of(purpose: Purpose) -> str:
    """The kind of the workers that read this queue: ``worker-bulk``, or ``worker`` where it is the default queue."""
    name = queue_named(purpose)
    return WORKER if name in {"", getattr(settings, "CELERY_TASK_DEFAULT_QUEUE", BEFORE)} else f"{WORKER}-{purpose}"


def kinds() -> list[str]:
    """Those that a hub needs: workers for each of its queues, and beat."""
    return [*dict.fromkeys(worker_of(one) for one in get_args(Purpose)), BEAT]


def here(kind: str) -> str:
    """The part of this ``kind`` on this host, such as ``worker:alpha``."""
    return f"{kind}:{socket.gethostname()}"[:120]


def beat(part: str) -> None:
    """Record that ``part`` (``kind:host``) works now. One statement, safe to repeat and to race."""
    Heartbeat.objects.bulk_create(
        [Heartbeat(part=part, beat_at=Now())],
        update_conflicts=True,
        unique_fields=["part"],
        update_fields=["beat_at"],
    )


def ages() -> dict[str, float]:
    """Seconds since the last beat by kind (``worker``, ``worker-bulk``, ``beat``), of the youngest part of each.

    A kind that never beat is left out.
    """
    youngest: dict[str, float] = {}
    for part, age in _aged(Heartbeat.objects.all()):
        kind = part.partition(":")[0]
        youngest[kind] = min(age, youngest.get(kind, age))
    return youngest


def fresh(parts: Iterable[str]) -> set[str]:
    """Those of ``parts`` that beat within the last ``MISSING_AFTER`` seconds."""
    return {part for part, age in _aged(Heartbeat.objects.filter(part__in=list(parts))) if age < MISSING_AFTER}


def forget(parts: Iterable[str]) -> None:
    """Delete the beats of ``parts``, so that the next one seen is of a process that lives."""
    Heartbeat.objects.filter(part__in=list(parts)).delete()


def prune() -> int:
    """Delete the beats of parts that have been silent for :data:`KEPT`; returns how many."""
    return Heartbeat.objects.filter(beat_at__lt=Now() - KEPT).delete()[0]


def _aged(rows: QuerySet[Heartbeat]) -> list[tuple[str, float]]:
    age = ExpressionWrapper(Now() - F("beat_at"), output_field=DurationField())
    # A row of the last microsecond may seem to lie ahead, because two clock readings are rounded differently. One that
    # lies further ahead is of a clock that has been set back since: it says no more than one that is as old.
    return [
        (part, abs(elapsed).total_seconds()) for part, elapsed in rows.annotate(age=age).values_list("part", "age")
    ]
