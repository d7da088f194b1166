"""The workers of ``make run``: one for each queue, so that no work waits behind work of another queue."""

from dataclasses import dataclass

from hub.config import hub_settings, queues
from hub.database import heartbeats


@dataclass(frozen=True, slots=True)
class Worker:
    """What a worker is called, which queues it reads, and how many tasks it runs at once; None: as Celery says."""

    name: str
    reads: tuple[str, ...]
    concurrency: int | None = None


def workers() -> list[Worker]:
    """All of them. Where settings give two queues one name, it has one worker: with little memory there may be one."""
    given = hub_settings()
    found = [Worker(heartbeats.WORKER, (queues.DEFAULT, queues.BEFORE))]
    for purpose, name, concurrency in (
        (queues.DELIVERIES, given.deliveries_queue, given.deliveries_concurrency),
        (queues.BULK, given.bulk_queue, given.bulk_concurrency),
    ):
        if not any(name in worker.reads for worker in found):
            found.append(Worker(f"{heartbeats.WORKER}-{purpose}", (name,), concurrency))
    return found
