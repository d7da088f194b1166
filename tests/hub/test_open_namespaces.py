"""Namespaces that ``HUB_OPEN_NAMESPACES`` opens without code."""

import os
import sys
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ImproperlyConfigured

from hub.channels import UnknownChannel, find, namespace_of, open_namespaces
from hub.config import UnusableEnvironment, read_environment
from hub.config.kinds import NamespaceOptions, OpenNamespaces, from_text
from lab.harness import forking
from lab.harness.environment import BASE_DIR, clean_environment
from tests.support.namespaces import forget_later
from tests.support.people import User


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test opens is closed after it."""
    forget_later(monkeypatch)


def read(text: str) -> dict[str, NamespaceOptions]:
    options: dict[str, NamespaceOptions] = from_text(OpenNamespaces, text)
    return options


def opened(text: str) -> None:
    open_namespaces.open_all(read(text))


def test_nothing_is_open_without_the_setting() -> None:
    assert read_environment().open_namespaces == {}
    for channel in ("news:1", "anything"):
        with pytest.raises(UnknownChannel):
            namespace_of(channel)


def test_a_namespace_is_open_for_what_the_setting_says_and_no_more() -> None:
    opened('{"news": {"publish": true, "history_size": 100, "history_ttl": 300}, "quiet": {"subscribe": false}}')
    news, arguments = find("news:a-1")
    user = User()
    assert arguments == {"id": "a-1"}
    assert news.can_publish is not None and news.can_publish(user) and not news.can_publish(AnonymousUser())
    assert (news.durable, news.keep_items, news.keep_days) == (True, 100, 300 / 86400)
    assert news.can_see_presence is None and not news.presence and not news.join_leave
    assert find("quiet:1")[0].can_subscribe is None and not find("quiet:1")[0].durable


def test_guests_and_the_default_namespace_are_opened_by_name() -> None:
    opened('{"": {"guests": true, "presence": true, "join_leave": true}}')
    namespace, _ = find("Any-name_1")
    assert namespace.can_subscribe is not None and namespace.can_subscribe(AnonymousUser())
    assert namespace.counts_guests and namespace.join_leave
    assert find("everyone")[0].name == "everyone"
    with pytest.raises(UnknownChannel):
        find("control")


@pytest.mark.parametrize(("age", "seconds"), [('"90s"', 90), ('"5m"', 300), ('"2h"', 7200), ('"1d"', 86400), ("7", 7)])
def test_an_age_is_a_number_of_seconds_or_a_text(age: str, seconds: float) -> None:
    (options,) = read(f'{{"a": {{"history_ttl": {age}}}}}').values()
    assert options.seconds == seconds


@pytest.mark.parametrize(
    "text",
    [
        "nonsense",
        "[]",
        '{"news": true}',
        '{"news": {"publsh": true}}',
        '{"news": {"publish": "yes"}}',
        '{"News": {}}',
        '{"news:1": {}}',
        '{"news": {"history_size": -1}}',
        '{"news": {"history_ttl": "soon"}}',
    ],
)
def test_what_makes_no_sense_is_refused_in_one_sentence(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_OPEN_NAMESPACES", text)
    with pytest.raises(UnusableEnvironment, match=r"^HUB_OPEN_NAMESPACES must be JSON like") as refused:
        read_environment()
    assert "\n" not in str(refused.value)


def test_djangos_settings_may_name_the_options_as_the_environment_does() -> None:
    open_namespaces.open_all({"news": {"publish": True}})
    assert find("news:1")[0].can_publish is not None


@pytest.mark.parametrize("namespaces", [["news"], {"news": {"publsh": True}}, {"News": {}}, {"news": True}])
def test_what_makes_no_sense_in_djangos_settings_is_refused_in_one_sentence(namespaces: Any) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"^HUB_OPEN_NAMESPACES must map names to their options") as refused:
        open_namespaces.open_all(namespaces)
    assert "\n" not in str(refused.value)


def test_a_setting_cannot_undo_the_rules_of_an_app() -> None:
    with pytest.raises(ImproperlyConfigured, match="names 'user', which an app declares"):
        opened('{"user": {}}')


@pytest.mark.slow
@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"HUB_OPEN_NAMESPACES": '{"a": 1}'}, "Error: HUB_OPEN_NAMESPACES must be JSON"),
        ({"HUB_OPEN_NAMESPACES": '{"room": {}}'}, "Error: HUB_OPEN_NAMESPACES names 'room'"),
        (
            {"HUB_TOKEN_SECRET": "short"},
            "Error: HUB_TOKEN_SECRET (or HUB_TOKEN_SECRET_FILE) must be secrets of at least 32",
        ),
        (
            {
                "HUB_ENV": "production",
                "SECRET_KEY": os.urandom(40).hex(),
                "HUB_ALLOW_UNSAFE": "sqlite",
                "HUB_OPEN_NAMESPACES": '{"a": {}}',
            },
            "Error: HUB_OPEN_NAMESPACES opens channels without a rule and is for development",
        ),
    ],
)
def test_a_hub_that_cannot_start_says_why_in_one_sentence(
    tmp_path: Path, variables: dict[str, str], sentence: str
) -> None:
    ended = forking.run(
        [sys.executable, "-c", "import hub.asgi"],
        cwd=BASE_DIR,
        env=clean_environment(HUB_DATA_DIR=str(tmp_path), **variables),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert ended.stderr.startswith(sentence)
    assert len(ended.stderr.splitlines()) == 1
