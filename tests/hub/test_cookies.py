"""Cookies have names of the hub's own: they know no ports, so other projects of the same host see them too."""

import json
import sys
from typing import Literal

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from hub.config import HubSettings, UnusableEnvironment, read_environment
from hub.config.derived import cookie_prefix
from lab.harness import forking
from lab.harness.environment import BASE_DIR, COOKIE_PREFIX, clean_environment
from tests.support.people import User

PASSWORD = "correct horse battery"

#: What any Django project calls its cookies.
FOREIGN = {"sessionid": "another", "csrftoken": "x" * 32, "messages": "theirs", "django_language": "ru"}

NAMES = """
import json, django
django.setup()
from django.conf import settings as s
from hub.web.page_messages import PageMessages
print(json.dumps([s.SESSION_COOKIE_NAME, s.CSRF_COOKIE_NAME, s.LANGUAGE_COOKIE_NAME,
                  PageMessages.storage_classes[0](None).cookie_name]))
"""


def names(**variables: str) -> list[str]:
    """Of all cookies of a hub with these variables."""
    environment = clean_environment(DJANGO_SETTINGS_MODULE="hub.settings", **{"HUB_COOKIE_PREFIX": "", **variables})
    run = forking.run(
        [sys.executable, "-c", NAMES], cwd=BASE_DIR, env=environment, capture_output=True, text=True, check=True
    )
    found: list[str] = json.loads(run.stdout)
    return found


@pytest.mark.slow
def test_hubs_on_two_ports_of_one_host_share_no_cookie() -> None:
    one, other, first = names(HUB_PORT="8001"), names(HUB_PORT="8002"), names()
    assert len({*one, *other, *first}) == 12 and not {*one, *other, *first} & FOREIGN.keys()
    assert all(name.startswith("hub_8001_") for name in one)
    assert all(name.startswith("mine-") for name in names(HUB_COOKIE_PREFIX="mine-", HUB_PORT="8001"))


@pytest.mark.slow
@pytest.mark.django_db
def test_hub_neither_reads_nor_touches_the_cookies_of_another_project(client: Client) -> None:
    ada = User.objects.create_user("ada", password=PASSWORD)
    for name, value in FOREIGN.items():
        client.cookies[name] = value
    answers = [
        client.get("/"),
        client.get(reverse("hub:accounts:login")),
        client.post(reverse("hub:accounts:login"), {"username": ada.get_username(), "password": PASSWORD}),
        client.get(reverse("hub:accounts:tokens")),
        client.post(reverse("hub:set_language"), {"language": "en"}),
        client.post(reverse("hub:accounts:end_everything")),
        client.get(reverse("hub:accounts:login")),
    ]
    assert b'<html lang="en"' in answers[0].content
    assert b"logged out everywhere" in answers[-1].content
    written = {name for answer in answers for name in answer.cookies}
    assert {f"{COOKIE_PREFIX}{name}" for name in ("session", "csrf", "language", "messages")} == written
    assert all(client.cookies[name].value == value for name, value in FOREIGN.items())


@pytest.mark.parametrize(
    ("given", "production", "https", "url_prefix", "prefix"),
    [
        ("", False, False, "", "hub_8000_"),
        ("", False, True, "", "hub_8000_"),
        ("", True, False, "", "hub_"),
        ("", True, True, "", "__Host-hub_"),
        ("", True, True, "/hub", "__Secure-hub_"),
        ("shop-", True, True, "", "shop-"),
        ("__Host-a", True, True, "", "__Host-a"),
    ],
)
def test_prefix_is_one_that_browsers_keep(
    given: str, production: bool, https: bool, url_prefix: str, prefix: str
) -> None:
    env: Literal["production", "development"] = "production" if production else "development"
    assert cookie_prefix(HubSettings(env=env, https=https, url_prefix=url_prefix, cookie_prefix=given)) == prefix


@pytest.mark.parametrize(
    ("given", "https", "url_prefix"),
    [
        ("a b", True, ""),
        ("a=b", True, ""),
        ("a;b", True, ""),
        ("é", True, ""),
        ("x" * 41, True, ""),
        ("__Host-hub", False, ""),
        ("__SECURE-hub", False, ""),
        ("__host-hub", True, "/hub"),
    ],
)
def test_prefix_that_no_browser_keeps_is_an_error(
    monkeypatch: pytest.MonkeyPatch, given: str, https: bool, url_prefix: str
) -> None:
    for name, text in (("COOKIE_PREFIX", given), ("HTTPS", str(https)), ("URL_PREFIX", url_prefix)):
        monkeypatch.setenv(f"HUB_{name}", text)
    with pytest.raises(UnusableEnvironment, match="HUB_COOKIE_PREFIX"):
        read_environment()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "key",
    [
        '"\\000aaaaaaaaaaaa"',
        '"aaaaaaaaaaaa\\000"',
        "A" * 32,
        "a" * 41,
        "жжжжжжжжжж",
        "' OR 1=1 --",
        '"\\377\\376aaaaaaaa"',
    ],
)
def test_cookie_that_holds_no_session_key_makes_a_guest_and_asks_no_database(client: Client, key: str) -> None:
    cookie = f"{COOKIE_PREFIX}session={key}".encode().decode("latin-1")
    with CaptureQueriesContext(connection) as queries:
        assert client.get("/", HTTP_COOKIE=cookie).status_code == 200
        assert client.post("/i18n/setlang/", {"language": "ru"}, HTTP_COOKIE=cookie).status_code == 302
    assert not [query for query in queries if "hub_accounts_session" in query["sql"]]
