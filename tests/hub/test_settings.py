"""The hub's own settings, ``HUB_…`` in Django's: what is no such value is said in a sentence, before it does harm."""

from dataclasses import Field, fields
from pathlib import Path
from typing import Any

import pytest
from django.core import checks
from pytest_django.fixtures import Settings

from hub.config import READ_ELSEWHERE, faults, from_environment
from hub.config.environment import UnusableEnvironment, boolean
from hub.config.typed_settings import HubSettings
from tests.hub.test_safety import ENTRIES, run

RETENTION = "HUB_RETENTION must be a mapping from a text to a mapping from 'items' or 'days' to a number from 0 up"

WRONG: list[tuple[str, Any, str]] = [
    ("HUB_WRITE_BUFFER", "1MB", "HUB_WRITE_BUFFER must be a whole number from 1 up, not '1MB'."),
    ("HUB_WRITE_BUFFER", 1e6, "HUB_WRITE_BUFFER must be a whole number from 1 up, not 1000000.0."),
    ("HUB_DATABASE_THREADS", 0, "HUB_DATABASE_THREADS must be a whole number from 1 up, not 0."),
    ("HUB_DATABASE_THREADS", True, "HUB_DATABASE_THREADS must be a whole number from 1 up, not True."),
    ("HUB_CONNECTIONS_PER_USER", -1, "HUB_CONNECTIONS_PER_USER must be a whole number from 0 up, not -1."),
    ("HUB_REDIS_TIMEOUT", 0, "HUB_REDIS_TIMEOUT must be a number above 0, not 0."),
    ("HUB_REDIS_TIMEOUT", "1.5", "HUB_REDIS_TIMEOUT must be a number above 0, not '1.5'."),
    ("HUB_REDIS_TIMEOUT", None, "HUB_REDIS_TIMEOUT must be a number above 0, not None."),
    ("HUB_REPAIR_INTERVAL", -0.5, "HUB_REPAIR_INTERVAL must be a number from 0 up, not -0.5."),
    ("HUB_SOCKET_BURST", float("nan"), "HUB_SOCKET_BURST must be a number from 1 up, not nan."),
    ("HUB_SIGNUP", "no", "HUB_SIGNUP must be True or False, not 'no'."),
    ("HUB_REDIS_PREFIX", b"hub", "HUB_REDIS_PREFIX must be a text, not b'hub'."),
    (
        "HUB_CLIENT_BROADCAST",
        "everyone",
        "HUB_CLIENT_BROADCAST must be 'staff' or 'authenticated' or 'anyone', not 'everyone'.",
    ),
    ("HUB_RETENTION", 5, f"{RETENTION}, not 5."),
    ("HUB_RETENTION", {"room": {"itms": 5}}, f"{RETENTION}, not {{'room': {{'itms': 5}}}}."),
    ("HUB_RETENTION", {"room": {"days": -1}}, f"{RETENTION}, not {{'room': {{'days': -1}}}}."),
    ("HUB_OPEN_NAMESPACES", ["news"], "HUB_OPEN_NAMESPACES must be a mapping from a text to anything, not ['news']."),
    ("HUB_TOKEN_SECRET", "canary", "HUB_TOKEN_SECRET must be a list in which each is a text."),
]

RIGHT: list[tuple[str, Any]] = [
    ("HUB_REDIS_TIMEOUT", 2),
    ("HUB_REPAIR_INTERVAL", 0),
    ("HUB_CONNECTIONS_PER_ADDRESS", 0),
    ("HUB_TOKEN_SECRET", ("one", "two")),
    ("HUB_RETENTION", {"room": {"items": 5}, "user": {}}),
]


@pytest.mark.parametrize(("name", "value", "sentence"), WRONG, ids=[f"{name}={value}" for name, value, _ in WRONG])
def test_what_is_no_such_value_is_said_in_a_sentence(settings: Settings, name: str, value: Any, sentence: str) -> None:
    setattr(settings, name, value)
    assert faults() == [sentence]


@pytest.mark.parametrize(("name", "value"), RIGHT, ids=[f"{name}={value}" for name, value in RIGHT])
def test_what_means_something_is_taken(settings: Settings, name: str, value: Any) -> None:
    setattr(settings, name, value)
    assert faults() == []


def test_every_setting_is_looked_at(settings: Settings) -> None:
    for setting in fields(HubSettings):
        setattr(settings, f"HUB_{setting.name.upper()}", object())
    said = faults()
    assert [sentence.split()[0] for sentence in said] == [
        f"HUB_{setting.name.upper()}" for setting in fields(HubSettings)
    ]


def test_what_holds_where_nothing_is_set_is_right(settings: Settings) -> None:
    for setting in fields(HubSettings):
        setattr(settings, f"HUB_{setting.name.upper()}", getattr(HubSettings(), setting.name))
    assert faults() == []


def test_the_check_says_all_that_is_wrong(settings: Settings) -> None:
    settings.HUB_DATABASE_THREADS, settings.HUB_WRITE_BUFFER, settings.HUB_RETENTION = 0, "1MB", 5
    found = [message.msg for message in checks.run_checks() if (message.id or "").startswith("hub.E")]
    assert found == faults() and len(found) == 3


@pytest.mark.slow
@pytest.mark.parametrize("entry", ENTRIES)
def test_every_entry_refuses_what_is_wrong_in_a_sentence(entry: str, tmp_path: Path) -> None:
    (tmp_path / "wrong_settings.py").write_text("from hub.settings import *\n\nHUB_DATABASE_THREADS = 0\n")
    ended = run(ENTRIES[entry], tmp_path, DJANGO_SETTINGS_MODULE="wrong_settings", PYTHONPATH=str(tmp_path))
    said = ended.stdout + ended.stderr
    assert ended.returncode != 0
    assert "HUB_DATABASE_THREADS must be a whole number from 1 up, not 0." in said
    assert "Traceback" not in said


@pytest.mark.parametrize("setting", [setting for setting in fields(HubSettings) if setting.name not in READ_ELSEWHERE])
def test_environment_sets_every_setting(setting: Field[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    name, default = f"HUB_{setting.name.upper()}", getattr(HubSettings(), setting.name)
    value = {"": "a text", (): ["room_opened", "user_signed_up"]}.get(default, default)
    monkeypatch.setenv(name, ", ".join(value) if isinstance(value, list) else str(value))
    assert from_environment(but=READ_ELSEWHERE)[name] == value


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("HUB_WRITE_BUFFER", "1MB", "HUB_WRITE_BUFFER must be a whole number from 1 up, not '1MB'."),
        ("HUB_WRITE_BUFFER", "0", "HUB_WRITE_BUFFER must be a whole number from 1 up, not '0'."),
        ("HUB_WRITE_BUFFER", "1.5", "HUB_WRITE_BUFFER must be a whole number from 1 up, not '1.5'."),
        ("HUB_REDIS_TIMEOUT", "nan", "HUB_REDIS_TIMEOUT must be a number above 0, not 'nan'."),
        ("HUB_REDIS_TIMEOUT", "soon", "HUB_REDIS_TIMEOUT must be a number above 0, not 'soon'."),
    ],
)
def test_environment_that_sets_no_such_value_is_refused(
    name: str, text: str, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, text)
    with pytest.raises(UnusableEnvironment) as refusal:
        from_environment(but=READ_ELSEWHERE)
    assert str(refusal.value) == sentence


def test_empty_variable_sets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_WRITE_BUFFER", "")
    assert from_environment(but=READ_ELSEWHERE) == {}


@pytest.mark.parametrize("text", ["true", "TRUE", "yes", "on", "1", " true "])
def test_words_for_true(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_HTTPS", text)
    assert boolean("HUB_HTTPS") is True


@pytest.mark.parametrize("text", ["false", "False", "no", "off", "0"])
def test_words_for_false(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_HTTPS", text)
    assert boolean("HUB_HTTPS", default=True) is False


@pytest.mark.parametrize("text", ["ture", '"true"', "2", "y es", "нет"])
def test_boolean_that_is_neither_names_its_variable(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_HTTPS", text)
    with pytest.raises(UnusableEnvironment, match=r"^HUB_HTTPS must be true or false, not "):
        boolean("HUB_HTTPS")
