"""Hours in which a person does not want to be interrupted: from one time of day to another, on days of the week.

Times are those on the person's own clock: a night that has an hour more or less, because clocks change, ends when the
clock says so.
"""

from collections.abc import Collection
from datetime import datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone

from hub.users import Key
from notifications.kinds.locales import UNKNOWN, locales_of
from notifications.models import Preferences

#: Monday to Sunday, as ``datetime.isoweekday()`` says them.
DAYS = range(1, 8)


class QuietHours(NamedTuple):
    """From ``begin`` to ``end``, beginning on these days; an end that is not later is on the next day."""

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


def of(row: Preferences) -> QuietHours | None:
    """Those of a person; None where they have chosen none."""
    if row.quiet_from is None or row.quiet_to is None or not row.quiet_days:
        return None
    return QuietHours(row.quiet_from, row.quiet_to, tuple(int(day) for day in row.quiet_days))


def in_quiet_hours(people: Collection[Key], now: datetime | None = None) -> set[Key]:
    """Those of these users, by key, who have quiet hours now. One query, and one of time zones where some have any."""
    rows = Preferences.objects.filter(user__in=people, quiet_from__isnull=False)
    chosen = {row.user_id: hours for row in rows if (hours := of(row)) is not None}
    if not chosen:
        return set()
    moment, locales = now or timezone.now(), locales_of(chosen.keys())
    return {
        key
        for key, hours in chosen.items()
        if hours.has(moment.astimezone(ZoneInfo(locales.get(key, UNKNOWN).time_zone or settings.TIME_ZONE)))
    }
