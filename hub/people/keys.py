"""How the key of a person differs from the id that a product gives: by its form, so that no two people are called the
same.

A text of 16 digits that begins with 9 is a key. Every other text of the form of an id is a product's, whether anybody
has it or not.
"""

import re

#: The first key. The last one that has the form of a key and is exact in JavaScript is 2**53 - 1: 7 billion times a
#: thousand people.
FIRST_KEY = 9_000_000_000_000_000

#: For regular expressions of other languages: what a key looks like.
KEY_PATTERN = "9[0-9]{15}"

#: Characters of an id that a product gives: it is part of a channel's name.
EXTERNAL_ID_LIMIT = 64

#: Whoever sends to ``everyone`` means everybody.
RESERVED = frozenset({"everyone"})

_KEY = re.compile(KEY_PATTERN, re.ASCII)
_EXTERNAL_ID = re.compile(rf"[A-Za-z0-9_-]{{1,{EXTERNAL_ID_LIMIT}}}", re.ASCII)


def is_key(text: str) -> bool:
    """Whether ``text`` has the form of a key of the hub's own user model."""
    return bool(_KEY.fullmatch(text))


def is_external_id(text: str) -> bool:
    """Whether a product may call somebody ``text``."""
    return bool(_EXTERNAL_ID.fullmatch(text)) and not is_key(text) and text not in RESERVED
