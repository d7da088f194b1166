"""When a schedule is due, as it is kept: one of five rules, a time zone, and from when to when."""

import calendar
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache, partial
from itertools import groupby
from typing import Any, Literal
from zoneinfo import ZoneInfo, available_timezones

import msgspec

from notifications.sending import local_times
from worker import due_times
from worker.schedules import cron

#: The clocks that show each time first. A schedule in everybody's own time begins with them.
FIRST_ZONE = "Pacific/Kiritimati"

#: Times of one day that a rule may have, and the longest pause between two times of one in seconds.
TIMES_LIMIT, LONGEST_PAUSE = 96, 366 * 86400

#: How far from now a start, an end and a single time may be. Further away the clocks of some zone have no date.
FURTHEST = timedelta(days=366 * 100)

#: Seconds of each unit.
UNITS = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86400}


class BadRule(ValueError):
    """A schedule cannot be due so; the text says why."""


class Once(msgspec.Struct, frozen=True, tag="once"):
    """At one time: ``at`` is ISO 8601, by the clocks of the zone, or with an offset of its own."""

    at: str


class Every(msgspec.Struct, frozen=True, tag="every"):
    """Again and again, from the start on. Days go by the calendar and the clocks, the others in real time."""

    number: int
    unit: Literal["seconds", "minutes", "hours", "days"]


class Weekly(msgspec.Struct, frozen=True, tag="weekly"):
    """On days of the week, Monday is 1 and Sunday 7, at times such as ``"09:00"``."""

    weekdays: tuple[int, ...]
    times: tuple[str, ...]


class Monthly(msgspec.Struct, frozen=True, tag="monthly"):
    """On days of the month, 1 to 31. ``or_last_day``: in a month that has no such day, on its last one."""

    days: tuple[int, ...]
    times: tuple[str, ...]
    or_last_day: bool = False


class Cron(msgspec.Struct, frozen=True, tag="cron"):
    """By an expression of cron."""

    expression: str


Rule = Once | Every | Weekly | Monthly | Cron


@dataclass(frozen=True, slots=True)
class Timing:
    """A rule with the zone that its times are of, and its bounds.

    Args:
        zone: the name of a time zone; empty for the own zone of each person, in which everybody is told at the same
            local time.
        start: no due time is before it. The rule ``every`` counts from it, and must have it.
        end: no due time is after it.
    """

    rule: Rule
    zone: str
    start: datetime | None = None
    end: datetime | None = None

    @property
    def is_local(self) -> bool:
        """Whether each person is told by their own clocks."""
        return not self.zone

    @property
    def tz(self) -> ZoneInfo:
        """The zone by whose clocks the due times are found."""
        return ZoneInfo(self.zone or FIRST_ZONE)

    def after(self, moment: datetime) -> Iterator[datetime]:
        """The due times later than ``moment``, in order and in UTC; without end, where the rule has none.

        Of a schedule in everybody's own time these are the moments at which it is that time for the first people.
        """
        if self.start is not None:
            moment = max(moment, self.start - timedelta(microseconds=1))
        found = _after(self, moment.astimezone(UTC))
        return found if self.end is None else due_times.until(found, self.end)


def _after(timing: Timing, moment: datetime) -> Iterator[datetime]:
    match timing.rule:
        case Once(at):
            due = _moment(at, timing.tz)
            return iter([due] if due > moment else [])
        case Every(number, "days"):
            return _every_days(number, timing, moment)
        case Every(number, unit):
            first = _start(timing).astimezone(UTC)
            return due_times.of_interval(timedelta(seconds=number * UNITS[unit]), moment, first=first)
        case Weekly(weekdays, times):
            return due_times.of_days(timing.tz, lambda day: day.isoweekday() in weekdays, _hours(times), moment)
        case Monthly(days, times, or_last_day):
            is_on = partial(_is_in_month, days, or_last_day)
            return due_times.of_days(timing.tz, is_on, _hours(times), moment)
        case Cron(expression):
            read = read_cron(expression)
            hours = dict.fromkeys(read.hours, read.minutes)
            frequent = due_times.going_on(read.hours)
            return due_times.of_days(timing.tz, read.is_on, hours, moment, frequent=frequent)


def _every_days(number: int, timing: Timing, moment: datetime) -> Iterator[datetime]:
    start = _start(timing).astimezone(timing.tz)
    hours = {start.hour: (start.minute,)}
    found = due_times.of_days(timing.tz, lambda day: (day - start.date()).days % number == 0, hours, moment)
    return (due for due in found if due >= start.replace(second=0, microsecond=0))


def _start(timing: Timing) -> datetime:
    if timing.start is None:
        raise BadRule("A schedule of a fixed pause has a start to count from.")
    return timing.start


def _is_in_month(days: tuple[int, ...], or_last_day: bool, day: date) -> bool:
    if day.day in days:
        return True
    last = calendar.monthrange(day.year, day.month)[1]
    return or_last_day and day.day == last and max(days) > last


def _hours(times: tuple[str, ...]) -> dict[int, list[int]]:
    read = sorted(time.fromisoformat(one) for one in times)
    return {hour: [one.minute for one in some] for hour, some in groupby(read, key=lambda one: one.hour)}


def _moment(at: str, tz: ZoneInfo) -> datetime:
    read = datetime.fromisoformat(at)
    return read.astimezone(UTC) if read.tzinfo is not None else local_times.moment(read, tz)


def local_time(at: str, tz: ZoneInfo) -> datetime:
    """What clocks of the zone show at the time of a rule :class:`Once`."""
    read = datetime.fromisoformat(at)
    return read if read.tzinfo is None else read.astimezone(tz).replace(tzinfo=None)


@lru_cache(maxsize=256)
def read_cron(expression: str) -> cron.Expression:
    """:func:`worker.schedules.cron.read`, remembered."""
    return cron.read(expression)


@lru_cache(maxsize=1)
def zones() -> frozenset[str]:
    """The names of the time zones that this machine knows."""
    return frozenset(available_timezones())


def as_json(rule: Rule) -> dict[str, Any]:
    """The rule as JSON has it."""
    found: dict[str, Any] = msgspec.to_builtins(rule)
    return found


def from_json(value: object) -> Rule:
    """The rule that :func:`as_json` has made, or that another program wrote so.

    Raises:
        BadRule: it is none.
    """
    try:
        rule: Rule = msgspec.convert(value, Rule)
    except msgspec.ValidationError as error:
        raise BadRule(f"This is no rule of a schedule: {error}.") from None
    return rule


def checked(timing: Timing) -> Timing:
    """The timing, with its times and days in order and each once.

    Raises:
        BadRule: it cannot be.
    """
    if timing.zone and timing.zone not in zones():
        raise BadRule(f"There is no time zone {timing.zone!r}; one is Europe/Berlin.")
    for bound in (timing.start, timing.end):
        _check_near(bound)
    if timing.start is not None and timing.end is not None and timing.end < timing.start:
        raise BadRule("A schedule ends after its start.")
    rule = _checked(timing)
    return Timing(rule, timing.zone, timing.start, timing.end)


def _check_near(moment: datetime | None) -> None:
    if moment is not None and abs(moment - datetime.now(UTC)) > FURTHEST:
        raise BadRule("The times of a schedule are at most a hundred years away; one without an end needs none.")


def _checked(timing: Timing) -> Rule:
    rule = timing.rule
    match rule:
        case Once(at):
            _check_once(at, is_local=timing.is_local)
        case Every(number, unit):
            if timing.is_local:
                raise BadRule("Only a clock time can be in everybody's own zone: choose days and times.")
            if not 1 <= number * UNITS[unit] <= LONGEST_PAUSE:
                raise BadRule("A schedule repeats after 1 second to 366 days.")
        case Weekly(weekdays, times):
            return Weekly(_numbers(weekdays, 7, "Days of the week are 1 (Monday) to 7."), _times(times))
        case Monthly(days, times, or_last_day):
            return Monthly(_numbers(days, 31, "Days of the month are 1 to 31."), _times(times), or_last_day)
        case Cron(expression):
            try:
                read_cron(expression)
            except cron.BadCron as error:
                raise BadRule(str(error)) from None
            return Cron(" ".join(expression.split()))
    return rule


def _check_once(at: str, *, is_local: bool) -> None:
    try:
        read = datetime.fromisoformat(at)
    except ValueError:
        raise BadRule(f"A time is such as 2026-12-24T18:00, not {at!r}.") from None
    _check_near(read.replace(tzinfo=read.tzinfo or UTC))
    if is_local and read.tzinfo is not None:
        raise BadRule("A time in everybody's own zone has no offset.")


def _numbers(found: tuple[Any, ...], last: int, sentence: str) -> tuple[int, ...]:
    if not 1 <= len(found) <= last or not all(isinstance(one, int) and 1 <= one <= last for one in found):
        raise BadRule(sentence)
    return tuple(sorted(set(found)))


def _times(times: tuple[str, ...]) -> tuple[str, ...]:
    try:
        read = {time.fromisoformat(one) for one in times[: TIMES_LIMIT + 1]}
    except (ValueError, TypeError):
        read = set()
    if not read or len(times) > TIMES_LIMIT or any(one.tzinfo or one.second or one.microsecond for one in read):
        raise BadRule(f"A schedule has 1 to {TIMES_LIMIT} times such as 09:00.")
    return tuple(f"{one:%H:%M}" for one in sorted(read))
