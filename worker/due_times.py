"""When a schedule is due: the moments of an interval, a crontab, a solar event or a date, in order.

What goes by clocks is read by those of a time zone. Once a year these show some time twice, and once they leave some
out. A crontab that goes on through that time, such as one of every quarter of an hour, goes on in real time. What is
for a fixed time runs once: at the first showing, and where the time is left out at the next minute that there is.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import date, datetime, time, timedelta, tzinfo
from functools import partial
from itertools import takewhile
from typing import Any

from notifications.sending import local_times

#: Days that are looked through for the next date. 29 February is a certain weekday once in 28 years, and in 40 where a
#: century has no such day.
DAYS = 366 * 41


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
    hours = dict.fromkeys(sorted(crontab.hour), sorted(crontab.minute))
    return of_days(crontab.tz, partial(_is_on, crontab), hours, after, frequent=going_on(crontab.hour))


def going_on(hours: Collection[int]) -> set[int]:
    """Those of these hours that have the hour before and the hour behind them among them."""
    return {hour for hour in hours if {(hour - 1) % 24, (hour + 1) % 24} <= set(hours)}


def of_days(
    tz: tzinfo,
    is_on: Callable[[date], bool],
    hours: Mapping[int, Collection[int]],
    after: datetime,
    *,
    frequent: Collection[int] = (),
) -> Iterator[datetime]:
    """The moments later than ``after`` at which clocks of the zone show certain minutes of hours on certain days.

    Args:
        is_on: whether a date is one of the days.
        hours: the minutes of each hour, both in order.
        frequent: the hours whose minutes go on in real time; those of the others run once a day.

    Ends where there are no more for forty years, or with the calendar.
    """
    earliest = after.astimezone(tz).replace(tzinfo=None) - local_times.LONGEST_SHIFT
    day = earliest.date()
    in_vain = 0
    while in_vain < DAYS:
        in_vain += 1
        if is_on(day):
            in_vain = 0
            for moment in _moments_of(day, tz, hours, frequent, earliest):
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


def _moments_of(
    day: date, tz: tzinfo, hours: Mapping[int, Collection[int]], frequent: Collection[int], earliest: datetime
) -> list[datetime]:
    """The due times of a day in order, but for those that its clocks show before ``earliest``."""
    found: set[datetime] = set()
    for hour, minutes in hours.items():
        if datetime.combine(day, time(hour, 59)) < earliest:
            continue
        for minute in minutes:
            local = datetime.combine(day, time(hour, minute))
            if hour in frequent:
                found.update(local_times.showings(local, tz))
            else:
                found.add(local_times.moment(local, tz))
    return sorted(found)


def until(moments: Iterator[datetime], last: datetime) -> Iterator[datetime]:
    """Those that are not later than ``last``."""
    return takewhile(lambda moment: moment <= last, moments)
