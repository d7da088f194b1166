"""Production does not start with settings that would be unsafe: one sentence in every entry, and no secret in it."""

import base64
import secrets
import string
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.config import UnusableEnvironment
from hub.config.production_checks import NAMES, refuse_unsafe
from hub.config.weak_secrets import is_guessable, unforeseeable
from lab.harness import forking
from lab.harness.environment import BASE_DIR, clean_environment

KEY = "canary-Zk3v9QmT1xW7bR5nL0pYcHsEuJ2aDfG8iO6tV4-KzXqNwMrB"
PASSWORD = "canary-pZ7rQ2mV9x"

SAFE: dict[str, Any] = {
    "SECRET_KEY": KEY,
    "DEBUG": False,
    "ALLOWED_HOSTS": ["hub.example.com", ".example.org"],
    "HUB_REDIS_URL": f"redis://:{PASSWORD}@redis.internal:6379/0",
    "CHANNEL_LAYERS": {"default": {"BACKEND": "hub.bus.redis_layer.HubChannelLayer"}},
    "CELERY_ACCEPT_CONTENT": ["json"],
    "HUB_OPEN_NAMESPACES": {},
    "HUB_TOKEN_SECRET": [KEY],
    "HUB_HTTPS": True,
    "CSRF_TRUSTED_ORIGINS": ["https://app.example.com", "https://*.example.org"],
    "HUB_TOKEN_ORIGINS": ["https://product.example.com"],
    "EMAIL_HOST": "mail.example.com",
    "HUB_TRUSTED_PROXIES": ["10.0.0.0/8", "192.0.2.7"],
    "DATABASES": {"default": {"ENGINE": "django.db.backends.postgresql", "HOST": "db.internal", "PASSWORD": PASSWORD}},
}


def postgres(**settings: object) -> dict[str, dict[str, object]]:
    return {"default": {"ENGINE": "django.db.backends.postgresql", "HOST": "db.internal", **settings}}


#: The setting, a value that is unsafe, the danger it is, and the variable that the sentence names.
UNSAFE = [
    ("SECRET_KEY", "", "secret-key", "SECRET_KEY"),
    ("SECRET_KEY", KEY[:49], "secret-key", "SECRET_KEY"),
    ("SECRET_KEY", "abababab" * 20, "secret-key", "SECRET_KEY"),
    ("SECRET_KEY", "a" * 64, "secret-key", "SECRET_KEY"),
    ("SECRET_KEY", "canary-Zk3v9QmT1" * 5, "secret-key", "SECRET_KEY"),
    ("SECRET_KEY", "django-insecure-" + KEY, "secret-key", "SECRET_KEY"),
    ("SECRET_KEY", "only-while-building-0123456789-abcdefghijklmnopqrstuvwxyz-ABC", "secret-key", "SECRET_KEY"),
    ("SECRET_KEY", "change-me-" * 6, "secret-key", "SECRET_KEY"),
    ("DEBUG", True, "debug", "HUB_DEBUG"),
    ("ALLOWED_HOSTS", ["hub.example.com", "*"], "allowed-hosts", "HUB_ALLOWED_HOSTS"),
    ("HUB_REDIS_URL", "redis://redis.internal:6379/0", "redis-password", "REDIS_URL"),
    ("HUB_REDIS_URL", "redis://user@10.0.0.1/0", "redis-password", "REDIS_URL"),
    ("HUB_REDIS_URL", "rediss://10.0.0.1", "redis-password", "REDIS_URL"),
    ("HUB_REDIS_URL", "redis://:password1234@10.0.0.1/0", "redis-password", "REDIS_URL"),
    ("HUB_REDIS_URL", "redis://10.0.0.1/0?password=short", "redis-password", "REDIS_URL"),
    ("HUB_REDIS_URL", "redis://127.0.0.1.example.com/0", "redis-password", "REDIS_URL"),
    ("HUB_REDIS_URL", "redis://[broken/0", "redis-password", "REDIS_URL"),
    (
        "CHANNEL_LAYERS",
        {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}},
        "memory-layer",
        "CHANNEL_LAYERS",
    ),
    ("CELERY_ACCEPT_CONTENT", ["json", "pickle"], "pickle", "CELERY_ACCEPT_CONTENT"),
    ("CELERY_ACCEPT_CONTENT", ["application/x-python-serialize"], "pickle", "CELERY_ACCEPT_CONTENT"),
    ("HUB_OPEN_NAMESPACES", {"news": {}}, "open-namespaces", "HUB_OPEN_NAMESPACES"),
    ("HUB_TOKEN_SECRET", ["a" * 36], "token-secret", "HUB_TOKEN_SECRET"),
    ("HUB_TOKEN_SECRET", [KEY, "0123456789abcdef" * 2], "token-secret", "HUB_TOKEN_SECRET"),
    ("HUB_TOKEN_SECRET", ["your-256-bit-secret-your-256-bit-secret"], "token-secret", "HUB_TOKEN_SECRET"),
    ("HUB_OPERATOR_TOKEN", "short-but-random-x9Q", "operator-token", "HUB_OPERATOR_TOKEN"),
    ("HUB_OPERATOR_TOKEN", "0" * 40, "operator-token", "HUB_OPERATOR_TOKEN"),
    ("HUB_HTTPS", False, "plain-http", "HUB_HTTPS"),
    ("CSRF_TRUSTED_ORIGINS", ["https://*"], "origins", "HUB_TRUSTED_ORIGINS"),
    ("HUB_TOKEN_ORIGINS", ["http://product.example.com"], "origins", "HUB_TOKEN_ORIGINS"),
    ("CSRF_TRUSTED_ORIGINS", ["https://*.com"], "origins", "HUB_TRUSTED_ORIGINS"),
    ("CSRF_TRUSTED_ORIGINS", ["https://app.example.com", "http://app.example.com"], "origins", "HUB_TRUSTED_ORIGINS"),
    ("HUB_TRUSTED_PROXIES", ["*"], "trusted-proxies", "HUB_TRUSTED_PROXIES"),
    ("HUB_TRUSTED_PROXIES", ["10.0.0.1", "0.0.0.0/0"], "trusted-proxies", "HUB_TRUSTED_PROXIES"),
    ("HUB_TRUSTED_PROXIES", ["::/0"], "trusted-proxies", "HUB_TRUSTED_PROXIES"),
    ("DATABASES", postgres(PASSWORD=""), "database-password", "DATABASE_URL"),
    ("DATABASES", postgres(PASSWORD="hub"), "database-password", "DATABASE_URL"),
    ("DATABASES", postgres(PASSWORD="postgres-postgres"), "database-password", "DATABASE_URL"),
    ("DATABASES", postgres(PASSWORD="123456789012"), "database-password", "DATABASE_URL"),
    ("EMAIL_HOST_PASSWORD", PASSWORD, "plain-mail", "HUB_EMAIL_URL"),
    ("DATABASES", {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "hub"}}, "sqlite", "DATABASE_URL"),
]

TAKEN = [
    *(
        ("HUB_REDIS_URL", url)
        for url in (
            "unix:///run/hub/redis.sock",
            "redis://localhost/0",
            "redis://127.0.0.1:6379/0",
            "redis://[::1]:6379/0",
            f"redis://user:{PASSWORD}@10.0.0.1/0",
            f"rediss://:{PASSWORD}@10.0.0.1/0",
            f"redis://10.0.0.1/0?password={PASSWORD}",
        )
    ),
    ("HUB_TOKEN_SECRET", []),
    ("HUB_OPERATOR_TOKEN", ""),
    ("HUB_OPERATOR_TOKEN", KEY),
    ("EMAIL_HOST", "mail.internal"),
    ("CSRF_TRUSTED_ORIGINS", ["http://localhost:3000"]),
    ("DATABASES", postgres(HOST="")),
    ("DATABASES", postgres(HOST="/run/postgresql")),
    ("DATABASES", postgres(HOST="127.0.0.1", PASSWORD="hub")),
    ("DATABASES", postgres(OPTIONS={"sslcert": "/run/hub.crt"})),
]

ENTRIES = {
    "manage.py": ["manage.py", "check"],
    "uvicorn": ["-m", "uvicorn", "hub.asgi:application", "--port", "0"],
    "server": ["-m", "hub.server", "--port", "0"],
    "worker": ["-m", "celery", "-A", "worker", "worker"],
    "beat": ["-m", "celery", "-A", "worker", "beat"],
    "up": ["manage.py", "up"],
}


@pytest.mark.parametrize(("name", "value", "danger", "says"), UNSAFE)
def test_what_is_unsafe_is_refused_in_one_sentence_without_secrets(
    name: str, value: object, danger: str, says: str
) -> None:
    with pytest.raises(UnusableEnvironment, match=says) as refused:
        refuse_unsafe({**SAFE, name: value})
    said = str(refused.value)
    assert f"HUB_ALLOW_UNSAFE={danger}" in said
    assert not [secret for secret in ("canary", "password1234", "postgres-postgres", "aaaa") if secret in said]
    assert "\n" not in said
    refuse_unsafe({**SAFE, name: value}, allowed=[danger])


@pytest.mark.parametrize(("name", "value"), TAKEN)
def test_what_is_safe_is_taken(name: str, value: object) -> None:
    refuse_unsafe({**SAFE, name: value})


@pytest.mark.parametrize("name", SAFE)
def test_setting_that_a_project_does_not_have_is_no_danger(name: str) -> None:
    refuse_unsafe({other: value for other, value in SAFE.items() if other != name})
    refuse_unsafe({})


def test_every_danger_of_settings_has_an_example_here() -> None:
    assert {danger for _, _, danger, _ in UNSAFE} | {"admin-password"} == set(NAMES)


@pytest.mark.parametrize(
    "make",
    [
        lambda: secrets.token_urlsafe(64),
        lambda: secrets.token_hex(32),
        lambda: base64.b64encode(secrets.token_bytes(48)).decode(),
        lambda: "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(50)),
    ],
)
def test_what_generators_make_is_taken(make: Callable[[], str]) -> None:
    made = [make() for _ in range(300)]
    assert [secret for secret in made if is_guessable(secret, length=50, variety=12)] == []
    assert [secret for secret in made if is_guessable(secret[:32], length=32, variety=8)] == []


@pytest.mark.slow
@given(st.text(min_size=1, max_size=12), st.integers(2, 60))
def test_repetition_adds_nothing(unit: str, times: int) -> None:
    assert unforeseeable(unit * times) <= len(unit) + 2


@pytest.mark.slow
def test_long_text_is_judged_at_once() -> None:
    started = time.thread_time()
    is_guessable(secrets.token_urlsafe(1_000_000), length=50, variety=12)
    assert time.thread_time() - started < 20


def run(arguments: list[str], folder: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    return forking.run(
        [sys.executable, *arguments],
        cwd=BASE_DIR,
        env=clean_environment(HUB_DATA_DIR=str(folder), **variables),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.parametrize("arguments", ENTRIES.values(), ids=ENTRIES.keys())
def test_every_entry_refuses_with_the_sentence_alone(arguments: list[str], tmp_path: Path) -> None:
    ended = run(arguments, tmp_path, HUB_ENV="production", SECRET_KEY="canary-too-short", DATABASE_URL=POSTGRES)
    said = (ended.stdout + ended.stderr).strip()
    assert ended.returncode != 0
    assert "SECRET_KEY (or SECRET_KEY_FILE) must have at least 50 random characters" in said
    assert "Traceback" not in said and "canary" not in said
    assert len(said.splitlines()) == 1


def test_all_that_is_unsafe_is_refused_at_once() -> None:
    with pytest.raises(UnusableEnvironment) as refused:
        refuse_unsafe({**SAFE, "DEBUG": True, "HUB_HTTPS": False, "SECRET_KEY": ""}, allowed=["plain-http"])
    said = str(refused.value).splitlines()
    assert [line.rpartition("=")[2] for line in said] == ["secret-key allows it.)", "debug allows it.)"]


POSTGRES = f"postgres://hub:{PASSWORD}@127.0.0.1/hub"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"HUB_DEBUG": "true"}, "HUB_DEBUG"),
        ({"HUB_ALLOWED_HOSTS": "*"}, "HUB_ALLOWED_HOSTS"),
        ({"REDIS_URL": "redis://redis.internal:6379/0"}, "REDIS_URL"),
        ({"HUB_HTTPS": "false"}, "HUB_HTTPS"),
        ({"HUB_TRUSTED_PROXIES": "*"}, "HUB_TRUSTED_PROXIES"),
        ({"HUB_TRUSTED_ORIGINS": "http://app.example.com"}, "HUB_TRUSTED_ORIGINS"),
        ({"HUB_TOKEN_SECRET": "a" * 36}, "HUB_TOKEN_SECRET"),
        ({"DATABASE_URL": ""}, "DATABASE_URL"),
        ({"DATABASE_URL": "postgres://hub:hub@db.internal/hub"}, "DATABASE_URL"),
        ({"HUB_ALLOW_UNSAFE": "sqlite,speed"}, "HUB_ALLOW_UNSAFE must be a list in which each is 'secret-key' or "),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_production_reads_these_variables(variables: dict[str, str], says: str, tmp_path: Path) -> None:
    given = {"HUB_ENV": "production", "SECRET_KEY": KEY, "DATABASE_URL": POSTGRES, **variables}
    ended = run(["manage.py", "check"], tmp_path, **given)
    assert ended.returncode != 0
    assert ended.stderr.startswith(f"Error: {says}")
    assert len(ended.stderr.splitlines()) == 1


PRODUCTION = {"HUB_ENV": "production", "SECRET_KEY": KEY, "REDIS_URL": f"redis://:{PASSWORD}@redis.internal:6379/0"}
DEPLOY = ["manage.py", "check", "--deploy", "--fail-level", "WARNING"]


@pytest.mark.slow
def test_production_that_is_safe_passes_all_checks(tmp_path: Path) -> None:
    ended = run(DEPLOY, tmp_path, **PRODUCTION, DATABASE_URL=POSTGRES)
    assert (ended.returncode, "hub.I001" in ended.stderr) == (0, False), ended.stderr


@pytest.mark.slow
def test_danger_that_is_allowed_starts_and_is_shown_by_the_checks(tmp_path: Path) -> None:
    ended = run(DEPLOY, tmp_path, **PRODUCTION, HUB_ALLOW_UNSAFE="sqlite")
    assert ended.returncode == 0, ended.stderr
    assert "(hub.I001) HUB_ALLOW_UNSAFE has sqlite" in ended.stderr


@pytest.mark.slow
def test_checks_for_deployment_name_what_production_would_refuse(tmp_path: Path) -> None:
    ended = run(DEPLOY, tmp_path, HUB_DEBUG="true", HUB_ALLOWED_HOSTS="*", SECRET_KEY="canary")
    assert ended.returncode != 0
    assert ended.stderr.count("(hub.E003)") >= 5
    for name in ("HUB_DEBUG", "HUB_ALLOWED_HOSTS", "SECRET_KEY", "HUB_HTTPS", "DATABASE_URL"):
        assert f"(hub.E003) {name}" in ended.stderr
    assert "canary" not in ended.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("password", "allow", "starts"),
    [("adm1n", "", False), ("Administrator1", "", False), ("adm1n", "admin-password", True), (PASSWORD, "", True)],
)
def test_first_administrator_of_production_has_no_password_that_is_guessed(
    password: str, allow: str, starts: bool, tmp_path: Path
) -> None:
    variables = {**PRODUCTION, "HUB_ADMIN_PASSWORD": password, "PYTHONPATH": str(BASE_DIR)}
    ended = run(["deploy/prepare.py"], tmp_path, **variables, HUB_ALLOW_UNSAFE=f"sqlite,{allow}")
    assert (ended.returncode == 0) is starts, ended.stderr
    if not starts:
        assert ended.stderr.startswith("Error: HUB_ADMIN_PASSWORD (or HUB_ADMIN_PASSWORD_FILE) could be guessed")
        assert password not in ended.stderr


@pytest.mark.slow
def test_development_starts_with_what_production_refuses(tmp_path: Path) -> None:
    ended = run(["manage.py", "check"], tmp_path, HUB_DEBUG="true", HUB_ALLOWED_HOSTS="*", SECRET_KEY="x")
    assert ended.returncode == 0, ended.stderr
