"""What Celery is told for operations: messages say when they were sent, workers can be paused and drained, what is no
message ends none of them, and they are soon back at a broker that was away."""

import os
import time
from typing import Any, Final

from celery import signals

from hub.config.queues import BULK, queue_named

#: In each message: when it was sent, in seconds since 1970 on the clock of whoever sent it.
SENT_AT: Final = "hub_sent_at"

#: By how much a worker for large work is nicer than others (``man 2 nice``): it gets a tenth where both want all.
NICE: Final = 10


@signals.before_task_publish.connect
def _stamp(headers: Any = None, **kwargs: Any) -> None:
    if isinstance(headers, dict):
        headers[SENT_AT] = time.time()  # also of a next try, which has the headers of the last one


@signals.worker_init.connect
def _add_control(sender: Any, **kwargs: Any) -> None:
    """Each worker of a project that has the hub's apps, whoever made its Celery application."""
    from worker.operations.control import Control  # what only a worker needs

    sender.app.steps["consumer"].add(Control)


@signals.worker_init.connect
def _survive_faults_of_kombu(sender: Any, **kwargs: Any) -> None:
    """Each worker, as above: its channels and its consumer stay of the classes that they have."""
    from worker import broker, reading  # what only a worker needs

    broker.survive_loss()
    broker.return_promptly(sender.app)
    reading.leave_arguments_out()
    sender.app.steps["consumer"].add(reading.Reading)


@signals.beat_init.connect
def _let_beat_return(sender: Any, **kwargs: Any) -> None:
    from worker import broker  # what only worker and beat need

    broker.return_promptly(sender.app)


@signals.celeryd_after_setup.connect
def _give_way(instance: Any, **kwargs: Any) -> None:
    """A worker for large work alone leaves the processor to others where there is not enough of it."""
    bulk = queue_named(BULK)
    if bulk and set(instance.app.amqp.queues.consume_from) == {bulk}:
        os.nice(NICE)
