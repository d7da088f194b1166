"""Preferences as JSON: what the HTTP API and the client connection take and answer."""

from datetime import time
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from hub.users import User
from notifications.preferences import methods
from notifications.preferences import stored as preferences
from notifications.preferences.quiet_hours import QuietHours
from notifications.preferences.stored import Chosen, ChosenCategory, ChosenKind, Wish

#: Choices of one call.
CHOICES_LIMIT = 200

# The length because "$" stands before a newline, too.
_TIME = Meta(pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$", max_length=5, description="Such as 22:00.")
_IS_ON = Meta(description="`null` takes a choice back.")


class QuietMessage(msgspec.Struct):
    """Hours in which nothing pops up, on the person's own clock. An end that is not later is on the next day.

    ``days`` are those on which they begin, Monday is 1.
    """

    begin: Annotated[str, _TIME]
    end: Annotated[str, _TIME]
    days: list[Annotated[int, Meta(ge=1, le=7)]]


class WishMessage(msgspec.Struct, kw_only=True):
    """A person wants a kind, or all kinds of a category, by a method."""

    method: str
    on: Annotated[bool | None, _IS_ON]
    kind: str = ""
    category: str = ""


class MethodMessage(msgspec.Struct):
    """A way in which notifications reach a person."""

    name: str
    label: str


class StateMessage(msgspec.Struct):
    """Whether the person gets it by this method; ``fixed``: that cannot be chosen."""

    method: str
    on: bool
    fixed: bool


class KindMessage(msgspec.Struct):
    """A kind, and a sentence that says what the person gets of it."""

    name: str
    label: str
    states: list[StateMessage]
    sentence: str


class CategoryMessage(msgspec.Struct):
    """The kinds of a category; of those without one the name is empty."""

    name: str
    label: str
    kinds: list[KindMessage]


class PreferencesMessage(msgspec.Struct):
    """What a person has chosen. A language or a time zone that is not chosen is empty, quiet hours are null."""

    language: str
    time_zone: str
    quiet: QuietMessage | None
    methods: list[MethodMessage]
    categories: list[CategoryMessage]


class ChangeMessage(msgspec.Struct, kw_only=True):
    """What a person chooses; what is left out stays, and ``null`` takes quiet hours back."""

    language: str | None = None
    time_zone: str | None = None
    quiet: QuietMessage | UnsetType | None = UNSET
    choices: Annotated[list[WishMessage], Meta(max_length=CHOICES_LIMIT)] = []


def changed(user: User, change: ChangeMessage) -> PreferencesMessage:
    """Store what the person chooses, and say what holds then; texts are in the active language.

    Raises:
        NotChosen: something of it cannot be chosen.
    """
    wishes = [Wish(one.method, one.on, one.kind, one.category) for one in change.choices]
    quiet: QuietHours | UnsetType | None
    if isinstance(change.quiet, QuietMessage):
        begin, end = time.fromisoformat(change.quiet.begin), time.fromisoformat(change.quiet.end)
        quiet = QuietHours(begin, end, tuple(change.quiet.days))
    else:
        quiet = change.quiet
    chosen = preferences.change(user, language=change.language, time_zone=change.time_zone, quiet=quiet, wishes=wishes)
    return message_of(chosen)


def message_of(chosen: Chosen) -> PreferencesMessage:
    """Preferences in the active language."""
    return PreferencesMessage(
        language=chosen.language,
        time_zone=chosen.time_zone,
        quiet=None
        if chosen.quiet is None
        else QuietMessage(f"{chosen.quiet.begin:%H:%M}", f"{chosen.quiet.end:%H:%M}", list(chosen.quiet.days)),
        methods=[MethodMessage(method.name, str(method.label)) for method in methods.methods()],
        categories=[_category(one) for one in chosen.categories],
    )


def _category(one: ChosenCategory) -> CategoryMessage:
    name, label = ("", "") if one.category is None else (one.category.name, str(one.category.label))
    return CategoryMessage(name, label, [_kind(kind) for kind in one.kinds])


def _kind(one: ChosenKind) -> KindMessage:
    states = [StateMessage(state.method, state.is_on, state.is_fixed) for state in one.states]
    return KindMessage(one.kind.name, str(one.kind.label), states, one.sentence)
