"""The session engine: Django's database sessions, which also know whose they are and where the person logged in."""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from django.contrib.auth import SESSION_KEY, get_user_model
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.backends.db import SessionStore as DatabaseSessions
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import Error as DatabaseFault
from django.db.models import F, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from hub.access import SESSION_KEY_FORM, is_login
from hub.accounts.models import Session
from hub.logs import get_logger
from hub.users import User

log = get_logger(__name__)

#: In the data of a session: when, from where and with what the person logged in.
BEGAN = "hub.began"

#: How often the time at which a session was last seen is written, at most.
SEEN_INTERVAL = timedelta(minutes=5)

#: How many sessions a person has at most; whoever logs in once more loses the one that was seen longest ago.
MOST = 1000

#: Characters of a browser's own description that are kept.
USER_AGENT_LENGTH = 300


class SessionStore(DatabaseSessions):
    """Sessions in :class:`hub.accounts.models.Session`, for ``SESSION_ENGINE``."""

    @classmethod
    def get_model_class(cls) -> type[AbstractBaseSession]:
        return Session

    def _validate_session_key(self, key: str | None) -> bool:
        # A cookie may hold anything, also the NUL that PostgreSQL takes in no question.
        return bool(key and SESSION_KEY_FORM.fullmatch(key))

    def create_model_instance(self, data: dict[str, Any]) -> AbstractBaseSession:
        row = cast(Session, super().create_model_instance(data))
        row.user_id = data.get(SESSION_KEY)
        if began := data.get(BEGAN):
            row.began_at = datetime.fromtimestamp(began["at"], UTC)
            row.address, row.user_agent = began["address"], began["user_agent"]
            row.seen_at = timezone.now()
        return row

    def _get_session_from_db(self) -> AbstractBaseSession | None:
        row: Session | None = super()._get_session_from_db()  # type: ignore[misc]  # not in the stubs
        if row is not None and row.user_id is not None and _is_long_ago(row.seen_at):
            _note_seen([row.session_key])
        return row


def begin(session: SessionBase, request: HttpRequest) -> None:
    """Keep in ``session``, to which somebody has just logged in, when, from where and with what that was."""
    session[BEGAN] = {
        "at": timezone.now().timestamp(),
        "address": request.META.get("REMOTE_ADDR", "")[:45],
        "user_agent": request.headers.get("User-Agent", "")[:USER_AGENT_LENGTH].replace("\0", ""),
    }


def of_user(user: User) -> QuerySet[Session]:
    """The sessions in which ``user`` is logged in, the one that was seen last first."""
    return Session.objects.filter(user=user, expire_date__gt=timezone.now()).order_by("-seen_at", "-expire_date")


def public_id(key: str) -> str:
    """What stands for a session on its owner's page: the key itself would log in whoever reads it there."""
    return hashlib.sha256(key.encode()).hexdigest()[:32]


def end(user: User, public_ids: Iterable[str] | None = None, *, but: str | None = None) -> int:
    """Log ``user`` out of these sessions, or of all, but of that with the key ``but``; return how many there were.

    Their sockets are closed.
    """
    wanted = None if public_ids is None else set(public_ids)
    keys = [
        key
        for key in of_user(user).values_list("session_key", flat=True)
        if key != but and (wanted is None or public_id(key) in wanted)
    ]
    if keys:
        Session.objects.filter(session_key__in=keys).delete()
        log.info("sessions_ended", user=user.pk, count=len(keys))
    return len(keys)


def end_oldest(user: User) -> None:
    """Log ``user`` out of the sessions that were seen longest ago, so that with another one there are :data:`MOST`."""
    newest_first = Session.objects.filter(user=user).order_by(F("seen_at").desc(nulls_last=True), "-expire_date")
    too_many = list(newest_first.values_list("session_key", flat=True)[MOST - 1 : 2 * MOST])
    if too_many:
        Session.objects.filter(session_key__in=too_many).delete()
        log.warning("oldest_sessions_ended", user=user.pk, count=len(too_many))


def users_for(keys: Sequence[str]) -> dict[str, User]:
    """The active users who are logged in with these session keys, by key; others are left out. One query for all.

    Holds to what Django checks for a request: the session has not expired, the login is this user's, and the password
    is still the one it was made with.
    """
    # A storm of clients pays for each column and each object: users are made of the row, and sessions are not made.
    model = get_user_model()
    columns = [field.attname for field in model._meta.concrete_fields]
    rows = Session.objects.filter(session_key__in=keys, expire_date__gt=timezone.now(), user__isnull=False)
    store = SessionStore()
    found, not_noted = {}, []
    for key, data, seen_at, *values in rows.values_list(
        "session_key", "session_data", "seen_at", *(f"user__{column}" for column in columns)
    ):
        user = model.from_db(rows.db, columns, values)
        if user.is_active and is_login(store.decode(data), user):
            found[key] = user
            if _is_long_ago(seen_at):
                not_noted.append(key)
    _note_seen(not_noted)
    return found


def prune() -> int:
    """Delete the sessions that have expired; returns how many."""
    return Session.objects.filter(expire_date__lt=timezone.now()).delete()[0]


def _is_long_ago(seen_at: datetime | None) -> bool:
    """Whether it is to be written again that a session is in use."""
    return seen_at is None or seen_at < timezone.now() - SEEN_INTERVAL


def _note_seen(keys: Sequence[str]) -> None:
    """Write that the sessions with these keys are in use: one statement for all of them, and seldom."""
    if keys:
        try:
            Session.objects.filter(session_key__in=keys).update(seen_at=timezone.now())
        except DatabaseFault as error:
            # A database that can be read but not written must keep nobody out.
            log.warning("session_not_noted", error=type(error).__name__)
