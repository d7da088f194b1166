"""What a person has chosen: their language, their time zone, when to be quiet, and what they get in which way."""

from collections.abc import Container, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import available_timezones

import msgspec
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from msgspec import UNSET, UnsetType

from hub.publishing import publish
from hub.users import User
from hub.validation import Refused
from notifications import channels
from notifications.bundle_names import BUNDLE
from notifications.events import PreferencesChanged
from notifications.kinds.declaring import Category, Kind, declared, kind_named
from notifications.kinds.locales import chosen_elsewhere, clock_of
from notifications.models import Choice, Preferences
from notifications.preferences import methods, muted_bundles, quiet_hours, saying, shared_channels, subjects
from notifications.preferences.heeding import choices_of, heeded_of
from notifications.preferences.quiet_hours import Hours
from notifications.preferences.subjects import Choices, Made

#: The longest that something is off for a time.
LONGEST_OFF = timedelta(days=366)

#: Time zones that some machines have, and browsers refuse.
NO_PLACES = {"Factory", "localtime", "posixrules", "Etc/Unknown"}

#: Hours of a weekly plan.
PLAN_LIMIT = 21


class NotChosen(Refused):
    """There is nothing like that to choose, or it cannot be chosen."""

    code = 400
    sentence = gettext_lazy("This cannot be chosen")


class Wish(NamedTuple):
    """A person wants a kind, all of a category, all over a channel or all of no kind (``plain``) by a method.

    With ``until`` it is off until then, and after it as it was chosen before. ``is_on`` None ends such a time early;
    where there is none it takes the choice back.

    ``default``, with ``is_on`` None, is the way back for a kind, a category or what is of no kind: it is as the kinds
    say by themselves, whatever was chosen. What is off for a time with its category stays off until then.

    ``alert`` is the id of an alert that they have: all of its kind and ``group_by``. ``bundle`` is the name under
    which these are muted already. To take back what is muted no more changes nothing: a call whose answer was lost
    comes again, and another device may have been faster.
    """

    method: str
    is_on: bool | None
    kind: str = ""
    category: str = ""
    channel: str = ""
    plain: bool = False
    until: datetime | None = None
    alert: int = 0
    bundle: str = ""
    default: bool = False


class MethodState(NamedTuple):
    """Whether a person gets something by a method, whether they can choose it, and until when it is off at most.

    ``default`` is whether it is on for who has chosen nothing.
    """

    method: str
    is_on: bool
    is_fixed: bool
    off_until: datetime | None = None
    default: bool = True

    @property
    def differs(self) -> bool:
        """Whether the person has chosen something else than the default; what is off for a time alone does not."""
        return self.is_on is not self.default and self.off_until is None


class ChosenPlain(NamedTuple):
    """What a person gets of what is of no kind, in words too."""

    states: list[MethodState]
    sentence: str

    @property
    def differs(self) -> bool:
        """Whether they have chosen something else than the default."""
        return any(state.differs for state in self.states)


class ChosenKind(NamedTuple):
    """A kind, and what a person gets of it, in words too."""

    kind: Kind
    states: list[MethodState]
    sentence: str

    @property
    def differs(self) -> bool:
        """Whether they have chosen something else than the default."""
        return any(state.differs for state in self.states)


class ChosenCategory(NamedTuple):
    """The kinds of a category, by name, and until when none of them interrupts; None is no category."""

    category: Category | None
    kinds: list[ChosenKind]
    muted_until: datetime | None = None

    @property
    def subject(self) -> str:
        """How a choice names it."""
        return "" if self.category is None else subjects.of_category(self.category.name)


class ChosenChannel(NamedTuple):
    """A channel that many share, what people call it, and whether what comes over it interrupts the person."""

    channel: str
    label: str
    state: MethodState
    sentence: str


class ChosenBundle(NamedTuple):
    """Alerts of one kind and ``group_by`` that the person has muted; ``label`` says what the newest of them says."""

    bundle: str
    label: str
    state: MethodState
    sentence: str


class ChosenPreferences(NamedTuple):
    """The preferences of a person; a language or a time zone that nobody has chosen is empty.

    ``clock`` is the zone whose clock they go by. ``summary`` says in sentences what holds for all that they get.
    """

    language: str
    time_zone: str
    clock: str
    quiet: Hours | None
    plan: Sequence[Hours] | None
    categories: list[ChosenCategory]
    plain: ChosenPlain
    channels: list[ChosenChannel]
    bundles: list[ChosenBundle]
    summary: list[str]


def preferences_of(user: User) -> ChosenPreferences:
    """What ``user`` has chosen, and what they get, in the active language.

    Five queries, and two where bundles are muted.
    """
    row = Preferences.objects.filter(pk=user.pk).first() or Preferences()
    times, made = quiet_hours.of(row), choices_of(user)
    zone = clock_of(user)
    found: dict[str, ChosenCategory] = {}
    for kind in declared():
        name = kind.category.name if kind.category is not None else ""
        if name not in found:
            until = subjects.off_until(made.get(methods.LIVE.name, {}), [subjects.of_category(name)])
            found[name] = ChosenCategory(kind.category, [], until)
        found[name].kinds.append(ChosenKind(kind, *_chosen(kind, made, zone)))
    categories = [found[name] for name in sorted(found, key=lambda name: (not name, name))]
    live = made.get(methods.LIVE.name, {})
    shared = [_chosen_channel(channel, label, made, zone) for channel, label in shared_channels.of(user)]
    shared += [_left_channel(channel, label, made) for channel, label in shared_channels.left(user, live)]
    plain = ChosenPlain(*_chosen(None, made, zone))
    bundles = muted_bundles.of(user, live)
    talks = [_chosen_bundle(one, zone) for one in bundles]
    muted = [(one.label, one.state.off_until) for one in shared if not one.state.is_on]
    muted += [(one.label, one.until) for one in bundles]
    summary = saying.summary(times, zone, muted)
    return ChosenPreferences(row.language, row.time_zone, zone, *times, categories, plain, shared, talks, summary)


def change(
    user: User,
    *,
    language: str | None = None,
    time_zone: str | None = None,
    quiet: Hours | UnsetType | None = UNSET,
    plan: Sequence[Hours] | UnsetType | None = UNSET,
    wishes: Iterable[Wish] = (),
) -> ChosenPreferences:
    """Store what ``user`` chooses, all or nothing; what is left out stays. Their open pages learn of it.

    An empty language or time zone is no choice, and None takes the quiet hours or the plan back.

    A choice for a category is for all its kinds: choices for one of these go. One that ends leaves them, and so does
    one that is taken back.

    Raises:
        NotChosen: there is no such language, time zone, kind, category, channel or method, or it cannot be chosen.
    """
    wishes = list(wishes)
    _check_locale(language, time_zone)
    _check_hours(quiet, plan)
    offered = _offered(user, wishes)
    named = [(wish, subject) for wish in wishes if (subject := _subject(wish, offered)) is not None]
    with transaction.atomic():
        hold(user)
        said: dict[str, Any] = {"language": language, "time_zone": time_zone}
        changed = {name: value for name, value in said.items() if value is not None}
        if quiet is not UNSET:
            changed |= _columns_of(quiet)
        if plan is not UNSET:
            changed["plan"] = quiet_hours.written(plan)
        if changed:
            Preferences.objects.filter(pk=user.pk).update(**changed)
        if named:
            _store(user, named)
        if any(subject.startswith(BUNDLE) for _wish, subject in named):
            muted_bundles.tidy(user)
        if changed or wishes:
            publish(channels.of_user(user), PreferencesChanged(**msgspec.structs.asdict(heeded_of(user))))
    return preferences_of(user)


def hold(user: User) -> None:
    """Have nobody else change the preferences of ``user`` until the open transaction ends.

    Two devices choose one after the other: what the second one tells all pages has what the first one chose.
    """
    Preferences.objects.bulk_create([Preferences(pk=user.pk)], ignore_conflicts=True)
    Preferences.objects.select_for_update().get(pk=user.pk)


def languages() -> Sequence[tuple[str, str]]:
    """The languages that can be chosen: their codes and their names."""
    return [(code, str(name)) for code, name in settings.LANGUAGES]


def time_zones() -> list[str]:
    """The names of the time zones that can be chosen."""
    return sorted(available_timezones() - NO_PLACES)


def _chosen(kind: Kind | None, made: dict[str, Choices], zone: str) -> tuple[list[MethodState], str]:
    """What a person gets of a kind, or of what is of none, and the sentence that says it."""
    offered = [methods.INBOX, methods.LIVE] if kind is None else list(methods.methods())
    asked = subjects.subjects_of(kind)
    states = [
        MethodState(one.name, is_on=True, is_fixed=True)
        if subjects.is_fixed(kind, one.name)
        else _state(made.get(one.name, {}), asked, one.name, default=subjects.default_of(kind, one.name))
        for one in offered
    ]
    if not next(state.is_on for state in states if state.method == methods.INBOX.name):
        states = [state._replace(is_on=state.is_fixed, off_until=None) for state in states]
    ways = [(way, state.is_on, state.off_until) for way, state in zip(offered, states, strict=True)]
    sentence = saying.of_kind(ways, zone, is_critical=kind is not None and kind.critical)
    return states, sentence


def _chosen_channel(channel: str, label: str, made: dict[str, Choices], zone: str) -> ChosenChannel:
    state = _state(made.get(methods.LIVE.name, {}), [channel], methods.LIVE.name)
    return ChosenChannel(channel, label, state, saying.of_channel(state.is_on, state.off_until, zone))


def _chosen_bundle(one: muted_bundles.MutedBundle, zone: str) -> ChosenBundle:
    state = MethodState(methods.LIVE.name, is_on=False, is_fixed=False, off_until=one.until)
    return ChosenBundle(one.bundle, one.label, state, saying.of_channel(is_on=False, until=one.until, zone=zone))


def _left_channel(channel: str, label: str, made: dict[str, Choices]) -> ChosenChannel:
    state = _state(made[methods.LIVE.name], [channel], methods.LIVE.name)
    return ChosenChannel(channel, label, state, saying.of_left_channel())


class _Offered(NamedTuple):
    """What wishes may be about, besides kinds and categories: channels, and how choices name what alerts are of.

    ``bundles`` are by what clients know them by.
    """

    channels: Container[str]
    alerts: Mapping[int, str]
    bundles: Mapping[str, str]


def _offered(user: User, wishes: Iterable[Wish]) -> _Offered:
    """As far as these wishes ask: the same queries for one as for many."""
    return _Offered(
        _channels_to_choose(user) if any(wish.channel for wish in wishes) else set(),
        muted_bundles.of_alerts(user, {wish.alert for wish in wishes if wish.alert}),
        muted_bundles.by_public_name(user) if any(wish.bundle for wish in wishes) else {},
    )


def _channels_to_choose(user: User) -> set[str]:
    """Those that the person is in, and those that they have muted and left."""
    live = choices_of(user).get(methods.LIVE.name, {})
    return {channel for channel, _label in [*shared_channels.of(user), *shared_channels.left(user, live)]}


def _state(choices: Choices, asked: Sequence[str], method: str, *, default: bool = True) -> MethodState:
    is_chosen, until = subjects.is_chosen(choices, asked, default=default), subjects.off_until(choices, asked)
    is_on, off_until = is_chosen and until is None, until if is_chosen else None
    return MethodState(method, is_on, is_fixed=False, off_until=off_until, default=default)


def _check_locale(language: str | None, time_zone: str | None) -> None:
    elsewhere = chosen_elsewhere()
    if (language is not None and elsewhere["language"]) or (time_zone is not None and elsewhere["time_zone"]):
        raise NotChosen(_("The language and the time zone are chosen elsewhere in this product"))
    if language and language not in dict(languages()):
        raise NotChosen(_("There is no such language"))
    if time_zone and time_zone not in time_zones():
        raise NotChosen(_("There is no such time zone"))


def _check_hours(quiet: Hours | UnsetType | None, plan: Sequence[Hours] | UnsetType | None) -> None:
    planned = [] if plan is None or isinstance(plan, UnsetType) else list(plan)
    if len(planned) > PLAN_LIMIT:
        raise NotChosen(_("A weekly plan has at most %(number)s entries") % {"number": PLAN_LIMIT})
    for hours in [*planned, *([quiet] if isinstance(quiet, Hours) else [])]:
        if not (hours.days and set(hours.days) <= set(quiet_hours.DAYS)):
            raise NotChosen(_("Hours begin on a day of the week, 1 to 7"))


def _columns_of(quiet: Hours | None) -> dict[str, Any]:
    if quiet is None:
        return {"quiet_days": "", "quiet_from": None, "quiet_to": None}
    days = "".join(str(day) for day in sorted(set(quiet.days)))
    return {"quiet_days": days, "quiet_from": quiet.begin, "quiet_to": quiet.end}


def _subject(wish: Wish, offered: _Offered) -> str | None:
    """How the choice names what it is about; None where there is nothing to take back."""
    said = (wish.kind, wish.category, wish.channel, wish.plain, wish.alert, wish.bundle)
    if methods.method_named(wish.method) is None or sum(map(bool, said)) != 1:
        raise NotChosen
    if wish.until is not None:
        _check_until(wish, wish.until)
    if wish.default and not (wish.is_on is None and wish.until is None and (wish.kind or wish.category or wish.plain)):
        raise NotChosen
    if wish.kind:
        kind = kind_named(wish.kind)
        if kind is None or subjects.is_fixed(kind, wish.method):
            raise NotChosen
        return subjects.of_kind(kind)
    if wish.category:
        if not subjects.kinds_in(wish.category):
            raise NotChosen
        return subjects.of_category(wish.category)
    if wish.plain:
        if wish.method not in {methods.INBOX.name, methods.LIVE.name}:
            raise NotChosen
        return subjects.PLAIN
    return _subject_to_silence(wish, offered)


def _subject_to_silence(wish: Wish, offered: _Offered) -> str | None:
    if wish.method != methods.LIVE.name:
        raise NotChosen
    if wish.channel:
        subject = wish.channel if wish.channel in offered.channels else None
    else:
        subject = offered.alerts.get(wish.alert) if wish.alert else offered.bundles.get(wish.bundle)
    if subject is not None or (wish.is_on is None and not wish.alert):
        return subject
    if wish.channel:
        raise NotChosen
    raise NotChosen(_("There is nothing here that could be muted as a whole"))


def _check_until(wish: Wish, until: datetime) -> None:
    now = timezone.now()
    if wish.is_on is not False or wish.method == methods.INBOX.name:
        raise NotChosen(_("Only what may interrupt you is off for a time"))
    if not now < until <= now + LONGEST_OFF:
        raise NotChosen(_("Something is off until a time to come, a year ahead at most"))


def _store(user: User, named: Sequence[tuple[Wish, str]]) -> None:
    """Three queries, however many wishes there are."""
    rows = {(row.method, row.subject): row for row in Choice.objects.filter(user=user)}
    before = {key: Made(row.is_on, row.off_until) for key, row in rows.items()}
    made = dict(before)
    for wish, subject in named:
        _apply(made, wish, subject)
    # What is muted again is younger than all else that is.
    muted_again = {(wish.method, subject) for wish, subject in named if wish.alert or wish.bundle}
    changed = {key for key in before.keys() | made.keys() if key in muted_again or before.get(key) != made.get(key)}
    Choice.objects.filter(pk__in=[row.pk for key, row in rows.items() if key in changed]).delete()
    Choice.objects.bulk_create(
        Choice(user=user, method=key[0], subject=key[1], is_on=one.is_on, off_until=one.off_until)
        for key, one in made.items()
        if key in changed
    )


def _apply(made: dict[tuple[str, str], Made], wish: Wish, subject: str) -> None:
    """Choose so, in what a person has chosen: by method and subject."""
    key = (wish.method, subject)
    if wish.alert or wish.bundle:
        made.pop(key, None)  # a mute with an end takes the place of one without
        if wish.is_on is not False:
            return
    was = made.get(key, Made(None))
    if wish.category and (wish.default or (wish.is_on is not None and wish.until is None)):
        for kind in subjects.kinds_in(wish.category):
            made.pop((wish.method, subjects.of_kind(kind)), None)
    if wish.default:
        _apply_default(made, wish, key)
    elif wish.until is not None:
        made[key] = was._replace(off_until=wish.until)
    elif wish.is_on is not None:
        made[key] = Made(wish.is_on)
    elif was.is_on is not None and was.off_until is not None and was.off_until > timezone.now():
        made[key] = was._replace(off_until=None)  # off for a time, beside what was chosen: that holds again
    else:
        made.pop(key, None)


def _apply_default(made: dict[tuple[str, str], Made], wish: Wish, key: tuple[str, str]) -> None:
    was = made.pop(key, Made(None))
    if wish.category and was.off_until is not None:
        made[key] = Made(None, was.off_until)
    kind = kind_named(wish.kind) if wish.kind else None
    if kind is None:
        return
    default = subjects.default_of(kind, wish.method)
    of_method = {subject: one for (method, subject), one in made.items() if method == wish.method}
    if subjects.is_chosen(of_method, subjects.subjects_of(kind), default=default) is not default:
        made[key] = Made(default)  # its category is chosen otherwise
