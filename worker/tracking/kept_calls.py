"""What is kept of the call of a plain task, so that somebody can have it run again: JSON, bounded, without secrets.

Of a durable task the row of what is owed has the call. A plain task is owed by nobody: its broker forgets it when it
has begun, so it is kept here what it was called with. A secret is never stored; who has the task run again types it.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from kombu import serialization
from kombu.exceptions import DecodeError, EncodeError

from worker.application import task_named
from worker.tracking.masking import hidden_call

#: Characters of a call that is kept.
LIMIT: Final = 20_000

#: Levels of lists and objects.
DEPTH: Final = 100


def kept(task: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
    """The arguments as JSON text, a mask in the place of each secret; empty where they cannot be kept.

    They cannot where they are too long or too deep, where they would come back from JSON as others, and where the task
    is unknown to this process: which of its positional arguments are secrets is not known then.
    """
    values = [list(args), dict(kwargs)]
    if not _is_short(values) or is_deep(values) or (args and task_named(task) is None):
        return ""
    try:
        text = str(serialization.dumps(values, "json")[2])  # by the broker's own encoder
        if decoded(text) != values:
            return ""
        plain = json.loads(text)
        found = json.dumps(hidden_call(task, *plain))
    except (EncodeError, DecodeError, ValueError, TypeError, RecursionError):
        return ""
    return found if len(found) <= LIMIT else ""


def decoded(text: str) -> Any:
    """JSON values as a task gets them: dates, decimals and the like are such again.

    Raises:
        kombu.exceptions.DecodeError: this is no such text.
    """
    return serialization.loads(text, "application/json", "utf-8")


def is_deep(value: Any) -> bool:
    """Whether lists and objects are nested more than :data:`DEPTH` levels; found without recursion."""
    level = [value]
    for _level in range(DEPTH + 1):
        inner = [
            list(one.values()) if isinstance(one, dict) else one
            for one in level
            if isinstance(one, dict | list | tuple)
        ]
        if not inner:
            return False
        level = [one for values in inner for one in values]
    return True


def _is_short(value: Any) -> bool:
    """Whether the values have less than about :data:`LIMIT` characters; looks at no more of them."""
    left, room = [value], LIMIT
    while left and room >= 0:
        one = left.pop()
        room -= 1
        match one:
            case dict():
                room -= len(one)
                left += [*one.keys(), *one.values()] if room >= 0 else []
            case list() | tuple():
                room -= len(one)
                left += one if room >= 0 else []
            case str() | bytes():
                room -= len(one)
            case int():
                room -= one.bit_length() // 4
    return room >= 0
