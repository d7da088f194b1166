"""The session engine: Django's database sessions, which also know whose they are."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore as DatabaseSessions
from django.contrib.sessions.base_session import AbstractBaseSession
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from accounts.models import Session


class SessionStore(DatabaseSessions):
    """Sessions in :class:`accounts.models.Session`, for ``SESSION_ENGINE``."""

    @classmethod
    def get_model_class(cls) -> type[AbstractBaseSession]:
        return Session

    def create_model_instance(self, data: dict[str, Any]) -> AbstractBaseSession:
        row = super().create_model_instance(data)
        row.user_id = data.get(SESSION_KEY)  # type: ignore[attr-defined]  # it is a Session
        return row


def users_for(keys: Sequence[str]) -> dict[str, User]:
    """The active users who are logged in with these session keys, by key; others are left out. One query for all.

    Holds to what Django checks for a request: the session has not expired, the login is this user's, and the password
    is still the one it was made with.
    """
    rows = Session.objects.select_related("user").filter(
        session_key__in=keys, expire_date__gt=timezone.now(), user__is_active=True
    )
    return {row.session_key: row.user for row in rows if row.user and _is_login(row.get_decoded(), row.user)}


def _is_login(data: Mapping[str, Any], user: User) -> bool:
    verifier = str(data.get(HASH_SESSION_KEY, ""))
    hashes = [user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()]
    return data.get(SESSION_KEY) == str(user.pk) and any(constant_time_compare(verifier, known) for known in hashes)
