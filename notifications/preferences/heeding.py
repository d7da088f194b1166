"""What clients heed of a person's choices.

What goes to everyone, to a group or to a topic is one publication for all, and what is of no kind costs no query: the
choices of each person are not looked at when these are sent. So the client of a person gets their choices, and shows
nothing at once that they do not want so.
"""

from django.conf import settings

from hub.users import User
from notifications.bundle_names import BUNDLE, bundle_of, public_name
from notifications.events import HeededChoices, HoursMessage
from notifications.kinds.declaring import declared
from notifications.kinds.locales import UNKNOWN, locales_of
from notifications.models import Choice, Preferences
from notifications.preferences import quiet_hours
from notifications.preferences.methods import INBOX, LIVE
from notifications.preferences.quiet_hours import Hours
from notifications.preferences.subjects import (
    Choices,
    Made,
    default_of,
    hidden_kinds,
    is_chosen,
    is_fixed,
    of_kind,
    off_until,
    subjects_of,
)


def choices_of(user: User) -> dict[str, Choices]:
    """The choices of a person, by their method. One query."""
    rows = Choice.objects.filter(user=user).values_list("method", "subject", "is_on", "off_until")
    found: dict[str, dict[str, Made]] = {}
    for method, subject, wanted, until in rows:
        found.setdefault(method, {})[subject] = Made(wanted, until)
    return dict(found)


def heeded_of(user: User) -> HeededChoices:
    """What a client of this person heeds. Three queries."""
    made = choices_of(user)
    live = made.get(LIVE.name, {})
    times = quiet_hours.of(Preferences.objects.filter(pk=user.pk).first() or Preferences())
    zone = locales_of([user.pk]).get(user.pk, UNKNOWN).time_zone
    kinds = [kind for kind in declared() if not is_fixed(kind, LIVE.name)]
    off = [
        of_kind(kind) for kind in kinds if not is_chosen(live, subjects_of(kind), default=default_of(kind, LIVE.name))
    ]
    others = [
        _said(subject) for subject, one in live.items() if one.is_on is False and not subject.startswith(_OF_KINDS)
    ]
    return HeededChoices(
        hidden=sorted(hidden_kinds(made.get(INBOX.name, {}))),
        silent=[*off, *sorted(others)],
        silent_until={_said(subject): until for subject in sorted(live) if (until := off_until(live, [subject]))},
        always=[kind.name for kind in declared() if kind.critical],
        time_zone=zone or settings.TIME_ZONE,
        quiet=None if times.quiet is None else as_message(times.quiet),
        plan=None if times.plan is None else [as_message(hours) for hours in times.plan],
    )


def _said(subject: str) -> str:
    """The subject as clients know it."""
    return f"{BUNDLE}{public_name(*bundle_of(subject))}" if subject.startswith(BUNDLE) else subject


def as_message(hours: Hours) -> HoursMessage:
    """Hours as JSON has them."""
    return HoursMessage(f"{hours.begin:%H:%M}", f"{hours.end:%H:%M}", sorted(set(hours.days)))


#: How the subjects begin that are resolved to kinds.
_OF_KINDS = ("kind:", "category:")
