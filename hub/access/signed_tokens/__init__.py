"""Signed tokens (JWT): who connects, and who may subscribe, as another program says that the hub trusts.

Nothing about them is stored. ``claims`` says what a token may say; ``keys`` what it may be signed with, by the type of
the key, never by what the token says of itself; ``key_url`` fetches keys that change, ``key_refresh`` does so for an
event loop; ``reading`` verifies, ``verified`` remembers what was verified; ``signing`` makes tokens with a secret.
"""

from hub.access.signed_tokens.claims import INFO_LIMIT, BadToken, Claims, KeysUnavailable, TokenExpired
from hub.access.signed_tokens.keys import SECRET_ALGORITHMS as ALGORITHMS
from hub.access.signed_tokens.reading import LONGEST, aread, read
from hub.access.signed_tokens.signing import connection_token, sign, subscription_token

__all__ = [
    "ALGORITHMS",
    "INFO_LIMIT",
    "LONGEST",
    "BadToken",
    "Claims",
    "KeysUnavailable",
    "TokenExpired",
    "aread",
    "connection_token",
    "read",
    "sign",
    "subscription_token",
]
