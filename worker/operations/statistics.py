"""How long the queues of the hub are, for ``/metrics``."""

from hub.ops import metrics
from worker import queues
from worker.operations import pausing, snapshot


def show() -> None:
    """Set the gauges to what the broker says; where it does not answer, lengths stay as they are."""
    names = queues.ours()
    paused = pausing.paused()
    for name in names:
        metrics.QUEUE_PAUSED.labels(name).set(name in paused)
    for name, waiting in (snapshot.lengths(names) or {}).items():
        metrics.QUEUE_LENGTH.labels(name).set(waiting.length)
        metrics.QUEUE_AGE.labels(name).set(waiting.age)
