"""What a person will get, in sentences of the active language."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.dates import WEEKDAYS
from django.utils.formats import date_format, time_format
from django.utils.translation import gettext as _

from notifications.kinds import params
from notifications.preferences.methods import DeliveryMethod
from notifications.preferences.quiet_hours import DAYS, Hours, Times

#: Ways to a person, each with whether it is on and until when it is off, if that ends.
Ways = Sequence[tuple[DeliveryMethod, bool, datetime | None]]


def of_kind(ways: Ways, zone: str, *, is_critical: bool) -> str:
    """What a person gets of a kind."""
    on = [str(method.said) for method, is_on, _until in ways if is_on]
    if not on:
        return _("You do not get it.")
    if is_critical:
        return _("It %(what)s, whatever you choose.") % {"what": params.joined(on)}
    sentence = _("It %(what)s.") % {"what": params.joined(on)}
    paused = [until for _method, is_on, until in ways if until is not None and not is_on]
    if not paused:
        return sentence
    return f"{sentence} {_('It is muted until %(time)s.') % {'time': moment(max(paused), zone)}}"


def of_channel(is_on: bool, until: datetime | None, zone: str) -> str:
    """What a person gets of what comes over a channel."""
    if until is not None:
        return _("It does not interrupt you until %(time)s; it is in your list.") % {"time": moment(until, zone)}
    if not is_on:
        return _("It does not interrupt you; it is in your list.")
    return _("It comes as you have chosen for its kind.")


def of_left_channel() -> str:
    """What a person gets of a channel that they have muted and left."""
    return _("You are not in it any more. If you come back, it does not interrupt you.")


def summary(times: Times, zone: str, muted: Iterable[tuple[str, datetime | None]]) -> list[str]:
    """What holds for all that a person gets: when it may interrupt them, and what is muted, by its label."""
    sentences = []
    if times.plan is not None:
        hours = [in_words(one) for one in times.plan]
        sentences.append(
            _("Alerts interrupt you in these hours only: %(hours)s.") % {"hours": params.joined(hours)}
            if hours
            else _("No alert interrupts you at any time.")
        )
    if times.quiet is not None:
        sentences.append(_("No alert interrupts you in these hours: %(hours)s.") % {"hours": in_words(times.quiet)})
    if not sentences:
        sentences.append(_("Alerts may interrupt you at any time."))
    elif times.are_quiet_at(timezone.now().astimezone(ZoneInfo(zone))):
        sentences.append(
            _("At this moment it is quiet: what comes is in your list, and only what is critical pops up.")
        )
    else:
        sentences.append(_("At this moment alerts may interrupt you."))
    sentences += [
        _("%(name)s is muted.") % {"name": label}
        if until is None
        else _("%(name)s is muted until %(time)s.") % {"name": label, "time": moment(until, zone)}
        for label, until in muted
    ]
    return sentences


def in_words(hours: Hours) -> str:
    """Hours of the week, such as "09:00–18:00 (Monday, Tuesday)"."""
    said = f"{time_format(hours.begin)}–{time_format(hours.end)}"
    if hours.begin == hours.end:
        said = _("24 hours from %(time)s") % {"time": time_format(hours.begin)}
    if set(hours.days) == set(DAYS):
        return _("%(hours)s every day") % {"hours": said}
    days = params.joined([str(WEEKDAYS[day - 1]) for day in sorted(set(hours.days))])
    return _("%(hours)s (%(days)s)") % {"hours": said, "days": days}


def moment(at: datetime, zone: str) -> str:
    """A time on the person's clock, with its day where that is another one."""
    local = at.astimezone(ZoneInfo(zone))
    if local.date() == timezone.now().astimezone(ZoneInfo(zone)).date():
        return time_format(local.time())
    return date_format(local, "SHORT_DATETIME_FORMAT")
