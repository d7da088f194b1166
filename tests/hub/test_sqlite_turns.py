"""The engine ``hub.sqlite3``: who waits for the one writer has a turn."""

import fcntl
import gc
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError
from django.db.utils import load_backend

from hub.sqlite3 import turns
from hub.sqlite3.base import DatabaseWrapper
from lab.harness.environment import ending_with_us
from lab.harness.waiting import wait_for

#: Takes the turn in another process, and keeps it.
HOLDING = """
import fcntl, os, sys, time
file = os.open(sys.argv[1] + "-turn", os.O_RDWR | os.O_CREAT)
fcntl.flock(file, fcntl.LOCK_EX)
print("held", flush=True)
time.sleep(600)
"""

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]


def wrapper(path: Path, **options: Any) -> DatabaseWrapper:
    options = {"transaction_mode": "IMMEDIATE", "timeout": 10, "init_command": "PRAGMA journal_mode=WAL", **options}
    settings = {"ENGINE": "hub.sqlite3", "NAME": str(path), "OPTIONS": options, "AUTOCOMMIT": True, "TIME_ZONE": None}
    settings |= {"CONN_MAX_AGE": 0, "CONN_HEALTH_CHECKS": False, "ATOMIC_REQUESTS": False, "TEST": {}}
    made: DatabaseWrapper = load_backend("hub.sqlite3").DatabaseWrapper(settings, "turns")
    made.inc_thread_sharing()
    return made


@pytest.fixture
def database(tmp_path: Path) -> Iterator[DatabaseWrapper]:
    made = wrapper(tmp_path / "some.sqlite3")
    made.ensure_connection()
    with made.cursor() as cursor:
        cursor.execute("CREATE TABLE rows (value)")
    yield made
    made.close()


@contextmanager
def program(code: str, database: DatabaseWrapper) -> Iterator["subprocess.Popen[bytes]"]:
    command = ending_with_us([sys.executable, "-c", code, str(database.settings_dict["NAME"])])
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGCONT)
        process.kill()
        process.communicate(timeout=20)


def rows(database: DatabaseWrapper) -> int:
    with database.cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM rows")
        return int(cursor.fetchone()[0])


def insert(database: DatabaseWrapper, value: str = "") -> None:
    with database.cursor() as cursor:
        cursor.execute("INSERT INTO rows VALUES (%s)", [value])


def is_turn_taken(database: DatabaseWrapper) -> bool:
    file = os.open(f"{database.settings_dict['NAME']}-turn", os.O_RDWR)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(file)
    return False


def test_who_writes_all_the_time_stands_behind_who_waits(
    database: DatabaseWrapper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "TURN_TIMEOUT", 60.0)
    other = wrapper(tmp_path / "some.sqlite3")
    with database.cursor() as cursor:
        cursor.execute("BEGIN IMMEDIATE")
        cursor.execute("INSERT INTO rows VALUES ('first')")
        waiting = threading.Thread(target=insert, args=(other, "who waits"))
        waiting.start()
        wait_for(lambda: is_turn_taken(database), timeout=20, that="the other one has the next turn")
        assert rows(other) == 0  # who reads waits for nobody
        cursor.execute("COMMIT")
        insert(database, "again")  # at once, as no wait by luck would leave room for
        waiting.join(20)
        cursor.execute("SELECT value FROM rows ORDER BY rowid")
        assert cursor.fetchall() == [("first",), ("who waits",), ("again",)]
    other.close()


def test_process_that_is_stopped_with_the_turn_holds_up_nobody_for_long(database: DatabaseWrapper) -> None:
    with program(HOLDING, database) as other:
        assert other.stdout is not None and other.stdout.readline() == b"held\n"
        other.send_signal(signal.SIGSTOP)
        insert(database)
    assert rows(database) == 1


def test_turn_of_a_process_that_is_killed_is_free(database: DatabaseWrapper, monkeypatch: pytest.MonkeyPatch) -> None:
    with program(HOLDING, database) as other:
        assert other.stdout is not None and other.stdout.readline() == b"held\n"
        other.kill()
        other.wait(20)
        monkeypatch.setattr(turns, "TURN_TIMEOUT", 60.0)  # one that is not free would be waited for
        insert(database)
    assert not is_turn_taken(database)  # nor does this connection keep it
    assert rows(database) == 1


def test_database_that_stays_locked_is_an_error_after_the_timeout(database: DatabaseWrapper, tmp_path: Path) -> None:
    short = wrapper(tmp_path / "some.sqlite3", timeout=0.2)
    with database.cursor() as cursor:
        cursor.execute("BEGIN IMMEDIATE")
        try:
            began = time.monotonic()
            with pytest.raises(OperationalError, match="locked"):
                insert(short)
            assert time.monotonic() - began >= 0.2
            assert rows(short) == 0  # who reads waits for nobody
        finally:
            cursor.execute("ROLLBACK")
            insert(short)
            short.close()


def test_other_errors_are_not_tried_again(database: DatabaseWrapper) -> None:
    calls = []

    def attempt() -> None:
        calls.append(1)
        raise sqlite3.OperationalError("no such table: none")

    with pytest.raises(sqlite3.OperationalError):
        database._turns.write(attempt)
    assert calls == [1]


def test_many_rows_at_once_are_written_outside_of_a_transaction_too(database: DatabaseWrapper) -> None:
    with database.cursor() as cursor:
        cursor.executemany("INSERT INTO rows VALUES (%s)", [[number] for number in range(3)])
    assert rows(database) == 3


def test_file_of_turns_is_the_users_alone_and_in_memory_there_is_none(
    database: DatabaseWrapper, tmp_path: Path
) -> None:
    assert (tmp_path / "some.sqlite3-turn").stat().st_mode & 0o077 == 0
    before = set(tmp_path.iterdir())
    in_memory = wrapper(Path(":memory:"))
    with in_memory.cursor() as cursor:
        cursor.execute("CREATE TABLE rows (value)")
    insert(in_memory)
    assert rows(in_memory) == 1
    assert set(tmp_path.iterdir()) == before


def test_connection_that_is_closed_leaves_no_descriptor(tmp_path: Path) -> None:
    def opened() -> list[str]:
        return [name for one in Path("/proc/self/fd").iterdir() if (name := _target(one)).startswith(str(tmp_path))]

    made = wrapper(tmp_path / "some.sqlite3")
    made.ensure_connection()
    assert any(name.endswith("-turn") for name in opened())
    made.close()
    assert opened() == []


def test_connection_that_nobody_closes_leaves_no_descriptor(tmp_path: Path) -> None:
    def work() -> None:
        wrapper(tmp_path / "some.sqlite3").ensure_connection()

    for _ in range(3):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    gc.collect()
    names = [_target(one) for one in Path("/proc/self/fd").iterdir()]
    assert [name for name in names if name == f"{tmp_path}/some.sqlite3-turn"] == []


def test_transaction_that_was_begun_by_hand_as_a_reader_waits_to_write(
    database: DatabaseWrapper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = wrapper(tmp_path / "some.sqlite3", timeout=60)
    with database.cursor() as cursor, other.cursor() as others:
        cursor.execute("BEGIN IMMEDIATE")
        others.execute("BEGIN")

        def end(seconds: float) -> None:
            if seconds == turns.STEP:  # it has asked, and waits
                monkeypatch.undo()
                cursor.execute("COMMIT")

        monkeypatch.setattr(time, "sleep", end)
        others.execute("INSERT INTO rows VALUES ('after the wait')")
        others.execute("COMMIT")
    assert rows(database) == 1
    other.close()


def test_one_who_has_read_what_is_old_is_told_at_once(database: DatabaseWrapper, tmp_path: Path) -> None:
    insert(database)
    other = wrapper(tmp_path / "some.sqlite3", timeout=600)
    with other.cursor() as reading:
        reading.execute("SELECT value FROM rows UNION ALL SELECT 1")
        reading.fetchone()
        insert(database)
        with pytest.raises(OperationalError, match="locked"):
            insert(other)
    insert(other)
    other.close()


def test_script_waits(database: DatabaseWrapper, tmp_path: Path) -> None:
    other = wrapper(tmp_path / "some.sqlite3", timeout=60)
    asked = threading.Event()

    def write() -> None:
        with other.cursor() as others:
            others.execute("SELECT 1")
            asked.set()
            others.executescript("BEGIN IMMEDIATE; INSERT INTO rows VALUES ('by a script'); COMMIT")
            others.execute("PRAGMA busy_timeout")
            left.append(others.fetchone())

    left: list[Any] = []
    with database.cursor() as cursor:
        cursor.execute("BEGIN IMMEDIATE")
        writing = threading.Thread(target=write)
        writing.start()
        assert asked.wait(20)
        assert rows(database) == 0
        cursor.execute("COMMIT")
        writing.join(60)
    assert rows(database) == 1
    assert left == [(0,)]
    other.close()


def test_file_of_turns_that_root_makes_is_of_the_user_whose_database_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "fchown", lambda _file, user, group: given.append((user, group)))
    path = tmp_path / "some.sqlite3"
    for _ in range(2):  # what is there stays as it is
        made = wrapper(path)
        made.ensure_connection()
        made.close()
    assert given == [(path.stat().st_uid, path.stat().st_gid)]


def test_link_in_place_of_the_file_of_turns_is_not_followed(tmp_path: Path) -> None:
    path = tmp_path / "some.sqlite3"
    (tmp_path / "some.sqlite3-turn").symlink_to(tmp_path / "elsewhere")
    made = wrapper(path)
    with made.cursor() as cursor:
        cursor.execute("CREATE TABLE rows (value)")
    made.close()
    assert not (tmp_path / "elsewhere").exists()


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except FileNotFoundError:  # the one that listed them
        return ""


@pytest.mark.parametrize("mode", [None, "DEFERRED"])
def test_engine_refuses_transactions_that_begin_as_readers(mode: str | None, tmp_path: Path) -> None:
    with pytest.raises(ImproperlyConfigured, match="IMMEDIATE"):
        wrapper(tmp_path / "some.sqlite3", transaction_mode=mode).ensure_connection()
