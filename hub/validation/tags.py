"""Tags of a publication: texts by name, which go with it to clients that look at them, and are kept with it."""

from collections.abc import Mapping
from typing import Any

import msgspec

from hub.characters import is_storable

#: Tags of one publication, and characters of a name and of a value, at most.
NUMBER_LIMIT, NAME_LIMIT, VALUE_LIMIT = 16, 64, 256


class BadTags(ValueError):
    """These are no tags. The text says why."""


def encode(tags: Mapping[Any, Any] | None) -> str:
    """The JSON text of ``tags``; empty where there are none.

    Raises:
        BadTags: too many, a name or a value that is too long or no text that can be kept, or an empty name.
    """
    if not tags:
        return ""
    if len(tags) > NUMBER_LIMIT:
        raise BadTags(f"a publication has {NUMBER_LIMIT} tags at most")
    for name, value in tags.items():
        if not isinstance(name, str) or not 0 < len(name) <= NAME_LIMIT or not is_storable(name):
            raise BadTags(f"the name of a tag is text of 1 to {NAME_LIMIT} characters")
        if not isinstance(value, str) or len(value) > VALUE_LIMIT or not is_storable(value):
            raise BadTags(f"the value of a tag is text of at most {VALUE_LIMIT} characters")
    return msgspec.json.encode(dict(tags)).decode()
