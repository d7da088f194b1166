"""A variable that the hub does not know is ignored, and said at the start with the one that was meant."""

import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from django.core import checks
from pytest_django.fixtures import Settings

from hub.config.misspelt import known, sentences, sentences_of_django
from hub.supervisor.database import prepare
from lab.harness import forking
from lab.harness.environment import BASE_DIR, clean_environment


@pytest.fixture(autouse=True)
def only_what_the_test_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.upper().startswith("HUB_")]:
        monkeypatch.delenv(name)


def misspellings(name: str) -> Iterator[str]:
    """Each letter of ``name`` after the prefix left out, doubled, and swapped with the next one."""
    for place in range(len("HUB_"), len(name)):
        left, letter, right = name[:place], name[place], name[place + 1 :]
        yield from (left + right, left + letter + letter + right)
        if right:
            yield left + right[0] + letter + right[1:]


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(name for name in known() if name.startswith("HUB_")))
def test_misspelt_variable_is_named_with_the_one_that_was_meant(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    written = set(misspellings(name)) - known()
    for one in written:
        monkeypatch.setenv(one, "canary")
    said = {sentence.partition(" ")[0]: sentence for sentence in sentences()}
    assert said.keys() == written and "canary" not in str(said)
    # Of several names that are as near any one is named.
    assert [said[one] for one in written if "did you mean" not in said[one]] == []
    assert sum(said[one].endswith(f"did you mean {name}?") for one in written) > len(written) * 0.9


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("HUB_WEB_PROCESES", "HUB_WEB_PROCESSES?"),
        ("HUB_LIMIT_SINGUP", "HUB_LIMIT_SIGNUP?"),
        ("HUB_TOKEN_SECRETS", "HUB_TOKEN_SECRET?"),
        ("hub_port", "HUB_PORT?"),
        ("Hub_Port", "HUB_PORT?"),
        ("HUB_SECRET_KEY", "SECRET_KEY?"),
        ("HUB_REDIS_URL", "REDIS_URL?"),
        ("HUB_DATABASE_URL_FILE", "DATABASE_URL_FILE?"),
        ("HUB_OPERATR_TOKEN_FILE", "HUB_OPERATOR_TOKEN_FILE?"),
        ("HUB_", "docs/settings.md of the hub lists those that are."),
        ("HUB_SERVICE_PORT_8000_TCP_ADDR", "docs/settings.md of the hub lists those that are."),
        ("HUB_ЯЗЫК", "docs/settings.md of the hub lists those that are."),
    ],
)
def test_what_was_meant(written: str, meant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(written, "canary")
    (said,) = sentences()
    assert said.startswith(f"{written} is no variable of the hub and is ignored: ") and said.endswith(meant)
    assert [message.msg for message in checks.run_checks() if message.id == "hub.W001"] == [said]


def test_product_is_told_of_each_name_that_it_may_set(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable of the hub that runs alone has another name than the setting of a product."""
    monkeypatch.setattr("hub.config.misspelt.is_own_project", lambda: False)
    monkeypatch.setenv("HUB_REDIS_URL", "canary")
    assert sentences() == []
    del settings.HUB_REDIS_URL
    (said,) = sentences()
    assert said.startswith("HUB_REDIS_URL is set in the environment, ") and "canary" not in said


@pytest.mark.parametrize(("name", "django"), [("HUB_TIME_ZONE", "TIME_ZONE"), ("HUB_SECRET_KEY", "SECRET_KEY")])
def test_setting_that_is_djangos_is_named(name: str, django: str, settings: Settings) -> None:
    setattr(settings, name, "canary")
    assert sentences_of_django() == [f"{name} has no effect in Django's settings: set {django}."]


def test_nothing_is_said_of_variables_that_are_read_nor_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in known():
        monkeypatch.setenv(f"{name}_FILE", "/run/secrets/of-nobody")
        monkeypatch.setenv(name, "canary")
    for name in ("HUBBLE_PORT", "GITHUB_TOKEN", "PORT", "DOCKER_HUB_USER"):
        monkeypatch.setenv(name, "canary")
    assert sentences() == []


@pytest.mark.django_db(transaction=True)
def test_start_says_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_WEB_PROCESES", "4")
    assert [line for line in prepare().lines if "did you mean HUB_WEB_PROCESSES?" in line]


@pytest.mark.slow
@pytest.mark.parametrize("settings", [{}, {"HUB_ENV": "development", "HUB_PORT_FILE": ""}])
def test_check_warns_and_does_not_fail(settings: Mapping[str, str], tmp_path: Path) -> None:
    ended = forking.run(
        [sys.executable, "manage.py", "check"],
        cwd=BASE_DIR,
        env=clean_environment(HUB_LOG_LEVL="DEBUG", HUB_DATA_DIR=str(tmp_path / "data"), **settings),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0
    assert "(hub.W001) HUB_LOG_LEVL is no variable of the hub" in ended.stderr
    assert ended.stderr.count("hub.W001") == 1
