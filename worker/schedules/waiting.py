"""What schedules in people's own zones have sent, and what waits for people whose local time has not come."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.db.models import F, Value
from django.db.models.functions import Greatest
from django.db.models.signals import pre_delete

from hub.database import listen
from notifications import sources
from notifications.models import Notification, ScheduledAlert
from notifications.sending import scheduling
from notifications.sending.own_keys import OwnKey, own_key
from worker.schedules.models import Schedule, ScheduleRun, ScheduleWave


def connect() -> None:
    """Cancel what waits of a schedule that is deleted; called once, when the apps are ready."""
    listen(_cancel_of_deleted, pre_delete, Schedule, "worker.schedule_deleted")


def key_of(run: ScheduleRun) -> OwnKey:
    """How the keys of the alerts of a run begin that wait for their local time."""
    return own_key("schedule:", f"{run.schedule_id}:{run.pk}:")


def _run_of(alert: ScheduledAlert) -> int | None:
    """The run whose alert waited; None where it is of no schedule."""
    match (alert.key or "").split(":"):
        case ["schedule", _schedule, run, _number]:  # the hub's own: nobody else's key begins so
            return int(run)
    return None


def note_sent(alert: ScheduledAlert, sent: Sequence[Notification]) -> None:
    """Note for its run, if it is of one, what was sent of an alert that waited; in the transaction that sends it."""
    run = _run_of(alert)
    if run is not None and sent:
        publications = [one.published for one in sent if one.published is not None]
        ScheduleWave.objects.create(run=run, notifications=[one.pk for one in sent], publications=publications)


def cancel(schedule_id: int) -> int:
    """Cancel all that waits of this schedule, of whichever run, which was for so many people fewer.

    Returns how many alerts.
    """
    rows = ScheduledAlert.objects.filter(
        source=sources.written(sources.SCHEDULE, schedule_id), key__startswith=own_key("schedule:", f"{schedule_id}:")
    )
    with transaction.atomic():
        held = list(rows.select_for_update())  # without those that are sent meanwhile
        people = Counter[int]()
        for one in held:
            if (run := _run_of(one)) is not None:
                people[run] += scheduling.people_waiting(one)
        for run, number in people.items():
            ScheduleRun.objects.filter(pk=run).update(recipients=Greatest(F("recipients") - number, Value(0)))
        return scheduling.cancel([one.pk for one in held])


def _cancel_of_deleted(sender: type[Schedule], instance: Schedule, **_others: Any) -> None:
    """However it is deleted: also by a queryset, and with what it belongs to."""
    cancel(instance.pk)
