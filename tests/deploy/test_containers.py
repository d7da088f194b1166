"""What the containers run besides the hub itself: making secrets, preparing the database, health checks."""

import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import redis
from django.http.request import validate_host

from hub import redis_server
from rig.environment import BASE_DIR, clean_environment, ending_with_us
from rig.waiting import wait_for
from tests.support.live import LiveHub


def run(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command],
        cwd=BASE_DIR,
        env=clean_environment(**{"PYTHONPATH": str(BASE_DIR), **environment}),
        capture_output=True,
        text=True,
        check=False,
    )


def test_secrets_are_made_once(tmp_path: Path) -> None:
    assert run("deploy/make_secrets.py", str(tmp_path)).returncode == 0
    first = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert run("deploy/make_secrets.py", str(tmp_path)).returncode == 0
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == first
    assert first["database_password"] in first["database_url"]
    assert first["redis_password"] in first["redis_url"]


def test_redis_accepts_the_configuration_that_is_made(tmp_path: Path) -> None:
    run("deploy/make_secrets.py", str(tmp_path))
    binary, socket = redis_server.find_binary(), tmp_path / "redis.sock"
    options = ["--port", "0", "--unixsocket", str(socket), "--dir", str(tmp_path)]
    server = subprocess.Popen(ending_with_us([str(binary), str(tmp_path / "redis.conf"), *options]))
    try:
        wait_for(socket.exists, that="Redis listens")
        password = (tmp_path / "redis_password").read_text()
        with redis.Redis(unix_socket_path=str(socket), password=password) as client:
            assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
            assert client.config_get("appendonly") == {"appendonly": "yes"}
        with redis.Redis(unix_socket_path=str(socket)) as stranger, pytest.raises(redis.AuthenticationError):
            stranger.ping()
    finally:
        server.terminate()
        server.wait(10)


def test_production_starts_with_secrets_from_files(tmp_path: Path) -> None:
    run("deploy/make_secrets.py", str(tmp_path))
    files = {
        name: str(tmp_path / name.removesuffix("_FILE").lower())
        for name in ("SECRET_KEY_FILE", "REDIS_URL_FILE", "DATABASE_URL_FILE")
    }
    code = (
        "from django.conf import settings as s; print(s.SECRET_KEY, s.REDIS_URL, s.DATABASES['default']['PASSWORD'])"
    )
    shown = run("-c", code, HUB_ENV="production", DJANGO_SETTINGS_MODULE="hub.settings", **files)
    secrets = [(tmp_path / name).read_text() for name in ("secret_key", "redis_url", "database_password")]
    assert shown.stdout.split() == secrets, shown.stderr


def test_prepare_makes_tables_and_one_administrator(tmp_path: Path) -> None:
    first, second = (run("deploy/prepare.py", HUB_DATA_DIR=str(tmp_path)) for _ in range(2))
    assert first.returncode == second.returncode == 0, first.stderr
    assert "administrator 'admin' was made, with the password" in first.stdout
    assert second.stdout == ""


def test_health_checks_pass_on_parts_that_work(hub: LiveHub) -> None:
    for part in ("beat", "worker"):
        check = run("deploy/healthy.py", part, **hub.environment)
        assert check.returncode == 0, (part, check.stderr)


@pytest.mark.parametrize(
    ("allowed", "asked"),
    [
        ("*", "127.0.0.1"),
        ("", "127.0.0.1"),
        (".example.com", "example.com"),
        ("hub.example.com, localhost", "hub.example.com"),
    ],
)
def test_health_check_asks_for_a_host_that_the_hub_answers(
    monkeypatch: pytest.MonkeyPatch, allowed: str, asked: str
) -> None:
    monkeypatch.setenv("HUB_ALLOWED_HOSTS", allowed)
    host = runpy.run_path(str(BASE_DIR / "deploy/healthy.py"))["host"]()
    assert host == asked
    assert validate_host(host, [allowed.split(",", maxsplit=1)[0] or "127.0.0.1"])


def test_health_checks_fail_where_nothing_runs(tmp_path: Path) -> None:
    nothing = {"HUB_DATA_DIR": str(tmp_path)}
    assert run("manage.py", "migrate", "--verbosity=0", **nothing).returncode == 0
    beat, worker = (run("deploy/healthy.py", part, **nothing) for part in ("beat", "worker"))
    assert (beat.returncode, beat.stderr) == (1, "")
    assert worker.returncode == 1
    assert "Could not connect to the message broker" in worker.stderr
