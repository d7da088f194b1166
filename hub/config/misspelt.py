"""Variables of the environment that look like the hub's and are not: each would be ignored without a word.

Nothing is refused for them, because a platform may set variables of its own that begin so.
"""

import difflib
import os
from dataclasses import fields

from hub.config.typed_settings import HubSettings

#: What the hub reads besides ``hub.config.HubSettings``; with those, all of ``.env.example``.
OTHERS: frozenset[str] = frozenset(
    {
        "DATABASE_URL",
        "HUB_ADMIN_PASSWORD",
        "HUB_ALLOWED_HOSTS",
        "HUB_ALLOW_UNSAFE",
        "HUB_DATA_DIR",
        "HUB_DEBUG",
        "HUB_EMAIL_FROM",
        "HUB_EMAIL_URL",
        "HUB_ENV",
        "HUB_HTTPS",
        "HUB_LOG_JSON",
        "HUB_LOG_LEVEL",
        "HUB_PORT",
        "HUB_TASK_TIME_LIMIT",
        "HUB_TIME_ZONE",
        "HUB_TRUSTED_ORIGINS",
        "HUB_TRUSTED_PROXIES",
        "HUB_URL_PREFIX",
        "HUB_WEB_PROCESSES",
        "HUB_WORKER_CONCURRENCY",
        "REDIS_URL",
        "SECRET_KEY",
    }
)

_PREFIX, _FILE = "HUB_", "_FILE"

#: How alike two names are at least, by ``difflib``, to be one that was misspelt: two swapped letters of ``ENV``.
_ALIKE = 0.65


def known() -> frozenset[str]:
    """The variables that the hub reads; each may also be given as ``<NAME>_FILE``."""
    return OTHERS | {f"{_PREFIX}{setting.name.upper()}" for setting in fields(HubSettings)}


def sentences() -> list[str]:
    """One sentence, without its value, for each ``HUB_…`` (in any case) of the environment that the hub ignores."""
    there_are = known()
    names = sorted(name for name in os.environ if name.upper().startswith(_PREFIX))
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
