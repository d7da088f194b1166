"""Whether a text, a name, a number or a tree of JSON may be taken in.

``text`` looks at what can be stored, ``names`` at what people and rooms are called, ``lookalikes`` finds names that
look like another one, ``numbers``, ``nesting`` and ``tags`` look at JSON.
"""

from typing import TYPE_CHECKING, Any

from hub.characters import is_storable, is_visible, shows_nothing, storable
from hub.validation.messages import BadMessage, key_in, message_in
from hub.validation.names import is_reserved
from hub.validation.names import validate as validate_name
from hub.validation.numbers import SENTENCE as ROUNDED
from hub.validation.numbers import is_rounded
from hub.validation.refused import Refused
from hub.validation.text import MESSAGE_LIMIT, is_storable_json

if TYPE_CHECKING:
    from hub.validation.lookalikes import known_names

__all__ = [
    "MESSAGE_LIMIT",
    "ROUNDED",
    "BadMessage",
    "Refused",
    "is_reserved",
    "is_rounded",
    "is_storable",
    "is_storable_json",
    "is_visible",
    "key_in",
    "known_names",
    "message_in",
    "shows_nothing",
    "storable",
    "validate_name",
]


def __getattr__(name: str) -> Any:
    # It has rows, and the web server needs the rest of this package before the apps are ready.
    if name == "known_names":
        from hub.validation.lookalikes import known_names

        return known_names
    raise AttributeError(name)
