"""Text that can be kept."""

import re

#: Characters of one message that people write: in a room, or as an alert.
MESSAGE_LIMIT = 4000

#: A NUL in JSON text; an even number of backslashes before it would make it a backslash and letters.
_ESCAPED_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


def is_storable(text: str) -> bool:
    """Whether every database keeps ``text`` as it is: PostgreSQL takes no NUL, UTF-8 no lone surrogate."""
    return "\0" not in text and (text.isascii() or not any("\ud800" <= one <= "\udfff" for one in text))


def storable(text: str) -> str:
    """``text`` as every database keeps it: without NUL, and with a question mark for a lone surrogate."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def is_storable_json(text: str) -> bool:
    """Whether every database keeps the JSON in ``text`` as it is: :func:`is_storable`, also for what is escaped."""
    return is_storable(text) and not _ESCAPED_NUL.search(text)
