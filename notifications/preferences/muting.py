"""Muting for a time on the page of preferences: what is offered, and what was chosen of it."""

from collections.abc import Iterator
from datetime import datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext as _

from notifications.preferences import saying
from notifications.preferences.methods import LIVE
from notifications.preferences.stored import ChosenPreferences, Wish

#: When what is muted until tomorrow interrupts again, on the person's clock.
MORNING = time(9)

_PREFIX = "mute:"


class MuteField(NamedTuple):
    """Something that may be muted: what people call it, and the choices of its field, of which one holds."""

    field: str
    label: str
    sentence: str
    held: str
    choices: list[tuple[str, str]]


class _Target(NamedTuple):
    label: str
    sentence: str
    wish: Wish
    is_off: bool
    until: datetime | None


def offered(chosen: ChosenPreferences) -> dict[str, MuteField]:
    """What may be muted, by channel, ``category:NAME`` or ``bundle:NAME``."""
    found = {}
    for name, target in _targets(chosen).items():
        choices = [("on", _("Not muted")), ("hour", _("For an hour"))]
        choices.append(("tomorrow", _("Until tomorrow")))
        if not target.wish.category:
            choices.append(("always", _("Until I say so")))
        held = "always" if target.is_off else "on"
        if target.until is not None:
            held = "until"
            choices.append((held, _("Until %(time)s") % {"time": saying.moment(target.until, chosen.clock)}))
        found[name] = MuteField(f"{_PREFIX}{name}", target.label, target.sentence, held, choices)
    return found


def wishes(chosen: ChosenPreferences, posted: QueryDict) -> Iterator[Wish]:
    """What differs from what holds."""
    held = offered(chosen)
    for name, target in _targets(chosen).items():
        said = posted.get(f"{_PREFIX}{name}")
        if said is None or said == held[name].held or said not in dict(held[name].choices):
            continue
        if said == "on":
            yield target.wish
        else:
            yield target.wish._replace(is_on=False, until=_until(said, chosen.clock))


def _targets(chosen: ChosenPreferences) -> dict[str, _Target]:
    found = {
        one.channel: _Target(
            one.label,
            one.sentence,
            Wish(LIVE.name, is_on=None, channel=one.channel),
            not one.state.is_on,
            one.state.off_until,
        )
        for one in chosen.channels
    }
    for talk in chosen.bundles:
        wish = Wish(LIVE.name, is_on=None, bundle=talk.bundle)
        found[f"bundle:{talk.bundle}"] = _Target(
            talk.label, talk.sentence, wish, is_off=True, until=talk.state.off_until
        )
    for of in chosen.categories:
        if of.category is not None:
            wish = Wish(LIVE.name, is_on=None, category=of.category.name)
            found[of.subject] = _Target(str(of.category.label), "", wish, is_off=False, until=of.muted_until)
    return found


def _until(said: str, clock: str) -> datetime | None:
    """Until when it is muted; None where no end was said."""
    if said == "hour":
        return timezone.now() + timedelta(hours=1)
    return tomorrow(clock) if said == "tomorrow" else None


def tomorrow(clock: str) -> datetime:
    """The next morning on the clock of this time zone."""
    zone = ZoneInfo(clock)
    return datetime.combine(timezone.now().astimezone(zone).date() + timedelta(days=1), MORNING, zone)
