"""What cannot work is said in one sentence, before anything runs."""

import socket
import sqlite3
from pathlib import Path

import pytest

from lab.harness.environment import free_port
from tests.supervisor.running import up

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("up"), pytest.mark.any_database]


def refusal(folder: Path, **variables: str) -> str:
    """What ``up`` says when it refuses: one line, and nothing is left running."""
    with up(folder, **variables) as running:
        code = running.until_ended(30)
        lines = [line for line in running.output.splitlines() if line]
        assert code not in (0, None)
        assert "Traceback" not in running.output
        assert running.processes() == []
        assert running.sockets() == []
    # The lines of a Redis that was started before the refusal are its own.
    said = [line for line in lines if not line.startswith(("redis ", "hub "))]
    assert len(said) == 1, lines
    return said[0]


def test_taken_port(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said = refusal(tmp_path / "data", HUB_PORT=str(port))
    assert f"Port {port} cannot be used" in said and "HUB_PORT" in said


@pytest.mark.parametrize("value", ["eighty", "0", "70000", "80.5"])
def test_port_that_is_no_port(tmp_path: Path, value: str) -> None:
    said = refusal(tmp_path / "data", HUB_PORT=value)
    assert f"HUB_PORT must be a whole number from 1 to 65535, not '{value}'" in said


def test_unreachable_redis_is_named_without_its_password(tmp_path: Path) -> None:
    port = free_port()
    said = refusal(tmp_path / "data", REDIS_URL=f"redis://:canary@127.0.0.1:{port}/0")
    assert f"Redis at 127.0.0.1:{port} cannot be used (connection refused or lost)" in said and "REDIS_URL" in said
    assert "canary" not in said


def test_redis_url_that_is_no_address(tmp_path: Path) -> None:
    assert "REDIS_URL" in refusal(tmp_path / "data", REDIS_URL="127.0.0.1:6379")


def test_data_folder_that_cannot_be_written_to(tmp_path: Path) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("not a folder")
    said = refusal(in_the_way / "data")
    assert "HUB_DATA_DIR" in said and "cannot be written to" in said


def test_data_folder_whose_secret_exists_but_which_cannot_be_written_to(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "secret_key").write_text("x" * 60)
    (folder / "run").write_text("not a folder")
    assert "cannot be written to" in refusal(folder)


def test_database_url_that_cannot_be_read(tmp_path: Path) -> None:
    said = refusal(tmp_path / "data", DATABASE_URL="oracle://user:canary@host/name")
    assert "must be the address of a database" in said and "canary" not in said


def test_unreachable_database(tmp_path: Path) -> None:
    said = refusal(tmp_path / "data", DATABASE_URL=f"postgres://user:canary@127.0.0.1:{free_port()}/name")
    assert "The database cannot be used" in said and "canary" not in said


@pytest.mark.parametrize("migration", ["0002_lease", "0001_initial"])  # the second with people of Django's model
def test_database_of_before_the_first_release(tmp_path: Path, migration: str) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    with sqlite3.connect(folder / "hub.sqlite3") as database:
        database.execute("CREATE TABLE django_migrations (id integer PRIMARY KEY, app text, name text, applied text)")
        row = (1, "hub", migration, "2026-11-22 15:59:00")
        database.execute("INSERT INTO django_migrations VALUES (?, ?, ?, ?)", row)
    database.close()
    assert "before its first release" in refusal(folder)


def test_unknown_log_level(tmp_path: Path) -> None:
    assert "HUB_LOG_LEVEL must be" in refusal(tmp_path / "data", HUB_LOG_LEVEL="LOUD")


def test_missing_redis_binary_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    from hub.supervisor import redis_server

    monkeypatch.setattr("shutil.which", lambda name: None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(redis_server.NoRedisFound, match="apt install redis-server"):
        redis_server.find_binary()
