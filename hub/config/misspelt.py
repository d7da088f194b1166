"""Settings that look like the hub's and have no effect: each would be ignored without a word.

Nothing is refused for them: a platform or another app may have names of its own that begin so.
"""

import difflib
from collections.abc import Iterator
from dataclasses import fields

from django.conf import settings

from hub.config import variables
from hub.config.declaration import facts_of, own_name_of, variable_of
from hub.config.reading import is_own_project, known_in_django
from hub.config.typed_settings import HubSettings

_PREFIX, _FILE = "HUB_", "_FILE"

#: How alike two names are at least, by ``difflib``, to be one that was misspelt: two swapped letters of ``ENV``.
_ALIKE = 0.65


def known() -> frozenset[str]:
    """The variables that the hub reads; each may also be given as ``<NAME>_FILE``."""
    return frozenset(map(variable_of, fields(HubSettings)))


def sentences() -> list[str]:
    """One sentence, without its value, for each ``HUB_…`` (in any case) of the environment that the hub ignores.

    Inside a project, which reads its environment by itself, only those of the hub's variables that it has not put into
    Django's settings.
    """
    names = [name for name in variables.names() if name.upper().startswith(_PREFIX)]
    if not is_own_project():
        meant = known() | known_in_django()
        return [_unread(name) for name in names if name in meant and not hasattr(settings, name)]
    there_are = known()
    return [_sentence(name, there_are) for name in names if name.removesuffix(_FILE) not in there_are]


def sentences_of_django() -> list[str]:
    """One sentence, without its value, for each ``HUB_…`` in Django's settings that the hub ignores."""
    return [sentence for name in dir(settings) if name.startswith(_PREFIX) for sentence in _of_django(name)]


def _of_django(name: str) -> Iterator[str]:
    there_are = known_in_django()
    if name not in there_are:
        django = {own_name_of(one): facts_of(one).django for one in fields(HubSettings)}.get(name)
        if django:
            yield f"{name} has no effect in Django's settings: set {django}."
        else:
            close = _meant(name, there_are)
            end = f"did you mean {close}?" if close else "docs/settings.md lists those that are."
            yield f"{name} in Django's settings is no setting of the hub and is ignored: {end}"
    elif name in _only_alone() and not is_own_project():
        yield f"{name} has no effect inside a project: it is for the hub's own."


def _only_alone() -> frozenset[str]:
    return frozenset(own_name_of(one) for one in fields(HubSettings) if facts_of(one).alone)


def _unread(name: str) -> str:
    return (
        f"{name} is set in the environment, which the hub does not read inside a project: put what it says into "
        "Django's settings."
    )


def _sentence(name: str, there_are: frozenset[str]) -> str:
    bare = name.upper()
    is_file = bare.endswith(_FILE)
    close = _meant(bare.removesuffix(_FILE), there_are)
    if not close:
        return f"{name} is no variable of the hub and is ignored: docs/settings.md of the hub lists those that are."
    return f"{name} is no variable of the hub and is ignored: did you mean {close}{_FILE if is_file else ''}?"


def _meant(name: str, there_are: frozenset[str]) -> str:
    """The name that is most like this one; empty where none is."""
    # Without the prefix, which all have: it would make any two names alike.
    meant = {one.removeprefix(_PREFIX): one for one in sorted(there_are)}
    close = difflib.get_close_matches(name.removeprefix(_PREFIX), meant, n=1, cutoff=_ALIKE)
    return meant[close[0]] if close else ""
