"""What the hub keeps on disk is for its own user: sessions, secrets, messages."""

import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from hub.config import UnusableEnvironment, derived, hub_settings, private_files
from lab.audit.modes import open_to_others
from lab.harness import forking
from lab.harness.environment import BASE_DIR, clean_environment
from lab.harness.migrated import copy_sqlite
from lab.harness.waiting import wait_for
from tests.supervisor.running import Up, up

pytestmark = pytest.mark.any_database

#: What `up` says once when it closes the files of an older installation.
SAID = "Other users of this machine had access"

WORLD = pytest.mark.skipif(sys.platform != "linux", reason="modes of sockets and /proc as on Linux")


@pytest.fixture
def generous_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def until_stored(running: Up) -> None:
    """Wait until every part has written what it writes."""
    running.until_ready()
    expected = ("secret_key", "hub.sqlite3", "hub.sqlite3-wal", "run/parts.json", "logs/redis.log", "logs/hub.log")
    for name in expected:
        wait_for((running.folder / name).exists, that=f"{name} is written")
    wait_for(lambda: any((running.folder / "redis").rglob("*.aof")), that="Redis has its append-only file")


@WORLD
@pytest.mark.live
@pytest.mark.slow
@pytest.mark.xdist_group("up")
def test_files_of_a_hub_are_for_its_user_alone(tmp_path: Path, generous_umask: None) -> None:
    folder = tmp_path / "above" / "data"
    with up(folder, HUB_WEB_PROCESSES="2") as running:
        until_stored(running)
        assert any((folder / "run" / "metrics").iterdir())
        assert open_to_others(folder) == []
        assert SAID not in running.output
    assert open_to_others(folder) == []


@WORLD
@pytest.mark.live
@pytest.mark.slow
@pytest.mark.xdist_group("up")
def test_older_installation_is_closed_at_its_next_start_and_told_once(tmp_path: Path, generous_umask: None) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    copy_sqlite(folder / "hub.sqlite3")
    for name in ("logs", "run", "redis/appendonlydir"):
        (folder / name).mkdir(parents=True)
    for name in ("logs/web-1.log", "logs/web-1.log.1", "run/up.lock", "redis/dump.rdb", "backup-of-mine.tar"):
        (folder / name).write_bytes(b"")
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o777 if path.is_dir() else 0o666)
    with up(folder) as running:
        until_stored(running)
        assert open_to_others(folder) == ["backup-of-mine.tar -rw-rw-rw-"]
        assert running.output.count(SAID) == 1
    with up(folder) as running:
        running.until_ready()
        assert SAID not in running.output


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [["manage.py", "migrate", "--verbosity=0"], ["-c", "import hub.settings"], ["deploy/prepare.py"]],
    ids=["migrate", "settings", "prepare"],
)
def test_what_runs_without_up_leaves_nothing_open(command: list[str], tmp_path: Path, generous_umask: None) -> None:
    folder = tmp_path / "data"
    run(folder, *command)
    assert (folder / "secret_key").exists()
    assert open_to_others(folder) == []


@pytest.mark.slow
@pytest.mark.parametrize("entry", ["hub.asgi", "worker.celery"])
def test_processes_that_something_else_starts_close_the_folder(
    entry: str, tmp_path: Path, generous_umask: None
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    copy_sqlite(folder / "hub.sqlite3")
    (folder / "hub.sqlite3").chmod(0o644)
    folder.chmod(0o755)
    start = "from worker.celery import app; app.loader.import_default_modules()"
    code = f"import os, {entry}\n{start if entry.startswith('worker') else ''}\nprint(oct(os.umask(0)))"
    said = run(folder, "-c", code)
    assert said.splitlines()[-1] == "0o77"
    assert "data_folder_closed_to_others" in said
    assert open_to_others(folder) == []


def test_what_is_not_the_hubs_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere, home = tmp_path / "elsewhere", tmp_path / "home"
    for folder in (elsewhere, home, home / "logs"):
        folder.mkdir()
        folder.chmod(0o755)
    (elsewhere / "page.html").touch()
    (elsewhere / "page.html").chmod(0o644)  # whatever the umask of this process is by now
    (home / "run").symlink_to(elsewhere)
    (home / "logs" / "link").symlink_to(elsewhere / "page.html")
    monkeypatch.setattr(Path, "home", lambda: home)
    monkeypatch.setattr(os, "umask", lambda mask: mask)
    assert private_files.guard(home) == 1
    assert open_to_others(home / "logs") == []
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (home, elsewhere, elsewhere / "page.html")}
    assert modes == {"home": 0o755, "elsewhere": 0o755, "page.html": 0o644}


def test_folders_that_all_write_to_stay_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.chmod(0o1777)
    (tmp_path / "secret_key").touch()
    (tmp_path / "secret_key").chmod(0o644)
    monkeypatch.setattr(os, "umask", lambda mask: mask)
    assert private_files.guard(tmp_path) == 1
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o1777
    assert list(private_files._private_paths(Path("/"))) == []


@pytest.mark.parametrize("name", ["", "secret_key", "hub.sqlite3", "logs", "run/parts.json"])
def test_what_another_user_has_put_in_the_data_folder_is_refused(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for made in ("secret_key", "logs/web-1.log", "run/parts.json", "redis/dump.rdb", "backup-of-mine.tar"):
        (tmp_path / made).parent.mkdir(exist_ok=True)
        (tmp_path / made).touch()
    (tmp_path / "hub.sqlite3").symlink_to(tmp_path / "backup-of-mine.tar")
    planted = tmp_path / name
    owner_of = {planted: 4242, tmp_path / "backup-of-mine.tar": 4242, tmp_path / "redis": 0}
    lstat = Path.lstat

    def as_owned(path: Path) -> os.stat_result:
        found = list(lstat(path))
        found[stat.ST_UID] = owner_of.get(path, 4343)
        return os.stat_result(found)

    monkeypatch.setattr(os, "geteuid", lambda: 4343)
    monkeypatch.setattr(Path, "lstat", as_owned)
    with pytest.raises(UnusableEnvironment, match=f"^{planted} belongs to another user"):
        private_files.refuse_strangers(tmp_path)
    if name in {"", "secret_key"}:
        with pytest.raises(UnusableEnvironment, match="belongs to another user"):
            private_files.development_secret_key(tmp_path)
    del owner_of[planted]
    private_files.refuse_strangers(tmp_path)  # root's, and what is not the hub's, stand in nobody's way
    assert private_files.development_secret_key(tmp_path) == ""


def test_secret_is_written_through_no_link_that_was_there_before(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    (tmp_path / f"secret_key.{os.getpid()}").symlink_to(elsewhere)
    assert len(private_files.development_secret_key(tmp_path)) == 86
    assert not elsewhere.exists()


@pytest.mark.parametrize("kind", ["open", "link", "another user's"])
def test_redis_in_a_temporary_folder_of_somebody_else_is_used_by_no_command(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path))
    settings = replace(hub_settings(), redis_url="", data_dir=tmp_path / ("long" * 30))
    parent = Path(derived.redis_url(settings).removeprefix("unix://")).parent  # as long as there is none
    if kind == "link":
        parent.symlink_to(tmp_path / "elsewhere")
    else:
        parent.mkdir()
        parent.chmod(0o770 if kind == "open" else 0o700)
    assert derived.redis_url(replace(settings, redis_url="redis://localhost")) == "redis://localhost"
    if kind == "another user's":
        assert derived.redis_url(settings)
        owner = os.getuid()
        monkeypatch.setattr(Path, "lstat", lambda path: os.stat_result([0o40700, *[0] * 3, owner + 1, *[0] * 5]))
    with pytest.raises(UnusableEnvironment, match=f"^{parent} belongs to someone else"):
        derived.redis_url(settings)
    # What the sentence advises helps.
    assert not derived.has_private_redis(replace(settings, redis_url="redis://localhost"))


def run(folder: Path, *command: str) -> str:
    done = forking.run(
        [sys.executable, *command],
        cwd=BASE_DIR,
        env=clean_environment(
            HUB_DATA_DIR=str(folder), PYTHONPATH=str(BASE_DIR), DJANGO_SETTINGS_MODULE="hub.settings"
        ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout
