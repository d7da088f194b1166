"""Alias groups: other names under which other code reaches a channel over the layer, such as those of tutorials.

A process joins them beside the channel's own group, and keeps here which channel each stands for.
"""

import re
from collections.abc import Collection, Iterable, Mapping

from hub.channels.namespace import Namespace, namespace_of

#: What Channels takes as the name of a group.
_GROUP = re.compile(r"[A-Za-z0-9\-_.]{1,99}", re.ASCII)


def find(channels: Iterable[str]) -> dict[str, list[str]]:
    """The aliases of those of ``channels`` that have some. Names that no group can have are left out.

    To be called in a database thread where :func:`asks_database` says so. Raises ``django.db.Error`` then.
    """
    by_namespace: dict[str, tuple[Namespace, list[str]]] = {}
    for channel in channels:
        namespace = namespace_of(channel)
        if namespace.aliases:
            by_namespace.setdefault(namespace.name, (namespace, []))[1].append(channel)
    found: dict[str, list[str]] = {}
    for namespace, members in by_namespace.values():
        aliases = namespace.aliases
        names = aliases(members) if callable(aliases) else dict.fromkeys(members, aliases)
        found.update({channel: _usable(names[channel]) for channel in members if channel in names})
    return found


def asks_database(channel: str) -> bool:
    """Whether the aliases of ``channel`` are read from the database, where they may change."""
    return callable(namespace_of(channel).aliases)


def _usable(names: Collection[str]) -> list[str]:
    return [name for name in names if _GROUP.fullmatch(name)]


class AliasTable:
    """Which channel each alias stands for, in one process."""

    def __init__(self) -> None:
        self._channels: dict[str, str] = {}
        self._aliases: dict[str, list[str]] = {}

    def __contains__(self, alias: object) -> bool:
        return alias in self._channels

    def channel_of(self, alias: str) -> str | None:
        """The channel that ``alias`` stands for now."""
        return self._channels.get(alias)

    def of(self, channel: str) -> Collection[str]:
        """The aliases of ``channel``."""
        return self._aliases.get(channel, ())

    def put(self, found: Mapping[str, list[str]]) -> tuple[list[str], list[str]]:
        """Let these be the aliases of these channels; returns those that were added, and those that are gone.

        An alias stands for the channel that had it last: a room that was renamed does not hear what is sent to the
        room that has its old name now.
        """
        added, gone = [], []
        for channel, aliases in found.items():
            gone += self.drop(channel, but=aliases)
            added += [alias for alias in aliases if alias not in self._channels]
            self._channels.update(dict.fromkeys(aliases, channel))
            if aliases:
                self._aliases[channel] = aliases
        return added, [alias for alias in gone if alias not in self._channels]

    def drop(self, channel: str, but: Collection[str] = ()) -> list[str]:
        """Forget the aliases of ``channel``; returns those that stand for nothing any more."""
        gone = [alias for alias in self._aliases.pop(channel, ()) if self._channels.get(alias) == channel]
        gone = [alias for alias in gone if alias not in but]
        for alias in gone:
            del self._channels[alias]
        return gone
