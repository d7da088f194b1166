"""``schedule(…)``: an alert that comes back at its time, from code."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Unpack

from django.conf import settings
from django.utils import timezone

from notifications.sending.alerting import EVERYONE, Recipient
from notifications.sending.arguments import Said
from worker.schedules import changing, contents, running
from worker.schedules.changing import BadSchedule, WantedSchedule
from worker.schedules.models import Missed, Schedule, ScheduleRun
from worker.schedules.rules import UNITS, Cron, Every, Monthly, Once, Rule, Timing, Weekly

#: For ``tz=``: each person is told when it is that time where they are.
OWN_ZONE = "own"


@dataclass(slots=True)
class ScheduleHandle:
    """A schedule that :func:`schedule` has made or :func:`schedule_named` found; ``row`` is as it was last read."""

    row: Schedule

    def pause(self) -> None:
        """Send nothing until :meth:`resume`; due times meanwhile are none."""
        self.row = changing.pause(self.row)

    def resume(self) -> None:
        """Go on with the due times from now on."""
        self.row = changing.resume(self.row)

    def cancel(self) -> None:
        """Delete it with its history. Nothing where that has happened."""
        changing.delete([self.row])

    def next(self, number: int = 1) -> list[datetime]:
        """The next due times, in UTC; fewer where it is over before, none while it is paused."""
        self.row.refresh_from_db()
        return self.row.next(number)

    def run_now(self, *, key: str | None = None) -> ScheduleRun:
        """Send it now, besides its due times. The run's ``error`` says why where it could not be sent.

        With a ``key`` once: the same call again sends nothing and returns the first run, while the history has it.
        Raises ``BadSchedule`` where the key is longer than 200 characters.
        """
        return running.run_now(self.row, key=changing.checked_key(key))


def schedule(
    *,
    to: Recipient | Iterable[Recipient] = EVERYONE,
    expires: timedelta | None = None,
    every: timedelta | None = None,
    cron: str | None = None,
    at: datetime | None = None,
    weekdays: Iterable[int] | None = None,
    days: Iterable[int] | None = None,
    times: Iterable[str] = (),
    or_last_day: bool = False,
    tz: str | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
    runs: int | None = None,
    missed: str = Missed.ONCE.value,
    grace: timedelta | None = None,
    key: str | None = None,
    name: str = "",
    **said: Unpack[Said],
) -> ScheduleHandle:
    """Have an alert sent again and again, or once, and each due time exactly once.

    Call it from a migration, a command or a view. With a ``key`` the call may be repeated, such as at each deployment:
    it changes the schedule that has the key, and leaves alone one that is the same already. A pause stays.

    When it is due, one of:

    Args:
        every: again and again, from ``start`` or now on. Whole days go by the calendar and the clocks of ``tz``,
            anything shorter in real time.
        cron: an expression such as ``"0 9 * * 1-5"`` or ``"@daily"``.
        at: once, at a time; without a zone it is by the clocks of ``tz``.
        weekdays: on days of the week, 1 is Monday and 7 Sunday, at ``times`` such as ``["09:00", "17:30"]``.
        days: on days of the month, 1 to 31, at ``times``; with ``or_last_day`` on the last day of a month that has no
            such day, without it not in such a month.
        tz: the name of the time zone, ``TIME_ZONE`` of the settings by default; ``"own"`` tells each person when it is
            that time where they are. Then it goes to people and audiences.
        start: not before this time.
        end: not after this time.
        runs: so many due times are sent, and then it is over.
        missed: what becomes of due times that are later than the grace allows, because nothing ran: ``"skip"``,
            ``"once"`` sends once for all of them, ``"all"`` sends each of the newest hundred. Those that
            are not sent are in the history.
        grace: how late a due time is still sent; without it until the next one, an hour at most.
        key: names the schedule, 1 to 200 characters.
        name: for people, on the pages.

    The others are those of :func:`notifications.notify`; recipients are looked up at each due time. Without ``to``
    it is a broadcast: everyone, guests included.

    Raises:
        BadSchedule, BadRule, notifications.sending.alerting.BadAlert: it cannot be; nothing is stored.
    """
    _check_types(timedelta, every=every, grace=grace)
    _check_types(datetime, at=at, start=start, end=end)
    _check_types(str, cron=cron, tz=tz, missed=missed, name=name)
    _check_types(int, runs=runs)
    _check_types(Iterable, weekdays=weekdays, days=days, times=times)
    rule = _rule(every, cron, at, weekdays, days, tuple(times or ()), or_last_day=or_last_day)
    zone = "" if tz == OWN_ZONE else tz or str(settings.TIME_ZONE)
    wanted = WantedSchedule(
        contents=contents.as_json(to, {**said, "expires": expires}),
        timing=Timing(rule, zone, _moment(start), _moment(end)),
        name=name or "",
        max_runs=runs,
        missed=missed,
        grace=grace,
    )
    return ScheduleHandle(changing.create(wanted, key=key)[0])


def schedule_named(key: str) -> ScheduleHandle | None:
    """The schedule with this key, if there is one."""
    row = Schedule.objects.filter(key=key).first()
    return None if row is None else ScheduleHandle(row)


def _check_types(kind: type, **given: object) -> None:
    """Refuse here what would be an error of some line far below."""
    for name, value in given.items():
        if value is not None and not isinstance(value, kind):
            raise BadSchedule(f"The {name} of a schedule is of {kind.__name__}, not {type(value).__name__}.")


def _rule(
    every: timedelta | None,
    cron: str | None,
    at: datetime | None,
    weekdays: Iterable[int] | None,
    days: Iterable[int] | None,
    times: tuple[str, ...],
    *,
    or_last_day: bool,
) -> Rule:
    if sum(one is not None for one in (every, cron, at, weekdays, days)) != 1:
        raise BadSchedule("A schedule has one of every, cron, at, weekdays and days.")
    if every is not None:
        return _pause(every)
    if cron is not None:
        return Cron(cron)
    if at is not None:
        return Once(at.isoformat())
    if weekdays is not None:
        return Weekly(tuple(weekdays), times)
    return Monthly(tuple(days or ()), times, or_last_day)


def _pause(every: timedelta) -> Every:
    seconds = every / timedelta(seconds=1)
    if seconds != int(seconds):
        raise BadSchedule("A schedule repeats after whole seconds.")
    unit = max((unit for unit in UNITS if seconds % UNITS[unit] == 0), key=UNITS.__getitem__)
    return Every(int(seconds) // UNITS[unit], unit)  # type: ignore[arg-type]  # it is one of them


def _moment(given: datetime | None) -> datetime | None:
    return timezone.make_aware(given) if given is not None and timezone.is_naive(given) else given
