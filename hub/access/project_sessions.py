"""The sessions of a project that keeps its own session engine: who is logged in with a session key."""

from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, SESSION_KEY, load_backend
from django.contrib.auth.backends import ModelBackend
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.backends.cached_db import SessionStore as CachedSessions
from django.contrib.sessions.backends.db import SessionStore as DatabaseSessions
from django.contrib.sessions.base_session import AbstractBaseSession
from django.core.exceptions import ValidationError
from django.utils import timezone

from hub.access.log_ins import is_login
from hub.users import User, all_users
from hub.users.model import key_of_text


def users_for(keys: Sequence[str]) -> dict[str, User]:
    """The active users who are logged in with these session keys, by key; others are left out.

    Holds to what Django checks for a request: the session has not expired, its backend is one of
    ``AUTHENTICATION_BACKENDS`` and knows the user, and the password is still the one it was made with. With an engine
    that keeps sessions in the database it takes one query for the sessions and one for the users, however many keys
    there are; with any other the engine is asked for each key. Raises what the engine raises.
    """
    data = {key: session for key, session in _sessions(keys).items() if _may_be_login(session)}
    users = _users(data.values())
    found = {key: users.get((login[BACKEND_SESSION_KEY], str(login[SESSION_KEY]))) for key, login in data.items()}
    return {key: user for key, user in found.items() if user is not None and is_login(data[key], user)}


def store_class() -> type[SessionBase]:
    """The class of ``SESSION_ENGINE``."""
    found: type[SessionBase] = import_module(settings.SESSION_ENGINE).SessionStore
    return found


def model_class() -> type[AbstractBaseSession] | None:
    """The model of the rows of sessions; None where the engine keeps none, or its app is not installed."""
    engine = store_class()
    if not issubclass(engine, DatabaseSessions):
        return None
    try:
        return engine.get_model_class()
    except RuntimeError:  # Django's word for a model of an app that is not installed
        return None


def _sessions(keys: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    engine = store_class()
    if issubclass(engine, DatabaseSessions) and model_class() is None:
        return {}  # a project without sessions
    # A cache answers one key faster than the database answers all.
    if issubclass(engine, DatabaseSessions) and not issubclass(engine, CachedSessions):
        rows = engine.get_model_class()._default_manager.filter(session_key__in=keys, expire_date__gt=timezone.now())
        return {row.session_key: row.get_decoded() for row in rows}
    return {key: engine(key).load() for key in keys}


def _may_be_login(data: Mapping[str, Any]) -> bool:
    return SESSION_KEY in data and data.get(BACKEND_SESSION_KEY) in settings.AUTHENTICATION_BACKENDS


def _users(sessions: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], User]:
    """The active users of log-ins, by the backend that authenticated them and their key as text."""
    wanted: dict[str, dict[str, Any]] = {}
    for data in sessions:
        try:
            wanted.setdefault(data[BACKEND_SESSION_KEY], {})[str(data[SESSION_KEY])] = key_of_text(data[SESSION_KEY])
        except ValidationError:
            continue  # a session from before the user model got another key
    found: dict[tuple[str, str], User] = {}
    for path, keys in wanted.items():
        backend: Any = load_backend(path)
        if type(backend).get_user is ModelBackend.get_user:
            users = [user for user in all_users().filter(pk__in=keys.values()) if backend.user_can_authenticate(user)]
        else:
            users = [user for key in keys.values() if (user := backend.get_user(key)) is not None]
        found |= {(path, str(user.pk)): user for user in users if user.is_active}
    return found
