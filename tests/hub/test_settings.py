"""The hub's own settings, ``HUB_…`` in Django's: what is no such value is said in a sentence, before it does harm."""

import re
import shlex
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from django.core import checks
from pytest_django.fixtures import Settings

from hub.config import HubSettings, UnusableEnvironment, faults, hub_settings, read_environment
from hub.config.declaration import facts_of, variable_of
from hub.config.kinds import BulkQueue, DeliveriesQueue, Proxies, from_text, in_words
from hub.config.reading import kind_of
from lab import settings_page
from tests.hub.test_production_checks import ENTRIES, run

RETENTION = 'HUB_RETENTION must be JSON like {"room": {"items": 5000, "days": 365}}, with numbers from 0 (no limit) up'

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
    ("HUB_SIGNUP", "no", "HUB_SIGNUP must be true or false, not 'no'."),
    ("HUB_REDIS_PREFIX", b"hub", "HUB_REDIS_PREFIX must be a text, not b'hub'."),
    (
        "HUB_CLIENT_BROADCAST",
        "everyone",
        "HUB_CLIENT_BROADCAST must be 'staff' or 'authenticated' or 'anyone', not 'everyone'.",
    ),
    ("HUB_RETENTION", 5, f"{RETENTION}, not 5."),
    ("HUB_RETENTION", {"room": {"itms": 5}}, f"{RETENTION}, not {{'room': {{'itms': 5}}}}."),
    ("HUB_RETENTION", {"room": {"days": -1}}, f"{RETENTION}, not {{'room': {{'days': -1}}}}."),
    (
        "HUB_TRUSTED_PROXIES",
        ["proxy"],
        "HUB_TRUSTED_PROXIES must be " + in_words(Proxies) + ", not ['proxy'].",
    ),
    *[
        ("HUB_DELIVERIES_QUEUE", name, f"HUB_DELIVERIES_QUEUE must be {in_words(DeliveriesQueue)}, not {name!r}.")
        for name in ("a,b", "a b", "unacked", "unacked_index", "_kombu.binding.x", "-Q", "a\n", "ü", "bulk")
    ],
    ("HUB_BULK_QUEUE", "deliveries", f"HUB_BULK_QUEUE must be {in_words(BulkQueue)}, not 'deliveries'."),
    ("HUB_LEASE_BEAT", 30, "HUB_LEASE_BEAT must be below HUB_LEASE_SECONDS: a third of it."),
]

RIGHT: list[tuple[str, Any]] = [
    ("HUB_REDIS_TIMEOUT", 2),
    ("HUB_REPAIR_INTERVAL", 0),
    ("HUB_CONNECTIONS_PER_ADDRESS", 0),
    ("HUB_TOKEN_SECRET", ("1" * 32, "2" * 32)),
    ("HUB_RETENTION", {"room": {"items": 5}, "user": {}}),
    *[("HUB_DELIVERIES_QUEUE", name) for name in ("", "deliveries", "default", "shop.alerts_2-eu", "x" * 100)],
    *[("HUB_BULK_QUEUE", name) for name in ("", "bulk", "default")],
]


@pytest.mark.parametrize(("name", "value", "sentence"), WRONG, ids=[f"{name}={value}" for name, value, _ in WRONG])
def test_what_is_no_such_value_is_said_in_a_sentence(settings: Settings, name: str, value: Any, sentence: str) -> None:
    setattr(settings, name, value)
    assert faults() == [sentence]


def test_name_of_a_queue_is_no_longer_than_its_column(settings: Settings) -> None:
    settings.HUB_BULK_QUEUE = "x" * 101
    (said,) = faults()
    assert said.startswith(f"HUB_BULK_QUEUE must be {in_words(BulkQueue)}, not 'xxx")


@pytest.mark.parametrize(("name", "value"), RIGHT, ids=[f"{name}={value}" for name, value in RIGHT])
def test_what_means_something_is_taken(settings: Settings, name: str, value: Any) -> None:
    setattr(settings, name, value)
    assert faults() == []


@pytest.mark.parametrize("value", ["canary", ["canary"]])
def test_secret_is_in_no_sentence(settings: Settings, value: Any) -> None:
    settings.HUB_TOKEN_SECRET = value
    (said,) = faults()
    assert said.startswith("HUB_TOKEN_SECRET must be secrets of at least 32 ")
    assert "canary" not in said


#: Those that Django's settings hold under the hub's own names.
OWN = [setting for setting in fields(HubSettings) if not facts_of(setting).django]


def test_every_setting_is_looked_at(settings: Settings) -> None:
    for setting in OWN:
        setattr(settings, f"HUB_{setting.name.upper()}", object())
    assert [sentence.split()[0] for sentence in faults()] == [f"HUB_{setting.name.upper()}" for setting in OWN]


def test_what_holds_where_nothing_is_set_is_right(settings: Settings) -> None:
    for setting in OWN:
        setattr(settings, f"HUB_{setting.name.upper()}", getattr(HubSettings(), setting.name))
    assert faults() == []


def test_what_djangos_settings_say_is_in_force(settings: Settings) -> None:
    settings.HUB_REQUESTS = 7
    assert hub_settings().requests == 7


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


def examples() -> dict[str, str]:
    """Each variable with the value that it has in ``.env.example``; secrets, which have none, left out."""
    lines = re.findall(r"^#([A-Z_]+=.*)$", settings_page.EXAMPLE.read_text(), flags=re.MULTILINE)
    shown = dict(shlex.split(line)[0].split("=", 1) for line in lines)
    return {name: text for name, text in shown.items() if text}


@pytest.mark.slow
def test_every_example_is_a_value() -> None:
    declared = {variable_of(setting): setting for setting in fields(HubSettings)}
    for name, text in examples().items():
        from_text(kind_of(declared[name]), text)
    assert {name for name in declared if name not in examples()} == {
        "SECRET_KEY",
        "HUB_ADMIN_PASSWORD",
        "HUB_OPERATOR_TOKEN",
        "HUB_TOKEN_SECRET",
    }


@pytest.mark.slow
def test_environment_sets_every_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in examples().items():
        monkeypatch.setenv(name, text)
    read = read_environment()
    for setting in fields(HubSettings):
        if variable_of(setting) in examples():
            expected = from_text(kind_of(setting), examples()[variable_of(setting)])
            assert getattr(read, setting.name) == expected, setting.name


def test_defaults_of_development_are_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HUB_ENV", raising=False)
    development = read_environment()
    monkeypatch.setenv("HUB_ENV", "production")
    production = read_environment()
    differing = {
        one.name for one in fields(HubSettings) if getattr(development, one.name) != getattr(production, one.name)
    }
    assert differing == {"env", "https", "signup", "api_docs", "log_json", "open_rooms_by_connecting"}
    monkeypatch.setenv("HUB_ENV", "development")
    monkeypatch.setenv("HUB_SIGNUP", "false")
    assert read_environment().signup is False


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("HUB_WRITE_BUFFER", "1MB", "HUB_WRITE_BUFFER must be a whole number from 1 up, not '1MB'."),
        ("HUB_WRITE_BUFFER", "0", "HUB_WRITE_BUFFER must be a whole number from 1 up, not '0'."),
        ("HUB_WRITE_BUFFER", "1.5", "HUB_WRITE_BUFFER must be a whole number from 1 up, not '1.5'."),
        ("HUB_REDIS_TIMEOUT", "nan", "HUB_REDIS_TIMEOUT must be a number above 0, not 'nan'."),
        ("HUB_REDIS_TIMEOUT", "soon", "HUB_REDIS_TIMEOUT must be a number above 0, not 'soon'."),
        ("HUB_REDIS_TIMEOUT", "inf", "HUB_REDIS_TIMEOUT must be a number above 0, not 'inf'."),
        ("HUB_ENV", "", "HUB_ENV must be 'development' or 'production', not ''."),
        ("HUB_TIME_ZONE", "Mars", "HUB_TIME_ZONE must be a time zone such as Europe/Berlin, not 'Mars'."),
        ("HUB_WEB_PROCESSES", "300", "HUB_WEB_PROCESSES must be a whole number from 1 to 256, not '300'."),
        ("HUB_LEASE_SECONDS", "10", "HUB_LEASE_BEAT must be below HUB_LEASE_SECONDS: a third of it."),
    ],
)
def test_environment_that_sets_no_such_value_is_refused(
    name: str, text: str, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, text)
    with pytest.raises(UnusableEnvironment) as refusal:
        read_environment()
    assert str(refusal.value) == sentence


def test_all_that_is_wrong_is_told_at_once_and_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = {"HUB_PORT": "eighty", "DATABASE_URL": "oracle://canary@host", "HUB_SIGNUP": "ture", "REDIS_URL": "canary"}
    for name, text in wrong.items():
        monkeypatch.setenv(name, text)
    monkeypatch.setenv("HUB_REQUESTS_FILE", "/nowhere/at-all")
    with pytest.raises(UnusableEnvironment) as refusal:
        read_environment()
    said = str(refusal.value).splitlines()
    assert {line.split()[0] for line in said} == {*wrong, "HUB_REQUESTS_FILE"} and len(said) == 5
    assert "canary" not in str(refusal.value)


def test_empty_variable_sets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    before = read_environment()
    monkeypatch.setenv("HUB_WRITE_BUFFER", "")
    assert read_environment() == before


@pytest.mark.parametrize("text", ["true", "TRUE", "yes", "on", "1", " true "])
def test_words_for_true(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_HTTPS", text)
    assert read_environment().https is True


@pytest.mark.parametrize("text", ["false", "False", "no", "off", "0"])
def test_words_for_false(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_LOG_JSON", text)
    assert read_environment().log_json is False


@pytest.mark.parametrize("text", ["ture", '"true"', "2", "y es", "нет"])
def test_boolean_that_is_neither_names_its_variable(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_HTTPS", text)
    with pytest.raises(UnusableEnvironment, match=r"^HUB_HTTPS must be true or false, not "):
        read_environment()
