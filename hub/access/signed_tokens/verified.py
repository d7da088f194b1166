"""Remembers which tokens were verified: clients that come back in a storm bring the token that they had."""

import hashlib
from collections.abc import Collection

from hub.access.signed_tokens.claims import Claims
from hub.access.signed_tokens.keys import SigningKey
from hub.config import HubSettings

#: Tokens that are remembered, and characters of one, at most. Only tokens with a valid signature are, so that nobody
#: else fills the memory.
REMEMBERED = 10_000
LONGEST_REMEMBERED = 2048


class VerifiedTokens:
    """What tokens say whose signature was verified, by their digest: the token itself is not kept.

    Times are not remembered as checked, and a key that is no longer known verifies nothing.
    """

    def __init__(self) -> None:
        self._found: dict[bytes, tuple[SigningKey, Claims]] = {}
        self._settings: HubSettings | None = None

    def find(self, token: str, keys: Collection[SigningKey], settings: HubSettings) -> Claims | None:
        """What ``token`` says, if one of ``keys`` verified it under these ``settings``."""
        if settings is not self._settings:  # which say whom tokens have to come from
            self._found.clear()
            self._settings = settings
            return None
        found = self._found.get(_digest(token))
        return found[1] if found is not None and found[0] in keys else None

    def add(self, token: str, key: SigningKey, claims: Claims) -> None:
        """``key`` has verified ``token``."""
        if len(token) > LONGEST_REMEMBERED:
            return
        while len(self._found) >= REMEMBERED:
            try:
                del self._found[next(iter(self._found))]  # the oldest
            except (KeyError, RuntimeError, StopIteration):
                break  # another thread did so
        self._found[_digest(token)] = key, claims


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="surrogatepass")).digest()
