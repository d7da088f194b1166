"""What an API key may do: which methods it may call and which channels it may name."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

#: All methods, those that come later included; all channels.
ALL = "*"

#: A channel, or the beginning of channels and a ``*``.
_PATTERN = re.compile(
    r"[A-Za-z0-9_\-]{1,64}(:[A-Za-z0-9_\-]{1,64})?|[A-Za-z0-9_\-]{0,64}(:[A-Za-z0-9_\-]{0,64})?\*", re.ASCII
)

#: Patterns of one key.
PATTERNS_LIMIT = 100


class BadScope(ValueError):
    """What a key is to be allowed cannot be read."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Made by :func:`scope`, which checks it, or from a stored row."""

    methods: frozenset[str]
    channels: tuple[str, ...]

    def has_method(self, method: str) -> bool:
        """Whether ``method`` may be called."""
        return ALL in self.methods or method in self.methods

    def has_channel(self, channel: str) -> bool:
        """Whether ``channel`` may be named."""
        return any(
            channel.startswith(pattern[:-1]) if pattern.endswith(ALL) else channel == pattern
            for pattern in self.channels
        )

    def has_all_of(self, namespace: str) -> bool:
        """Whether every channel ``namespace:…`` may be named."""
        return any(
            pattern.endswith(ALL) and f"{namespace}:".startswith(pattern[: -len(ALL)]) for pattern in self.channels
        )

    def has_user(self, user: str) -> bool:
        """Whether the person with this id may be named: whoever may name their channel may. Empty: any guest."""
        return self.has_channel(f"user:{user}") if user else self.has_all()

    def has_all(self) -> bool:
        """Whether it is for the whole hub."""
        return ALL in self.channels


def scope(methods: Iterable[str], channels: Iterable[str], known: Iterable[str]) -> Scope:
    """The scope of these methods and channel patterns: ``user:42``, ``user:*``, ``*``.

    Raises:
        BadScope: a method that is not among ``known``, a malformed pattern, or none of either.
    """
    allowed, patterns = frozenset(methods), tuple(dict.fromkeys(channels))
    if unknown := sorted(allowed - {ALL, *known}):
        raise BadScope(f"There is no method named {unknown[0]!r}.")
    for pattern in patterns:
        if not pattern or not _PATTERN.fullmatch(pattern):
            raise BadScope(f"{pattern!r} is neither a channel nor the beginning of channels and a '*'.")
    if not allowed or not patterns:
        raise BadScope("A key needs a method and a channel at least.")
    if len(patterns) > PATTERNS_LIMIT:
        raise BadScope(f"A key has {PATTERNS_LIMIT} channel patterns at most.")
    return Scope(allowed, patterns)
