"""How many got a run of a schedule: each web process counts those of its connections that were sent it live.

A local channel knows where each of its subscriptions began and how far it has sent; what has an offset in between went
to that connection as it came (``notifications.oversight.connections``). So nothing is counted while something is sent.
A few seconds after a run each process looks once, and adds its number to the row.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import chain

from django.db import transaction
from django.db.models import F, Value
from django.db.models.functions import Coalesce, Now

from hub import streams
from notifications.models import Distribution, Notification
from notifications.sending import distributing
from notifications.sending.counting import people_of
from worker.schedules import publishing
from worker.schedules.models import RunStatus, ScheduleRun

#: Seconds after a run until connections are counted: by then it has come to each of them, by catch-up if need be.
SETTLED = 4.0

#: Seconds after a run for which a job may distribute it to an audience; then those are counted who have it.
LONGEST = 60.0

#: Seconds for which a run is looked at. More than ``LONGEST``, so that each process has looked once by then.
WINDOW = 90.0

#: Runs that one look finds, and those of them that it counts; the next look goes on.
LIMIT, COUNTED_LIMIT = 5000, 500


@dataclass(frozen=True, slots=True)
class Uncounted:
    """A run, and the channels and offsets of its publications; ``recipients`` only of one that went to audiences."""

    pk: int
    places: list[tuple[str, int]]
    recipients: int | None = None


def recent() -> set[int]:
    """The runs that are counted now or soon. A query of a small index."""
    # One that has stored nothing waits for people's local times: what is sent to them then is no run.
    sent = ScheduleRun.objects.filter(status=RunStatus.SENT, ran_at__gte=Now() - timedelta(seconds=WINDOW))
    return set(sent.exclude(notifications=[]).order_by("-pk").values_list("pk", flat=True)[:LIMIT])


def ripe(runs: Collection[int], channels: Sequence[str]) -> list[Uncounted]:
    """Those of these runs whose time to be counted has come, for a process that has these ``channels`` open."""
    settled = ScheduleRun.objects.filter(pk__in=runs, ran_at__lte=Now() - timedelta(seconds=SETTLED))
    rows = list(settled.annotate(read_at=Now()).order_by("pk"))
    distributions = Distribution.objects.in_bulk({pk for row in rows for pk in row.notifications}) if rows else {}
    placed = streams.offsets_of({pk for row in rows for pk in row.publications})
    found = []
    for row in rows:
        of_run = [distributions[pk] for pk in row.notifications if pk in distributions]
        is_late = (row.read_at - row.ran_at).total_seconds() >= LONGEST
        if is_late or all(one.finished_at or one.failure for one in of_run):
            places = [placed[pk] for pk in row.publications if pk in placed]
            found.append(_with_audiences(row, places, of_run, channels) if of_run else Uncounted(row.pk, places))
    return found


def _with_audiences(
    run: ScheduleRun, places: list[tuple[str, int]], distributions: Sequence[Distribution], channels: Sequence[str]
) -> Uncounted:
    shared = list(chain.from_iterable(map(distributing.shared_ids, distributions)))
    distributed = {one.pk for one in distributions}
    others = Notification.objects.filter(pk__in=set(run.notifications) - distributed)
    alone = people_of(row.user or row.group or row.topic for row in others.select_related("user", "group", "topic"))
    totals = [one.total for one in distributions]
    # Not how many have it by now: a job that is not done yet goes on. None where it has not even begun to count.
    people = None if None in totals else alone + sum(total or 0 for total in totals)
    return Uncounted(run.pk, places + streams.offsets_of_shared(shared, channels), people)


def add(counted: Sequence[tuple[Uncounted, int]]) -> None:
    """Add to each run how many connections of this process were sent it; its row has the sum of all processes."""
    with transaction.atomic():
        for one, number in counted:
            known = {} if one.recipients is None else {"recipients": one.recipients}
            received = Coalesce(F("received"), Value(0)) + number
            ScheduleRun.objects.filter(pk=one.pk).update(received=received, **known)
        runs = ScheduleRun.objects.filter(pk__in=[one.pk for one, _ in counted])
        publishing.publish_changed(set(runs.values_list("schedule", flat=True)))
