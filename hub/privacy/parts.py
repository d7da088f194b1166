"""What an app says of the rows in which it holds something of a person."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from hub.config import hub_settings
from hub.users import User

#: What stands for the name of somebody who was erased and whose texts stay.
ERASED_NAME = "—"


@dataclass(frozen=True, slots=True)
class PersonalData:
    """The part of one app.

    Args:
        name: of the part, in what :func:`hub.privacy.export` returns.
        export: what there is of a person, as JSON has it.
        erase: removes it, as part of the transaction that is open; the account is still there. What a person wrote for
            others is removed, or loses their name, or stays, as :func:`erased_texts` says.
    """

    name: str
    export: Callable[[User], Any]
    erase: Callable[[User], None]


_parts: dict[str, PersonalData] = {}


def register(part: PersonalData) -> None:
    """Have what ``part`` is about told and erased with the rest. An app calls this once, in ``personal_data.py``."""
    _parts[part.name] = part


def forget(name: str) -> None:
    """Have the part of this name told and erased no more: for tests."""
    _parts.pop(name, None)


def parts() -> Iterable[PersonalData]:
    """All parts, in the order in which they were registered."""
    return _parts.values()


def erased_texts() -> str:
    """What becomes of texts that the person wrote for others: ``removed``, ``anonymised`` or ``kept``."""
    return hub_settings().erased_texts


def are_texts_removed() -> bool:
    """Whether these texts go with the person."""
    return erased_texts() == "removed"
