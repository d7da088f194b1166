"""The process that forks, where it cannot: whoever asked is told why, and those who come later are not concerned."""

import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.harness import forking
from lab.harness.environment import BASE_DIR, clean_environment
from lab.harness.forking import Ended, Forking

#: Does what the process does that forks, and is quick to start.
LEAN = (
    "from lab.harness import forked, forking; forked.IMPORTED = forked.IMPORTED_WHERE_THERE = (); {first}forked.main()"
)


@pytest.fixture(autouse=True)
def none_is_known(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Those of the test end with it; those of other tests are not touched."""
    monkeypatch.setattr(forking, "known", {})
    yield
    for one in forking.known.values():
        one.end()


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """A program whose forks are made by what the test writes into it."""
    path = tmp_path / "python"
    path.touch(mode=0o700)
    return path


def lean(first: str = "") -> str:
    return f'#!/bin/sh\nexec {sys.executable} -c "{LEAN.format(first=first)}" "$3"\n'


def said(python: Path) -> str:
    return forking.run([python, "-c", "print('it runs')"], capture_output=True, check=True).stdout


@pytest.mark.slow
def test_end_is_told_with_what_was_said_and_the_next_one_is_another(python: Path) -> None:
    python.write_text("#!/bin/sh\necho 'No module named lab' >&2\nexit 3\n")
    with pytest.raises(Ended, match=r"has ended with exit code 3\. It said: No module named lab"):
        said(python)
    python.write_text(lean())
    assert said(python) == "it runs\n"


@pytest.mark.slow
def test_one_that_was_killed_meanwhile_is_replaced(python: Path) -> None:
    python.write_text(lean())
    assert said(python) == "it runs\n"
    process = forking.known[str(python)]._process
    assert process
    process.kill()
    process.wait(30)
    assert said(python) == "it runs\n"


def test_one_that_does_not_answer_is_ended(python: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forking, "ANSWER_TIMEOUT", 0.2)
    monkeypatch.setattr(forking, "END_TIMEOUT", 0.1)
    python.write_text("#!/bin/sh\nexec sleep 600\n")
    with pytest.raises(Ended, match=r"did not answer within 0\.2 s\. It said: nothing"):
        said(python)
    assert forking.known[str(python)]._process.returncode == -signal.SIGKILL  # type: ignore[union-attr]  # it has one


@pytest.mark.slow
def test_system_that_makes_no_process_is_told_of(python: Path) -> None:
    python.write_text(lean("forking.CLONE = dict.fromkeys(forking.CLONE, 99_999); "))  # there is no such call
    with pytest.raises(OSError, match="Function not implemented: no process could be forked"):
        said(python)
    assert forking.known[str(python)].is_usable


@pytest.mark.slow
def test_forks_have_what_python_reads_at_its_start(python: Path) -> None:
    """As a Python that is somewhere of its own needs ``LD_LIBRARY_PATH`` to start at all."""
    python.write_text(lean())
    says = "print(hash('a'))"
    code = (
        f"from lab.harness import forking\nended = forking.run([{str(python)!r}, '-c', {says!r}], capture_output=True)"
        f"\nprint(ended.stdout)\n{says}\nprint(len(forking.known))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code],
        cwd=BASE_DIR,
        env=clean_environment(PYTHONHASHSEED="7"),
        capture_output=True,
        text=True,
        check=True,
    )
    forked, own, known = ended.stdout.split()
    assert (forked, known) == (own, "1")


class _Interrupted(BaseException):
    """As a test that takes too long, or Ctrl-C."""


def test_answer_that_nobody_waited_for_is_given_to_nobody_else() -> None:
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)

    def interrupt(*_: object) -> None:
        raise _Interrupted

    def receive() -> None:
        far.recv(100)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, interrupt)
    asked = threading.Thread(target=receive)
    asked.start()
    one = Forking(near)
    try:
        with far, pytest.raises(_Interrupted):
            one.fork({}, [])
    finally:
        asked.join(30)
        signal.signal(signal.SIGUSR1, before)
    assert not one.is_usable
