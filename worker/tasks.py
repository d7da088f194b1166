"""Background jobs. Each takes plain values or ids and calls one function; to run it twice has the effect of once."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from celery import shared_task
from celery.exceptions import SoftTimeLimitExceeded
from django.db import InterfaceError, OperationalError

from hub.config import hub_settings
from hub.config.queues import DELIVERIES
from notifications import notify
from notifications.sending import distributing, due, scheduling, withdrawing
from notifications.sending.alerting import refuse_unsendable
from worker import (
    heartbeat,  # noqa: F401  # tasks, where Celery looks for them: it knows this module
    jobs,
    maintenance,  # noqa: F401  # likewise
    queues,
)
from worker.durable import DurableTask
from worker.schedules import waiting

#: Errors after which the same is tried again. After others it would not succeed either.
PASSING = (OperationalError, InterfaceError, SoftTimeLimitExceeded)

#: A database that is away or busy is tried again after 1, 2, 4 … 60 s, each at random up to that long, for about two
#: minutes, and so is one that takes longer than a task may. The task keeps its id, and so its key.
TRIED_AGAIN: dict[str, Any] = {
    "autoretry_for": PASSING,
    "retry_backoff": True,
    "retry_backoff_max": 60,
    "retry_jitter": True,
    "max_retries": 8,
}

#: Seconds after which a distribution goes on in another job, so that no other job waits for long.
TURN = 60.0

#: Seconds of the queue for alerts that it may take. Most are done by then.
FIRST_TURN = 5.0


def _contents(level: str | None, **contents: Any) -> dict[str, Any]:
    """What an alert says; without a level it is that of its kind."""
    return contents if level is None else {**contents, "level": level}


def _refuse_unsendable(*, level: str | None = None, **values: Any) -> None:
    refuse_unsendable(**_contents(level, **values))


@shared_task(
    name="worker.tasks.send_broadcast",
    base=DurableTask,
    waits_in=DELIVERIES,
    bind=True,
    check_values=staticmethod(_refuse_unsendable),
    **TRIED_AGAIN,
)
def send_broadcast(
    self: DurableTask,
    message: str = "",
    to: str | list[str] = "everyone",
    title: str = "",
    level: str | None = None,
    url: str = "",
    data: Any = None,
    key: str | None = None,
    kind: str | None = None,
    params: dict[str, Any] | None = None,
) -> int:
    """Send an alert to ``to``: ``"everyone"``, ``"members"``, the id of a person as text, ``"user:NAME"``,
    ``"group:NAME"``, ``"topic:NAME"``, ``"audience:NAME"``, ``"permission:APP.CODENAME"`` or a list of these.

    Can be scheduled in the admin under *Periodic tasks*, with the arguments as JSON, for example
    ``{"message": "Stand-up in five minutes", "level": "warning"}``. Returns how many alerts are stored.

    Stores them all in one transaction, under ``key`` or else the id of the task. So a task that is run again, because
    its worker was killed, stores what is missing and repeats nothing.

    Raises:
        notifications.sending.alerting.BadAlert: an argument is not as :func:`notifications.alert` wants it; nothing is
            sent.
    """
    key = self.request.id if key is None else key
    contents = _contents(level, message=message, title=title, url=url, data=data, kind=kind, params=params)
    return len(notify(to=to, key=key, **contents))


def _refuse_no_id(notification_id: Any) -> None:
    if type(notification_id) is not int or notification_id < 1:
        raise ValueError(f"notification_id is the id of a notification, not {notification_id!r}")


@shared_task(
    name="worker.tasks.distribute",
    base=DurableTask,
    waits_in=DELIVERIES,
    bind=True,
    check_values=staticmethod(_refuse_no_id),
    **TRIED_AGAIN,
)
def distribute(self: DurableTask, notification_id: int) -> None:
    """Give a notification to each person of its audience, or take it back from them, for a turn.

    Another job goes on where this one stops: in another queue, so that one to very many people holds up no other
    alert for long. Where it cannot go on, such as when the audience is not declared any more, that is noted in the
    distribution or the withdrawal.
    """
    next_queue = queues.fan_out()
    is_first = next_queue != queues.actual(DELIVERIES) == (self.request.delivery_info or {}).get("routing_key")
    seconds = min(FIRST_TURN if is_first else TURN, hub_settings().task_time_limit / 2)
    for work in (distributing, withdrawing):
        try:
            is_done = work.run(notification_id, seconds=seconds)
        except PASSING:
            raise
        except Exception as error:  # noqa: BLE001  # an audience is the project's own code
            work.fail(notification_id, error)
            return
        if not is_done:
            distribute.apply_async((notification_id,), queue=next_queue)
            return


def _refuse_no_time(scheduled_id: Any, due_at: Any) -> None:
    if type(scheduled_id) is not int or scheduled_id < 1:
        raise ValueError(f"scheduled_id is the id of an alert that waits for its time, not {scheduled_id!r}")
    try:
        datetime.fromisoformat(due_at)
    except (TypeError, ValueError):
        raise ValueError(f"due_at is a time such as 2026-01-31T09:00:00+00:00, not {due_at!r}") from None


@shared_task(
    name="worker.tasks.send_scheduled",
    base=DurableTask,
    waits_in=DELIVERIES,
    check_values=staticmethod(_refuse_no_time),
    **TRIED_AGAIN,
)
def send_scheduled(scheduled_id: int, due_at: str) -> int:
    """Send an alert that was stored for this time, unless it is sent already, was cancelled, or has another time.

    Where it cannot be sent, such as when its audience is not declared any more, that is noted in its row. Returns how
    many alerts are stored.
    """
    try:
        return due.send(scheduled_id, datetime.fromisoformat(due_at), on_sent=waiting.note_sent)
    except PASSING:
        raise
    except Exception as error:  # noqa: BLE001  # an audience is the project's own code
        scheduling.fail(scheduled_id, error)
        return 0


def send_at(scheduled_id: int, due_at: datetime) -> None:
    """Have :func:`send_scheduled` run at this time, when the open transaction is committed."""
    send_scheduled.apply_async((scheduled_id, due_at.isoformat()), eta=due_at)


def owed_sends(alerts: Iterable[tuple[int, datetime]]) -> set[int]:
    """For which of these alerts :func:`send_scheduled` is still to run, and has not failed for good."""
    return {pk for pk, _ in jobs.owed(str(send_scheduled.name), ((pk, at.isoformat()) for pk, at in alerts))}


def owed_distributions(notifications: Iterable[int]) -> set[int]:
    """For which of these notifications :func:`distribute` is still to run, and has not failed for good."""
    return {pk for (pk,) in jobs.owed(str(distribute.name), ((pk,) for pk in notifications))}
