"""What a client of a socket said to prove who it is, kept for as long as it stays, and whether that still holds.

A credential is ``<kind>:<value>``: ``session:<key>`` and ``token:<digest>`` by the app that owns accounts, and
``user:<id>`` for a user whom something else vouched for, such as a signed token. A guest's is empty. None of them is
to be logged.
"""

from collections.abc import Callable, Iterable

from django.contrib.auth.models import User

from hub.batching import CONNECT_PAUSE, Batcher
from hub.threads import in_database_thread

#: The active users behind values of one kind, by value; those that are not valid are left out. One query for all,
#: called in a database thread.
UsersFor = Callable[[list[str]], dict[str, User]]


def of_session(key: str) -> str:
    """The credential of a browser's session."""
    return f"session:{key}"


def of_token(digest: str) -> str:
    """The credential of an access token, of which only the digest is kept."""
    return f"token:{digest}"


def of_user(user_id: int) -> str:
    """The credential of a user whom something else has vouched for; it holds while the account is active."""
    return f"user:{user_id}"


def register(kind: str, users_for: UsersFor) -> None:
    """Have ``users_for`` decide which credentials of ``kind`` are valid; called once, by the composition root."""
    _kinds[kind] = users_for


def users_for(credentials: Iterable[str]) -> dict[str, User]:
    """The users behind ``credentials``, one query for each kind; what is not valid (any more) is left out.

    Raises ``django.db.Error``.
    """
    values: dict[str, list[str]] = {}
    for credential in credentials:
        kind, _, value = credential.partition(":")
        values.setdefault(kind, []).append(value)
    return {
        f"{kind}:{value}": user
        for kind, of_kind in values.items()
        if kind in _kinds
        for value, user in _kinds[kind](of_kind).items()
    }


async def user_for(credential: str) -> User | None:
    """The user behind ``credential``, or None; those who ask at the same time are looked up together."""
    return await _looking_up.get(credential)


def _active_users(ids: list[str]) -> dict[str, User]:
    return {str(user.pk): user for user in User.objects.filter(pk__in=ids, is_active=True)}


async def _look_up(credentials: list[str]) -> dict[str, User | None]:
    found = await in_database_thread(users_for, credentials)
    return {credential: found.get(credential) for credential in credentials}


_kinds: dict[str, UsersFor] = {"user": _active_users}
_looking_up: Batcher[str, User | None] = Batcher(_look_up, pause=CONNECT_PAUSE)
