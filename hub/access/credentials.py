"""What a client of a socket said to prove who it is, kept for as long as it stays, and whether that still holds.

A credential is ``<kind>:<value>``: ``session:<key>`` and ``token:<digest>`` by the app that owns accounts, and
``user:<id>`` for a user whom something else vouched for, such as a signed token. A guest's is empty. None of them is
to be logged.
"""

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum

import structlog
from django.contrib.auth.models import User

from hub.concurrency.batcher import CONNECT_PAUSE, Batcher
from hub.database.threads import in_database_thread

log = structlog.get_logger(__name__)


class Invalid(StrEnum):
    """Why a credential lets nobody in. For the log: who shows it is told nothing of this."""

    UNKNOWN = "unknown"
    REVOKED = "revoked"
    EXPIRED = "expired"
    INACTIVE = "of an account that is not active"


#: Who is behind values of one kind, or why nobody is, by value; what is left out is unknown. One query for all, called
#: in a database thread.
Find = Callable[[list[str]], Mapping[str, User | Invalid]]


def of_session(key: str) -> str:
    """The credential of a browser's session."""
    return f"session:{key}"


def of_token(digest: str) -> str:
    """The credential of an access token, of which only the digest is kept."""
    return f"token:{digest}"


def of_user(user_id: int) -> str:
    """The credential of a user whom something else has vouched for; it holds while the account is active."""
    return f"user:{user_id}"


def register(kind: str, find: Find) -> None:
    """Have ``find`` decide which credentials of ``kind`` are valid; called once, by the composition root."""
    _kinds[kind] = find


def find(credentials: Iterable[str]) -> dict[str, User | Invalid]:
    """Who is behind each of ``credentials``, or why nobody is, one query for each kind. Raises ``django.db.Error``."""
    credentials = list(credentials)
    values: dict[str, list[str]] = {}
    for credential in credentials:
        kind, _, value = credential.partition(":")
        values.setdefault(kind, []).append(value)
    found = {
        f"{kind}:{value}": user
        for kind, of_kind in values.items()
        if kind in _kinds
        for value, user in _kinds[kind](of_kind).items()
    }
    return {credential: found.get(credential, Invalid.UNKNOWN) for credential in credentials}


async def whose(credential: str) -> User | Invalid:
    """The user behind ``credential``, or why there is none; those who ask at the same time are looked up together."""
    return await _looking_up.get(credential)


def log_refusal(reason: str, address: str, **about: object) -> None:
    """Log that what somebody showed to prove who they are was refused: one line, for each such refusal.

    Args:
        reason: why, in words that hold nothing of the credential.
        address: of the client; empty where it has none, as over a unix socket.
        about: what else helps to find who it was, such as the user whom a signed token names.
    """
    log.warning("credential_refused", reason=str(reason), address=address, **about)


def _of_ids(ids: list[str]) -> dict[str, User | Invalid]:
    return {str(user.pk): user if user.is_active else Invalid.INACTIVE for user in User.objects.filter(pk__in=ids)}


async def _look_up(credentials: list[str]) -> dict[str, User | Invalid]:
    return await in_database_thread(find, credentials)


_kinds: dict[str, Find] = {"user": _of_ids}
_looking_up: Batcher[str, User | Invalid] = Batcher(_look_up, pause=CONNECT_PAUSE)
