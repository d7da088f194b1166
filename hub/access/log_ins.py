"""Whether a session is a log-in that still holds, as Django judges it for a request."""

from collections.abc import Mapping
from typing import Any

from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.utils.crypto import constant_time_compare

from hub.users import User, written_key


def is_login(data: Mapping[str, Any], user: User) -> bool:
    """Whether a session with this ``data`` is a log-in of ``user``, made with the password that the user has now."""
    verifier = str(data.get(HASH_SESSION_KEY, ""))
    hashes = [user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()]
    is_theirs = data.get(SESSION_KEY) == str(written_key(user))
    return is_theirs and any(constant_time_compare(verifier, one) for one in hashes)
