"""What the containers run besides the hub itself: making secrets, preparing the database, health checks."""

import os
import runpy
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest
import redis
from django.http.request import validate_host
from pytest_django.fixtures import Settings

from hub.ops import liveness_file as alive
from hub.supervisor import redis_server
from lab.harness.environment import BASE_DIR, clean_environment, ending_with_us
from lab.harness.waiting import wait_for
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


def read(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_secrets_are_made_once(tmp_path: Path) -> None:
    assert run("-S", "deploy/make_secrets.py", str(tmp_path)).returncode == 0
    first = read(tmp_path)
    assert run("-S", "deploy/make_secrets.py", str(tmp_path)).returncode == 0
    assert read(tmp_path) == first
    assert first["database_password"] in first["database_url"]
    assert first["redis_password"] in first["redis_url"]


def test_each_container_gets_its_own_secrets_only(tmp_path: Path) -> None:
    run("deploy/make_secrets.py", str(tmp_path))
    made = read(tmp_path)
    given = {name for name in made if name.startswith("for/")}
    assert given == {
        *("for/hub/secret_key", "for/hub/database_url", "for/hub/redis_url"),
        "for/postgres/database_password",
        *("for/redis/redis_password", "for/redis/redis.conf"),
    }
    assert [name for name in given if made[name] != made[name.rpartition("/")[2]]] == []
    for_postgres = "".join(made[name] for name in given if "postgres/" in name)
    for_redis = "".join(made[name] for name in given if "redis/" in name)
    assert made["secret_key"] not in for_postgres + for_redis
    assert made["database_password"] not in for_redis and made["redis_password"] not in for_postgres


def test_passwords_of_an_installation_that_has_one_volume_stay(tmp_path: Path) -> None:
    (tmp_path / "database_password").write_text("from before")
    run("deploy/make_secrets.py", str(tmp_path))
    made = read(tmp_path)
    assert made["for/postgres/database_password"] == "from before"
    assert "from before" in made["for/hub/database_url"]


@pytest.mark.slow
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
        server.wait(30)


@pytest.mark.slow
def test_production_starts_with_secrets_from_files(tmp_path: Path) -> None:
    run("deploy/make_secrets.py", str(tmp_path))
    files = {
        name: str(tmp_path / name.removesuffix("_FILE").lower())
        for name in ("SECRET_KEY_FILE", "REDIS_URL_FILE", "DATABASE_URL_FILE")
    }
    code = (
        "from django.conf import settings as s; "
        "print(s.SECRET_KEY, s.HUB_REDIS_URL, s.DATABASES['default']['PASSWORD'])"
    )
    shown = run("-c", code, HUB_ENV="production", DJANGO_SETTINGS_MODULE="hub.settings", **files)
    secrets = [(tmp_path / name).read_text() for name in ("secret_key", "redis_url", "database_password")]
    assert shown.stdout.split() == secrets, shown.stderr


@pytest.mark.slow
def test_prepare_makes_tables_and_one_administrator(tmp_path: Path) -> None:
    first, second = (run("deploy/prepare.py", HUB_DATA_DIR=str(tmp_path)) for _ in range(2))
    assert first.returncode == second.returncode == 0, first.stderr
    assert "administrator 'admin' was made, with the password" in first.stdout
    assert second.stdout == ""


def test_health_checks_pass_on_parts_that_work(hub: LiveHub) -> None:
    def shows_life(part: str) -> bool:
        return run("-S", "deploy/healthy.py", part, **hub.environment).returncode == 0

    for part in ("beat", "worker"):
        wait_for(partial(shows_life, part), that=f"{part} shows life")


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


@pytest.mark.slow
@pytest.mark.parametrize("part", ["worker", "worker-bulk", "beat"])
def test_health_checks_fail_where_nothing_runs_or_nothing_moves(part: str, tmp_path: Path) -> None:
    def is_well() -> bool:
        check = run("-S", "deploy/healthy.py", part, HUB_DATA_DIR=str(tmp_path))
        assert check.stderr == ""
        return check.returncode == 0

    assert not is_well()
    (tmp_path / "run").mkdir()
    alive = tmp_path / "run" / f"{part}.alive"
    alive.touch()
    assert is_well()
    for age in (31, 3600, -3600):
        os.utime(alive, (time.time() - age, time.time() - age))
        assert not is_well(), age


def test_health_checks_start_neither_django_nor_celery(tmp_path: Path) -> None:
    code = (
        "import runpy, sys; sys.argv = ['healthy', 'beat']\n"
        "try: runpy.run_path('deploy/healthy.py', run_name='__main__')\n"
        "except SystemExit: print([name for name in ('django', 'celery', 'hub', 'environ') if name in sys.modules])"
    )
    assert run("-S", "-c", code, HUB_DATA_DIR=str(tmp_path)).stdout.strip() == "[]"


def test_full_disk_does_not_end_a_part(tmp_path: Path, settings: Settings) -> None:
    settings.HUB_DATA_DIR = tmp_path / "file"
    settings.HUB_DATA_DIR.touch()
    alive.touch("worker")
    assert settings.HUB_DATA_DIR.read_bytes() == b""
