"""How many people a run of a schedule was for, and to how many connections it came live.

Each web process counts those of its connections that were sent it, and adds its number to the row. A local channel
knows where each of its subscriptions began and how far it has sent; what has an offset in between went to that
connection as it came (``notifications.oversight.connections``). So nothing is counted while something is sent. A few
seconds after a run each process looks once.

A run in people's own zones goes on for a day: what it sends to those of one zone, when it is that time there, is a
wave of it (:class:`.models.ScheduleWave`), which is counted as a run is, and added to its run.

How many people it was for one of them writes, where counting is needed: of groups, topics and everyone at its next
look, so that nothing is counted in the transaction that sends; of an audience when its job has counted them.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import chain
from typing import Any

from django.db.models import F, QuerySet, Value
from django.db.models.functions import Coalesce, Now

from hub import streams
from notifications.models import Distribution, Notification
from notifications.sending import distributing
from notifications.sending.counting import people_of
from worker.schedules import publishing
from worker.schedules.models import RunStatus, ScheduleRun, ScheduleWave

#: Seconds after a run until connections are counted: by then it has come to each of them, by catch-up if need be.
SETTLED = 4.0

#: Seconds after a run for which a job may distribute it to an audience; then those are counted who have it.
LONGEST = 60.0

#: Seconds for which connections are counted. More than ``LONGEST``, so that each process has looked once by then.
WINDOW = 90.0

#: Runs that one look finds, and those of them that it counts; the next look goes on.
LIMIT, COUNTED_LIMIT = 5000, 500

#: How long a job may wait until it counts an audience; whom a run was for that is older stays unknown.
UNCOUNTED_TIMEOUT = timedelta(days=7)

#: What is counted at once: the id of a run, and that of one of its waves, or 0 for what the run has sent by itself.
RunPart = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Uncounted:
    """A part of a run, and the channels and offsets of its publications."""

    part: RunPart
    places: list[tuple[str, int]]


def recent() -> set[RunPart]:
    """What is counted now or soon. A query of two small indexes."""
    since = Now() - timedelta(seconds=WINDOW)
    # One that has stored nothing waits for people's local times: what is sent to them then is a wave.
    runs = ScheduleRun.objects.filter(status=RunStatus.SENT, ran_at__gte=since).exclude(notifications=[])
    waves = ScheduleWave.objects.filter(ran_at__gte=since)
    both = runs.order_by().values_list("pk", Value(0)).union(waves.order_by().values_list("run", "pk"), all=True)
    return set(both.order_by("-pk")[:LIMIT])


def ripe(parts: Collection[RunPart], channels: Sequence[str], *, at_once: bool = False) -> list[Uncounted]:
    """Those of these parts whose time to be counted has come, for a process that has these ``channels`` open.

    All of them ``at_once``: for a process that ends.
    """
    rows = _settled(ScheduleRun.objects.filter(pk__in=[run for run, wave in parts if not wave]), at_once)
    if waves := [wave for _run, wave in parts if wave]:
        rows += _settled(ScheduleWave.objects.filter(pk__in=waves), at_once)
    distributions = Distribution.objects.in_bulk({pk for row in rows for pk in row.notifications}) if rows else {}
    placed = streams.offsets_of({pk for row in rows for pk in row.publications})
    found = []
    for row in rows:
        of_run = [distributions[pk] for pk in row.notifications if pk in distributions]
        is_late = (row.read_at - row.ran_at).total_seconds() >= LONGEST
        if at_once or is_late or all(one.finished_at or one.failure for one in of_run):
            places = [placed[pk] for pk in row.publications if pk in placed]
            shared = list(chain.from_iterable(map(distributing.shared_ids, of_run)))
            part = (row.run, row.pk) if isinstance(row, ScheduleWave) else (row.pk, 0)
            found.append(Uncounted(part, places + streams.offsets_of_shared(shared, channels)))
    return found


def _settled(rows: QuerySet[Any], at_once: bool) -> list[Any]:
    if not at_once:
        rows = rows.filter(ran_at__lte=Now() - timedelta(seconds=SETTLED))
    return list(rows.annotate(read_at=Now()).order_by("pk"))


def add(counted: Sequence[tuple[Uncounted, int]]) -> None:
    """Add to each run how many connections of this process were sent it; its row has the sum of all processes."""
    for one, number in counted:
        # Each for itself: whoever holds several of these rows, in another order, never waits for one held here.
        ScheduleRun.objects.filter(pk=one.part[0]).update(received=Coalesce(F("received"), Value(0)) + number)
    _publish({one.part[0] for one, _ in counted})


def count_recipients() -> None:
    """Write how many people runs were for where that is not known yet, and can be said by now."""
    rows = ScheduleRun.objects.filter(recipients=None, status=RunStatus.SENT, ran_at__gte=Now() - UNCOUNTED_TIMEOUT)
    runs = list(rows.exclude(notifications=[]).order_by("-ran_at")[:COUNTED_LIMIT])
    if not runs:
        return
    stored = {pk for run in runs for pk in run.notifications}
    totals = dict(Distribution.objects.filter(pk__in=stored).values_list("pk", "total"))
    alone = Notification.objects.filter(pk__in=stored - totals.keys()).select_related("user", "group", "topic")
    recipients = {row.pk: row.user or row.group or row.topic for row in alone}
    people = {one: people_of([one]) for one in set(recipients.values())}
    # None of an audience that its job has not counted yet.
    numbers = totals | {pk: people[one] for pk, one in recipients.items()}
    counted = []
    for run in runs:
        of_run = [numbers.get(pk, 0) for pk in run.notifications]
        known = [number for number in of_run if number is not None]
        if len(known) == len(of_run):
            ScheduleRun.objects.filter(pk=run.pk).update(recipients=sum(known))
            counted.append(run.pk)
    _publish(counted)


def _publish(runs: Collection[int]) -> None:
    if runs:
        schedules = ScheduleRun.objects.filter(pk__in=runs).values_list("schedule", flat=True)
        publishing.publish_changed(set(schedules))
