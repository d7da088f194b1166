"""What a person has chosen: their language, their time zone, and which kinds they get in which way."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple
from zoneinfo import available_timezones

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from msgspec import UNSET, UnsetType

from hub.users import User
from hub.validation import Refused
from notifications.kinds import params
from notifications.kinds.declaring import Category, Kind, declared, kind_named
from notifications.kinds.locales import chosen_elsewhere
from notifications.models import Choice, Preferences
from notifications.preferences import choosing, methods, quiet_hours
from notifications.preferences.quiet_hours import QuietHours


class NotChosen(Refused):
    """There is nothing like that to choose, or it cannot be chosen."""

    code = 400
    sentence = gettext_lazy("This cannot be chosen")


class Wish(NamedTuple):
    """A person wants a kind, or all of a category, by a method; ``is_on`` None takes a choice back."""

    method: str
    is_on: bool | None
    kind: str = ""
    category: str = ""


class State(NamedTuple):
    """Whether a person gets a kind by a method, and whether they can choose it."""

    method: str
    is_on: bool
    is_fixed: bool


class ChosenKind(NamedTuple):
    """A kind, and what a person gets of it, in words."""

    kind: Kind
    states: list[State]
    sentence: str


class ChosenCategory(NamedTuple):
    """The kinds of a category, by name; ``category`` is None for those without one."""

    category: Category | None
    kinds: list[ChosenKind]


class Chosen(NamedTuple):
    """The preferences of a person; a language or a time zone that nobody has chosen is empty."""

    language: str
    time_zone: str
    quiet: QuietHours | None
    categories: list[ChosenCategory]


def preferences_of(user: User) -> Chosen:
    """What ``user`` has chosen, and what they get. Two queries."""
    row = Preferences.objects.filter(pk=user.pk).first() or Preferences()
    chosen = {
        (subject, method): is_on
        for subject, method, is_on in Choice.objects.filter(user=user).values_list("subject", "method", "is_on")
    }
    found: dict[str, ChosenCategory] = {}
    for kind in declared():
        name = kind.category.name if kind.category is not None else ""
        found.setdefault(name, ChosenCategory(kind.category, [])).kinds.append(_chosen_kind(kind, chosen))
    categories = [found[name] for name in sorted(found, key=lambda name: (not name, name))]
    return Chosen(row.language, row.time_zone, quiet_hours.of(row), categories)


def change(
    user: User,
    *,
    language: str | None = None,
    time_zone: str | None = None,
    quiet: QuietHours | UnsetType | None = UNSET,
    wishes: Iterable[Wish] = (),
) -> Chosen:
    """Store what ``user`` chooses, all or nothing; what is left out stays.

    An empty language or time zone is no choice, and None takes the quiet hours back.

    A choice for a category is for all its kinds: choices for one of these go.

    Raises:
        NotChosen: there is no such language, time zone, kind, category or method, or it cannot be chosen.
    """
    wishes = list(wishes)
    _check_locale(language, time_zone)
    if isinstance(quiet, QuietHours) and not (quiet.days and set(quiet.days) <= set(quiet_hours.DAYS)):
        raise NotChosen(_("Quiet hours begin on a day of the week, 1 to 7"))
    subjects = [_subject(wish) for wish in wishes]
    with transaction.atomic():
        said: dict[str, Any] = {"language": language, "time_zone": time_zone}
        changed = {name: value for name, value in said.items() if value is not None}
        if quiet is not UNSET:
            changed |= _columns_of(quiet)
        if changed:
            Preferences.objects.update_or_create(pk=user.pk, defaults=changed)
        for wish, subject in zip(wishes, subjects, strict=True):
            _store(user, wish, subject)
    return preferences_of(user)


def languages() -> Sequence[tuple[str, str]]:
    """The languages that can be chosen: their codes and their names."""
    return [(code, str(name)) for code, name in settings.LANGUAGES]


def time_zones() -> list[str]:
    """The names of the time zones that can be chosen."""
    return sorted(available_timezones())


def _chosen_kind(kind: Kind, chosen: dict[tuple[str, str], bool]) -> ChosenKind:
    states = []
    for method in methods.methods():
        made = (chosen.get((subject, method.name)) for subject in choosing.subjects_of(kind))
        is_fixed = choosing.is_fixed(kind, method.name)
        is_on = is_fixed or next((one for one in made if one is not None), True)
        states.append(State(method.name, is_on, is_fixed))
    if not next(state.is_on for state in states if state.method == methods.INBOX.name):
        states = [state._replace(is_on=state.is_fixed) for state in states]
    return ChosenKind(kind, states, _sentence(kind, states))


def _sentence(kind: Kind, states: Sequence[State]) -> str:
    """What a person gets of the kind."""
    on = [method.said for method, state in zip(methods.methods(), states, strict=True) if state.is_on]
    if not on:
        return _("You do not get it, unless it goes to everyone, a group or a topic.")
    what = params.joined([str(one) for one in on])
    if kind.critical:
        return _("It %(what)s, whatever you choose.") % {"what": what}
    return _("It %(what)s.") % {"what": what}


def _check_locale(language: str | None, time_zone: str | None) -> None:
    elsewhere = chosen_elsewhere()
    if (language is not None and elsewhere["language"]) or (time_zone is not None and elsewhere["time_zone"]):
        raise NotChosen(_("The language and the time zone are chosen elsewhere in this product"))
    if language and language not in dict(languages()):
        raise NotChosen(_("There is no such language"))
    if time_zone and time_zone not in available_timezones():
        raise NotChosen(_("There is no such time zone"))


def _columns_of(quiet: QuietHours | None) -> dict[str, Any]:
    if quiet is None:
        return {"quiet_days": "", "quiet_from": None, "quiet_to": None}
    days = "".join(str(day) for day in sorted(set(quiet.days)))
    return {"quiet_days": days, "quiet_from": quiet.begin, "quiet_to": quiet.end}


def _subject(wish: Wish) -> str:
    """How the choice names its kind or its category."""
    if methods.method_named(wish.method) is None or bool(wish.kind) is bool(wish.category):
        raise NotChosen
    if wish.kind:
        kind = kind_named(wish.kind)
        if kind is None or choosing.is_fixed(kind, wish.method):
            raise NotChosen
        return choosing.of_kind(kind)
    if not _kinds_in(wish.category):
        raise NotChosen
    return choosing.of_category(wish.category)


def _kinds_in(category: str) -> list[Kind]:
    return [kind for kind in declared() if kind.category is not None and kind.category.name == category]


def _store(user: User, wish: Wish, subject: str) -> None:
    choices = Choice.objects.filter(user=user, method=wish.method)
    if wish.category:
        choices.filter(subject__in=map(choosing.of_kind, _kinds_in(wish.category))).delete()
    if wish.is_on is None:
        choices.filter(subject=subject).delete()
    else:
        Choice.objects.update_or_create(user=user, method=wish.method, subject=subject, defaults={"is_on": wish.is_on})
