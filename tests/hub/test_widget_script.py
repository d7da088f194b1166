"""``/widgets.js`` and the texts of the widgets, as pages of other origins load them."""

import base64
import gzip
import hashlib
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.http.response import HttpResponseBase
from django.test import Client
from pytest_django.fixtures import Settings

from hub.web.widgets import bundle
from tests.support.bundle import built

pytestmark = pytest.mark.any_database

PRODUCT, TRUSTED, STRANGE = "https://product.example", "https://app.example", "https://strange.example"


@pytest.fixture(autouse=True)
def origins(settings: Settings) -> None:
    settings.HUB_TOKEN_ORIGINS = [PRODUCT]
    settings.CSRF_TRUSTED_ORIGINS = [TRUSTED]


@pytest.fixture
def script() -> Path:
    return built()


def shared_with(response: HttpResponseBase) -> str | None:
    """Which pages of other origins may read it. None of them with credentials."""
    assert "Access-Control-Allow-Credentials" not in response.headers
    found: str | None = response.headers.get("Access-Control-Allow-Origin")
    return found


def printed(*arguments: str) -> str:
    output = io.StringIO()
    call_command("widgets_integrity", *arguments, stdout=output)
    return output.getvalue().strip()


def test_script_is_one_module_that_any_page_may_load(client: Client, script: Path) -> None:
    response = client.get("/widgets.js", headers={"Origin": STRANGE})
    assert response.content == script.read_bytes()
    assert response["Content-Type"] == "text/javascript; charset=utf-8"
    assert shared_with(response) == "*"
    assert response["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert not re.search(rb"""\bimport\s*[("'{*]|\bfrom\s*["']""", response.content)


def test_script_is_compressed_for_who_takes_that(client: Client, script: Path) -> None:
    response = client.get("/widgets.js", headers={"Accept-Encoding": "gzip, br"})
    assert response["Content-Encoding"] == "gzip"
    assert gzip.decompress(response.content) == script.read_bytes()
    assert "Accept-Encoding" in response["Vary"]


def test_newest_script_is_asked_for_again_and_a_versioned_one_never(client: Client, script: Path) -> None:
    newest = client.get("/widgets.js")
    assert "max-age=300" in newest["Cache-Control"]
    again = client.get("/widgets.js", headers={"If-None-Match": newest["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    versioned = client.get(f"/widgets.{bundle.load().version}.js", headers={"Origin": STRANGE})
    assert versioned.content == newest.content
    assert versioned["Cache-Control"] == "public, max-age=31536000, immutable"
    assert shared_with(versioned) == "*"


def test_script_of_another_version_is_not_found(client: Client, script: Path) -> None:
    response = client.get("/widgets.0123456789abcdef.js")
    assert response.status_code == 404
    assert bundle.load().version in response.content.decode()


def test_command_prints_the_element_with_the_integrity_of_the_script(client: Client, script: Path) -> None:
    found = re.fullmatch(
        r'<script type="module" src="https://hub\.example\.com(/widgets\.\w+\.js)" '
        r'integrity="sha384-(.+)" crossorigin="anonymous"></script>',
        printed("https://hub.example.com/"),
    )
    assert found
    code = client.get(found[1]).content
    assert base64.b64decode(found[2]) == hashlib.sha384(code).digest()


def test_hub_without_the_script_says_how_it_is_built(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "NAME", "hub/built/no-such.js")
    response = client.get("/widgets.js")
    assert response.status_code == 503
    assert "make run" in response.content.decode()
    assert shared_with(response) == "*"
    with pytest.raises(CommandError, match="make run"):
        printed()


@pytest.mark.parametrize(
    ("asked", "language", "alerts"),
    [("en", "en", "Alerts"), ("ru", "ru", "Уведомления"), ("ru-RU", "ru", "Уведомления"), ("xx", "en", "Alerts")],
)
def test_texts_come_in_the_nearest_language_whoever_asks(
    client: Client, asked: str, language: str, alerts: str
) -> None:
    response = client.get(f"/widgets/{asked}.json", headers={"Accept-Language": "de"})
    said: dict[str, Any] = json.loads(response.content)
    assert (said["language"], said["texts"]["alerts"]) == (language, alerts)
    assert said["messageLimit"] == 4000
    again = client.get(f"/widgets/{asked}.json", headers={"If-None-Match": response["ETag"]})
    assert again.status_code == 304
    assert "max-age" in again["Cache-Control"]


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        (PRODUCT, True),
        (TRUSTED, True),
        (STRANGE, False),
        ("null", False),
        ("", False),
        ("*", False),
        ("https://product.example.strange.example", False),
        ("https://strange.example#https://product.example", False),
        ("http://product.example", False),
        ("https://product.example\N{LATIN SMALL LETTER I WITH ACUTE}", False),
        (None, False),
    ],
)
@pytest.mark.parametrize("cached", [False, True])
def test_texts_are_for_pages_of_allowed_origins(
    client: Client, origin: str | None, allowed: bool, cached: bool
) -> None:
    headers = {} if origin is None else {"Origin": origin}
    if cached:
        headers["If-None-Match"] = client.get("/widgets/en.json")["ETag"]
    response = client.get("/widgets/en.json", headers=headers)
    assert shared_with(response) == (origin if allowed else None)
    assert "Origin" in response["Vary"]


def test_texts_are_the_same_for_everybody(client: Client) -> None:
    assert not client.get("/widgets/en.json", headers={"Origin": PRODUCT}).cookies
    assert client.post("/widgets/en.json", headers={"Origin": PRODUCT}).status_code == 405
