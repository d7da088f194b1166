"""What one process of a test run makes for all."""

import threading
from pathlib import Path

import pytest

from lab.harness.waiting import wait_for
from tests.support.once import made_once


def open_files(path: Path) -> int:
    """How often this process has ``path`` open."""
    opened = list(Path("/proc/self/fd").iterdir())
    return sum(number.is_symlink() and number.readlink() == path for number in opened)


def test_who_waits_while_another_makes_it_does_not_make_it_again(tmp_path: Path) -> None:
    others_wait = threading.Event()
    makers: list[str] = []

    def make() -> None:
        makers.append(threading.current_thread().name)
        assert others_wait.wait(30)
        (tmp_path / "shared/made by").write_text(makers[0])

    threads = [threading.Thread(target=made_once, args=(tmp_path / "shared", make)) for _ in range(3)]
    for thread in threads:
        thread.start()
    wait_for(lambda: open_files(tmp_path / "shared.lock") == 3, timeout=30, that="all three want it")
    others_wait.set()
    for thread in threads:
        thread.join(30)
    assert makers == [(tmp_path / "shared/made by").read_text()]


def test_what_failed_half_way_is_made_anew(tmp_path: Path) -> None:
    def fails() -> None:
        (tmp_path / "shared/half").touch()
        raise OSError("The disk is full")

    with pytest.raises(OSError, match="full"):
        made_once(tmp_path / "shared", fails)
    made_once(tmp_path / "shared", (tmp_path / "shared/all").touch)
    assert {path.name for path in (tmp_path / "shared").iterdir()} == {"all", "whole"}
