"""A session engine or an authentication backend of a project that raises, as where a directory is away."""

import asyncio
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings as django_settings
from django.contrib.auth.backends import ModelBackend
from django.test import Client
from prometheus_client import REGISTRY
from pytest_django.fixtures import Settings

from hub.access import authentication, credentials, project_sessions
from hub.access.credentials import PeopleUnavailable
from hub.access.reasons import End, Ended
from hub.logs.rare_log import RareLog
from hub.users import all_users
from tests.support.people import User

pytestmark = pytest.mark.django_db(transaction=True)


class Directory(ModelBackend):
    """Does not answer for those who are in ``away``."""

    away: set[str]

    def get_user(self, user_id: Any) -> Any:
        user = all_users().get(pk=user_id)
        if user.get_username() in self.away:
            raise LookupError("the directory is away")
        return user


@pytest.fixture(autouse=True)
def directory(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> type[Directory]:
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.db"
    settings.AUTHENTICATION_BACKENDS = [f"{__name__}.Directory"]
    monkeypatch.setitem(credentials._kinds, "session", project_sessions.users_for)
    monkeypatch.setattr(authentication, "_rare_log", RareLog(authentication.log, seconds=600))
    Directory.away = {"ann"}
    return Directory


async def key_of(user: User) -> str:
    browser = Client()
    await sync_to_async(browser.force_login)(user, f"{__name__}.Directory")
    return str(browser.cookies[django_settings.SESSION_COOKIE_NAME].value)


def handshake(key: str) -> dict[str, Any]:
    cookie = f"{django_settings.SESSION_COOKIE_NAME}={key}".encode()
    headers = [(b"host", b"testserver"), (b"cookie", cookie)]
    return {"type": "websocket", "scheme": "ws", "headers": headers, "query_string": b"", "client": ("192.0.2.1", 9)}


async def test_client_is_told_to_come_back_and_the_log_says_why_once(caplog: pytest.LogCaptureFixture) -> None:
    key = await key_of(await sync_to_async(User.objects.create_user)("ann"))
    before = REGISTRY.get_sample_value("hub_failures_total", {"event": "user_unknown"}) or 0.0
    for _ in range(3):
        with pytest.raises(Ended) as refused:
            await authentication.admit(handshake(key))
        assert refused.value.reason is End.SERVER_ERROR
    (line,) = [one.getMessage() for one in caplog.records if "user_unknown" in one.getMessage()]
    assert "LookupError: the directory is away" in line
    assert REGISTRY.get_sample_value("hub_failures_total", {"event": "user_unknown"}) == before + 3


async def test_others_who_connect_at_the_same_time_are_let_in() -> None:
    ann, ben = [await sync_to_async(User.objects.create_user)(name) for name in ("ann", "ben")]
    asked = [credentials.of_session(await key_of(user)) for user in (ann, ben)]
    found = await asyncio.gather(*map(credentials.whose, asked), return_exceptions=True)
    assert isinstance(found[0], PeopleUnavailable) and found[1] == ben
