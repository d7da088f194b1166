"""When a person does not want to be interrupted: in their quiet hours, and outside of the hours of their weekly plan.

Times are those on the person's own clock: a night that has an hour more or less, because clocks change, ends when the
clock says so.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from hub.users import Key
from notifications.kinds.locales import UNKNOWN, locales_of
from notifications.models import Preferences

#: Monday to Sunday, as ``datetime.isoweekday()`` says them.
DAYS = range(1, 8)


class Hours(NamedTuple):
    """From ``begin`` to ``end``, beginning on these days; an end that is not later is on the next day.

    So hours that end when they begin are 24.
    """

    begin: time
    end: time
    days: tuple[int, ...]

    def has(self, local: datetime) -> bool:
        """Whether this moment, on the person's clock, is in them."""
        today, now = local.isoweekday(), local.time()
        if self.begin < self.end:
            return today in self.days and self.begin <= now < self.end
        yesterday = (local.date() - timedelta(days=1)).isoweekday()
        return (today in self.days and now >= self.begin) or (yesterday in self.days and now < self.end)


class Times(NamedTuple):
    """The quiet hours of a person, and the hours outside of which all is quiet too; None where there is no plan."""

    quiet: Hours | None = None
    plan: Sequence[Hours] | None = None

    def are_quiet_at(self, local: datetime) -> bool:
        """Whether nothing is to interrupt the person at this moment, on their clock."""
        if self.quiet is not None and self.quiet.has(local):
            return True
        return self.plan is not None and not any(hours.has(local) for hours in self.plan)


def of(row: Preferences) -> Times:
    """Those that a person has chosen."""
    has_quiet = row.quiet_from is not None and row.quiet_to is not None and row.quiet_days
    quiet = Hours(row.quiet_from, row.quiet_to, _days(row.quiet_days)) if has_quiet else None  # type: ignore[arg-type]  # both are times
    if row.plan is None:
        return Times(quiet)
    plan = [Hours(time.fromisoformat(begin), time.fromisoformat(end), _days(days)) for begin, end, days in row.plan]
    return Times(quiet, plan)


def written(plan: Sequence[Hours] | None) -> list[list[str]] | None:
    """A plan as the column has it."""
    if plan is None:
        return None
    return [[f"{one.begin:%H:%M}", f"{one.end:%H:%M}", "".join(map(str, sorted(set(one.days))))] for one in plan]


def in_quiet_hours(people: Collection[Key], now: datetime | None = None) -> set[Key]:
    """Those of these users, by key, who do not want to be interrupted now.

    One query, and one of time zones where some have quiet hours or a plan.
    """
    rows = Preferences.objects.filter(Q(quiet_from__isnull=False) | Q(plan__isnull=False), user__in=people)
    chosen = {row.user_id: times for row in rows if (times := of(row)) != Times()}
    if not chosen:
        return set()
    moment, locales = now or timezone.now(), locales_of(chosen.keys())
    return {
        key
        for key, times in chosen.items()
        if times.are_quiet_at(moment.astimezone(ZoneInfo(locales.get(key, UNKNOWN).time_zone or settings.TIME_ZONE)))
    }


def is_quiet_now(row: Preferences) -> bool:
    """Whether this person does not want to be interrupted now. A query where they have quiet hours or a plan."""
    return of(row) != Times() and bool(in_quiet_hours([row.user_id]))


def _days(written: str) -> tuple[int, ...]:
    return tuple(int(day) for day in written)
