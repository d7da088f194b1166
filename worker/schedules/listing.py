"""What the pages show of schedules: the list, the calendar, and the history as a chart."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone

from hub.users import User
from notifications.kinds.locales import UNKNOWN, locales_of
from worker.due_times import until
from worker.schedules import wording
from worker.schedules.models import Run, RunStatus, Schedule
from worker.schedules.periodic import ListedTask
from worker.schedules.rules import Timing

#: Due times that a page names, and weeks of the calendar.
NEXT, WEEKS = 10, 4

#: A schedule that is due so often within a day is named beside the calendar, not in each of its days.
OFTEN = 12

#: Due times of one schedule that the calendar looks at. One that has more in these weeks is due often, whenever it
#: begins: looking at all that a pause of a second has would take minutes.
LOOKED_AT = OFTEN * 7 * WEEKS

#: Runs in the chart, its height, that of a run in time, and the seconds of lateness that fill it.
CHART_RUNS, CHART_HEIGHT, CHART_LEAST, CHART_SECONDS = 60, 48, 4, 60.0


def zone_of(user: User) -> ZoneInfo:
    """The time zone of whoever reads a page."""
    return ZoneInfo(locales_of([user.pk]).get(user.pk, UNKNOWN).time_zone or str(settings.TIME_ZONE))


@dataclass(frozen=True, slots=True)
class ListedSchedule:
    """A schedule in the list."""

    row: Schedule
    sentence: str
    recipients: str


def listed(rows: Iterable[Schedule]) -> list[ListedSchedule]:
    """The schedules with their sentences."""
    return [
        ListedSchedule(row, wording.capital(wording.sentence_of(row)), wording.recipients(row.contents.get("to", [])))
        for row in rows
    ]


@dataclass(frozen=True, slots=True)
class DueTime:
    """A due time by two clocks: without zones, as they show it."""

    there: datetime
    here: datetime


def next_times(timing: Timing, after: datetime, here: ZoneInfo, *, most: int | None = None) -> list[DueTime]:
    """The next due times by the clocks of the schedule and by those of the reader; none beyond the calendar."""
    return _by_clocks(lambda: timing.after(after), timing.tz, here, NEXT if most is None else min(NEXT, most))


def next_times_of_task(task: ListedTask, here: ZoneInfo) -> list[DueTime]:
    """The next due times of a periodic task by the clocks of its crontab, if it has one, and of the reader."""
    return _by_clocks(lambda: task.due_times(timezone.now()), task.zone or here, here, NEXT)


def _by_clocks(
    moments: Callable[[], Iterator[datetime]], there: ZoneInfo, here: ZoneInfo, number: int
) -> list[DueTime]:
    found = []
    with suppress(ValueError, OverflowError):  # what somebody wrote into the row past all checks
        for one in islice(moments(), number):
            of_row, of_reader = one.astimezone(there), one.astimezone(here)
            found.append(DueTime(of_row.replace(tzinfo=None), of_reader.replace(tzinfo=None)))
    return found


@dataclass(slots=True)
class Day:
    """A day of the calendar: for each schedule and periodic task when it is due first, and how often."""

    day: date
    entries: list[tuple[Schedule | ListedTask, str, int]] = field(default_factory=list)


def calendar(
    rows: Iterable[Schedule], here: ZoneInfo, tasks: Iterable[ListedTask] = ()
) -> tuple[list[Day], list[ListedSchedule | ListedTask]]:
    """The coming weeks from this Monday on, by the clocks of the reader; and what is due too often."""
    now = timezone.now()
    today = now.astimezone(here).date()
    first = today - timedelta(days=today.weekday())
    days = {one: Day(one) for one in (first + timedelta(days=number) for number in range(7 * WEEKS))}
    last = datetime.combine(first + timedelta(days=7 * WEEKS), datetime.min.time(), here)
    often: list[ListedSchedule | ListedTask] = []
    shown: list[Schedule | ListedTask] = [*rows, *tasks]
    for row in shown:
        moments = list(islice(_due_until(row, now, last), LOOKED_AT))
        if len(moments) == LOOKED_AT or len(list(until(iter(moments), now + timedelta(days=1)))) >= OFTEN:
            often += [row] if isinstance(row, ListedTask) else listed([row])
            continue
        due: dict[date, list[datetime]] = {}
        for moment in moments:
            local = moment.astimezone(here)
            due.setdefault(local.date(), []).append(local)
        for day, times in due.items():
            if day in days:
                days[day].entries.append((row, f"{times[0]:%H:%M}", len(times)))
    for one in days.values():
        one.entries.sort(key=lambda entry: entry[1])
    return list(days.values()), often


def _due_until(row: Schedule | ListedTask, now: datetime, last: datetime) -> Iterator[datetime]:
    if isinstance(row, Schedule) and row.is_paused:
        return
    try:
        yield from until(row.due_times(now), last)
    except (ValueError, OverflowError):  # what somebody wrote into the row past all checks
        return


@dataclass(frozen=True, slots=True)
class Bar:
    """A run in the chart: ``height`` grows with how late it was; what was not sent is as high as the chart."""

    run: Run
    x: int
    y: int
    height: int


def chart(runs: Sequence[Run]) -> list[Bar]:
    """The last runs, oldest first; none where all were sent in time: a row of equal dots says nothing."""
    found = []
    for place, run in enumerate(reversed(runs[:CHART_RUNS])):
        part = min(1.0, run.late_by / CHART_SECONDS) if run.status == RunStatus.SENT else 1.0
        height = max(CHART_LEAST, round(part * CHART_HEIGHT))
        found.append(Bar(run, place * 10, CHART_HEIGHT - height, height))
    return found if any(bar.height > CHART_LEAST for bar in found) else []
