"""Variables of the environment that look like the hub's and are not: each would be ignored without a word.

Nothing is refused for them, because a platform may set variables of its own that begin so.
"""

import difflib
from dataclasses import fields

from hub.config import variables
from hub.config.declaration import variable_of
from hub.config.typed_settings import HubSettings

_PREFIX, _FILE = "HUB_", "_FILE"

#: How alike two names are at least, by ``difflib``, to be one that was misspelt: two swapped letters of ``ENV``.
_ALIKE = 0.65


def known() -> frozenset[str]:
    """The variables that the hub reads; each may also be given as ``<NAME>_FILE``."""
    return frozenset(map(variable_of, fields(HubSettings)))


def sentences() -> list[str]:
    """One sentence, without its value, for each ``HUB_…`` (in any case) of the environment that the hub ignores."""
    there_are = known()
    names = [name for name in variables.names() if name.upper().startswith(_PREFIX)]
    return [_sentence(name, there_are) for name in names if name.removesuffix(_FILE) not in there_are]


def _sentence(name: str, there_are: frozenset[str]) -> str:
    # Without the prefix, which all have: it would make any two names alike.
    meant = {one.removeprefix(_PREFIX): one for one in sorted(there_are)}
    bare = name.upper().removeprefix(_PREFIX)
    is_file = bare.endswith(_FILE)
    close = difflib.get_close_matches(bare.removesuffix(_FILE), meant, n=1, cutoff=_ALIKE)
    if not close:
        return f"{name} is no variable of the hub and is ignored: .env.example lists those that are."
    return (
        f"{name} is no variable of the hub and is ignored: did you mean {meant[close[0]]}{_FILE if is_file else ''}?"
    )
