"""Preferences as JSON: what the HTTP API and the client connection take and answer."""

from datetime import datetime, time
from typing import Annotated

import msgspec
from django.conf import settings
from msgspec import UNSET, Meta, UnsetType

from hub.channels import LAST_ID
from hub.users import User
from notifications.events import HoursMessage
from notifications.kinds.locales import chosen_elsewhere
from notifications.preferences import methods
from notifications.preferences import stored as preferences
from notifications.preferences.heeding import as_message
from notifications.preferences.quiet_hours import Hours
from notifications.preferences.stored import PLAN_LIMIT, ChosenCategory, ChosenPreferences, MethodState, Wish

#: Choices of one call.
CHOICES_LIMIT = 200

_IS_ON = Meta(description="`null` takes a choice back.")


class WishMessage(msgspec.Struct, kw_only=True):
    """A person wants something by a method: a kind, all kinds of a category, all over a channel, or all of no kind.

    ``default``, with ``on`` null, takes back all that was chosen of a kind, a category or what is of no kind: it is as
    the kind says by itself. ``alert`` is an alert of theirs: all of its kind and ``group_by``, which ``bundle`` names
    where they are muted.
    Off ``until`` then is as before after it.
    """

    method: str
    on: Annotated[bool | None, _IS_ON]
    kind: str = ""
    category: str = ""
    channel: str = ""
    plain: bool = False
    until: Annotated[datetime, Meta(tz=True)] | None = None
    alert: Annotated[int, Meta(ge=0, le=LAST_ID)] = 0
    bundle: Annotated[str, Meta(max_length=64)] = ""
    default: bool = False


class MethodMessage(msgspec.Struct):
    """A way in which notifications reach a person."""

    name: str
    label: str


class StateMessage(msgspec.Struct):
    """Whether the person gets it by this method; ``fixed``: that cannot be chosen; ``until`` when it is off.

    ``default`` is whether who has chosen nothing gets it.
    """

    method: str
    on: bool
    fixed: bool
    until: datetime | None
    default: bool


class KindMessage(msgspec.Struct):
    """A kind, and a sentence that says what the person gets of it."""

    name: str
    label: str
    states: list[StateMessage]
    sentence: str


class CategoryMessage(msgspec.Struct):
    """The kinds of a category, and until when none of them interrupts; of those without one the name is empty."""

    name: str
    label: str
    kinds: list[KindMessage]
    muted_until: datetime | None


class PlainMessage(msgspec.Struct):
    """What is of no kind, and a sentence that says what the person gets of it."""

    states: list[StateMessage]
    sentence: str


class ChannelMessage(msgspec.Struct):
    """A channel that many share, what people call it, and whether what comes over it interrupts the person."""

    channel: str
    label: str
    state: StateMessage
    sentence: str


class BundleMessage(msgspec.Struct):
    """Alerts of one kind and ``group_by`` that the person has muted; ``label`` is what the newest of them says."""

    bundle: str
    label: str
    state: StateMessage
    sentence: str


class PreferencesMessage(msgspec.Struct):
    """What a person has chosen. A language or a time zone that is not chosen is empty, hours are null.

    ``clock`` is the time zone by which their hours go, chosen or not. ``summary`` says in sentences what holds for all
    that they get.
    """

    language: str
    time_zone: str
    clock: str
    quiet: HoursMessage | None
    plan: list[HoursMessage] | None
    methods: list[MethodMessage]
    categories: list[CategoryMessage]
    plain: PlainMessage
    channels: list[ChannelMessage]
    bundles: list[BundleMessage]
    summary: list[str]


class LanguageMessage(msgspec.Struct):
    """A language in which notifications can be read, by its code and by its name."""

    code: str
    label: str


class OfferedMessage(msgspec.Struct):
    """Languages and time zones that a person can choose; null where they are chosen elsewhere in the product.

    ``language`` and ``time_zone`` are those of a person who has chosen none.
    """

    languages: list[LanguageMessage] | None
    time_zones: list[str] | None
    language: str
    time_zone: str


class ChangeMessage(msgspec.Struct, kw_only=True):
    """What a person chooses; what is left out stays, and ``null`` takes quiet hours or the weekly plan back."""

    language: str | None = None
    time_zone: str | None = None
    quiet: HoursMessage | UnsetType | None = UNSET
    plan: Annotated[list[HoursMessage], Meta(max_length=PLAN_LIMIT)] | UnsetType | None = UNSET
    choices: Annotated[list[WishMessage], Meta(max_length=CHOICES_LIMIT)] = []


def changed(user: User, change: ChangeMessage) -> PreferencesMessage:
    """Store what the person chooses, and say what holds then; texts are in the active language.

    Raises:
        NotChosen: something of it cannot be chosen.
    """
    wishes = [
        Wish(
            one.method,
            one.on,
            one.kind,
            one.category,
            one.channel,
            one.plain,
            one.until,
            one.alert,
            one.bundle,
            one.default,
        )
        for one in change.choices
    ]
    quiet = _hours(change.quiet) if isinstance(change.quiet, HoursMessage) else change.quiet
    plan = [_hours(one) for one in change.plan] if isinstance(change.plan, list) else change.plan
    chosen = preferences.change(
        user, language=change.language, time_zone=change.time_zone, quiet=quiet, plan=plan, wishes=wishes
    )
    return message_of(chosen)


def message_of(chosen: ChosenPreferences) -> PreferencesMessage:
    """Preferences in the active language."""
    return PreferencesMessage(
        language=chosen.language,
        time_zone=chosen.time_zone,
        clock=chosen.clock,
        quiet=None if chosen.quiet is None else as_message(chosen.quiet),
        plan=None if chosen.plan is None else [as_message(hours) for hours in chosen.plan],
        methods=[MethodMessage(method.name, str(method.label)) for method in methods.methods()],
        categories=[_category(one) for one in chosen.categories],
        plain=PlainMessage(list(map(_state, chosen.plain.states)), chosen.plain.sentence),
        channels=[ChannelMessage(one.channel, one.label, _state(one.state), one.sentence) for one in chosen.channels],
        bundles=[BundleMessage(one.bundle, one.label, _state(one.state), one.sentence) for one in chosen.bundles],
        summary=chosen.summary,
    )


def offered() -> OfferedMessage:
    """The languages and time zones that can be chosen, with their names in the active language."""
    elsewhere = chosen_elsewhere()
    languages = [LanguageMessage(code, label) for code, label in preferences.languages()]
    return OfferedMessage(
        languages=None if elsewhere["language"] else languages,
        time_zones=None if elsewhere["time_zone"] else preferences.time_zones(),
        language=settings.LANGUAGE_CODE,
        time_zone=settings.TIME_ZONE,
    )


def _hours(said: HoursMessage) -> Hours:
    return Hours(time.fromisoformat(said.begin), time.fromisoformat(said.end), tuple(said.days))


def _category(one: ChosenCategory) -> CategoryMessage:
    name, label = ("", "") if one.category is None else (one.category.name, str(one.category.label))
    kinds = [
        KindMessage(chosen.kind.name, str(chosen.kind.label), list(map(_state, chosen.states)), chosen.sentence)
        for chosen in one.kinds
    ]
    return CategoryMessage(name, label, kinds, one.muted_until)


def _state(state: MethodState) -> StateMessage:
    return StateMessage(state.method, state.is_on, state.is_fixed, state.off_until, state.default)
