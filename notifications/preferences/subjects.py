"""What a choice is about, by name: a kind, a category, the channel over which something comes, or all of no kind."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from django.utils import timezone

from notifications.kinds.declaring import Kind, declared
from notifications.preferences.methods import INBOX

#: How a choice names notifications of no kind.
PLAIN = "plain"


class Made(NamedTuple):
    """A choice: None where it says only until when it is off."""

    is_on: bool | None
    off_until: datetime | None = None


#: The choices of one person for one method, by their subject. A channel's subject is its name.
Choices = Mapping[str, Made]


def of_kind(kind: Kind) -> str:
    """How a choice names its kind."""
    return f"kind:{kind.name}"


def of_category(name: str) -> str:
    """How a choice names a category."""
    return f"category:{name}"


def subjects_of(kind: Kind | None) -> list[str]:
    """How choices name the kind, and then its category; None is no kind."""
    if kind is None:
        return [PLAIN]
    return [of_kind(kind), *([of_category(kind.category.name)] if kind.category is not None else [])]


def is_fixed(kind: Kind | None, method: str) -> bool:
    """Whether people cannot choose: all of a critical kind is on, and so is the list for one without a way out."""
    return kind is not None and (kind.critical or (method == INBOX.name and not kind.can_opt_out))


def default_of(kind: Kind | None, method: str) -> bool:
    """Whether it is on for who has chosen nothing: what cannot be chosen is on, and so is what is of no kind."""
    return kind is None or is_fixed(kind, method) or kind.defaults.get(method, True)


def is_chosen(choices: Choices, subjects: Sequence[str], *, default: bool = True) -> bool:
    """Whether it is on but for what ends at some time: what is chosen for the first subject goes first."""
    made = (choices[subject].is_on for subject in subjects if subject in choices)
    return next((one for one in made if one is not None), default)


def off_until(choices: Choices, subjects: Iterable[str]) -> datetime | None:
    """Until when it is off because of any of these subjects; None where that is over, or was never said."""
    now = timezone.now()
    moments = [choices[subject].off_until for subject in subjects if subject in choices]
    return max((one for one in moments if one is not None and one > now), default=None)


def is_on(choices: Choices, subjects: Sequence[str], *, default: bool = True) -> bool:
    """Whether it is on now."""
    return is_chosen(choices, subjects, default=default) and off_until(choices, subjects) is None


def hidden_kinds(choices: Choices) -> frozenset[str]:
    """The names of the kinds that a person with these choices for the list does not have in it; ``""`` is no kind."""
    kinds: list[Kind | None] = [None, *declared()]
    return frozenset("" if kind is None else kind.name for kind in kinds if not is_kind_on(choices, kind, INBOX.name))


def is_kind_on(choices: Choices, kind: Kind | None, method: str) -> bool:
    """Whether a kind is on now for a person with these choices for the method; None is no kind."""
    if not choices or is_fixed(kind, method):
        return default_of(kind, method)
    return is_on(choices, subjects_of(kind), default=default_of(kind, method))


def kinds_in(category: str) -> list[Kind]:
    """The kinds of a category, by name."""
    return [kind for kind in declared() if kind.category is not None and kind.category.name == category]
