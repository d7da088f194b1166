"""Which queue a task goes to: alerts do not wait behind imports (``docs/decisions/052-queues-and-operations.md``).

A queue is named by what it is for (:mod:`hub.config.queues`), or as Celery names it. Where neither a call, a task nor
a setting names one, the routes of the Celery application hold.
"""

from collections.abc import Mapping
from typing import Any

from celery import Celery
from celery.exceptions import QueueNotFound

from hub.config import hub_settings
from hub.config.queues import BULK, DEFAULT, DELIVERIES, Purpose, queue_named
from worker.application import application

#: Those that have an outbox of their own, where they are queues of their own.
SEPARATE: tuple[Purpose, ...] = (DELIVERIES, BULK)


def actual(purpose: Purpose) -> str:
    """What the queue for this is called at the broker."""
    return queue_named(purpose) or str(application().conf.task_default_queue)


def separate() -> set[str]:
    """The queues for single purposes that are others than the default queue."""
    return {actual(purpose) for purpose in SEPARATE} - {actual(DEFAULT)}


def ours() -> list[str]:
    """The queues that the hub's tasks go to, the default one first."""
    return list(dict.fromkeys(actual(purpose) for purpose in (DEFAULT, *SEPARATE)))


def fan_out() -> str:
    """Where a notification to very many people goes on after its first turn."""
    return actual(hub_settings().fanout_queue)


def declared(app: Celery) -> set[str]:
    """The queues that the settings of the Celery application declare."""
    found = app.conf.task_queues
    return set(found if isinstance(found, Mapping) else [getattr(one, "name", one) for one in found or ()])


def placed(task: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a call with its queue at the broker: what the call says, else what the task does (``waits_in``).

    To be asked when it is sent, which may be months after the call: what is stored says the queue as the call did.
    """
    if options.get("exchange") or options.get("routing_key"):
        return dict(options)
    if said := options.get("queue"):
        return {**options, "queue": _said(said) or actual(DEFAULT)}
    own = getattr(application().tasks.get(task), "waits_in", DEFAULT)
    # Alerts stay where all else of a project waits until a setting says another queue, whatever the project declares.
    name = _said(own) if own not in {DEFAULT, DELIVERIES} else queue_named(DELIVERIES) if own == DELIVERIES else ""
    return {**options, "queue": name} if name else dict(options)


def _said(name: str) -> str:
    """What is meant by the name or the purpose of a queue; empty for the default queue.

    A purpose without a setting is the name of a queue where the project declares such a queue.
    """
    if name not in {DEFAULT, *SEPARATE}:
        return name
    return queue_named(name) or (name if name in declared(application()) else "")


def route_of(task: str, options: Mapping[str, Any]) -> str:
    """The queue that a call of the task with these options goes to; empty where exchanges of the broker decide."""
    if options.get("exchange"):
        return ""
    app = application()
    wanted = {"queue": options["queue"]} if options.get("queue") else {}
    try:
        queue = app.amqp.router.route(wanted, task).get("queue")
    except (QueueNotFound, KeyError):  # sending says so as well, and keeps the job
        return ""
    return str(getattr(queue, "name", queue) or "")[:255]
