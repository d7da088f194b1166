"""Who is logged in with a session of a project's own engine: any of Django's."""

from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar

import pytest
from django.conf import settings as django_settings
from django.contrib.auth import BACKEND_SESSION_KEY, SESSION_KEY
from django.contrib.auth.backends import ModelBackend
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django.fixtures import Settings

from hub.access.project_sessions import users_for
from hub.access.visitor import session_key_in
from hub.users import User, all_users

pytestmark = pytest.mark.django_db

ENGINES = ("db", "cached_db", "cache", "file", "signed_cookies")

#: A log-out leaves what somebody copied from the cookie valid: the server keeps nothing that it could end.
FORGETTING = [engine for engine in ENGINES if engine != "signed_cookies"]


class OwnBackend(ModelBackend):
    """A project's own way to find a user."""

    def get_user(self, user_id: Any) -> Any:
        return all_users().filter(pk=user_id).first()


class SessionStore(SessionBase):
    """Of an engine of a project, with keys of its own form."""

    kept: ClassVar[dict[str, dict[str, Any]]] = {}

    def load(self) -> dict[str, Any]:
        return self.kept[self.session_key or ""]


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest, settings: Settings, tmp_path: Path) -> str:
    use(request.param, settings, tmp_path)
    return str(request.param)


def use(engine: str, settings: Settings, folder: Path) -> None:
    settings.SESSION_ENGINE = f"django.contrib.sessions.backends.{engine}"
    settings.SESSION_FILE_PATH = str(folder)
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": engine}}


@pytest.fixture
def ann() -> User:
    return all_users().model._default_manager.create_user("ann", password="a long password")


def key_of(client: Client) -> str:
    return str(client.cookies[django_settings.SESSION_COOKIE_NAME].value)


def log_in(user: User, backend: str = "hub.accounts.backends.PasswordBackend") -> tuple[Client, str]:
    client = Client()
    client.force_login(user, backend)
    return client, key_of(client)


def test_key_of_a_session_leads_to_the_user_who_logged_in(engine: str, ann: User) -> None:
    _, key = log_in(ann)
    assert users_for([key]) == {key: ann}


def test_key_in_the_cookie_is_found(engine: str, ann: User) -> None:
    _, key = log_in(ann)
    assert session_key_in({django_settings.SESSION_COOKIE_NAME: key}) == key


@pytest.mark.parametrize("key", ["", "short", "x" * 5000, "with a blank in it", "with\0nul in it", "снова и снова"])
def test_what_can_be_no_key_is_asked_of_nobody(engine: str, key: str) -> None:
    assert session_key_in({django_settings.SESSION_COOKIE_NAME: key}) is None


@pytest.mark.parametrize("key", ["4f0e2c1a-9B7d-4e55-8c3f-2d6a1b0c9e8f", "eyJhbGciOi.J9/x+y==", "A" * 300])
def test_engine_of_a_project_may_have_keys_of_its_own_form(key: str, settings: Settings, ann: User) -> None:
    browser, _ = log_in(ann)
    SessionStore.kept = {key: dict(browser.session.items())}
    settings.SESSION_ENGINE = __name__
    assert session_key_in({django_settings.SESSION_COOKIE_NAME: key}) == key
    assert users_for([key]) == {key: ann}


@pytest.mark.parametrize("key", ["", "short", "x" * 5000, "with a blank in it", "with\0nul in it", "снова и снова"])
def test_bounds_hold_for_keys_of_a_project_too(key: str, settings: Settings) -> None:
    settings.SESSION_ENGINE = __name__
    assert session_key_in({django_settings.SESSION_COOKIE_NAME: key}) is None


def test_unknown_and_malformed_keys_are_nobodys(engine: str) -> None:
    assert users_for(["x" * 32, "a", "../../etc/passwd", "0" * 500]) == {}


def test_session_of_a_guest_is_nobodys(engine: str) -> None:
    session = import_module(django_settings.SESSION_ENGINE).SessionStore()
    session["basket"] = [1, 2]
    session.save()
    assert users_for([session.session_key]) == {}


@pytest.mark.parametrize("kept", FORGETTING)
def test_log_out_ends_the_session(kept: str, settings: Settings, tmp_path: Path, ann: User) -> None:
    use(kept, settings, tmp_path)
    client, key = log_in(ann)
    client.logout()
    assert users_for([key]) == {}


def test_new_password_ends_the_session(engine: str, ann: User) -> None:
    _, key = log_in(ann)
    ann.set_password("another long password")
    ann.save()
    assert users_for([key]) == {}


def test_account_that_is_not_active_is_nobody(engine: str, ann: User) -> None:
    _, key = log_in(ann)
    all_users().update(is_active=False)
    assert users_for([key]) == {}


def test_backend_that_is_not_used_any_more_lets_nobody_in(engine: str, settings: Settings, ann: User) -> None:
    _, key = log_in(ann)
    settings.AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
    assert users_for([key]) == {}


def test_a_projects_own_backend_is_asked(engine: str, settings: Settings, ann: User) -> None:
    path = f"{__name__}.OwnBackend"
    settings.AUTHENTICATION_BACKENDS = [path]
    _, key = log_in(ann, path)
    assert users_for([key]) == {key: ann}


def test_session_with_a_key_that_no_user_can_have_hides_nobody_else(engine: str, ann: User) -> None:
    _, key = log_in(ann)
    session = import_module(django_settings.SESSION_ENGINE).SessionStore()
    session[SESSION_KEY] = "not a key"
    session[BACKEND_SESSION_KEY] = "hub.accounts.backends.PasswordBackend"
    session.save()
    assert users_for([session.session_key, key]) == {key: ann}


def test_sessions_in_the_database_that_have_expired_are_nobodys(settings: Settings, tmp_path: Path, ann: User) -> None:
    use("db", settings, tmp_path)
    _, key = log_in(ann)
    Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))
    assert users_for([key]) == {}


def test_many_sessions_in_the_database_take_two_queries(settings: Settings, tmp_path: Path, ann: User) -> None:
    use("db", settings, tmp_path)
    keys = [log_in(ann)[1] for _ in range(5)]
    with CaptureQueriesContext(connection) as queries:
        assert users_for(keys) == dict.fromkeys(keys, ann)
    assert len(queries) == 2
