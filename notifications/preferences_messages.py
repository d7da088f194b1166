"""Preferences as JSON: what the HTTP API and the client connection take and answer."""

from typing import Annotated

import msgspec
from msgspec import Meta

from hub.users import User
from notifications import methods, preferences
from notifications.preferences import Chosen, ChosenCategory, ChosenKind, Wish

#: Choices of one call.
CHOICES_LIMIT = 200

_IS_ON = Meta(description="`null` takes a choice back.")


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
    """What a person has chosen. A language or a time zone that is not chosen is empty."""

    language: str
    time_zone: str
    methods: list[MethodMessage]
    categories: list[CategoryMessage]


def changed(
    user: User, *, language: str | None, time_zone: str | None, choices: list[WishMessage]
) -> PreferencesMessage:
    """Store what the person chooses, and say what holds then; texts are in the active language.

    Raises:
        NotChosen: something of it cannot be chosen.
    """
    wishes = [Wish(one.method, one.on, one.kind, one.category) for one in choices]
    return message_of(preferences.change(user, language=language, time_zone=time_zone, wishes=wishes))


def message_of(chosen: Chosen) -> PreferencesMessage:
    """Preferences in the active language."""
    return PreferencesMessage(
        language=chosen.language,
        time_zone=chosen.time_zone,
        methods=[MethodMessage(method.name, str(method.label)) for method in methods.methods()],
        categories=[_category(one) for one in chosen.categories],
    )


def _category(one: ChosenCategory) -> CategoryMessage:
    name, label = ("", "") if one.category is None else (one.category.name, str(one.category.label))
    return CategoryMessage(name, label, [_kind(kind) for kind in one.kinds])


def _kind(one: ChosenKind) -> KindMessage:
    states = [StateMessage(state.method, state.is_on, state.is_fixed) for state in one.states]
    return KindMessage(one.kind.name, str(one.kind.label), states, one.sentence)
