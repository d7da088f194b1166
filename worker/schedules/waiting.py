"""What schedules in people's own zones have sent, and what waits for people whose local time has not come."""

from typing import Any

from django.db.models.signals import pre_delete
from django.dispatch import receiver

from notifications import sources
from notifications.models import ScheduledAlert
from notifications.sending import scheduling
from notifications.sending.own_keys import OwnKey, own_key
from worker.schedules.models import Schedule, ScheduleRun


def key_of(run: ScheduleRun) -> OwnKey:
    """The key of the alerts of a run that wait for their local time."""
    return own_key("schedule:", f"{run.schedule_id}:{run.pk}")


def cancel(schedule_id: int) -> int:
    """Cancel all that waits of this schedule, of whichever run; returns how many alerts."""
    rows = ScheduledAlert.objects.filter(
        source=sources.written(sources.SCHEDULE, schedule_id), key__startswith=own_key("schedule:", f"{schedule_id}:")
    )
    return scheduling.cancel(list(rows.values_list("pk", flat=True)))


@receiver(pre_delete, sender=Schedule)
def _cancel_of_deleted(instance: Schedule, **_others: Any) -> None:
    """However it is deleted: also by a queryset, and with what it belongs to."""
    cancel(instance.pk)
