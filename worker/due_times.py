"""When a schedule is due: the moments of an interval, a crontab, a solar event or a date, in order.

Crontabs are read by the clocks of their time zone. Once a year these show some time twice, and once they leave some
out. A crontab that goes on through that time, such as one of every quarter of an hour, goes on in real time. One that
is for a fixed time runs once: at the first showing, and where the time is left out as much later as the clocks have
jumped.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import takewhile
from typing import Any

#: Days that are looked through for the next date of a crontab. 29 February is a certain weekday once in 28 years, and
#: in 40 where a century has no such day.
DAYS = 366 * 41

#: By how much clocks are set back or forward at most, but for a zone that changes its date.
LONGEST_SHIFT = timedelta(hours=3)


def of_interval(every: timedelta, after: datetime, *, first: datetime | None = None) -> Iterator[datetime]:
    """``first`` and each ``every`` behind it, where they are later than ``after``; by default from ``after`` on."""
    moment = after + every
    if first is not None:
        passed = max(0, (after - first) // every + 1) if every else 0
        moment = first + passed * every
    while True:
        yield moment
        moment += every


def of_crontab(crontab: Any, after: datetime) -> Iterator[datetime]:
    """The due times of a ``TzAwareCrontab`` that are later than ``after``; ends where there are no more."""
    local = after.astimezone(crontab.tz)
    earliest = local.replace(tzinfo=None) - LONGEST_SHIFT
    day = earliest.date()
    in_vain = 0
    while in_vain < DAYS:
        in_vain += 1
        if _is_on(crontab, day):
            in_vain = 0
            for moment in _moments_of(crontab, day, earliest):
                if moment > after:
                    yield moment
                    after = moment
        try:
            day += timedelta(days=1)
        except OverflowError:
            return


def _is_on(crontab: Any, day: date) -> bool:
    return (
        day.month in crontab.month_of_year
        and day.day in crontab.day_of_month
        and day.isoweekday() % 7 in crontab.day_of_week
    )


def _moments_of(crontab: Any, day: date, earliest: datetime) -> list[datetime]:
    """The due times of a day in order, but for those that its clocks show before ``earliest``."""
    found: set[datetime] = set()
    for hour in crontab.hour:
        if datetime.combine(day, time(hour, 59)) < earliest:
            continue
        goes_on = {(hour - 1) % 24, (hour + 1) % 24} <= crontab.hour
        for minute in crontab.minute:
            first, second = (
                datetime.combine(day, time(hour, minute, fold=fold), crontab.tz).astimezone(UTC) for fold in (0, 1)
            )
            # A time that is left out becomes, by the clocks before, one that is as much later.
            found.add(first)
            if second > first and goes_on:
                found.add(second)
    return sorted(found)


def until(moments: Iterator[datetime], last: datetime) -> Iterator[datetime]:
    """Those that are not later than ``last``."""
    return takewhile(lambda moment: moment <= last, moments)
