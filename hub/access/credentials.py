"""Credentials of connections, and their users.

A credential is ``<kind>:<value>``: ``session:<key>`` and ``token:<digest>`` come from the app that owns accounts,
``user:<id>`` names a user whom a signed token has authenticated. A guest's is empty. A connection keeps its credential
for revalidation. Do not log credentials.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum

from django.db import Error as DatabaseFault

from hub.database import batched
from hub.logs import get_logger
from hub.logs.rare_log import RareLog
from hub.ops import metrics
from hub.users import ID_FORM, User, keep_names, user_id, users_by_id

log = get_logger(__name__)

#: Characters of the name of a device.
DEVICE_LENGTH = 8

#: Characters by which reasons are told apart: what follows may depend on what came in.
_KIND_LENGTH = 40

#: A program that goes wrong, or somebody who tries, may be refused thousands of times a second.
_rare_log = RareLog(log, burst=100)


class PeopleUnavailable(DatabaseFault):
    """Nobody can say just now whose a credential is: code of the project fails, as where a directory is away.

    A client is told the same as where the database is away: to come back.
    """


class Invalid(StrEnum):
    """Why a credential is not valid. For the log: the client is not told."""

    UNKNOWN = "unknown"
    REVOKED = "revoked"
    EXPIRED = "expired"
    INACTIVE = "of an account that is not active"
    NO_CHANNEL = "of somebody whose id no channel can have"


#: Maps values of one kind to their users, or to why they are not valid; a value that is left out is unknown. Makes one
#: query for all, in a database thread.
Find = Callable[[list[str]], Mapping[str, User | Invalid]]


def of_session(key: str) -> str:
    """The credential of a browser's session."""
    return f"session:{key}"


def of_token(digest: str) -> str:
    """The credential of an access token, by its digest."""
    return f"token:{digest}"


def of_user(user_id: str) -> str:
    """The credential of a user whom a signed token has authenticated; it is valid while the account is active."""
    return f"user:{user_id}"


def device_of(credential: str) -> str:
    """A short name of this credential that says nothing of it; empty for a guest's."""
    return hashlib.sha256(credential.encode()).hexdigest()[:DEVICE_LENGTH] if credential else ""


def device_of_session(key: str) -> str:
    """As :func:`device_of`, of the session with this key."""
    return device_of(of_session(key))


def register(kind: str, find: Find, value_of: Callable[[str], str | None] | None = None) -> None:
    """Register ``find`` as the look-up for credentials of ``kind``; the composition root calls this once.

    Args:
        value_of: the value by which a token that a client presents is known; None for a token of another kind.
    """
    _kinds[kind] = find
    if value_of is not None:
        _of_tokens[kind] = value_of


def presented(token: str) -> str:
    """The credential of a token that a client presents; empty if it is of no kind that is registered."""
    for kind, value_of in _of_tokens.items():
        if (value := value_of(token)) is not None:
            return f"{kind}:{value}"
    return ""


def find(credentials: Iterable[str]) -> dict[str, User | Invalid]:
    """Look up the user of each credential, or why it is not valid, with one query for each kind.

    Raises ``django.db.Error``, and :class:`PeopleUnavailable`, which is one, for what else a look-up raises.
    """
    credentials = list(credentials)
    values: dict[str, list[str]] = {}
    for credential in credentials:
        kind, _, value = credential.partition(":")
        values.setdefault(kind, []).append(value)
    found = {
        f"{kind}:{value}": user
        for kind, of_kind in values.items()
        if kind in _kinds
        for value, user in _look_up(kind, of_kind).items()
    }
    return {credential: _reachable(found.get(credential, Invalid.UNKNOWN)) for credential in credentials}


def _look_up(kind: str, values: list[str]) -> Mapping[str, User | Invalid]:
    try:
        return _kinds[kind](values)
    except DatabaseFault:
        raise
    except Exception as error:
        # A session engine or backend of the project. Whoever asks logs it, with the traceback of the cause.
        metrics.FAILURES.labels("user_unknown").inc()
        raise PeopleUnavailable(type(error).__name__) from error


async def whose(credential: str) -> User | Invalid:
    """The user of ``credential``, with their name, or why it is not valid. Calls at the same time share one query."""
    return await _looking_up.get(credential)


async def still_whose(credential: str) -> User | Invalid:
    """:func:`whose`, of a connection that has been let in: its user is called as they were then."""
    return await _looking_again.get(credential)


def log_refusal(reason: str, address: str, **about: object) -> None:
    """Log that a credential was refused: one line for each refusal, up to 100 in ten seconds for each kind of reason.

    Args:
        reason: why, without any part of the credential.
        address: of the client; empty if it has none, as over a unix socket.
        about: further facts about the client, such as the user whom a signed token names.
    """
    kind = str(reason)[:_KIND_LENGTH]
    _rare_log.warning("credential_refused", kind=kind, reason=str(reason), address=address, **about)


def _reachable(found: User | Invalid) -> User | Invalid:
    """Presence and control messages know people by their ids, and would take one of another form for another's."""
    return found if isinstance(found, Invalid) or ID_FORM.fullmatch(user_id(found)) else Invalid.NO_CHANNEL


def _of_ids(ids: list[str]) -> dict[str, User | Invalid]:
    return {known: user if user.is_active else Invalid.INACTIVE for known, user in users_by_id(ids).items()}


def _find_named(credentials: list[str]) -> dict[str, User | Invalid]:
    found = find(credentials)
    keep_names(user for user in found.values() if not isinstance(user, Invalid))
    return found


_kinds: dict[str, Find] = {"user": _of_ids}
_of_tokens: dict[str, Callable[[str], str | None]] = {}
_looking_up = batched(_find_named, connecting=True)
_looking_again = batched(find)
