"""The prefix of a hub's URLs: what it may be, and what an application below it sees."""

from typing import Any

import pytest
from django.urls import get_script_prefix, set_script_prefix

from hub.config import UnusableEnvironment, read_environment
from hub.mounting.prefix import mounted


@pytest.fixture(autouse=True)
def prefix_ends_with_the_test() -> Any:
    yield
    set_script_prefix("/")


@pytest.mark.parametrize(
    ("text", "prefix"),
    [("", ""), ("/", ""), ("/hub", "/hub"), ("/hub/", "/hub"), (" /a/b-c/d.e_f~1 ", "/a/b-c/d.e_f~1")],
)
def test_prefix_is_read(monkeypatch: pytest.MonkeyPatch, text: str, prefix: str) -> None:
    monkeypatch.setenv("HUB_URL_PREFIX", text)
    assert read_environment().url_prefix == prefix


@pytest.mark.parametrize(
    "text",
    ["hub", "https://example.com/hub", "//hub", "/a//b", "/../x", "/a/.", "/a b", "/хаб", "/a?b", "/%41", "/a\nb"],
)
def test_what_is_no_path_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("HUB_URL_PREFIX", text)
    with pytest.raises(UnusableEnvironment, match="HUB_URL_PREFIX must be a path such as /hub"):
        read_environment()


@pytest.mark.parametrize(
    ("asked", "seen"),
    [
        ("/hub/chat/", "/hub/chat/"),
        ("/chat/", "/hub/chat/"),
        ("/hub", "/hub/"),
        ("/hub/", "/hub/"),
        ("/", "/hub/"),
        ("/hubs/", "/hub/hubs/"),
        ("/hub/hub/", "/hub/hub/"),
    ],
)
@pytest.mark.parametrize("kind", ["http", "websocket"])
async def test_application_finds_the_prefix(asked: str, seen: str, kind: str) -> None:
    found: dict[str, Any] = {}

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        found.update(scope, prefix=get_script_prefix())

    await mounted(application, "/hub")({"type": kind, "path": asked, "raw_path": asked.encode()}, None, None)
    assert (found["path"], found["root_path"], found["prefix"]) == (seen, "/hub", "/hub/")


async def test_without_prefix_nothing_stands_between() -> None:
    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        raise AssertionError

    assert mounted(application, "") is application
