"""Workers show that they work: on start, and by a task that beat sends and only a working worker can run."""

from typing import Any

from celery import shared_task, signals
from django.db import DatabaseError

from hub.config.queues import DELIVERIES
from hub.database import heartbeats
from hub.logs import get_logger
from hub.ops import liveness_file
from worker.application import has_our_scheduler
from worker.scheduling import expires

log = get_logger(__name__)


@shared_task(ignore_result=True, expires=expires("worker.heartbeat.beat_from_worker"))
def beat_from_worker() -> None:
    """Record that a worker on this host took a task from the queue of alerts, ran it and reached the database.

    A beat sent it; the hub's own records that by itself. Workers of other queues show themselves
    (:mod:`worker.operations.control`): a task would wait there behind imports.
    """
    heartbeats.beat(heartbeats.here(heartbeats.worker_of(DELIVERIES)))
    if not has_our_scheduler():
        heartbeats.beat(heartbeats.here(heartbeats.BEAT))


def part_of(node: str) -> str:
    """What the worker of this node name is called among the parts of a hub: ``worker-bulk`` of ``worker-bulk@alpha``.

    Any other is called ``worker``.
    """
    name = node.partition("@")[0]
    return name if name.startswith(f"{heartbeats.WORKER}-") else heartbeats.WORKER


@signals.worker_ready.connect
def beat_on_worker_ready(sender: Any = None, **kwargs: Any) -> None:
    """Record the first heartbeat at once instead of with the first task, so that a start is seen early."""
    try:
        heartbeats.beat(heartbeats.here(part_of(str(getattr(sender, "hostname", "")))))
    except DatabaseError as error:
        log.warning("heartbeat_not_stored", error=type(error).__name__)


@signals.heartbeat_sent.connect
def show_life(sender: Any = None, **kwargs: Any) -> None:
    """The worker's loop turns and reaches the broker; Celery says so every two seconds."""
    liveness_file.touch(part_of(str(getattr(getattr(sender, "eventer", None), "hostname", ""))))
