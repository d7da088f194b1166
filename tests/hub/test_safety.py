"""Production does not start with settings that would be unsafe: one sentence in every entry, and no secret in it."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hub.environment import UnusableEnvironment
from hub.safety import refuse_unsafe
from rig.environment import BASE_DIR, clean_environment

KEY = "canary-Zk3v9QmT1xW7bR5nL0pYcHsEuJ2aDfG8iO6tV4-KzXqNwMrB"

SAFE: dict[str, Any] = {
    "secret_key": KEY,
    "debug": False,
    "allowed_hosts": ["hub.example.com", ".example.org"],
    "redis_url": "redis://:password@redis.internal:6379/0",
    "channel_layers": {"default": {"BACKEND": "hub.redis_layer.HubChannelLayer"}},
    "accepted_content": ["json"],
}

UNSAFE = [
    ("secret_key", "", "SECRET_KEY"),
    ("secret_key", KEY[:49], "SECRET_KEY"),
    ("secret_key", "abababab" * 20, "SECRET_KEY"),
    ("secret_key", "django-insecure-" + KEY, "SECRET_KEY"),
    ("debug", True, "HUB_DEBUG"),
    ("allowed_hosts", ["hub.example.com", "*"], "HUB_ALLOWED_HOSTS"),
    ("redis_url", "redis://redis.internal:6379/0", "REDIS_URL"),
    ("redis_url", "redis://user@10.0.0.1/0", "REDIS_URL"),
    ("redis_url", "rediss://10.0.0.1", "REDIS_URL"),
    ("redis_url", "redis://127.0.0.1.example.com/0", "REDIS_URL"),
    ("channel_layers", {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}, "CHANNEL_LAYERS"),
    ("accepted_content", ["json", "pickle"], "CELERY_ACCEPT_CONTENT"),
    ("accepted_content", ["application/x-python-serialize"], "CELERY_ACCEPT_CONTENT"),
]

SAFE_REDIS = [
    "unix:///run/hub/redis.sock",
    "redis://localhost/0",
    "redis://127.0.0.1:6379/0",
    "redis://[::1]:6379/0",
    "redis://user:password@10.0.0.1/0",
    "rediss://:password@10.0.0.1/0",
    "redis://10.0.0.1/0?password=password",
]

ENTRIES = {
    "manage.py": ["manage.py", "check"],
    "uvicorn": ["-m", "uvicorn", "hub.asgi:application", "--port", "0"],
    "server": ["-m", "hub.server", "--port", "0"],
    "worker": ["-m", "celery", "-A", "worker", "worker"],
    "beat": ["-m", "celery", "-A", "worker", "beat"],
    "up": ["manage.py", "up"],
}


@pytest.mark.parametrize(("name", "value", "says"), UNSAFE)
def test_what_is_unsafe_is_refused_in_one_sentence_without_secrets(name: str, value: object, says: str) -> None:
    with pytest.raises(UnusableEnvironment, match=says) as refused:
        refuse_unsafe(**{**SAFE, name: value})
    assert "canary" not in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("url", SAFE_REDIS)
def test_what_is_safe_is_taken(url: str) -> None:
    refuse_unsafe(**{**SAFE, "redis_url": url})


def run(arguments: list[str], folder: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=BASE_DIR,
        env=clean_environment(HUB_DATA_DIR=str(folder), **variables),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


@pytest.mark.parametrize("arguments", ENTRIES.values(), ids=ENTRIES.keys())
def test_every_entry_refuses_with_the_sentence_alone(arguments: list[str], tmp_path: Path) -> None:
    ended = run(arguments, tmp_path, HUB_ENV="production", SECRET_KEY="canary-too-short")
    said = (ended.stdout + ended.stderr).strip()
    assert ended.returncode != 0
    assert "SECRET_KEY (or SECRET_KEY_FILE) must have at least 50 random characters" in said
    assert "Traceback" not in said and "canary" not in said
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"HUB_DEBUG": "true"}, "HUB_DEBUG"),
        ({"HUB_ALLOWED_HOSTS": "*"}, "HUB_ALLOWED_HOSTS"),
        ({"REDIS_URL": "redis://redis.internal:6379/0"}, "REDIS_URL"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_production_reads_these_variables(variables: dict[str, str], says: str, tmp_path: Path) -> None:
    ended = run(["manage.py", "check"], tmp_path, HUB_ENV="production", SECRET_KEY=KEY, **variables)
    assert ended.returncode != 0
    assert ended.stderr.startswith(f"Error: {says}")


def test_production_that_is_safe_passes_all_checks(tmp_path: Path) -> None:
    variables = {"HUB_ENV": "production", "SECRET_KEY": KEY, "REDIS_URL": "redis://:password@redis.internal:6379/0"}
    ended = run(["manage.py", "check", "--deploy", "--fail-level", "WARNING"], tmp_path, **variables)
    assert ended.returncode == 0, ended.stderr


def test_development_starts_with_what_production_refuses(tmp_path: Path) -> None:
    ended = run(["manage.py", "check"], tmp_path, HUB_DEBUG="true", HUB_ALLOWED_HOSTS="*", SECRET_KEY="x")
    assert ended.returncode == 0, ended.stderr
