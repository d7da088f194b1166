"""How deep JSON may be nested that somebody hands in for others to read."""

from collections.abc import Iterable, Mapping
from typing import Any

#: How deep lists and objects may stand in each other. Some clients' parsers give up not far beyond.
DEPTH_LIMIT = 100


def is_too_deep(text: str, value: Any) -> bool:
    """Whether ``value``, whose JSON is ``text``, is nested deeper than :data:`DEPTH_LIMIT`."""
    if text.count("[") + text.count("{") <= DEPTH_LIMIT:
        return False
    level = [value]
    for _ in range(DEPTH_LIMIT):
        level = [inner for outer in level for inner in _inside(outer)]
    return any(isinstance(inner, Mapping | list | tuple) for inner in level)


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, Mapping):
        return value.values()
    return value if isinstance(value, list | tuple) else ()
