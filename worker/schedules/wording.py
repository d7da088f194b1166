"""When a schedule is due, as a sentence in the language of whoever reads it."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from django.utils import formats, timezone
from django.utils.dates import MONTHS
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext, pgettext_lazy

from notifications.sending.alerting import EVERYONE
from notifications.sending.named_audiences import MEMBERS
from worker.schedules import rules
from worker.schedules.cron import Expression
from worker.schedules.models import Schedule
from worker.schedules.rules import Cron, Every, Monthly, Once, Timing, Weekly

#: Clock times that a sentence about an expression of cron names one by one.
TIMES_NAMED = 6

_ALL_DAYS, _WORKDAYS, _WEEKEND = (1, 2, 3, 4, 5, 6, 7), (1, 2, 3, 4, 5), (6, 7)

#: Behind "on", as in "on Mondays".
_ON_DAYS = {
    1: pgettext_lazy("on …", "Mondays"),
    2: pgettext_lazy("on …", "Tuesdays"),
    3: pgettext_lazy("on …", "Wednesdays"),
    4: pgettext_lazy("on …", "Thursdays"),
    5: pgettext_lazy("on …", "Fridays"),
    6: pgettext_lazy("on …", "Saturdays"),
    7: pgettext_lazy("on …", "Sundays"),
}

#: In place of "every 1 …": some languages do not count what comes with each one.
_EACH = {
    "seconds": pgettext_lazy("how often", "every second"),
    "minutes": pgettext_lazy("how often", "every minute"),
    "hours": pgettext_lazy("how often", "every hour"),
    "days": pgettext_lazy("how often", "every day"),
}

_OWN_ZONE = gettext_lazy("in each person's own time zone")


def sentence_of(row: Schedule) -> str:
    """When a schedule is due in words, or what is wrong with its row: no row breaks a list."""
    try:
        return sentence(row.timing(), max_runs=row.max_runs)
    except (ValueError, OverflowError) as error:  # BadRule, or what somebody wrote into the row past all checks
        return str(error)


def sentence(timing: Timing, *, max_runs: int | None = None) -> str:
    """The timing in words, such as "every weekday at 09:00, Europe/Berlin".

    Clock times are written as the rule has them and as forms and ``schedule()`` take them, in every language: they are
    those of the zone that is named, never of whoever reads.
    """
    said = [_rule(timing), *_bounds(timing, max_runs)]
    return ", ".join(said)


def capital(text: str) -> str:
    """The text with a capital in front, as a line that stands for itself."""
    return text[:1].upper() + text[1:]


def recipients(to: Iterable[str]) -> str:
    """Whom a schedule goes to, in words."""
    return ", ".join(_recipient(one) for one in to)


def _recipient(one: str) -> str:
    if one == EVERYONE:
        return _("everyone, guests too")
    if one == MEMBERS.label:
        return _("all who have an account")
    sort, _colon, name = one.partition(":")
    match sort if name else "":
        case "user":
            return name
        case "group":
            return _("group %(name)s") % {"name": name}
        case "topic":
            return _("topic %(name)s") % {"name": name}
    return one


def _rule(timing: Timing) -> str:
    zone = str(_OWN_ZONE) if timing.is_local else timing.zone
    match timing.rule:
        case Once(at):
            return _once(at, timing)
        case Every(number, "days"):
            local = timing.start.astimezone(timing.tz) if timing.start is not None else None
            days = pause(number, "days")
            return f"{days} {_at([f'{local:%H:%M}'])}, {zone}" if local is not None else f"{days}, {zone}"
        case Every(number, unit):
            return pause(number, unit)
        case Weekly(weekdays, times):
            return f"{_weekdays(weekdays)} {_at(times)}, {zone}"
        case Monthly(days, times, or_last_day):
            return f"{_month_days(days, or_last_day=or_last_day)} {_at(times)}, {zone}"
        case Cron(expression):
            return f"{of_cron(rules.read_cron(expression))}, {zone}"


def _once(at: str, timing: Timing) -> str:
    local = rules.local_time(at, timing.tz)
    zone = str(_OWN_ZONE) if timing.is_local else timing.zone
    said = {"date": formats.date_format(local, "DATE_FORMAT"), "time": f"{local:%H:%M}"}
    return _("once, on %(date)s at %(time)s") % said + f", {zone}"


def pause(number: int, unit: str) -> str:
    """How often, in words: every so many ``seconds``, ``minutes``, ``hours`` or ``days``."""
    if number == 1:
        return str(_EACH[unit])
    counted = {"number": number}
    match unit:
        case "days":
            return ngettext("every day", "every %(number)d days", number) % counted
        case "seconds":
            return ngettext("every second", "every %(number)d seconds", number) % counted
        case "minutes":
            return ngettext("every minute", "every %(number)d minutes", number) % counted
    return ngettext("every hour", "every %(number)d hours", number) % counted


def _weekdays(days: Sequence[int]) -> str:
    match tuple(days):
        case days if days == _ALL_DAYS:
            return pgettext("days of the week", "every day")
        case days if days == _WORKDAYS:
            return _("every weekday")
        case days if days == _WEEKEND:
            return _("on weekends")
    return _("on %(days)s") % {"days": _listed([str(_ON_DAYS[day]) for day in days])}


def _month_days(days: Sequence[int], *, or_last_day: bool) -> str:
    if or_last_day and tuple(days) == (31,):
        return _("on the last day of each month")
    said = _on_days(days)
    if max(days) <= 28:
        return said
    if or_last_day:
        return _("%(days)s (in a shorter month on its last day)") % {"days": said}
    return _("%(days)s (not in a shorter month)") % {"days": said}


def _on_days(days: Sequence[int]) -> str:
    said = {"days": _listed([str(day) for day in days])}
    return ngettext("on day %(days)s of each month", "on days %(days)s of each month", len(days)) % said


def of_cron(read: Expression) -> str:
    """When an expression of cron is due in words, without a time zone."""
    times, days = _cron_times(read), _cron_days(read)
    months = [] if len(read.months) == 12 else [_("in %(months)s") % {"months": _months(read.months)}]
    if _is_few(read):
        return ", ".join([f"{days} {times}", *months])
    are_all = len(read.days) == 31 and len(read.weekdays) == 7
    return ", ".join([times, *([] if are_all else [days]), *months])


def _is_few(read: Expression) -> bool:
    return len(read.hours) * len(read.minutes) <= TIMES_NAMED


def _cron_times(read: Expression) -> str:
    if _is_few(read):
        return _at([f"{hour:02}:{minute:02}" for hour in read.hours for minute in read.minutes])
    step = _step(read.minutes, 60)
    if step:
        minutes = _("every %(number)d minutes by the clock") % {"number": step} if step > 1 else pause(1, "minutes")
    else:
        listed = {"minutes": _listed([str(minute) for minute in read.minutes])}
        minutes = ngettext("at minute %(minutes)s", "at minutes %(minutes)s", len(read.minutes)) % listed
    if len(read.hours) == 24:
        return minutes if step else _("%(minutes)s of every hour") % {"minutes": minutes}
    hours = {"minutes": minutes, "hours": _listed(_ranges(read.hours))}
    return ngettext("%(minutes)s in hour %(hours)s", "%(minutes)s in hours %(hours)s", len(read.hours)) % hours


def _step(minutes: Sequence[int], whole: int) -> int:
    """The pause, where the minutes are all of an hour with one pause from its beginning; else 0."""
    step = minutes[1] if len(minutes) > 1 and minutes[0] == 0 else 0
    return step if step and whole % step == 0 and tuple(minutes) == tuple(range(0, whole, step)) else 0


def _cron_days(read: Expression) -> str:
    weekdays = _weekdays(sorted(day or 7 for day in read.weekdays))
    if read.names_days and read.names_weekdays:
        return _("%(days)s and besides %(weekdays)s") % {"days": _on_days(read.days), "weekdays": weekdays}
    return _on_days(read.days) if len(read.days) < 31 else weekdays


def _ranges(numbers: Sequence[int]) -> list[str]:
    """Numbers in order as ranges such as 9–17."""
    found: list[list[int]] = []
    for number in numbers:
        if found and number == found[-1][-1] + 1:
            found[-1].append(number)
        else:
            found.append([number])
    return [str(some[0]) if len(some) == 1 else f"{some[0]}–{some[-1]}" for some in found]


def _months(months: Sequence[int]) -> str:
    return _listed([str(MONTHS[month]) for month in months])


def _at(times: Sequence[str]) -> str:
    return _("at %(times)s") % {"times": _listed(times)}


def _listed(parts: Sequence[str]) -> str:
    if len(parts) == 1:
        return parts[0]
    return _("%(first)s and %(last)s") % {"first": ", ".join(parts[:-1]), "last": parts[-1]}


def _bounds(timing: Timing, max_runs: int | None) -> list[str]:
    found = []
    if timing.start is not None and timing.start > timezone.now():
        found.append(_("from %(time)s on") % {"time": _moment(timing.start, timing.tz)})
    if timing.end is not None:
        found.append(_("until %(time)s") % {"time": _moment(timing.end, timing.tz)})
    if max_runs is not None and not isinstance(timing.rule, Once):
        found.append(ngettext("%(number)d time", "%(number)d times", max_runs) % {"number": max_runs})
    return found


def _moment(moment: datetime, tz: ZoneInfo) -> str:
    return formats.date_format(moment.astimezone(tz), "SHORT_DATETIME_FORMAT")
