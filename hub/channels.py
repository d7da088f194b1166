"""Channel names, what is known about each namespace, and the Channels-layer group of a channel.

A channel is ``namespace`` or ``namespace:id``. Names are made by the hub's own code from ids, never from what a user
typed, so the alphabet is small: what does not match is refused before it can reach Redis, SQL or a log.
"""

import re
from dataclasses import dataclass

_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}(:[A-Za-z0-9_\-]{1,64})?", re.ASCII)


class UnknownChannel(ValueError):
    """The name is malformed, or no app has registered its namespace."""


@dataclass(frozen=True, slots=True)
class Namespace:
    """What holds for all channels of one namespace.

    Args:
        name: the part before the colon, or the whole name where there is one channel only (``everyone``).
        durable: publications are rows and can be recovered; else they are live only.
        single: there is one channel, named like the namespace, without an id.
        keep_items: the newest publications that each channel keeps, at most; 0 sets no such limit.
        keep_days: days that a publication is kept, at most; 0 sets no such limit. Both limits hold, and
            ``HUB_RETENTION`` may change either for an installation.
    """

    name: str
    durable: bool = True
    single: bool = False
    keep_items: int = 10_000
    keep_days: float = 30.0


_namespaces: dict[str, Namespace] = {}


def register(namespace: Namespace) -> Namespace:
    """Make a namespace known; called once by the app that owns it. Returns it.

    Raises:
        ValueError: another declaration with this name exists.
    """
    known = _namespaces.setdefault(namespace.name, namespace)
    if known != namespace:
        raise ValueError(f"The namespace {namespace.name!r} is declared twice.")
    return namespace


def namespace_of(channel: str) -> Namespace:
    """The namespace of ``channel``.

    Raises:
        UnknownChannel: the name is not of the form above, or nobody registered its namespace.
    """
    if not _NAME.fullmatch(channel):
        raise UnknownChannel("A channel is named 'namespace' or 'namespace:id' in ASCII letters, digits, '_' and '-'.")
    name, colon, _ = channel.partition(":")
    namespace = _namespaces.get(name)
    if namespace is None or namespace.single is bool(colon):
        raise UnknownChannel(f"No app has registered the channel {channel!r}.")
    return namespace


def namespaces() -> list[Namespace]:
    """All that are registered, by name."""
    return [_namespaces[name] for name in sorted(_namespaces)]


def group_name(channel: str) -> str:
    """The Channels-layer group that carries ``channel``: the same name with ``.`` for ``:``, after ``hub.``.

    Stable: consumers of other apps may join it (``docs/howto/join-from-your-own-consumer.md``). Always within the
    alphabet (ASCII letters, digits, ``-_.``) and the length (under 100) that Channels allows.
    """
    return "hub." + channel.replace(":", ".")
