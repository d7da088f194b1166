"""Text that can be kept."""

import re

from hub.characters import is_storable

#: Characters of one message that people write: in a room, or as an alert.
MESSAGE_LIMIT = 4000

#: A NUL in JSON text; an even number of backslashes before it would make it a backslash and letters.
_ESCAPED_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


def is_storable_json(text: str) -> bool:
    """Whether every database keeps the JSON in ``text`` as it is: :func:`is_storable`, also for what is escaped."""
    return is_storable(text) and not _ESCAPED_NUL.search(text)
