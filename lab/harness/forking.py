"""Python processes that find the packages of others imported, which is most of what starting one costs.

:class:`Popen` and :func:`run` are those of ``subprocess``. What starts a Python becomes, on Linux, a fork of
:mod:`lab.harness.forked`: a process that has imported what the hub imports of others and nothing else. The hub, a
project and Django's settings are of the program, which imports them itself. The fork is a child of the caller like any
other: signals, exit codes, process groups and output are the same. Everything else is started as ``subprocess`` does.

What it cannot hide: such a process has the command line of the one it is a fork of (``/proc/PID/cmdline``), and has
modules loaded that it did not ask for. Tests about these start their own Python.
"""

import atexit
import json
import os
import platform
import re
import resource
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, AnyStr

from lab.harness.environment import BASE_DIR

#: The number of ``clone`` among the system's calls.
CLONE = {"x86_64": 56, "aarch64": 220}

_CAN_FORK = sys.platform == "linux" and platform.machine() in CLONE

#: Bytes that the kernel shows as the environment of a process (``/proc/PID/environ``), for those that it gets later.
_ROOM = 64 * 1024


#: What the system's loader and Python read before anything of a program runs.
_READ_AT_THE_START = re.compile("LD_.+|PYTHON(?!(PATH|UNBUFFERED|DONTWRITEBYTECODE)$)[A-Z0-9]+")

#: What this process was given of it, and its forks with it.
_GIVEN = {name: value for name, value in os.environ.items() if _READ_AT_THE_START.fullmatch(name)}

#: Seconds that a process which forks gets for an answer, its own start included, and for its end.
ANSWER_TIMEOUT, END_TIMEOUT = 120.0, 10.0

#: Characters of what it said that an error shows.
_SHOWN = 4000


class Ended(ChildProcessError):
    """The process that forks has ended, or does not answer. What it said is in the text."""


class Forking:
    """The process of one environment that forks, seen from outside; ends with this one.

    Where this process has started it, ``said`` is what it writes into.
    """

    def __init__(
        self,
        channel: socket.socket,
        process: "subprocess.Popen[bytes] | None" = None,
        said: IO[bytes] | None = None,
    ) -> None:
        self._channel = channel
        self._channel.settimeout(ANSWER_TIMEOUT)
        self._process = process
        self._said = said
        self._lock = threading.Lock()
        self._is_closed = False
        atexit.register(self.end)

    @classmethod
    def started(cls, python: str) -> "Forking":
        """A new one, with the packages of ``python``'s environment."""
        near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        said = tempfile.TemporaryFile()  # noqa: SIM115  # open as long as the process runs
        with far:
            process = subprocess.Popen(
                [python, "-m", "lab.harness.forked", str(far.fileno())],
                cwd=BASE_DIR,
                env={"PATH": os.environ["PATH"], "ROOM": "." * _ROOM, **_GIVEN},
                pass_fds=[far.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
            )
        return cls(near, process, said)

    @property
    def is_usable(self) -> bool:
        """Whether it can be asked: not once it has ended, or was ended because somebody did not wait for an answer,
        which would be taken for that to the next request."""
        return not self._is_closed and (self._process is None or self._process.poll() is None)

    def fork(self, request: Mapping[str, Any], descriptors: Sequence[int]) -> int:
        """The number of a new process, which gets these descriptors.

        Raises:
            Ended: no process can be started here any more.
            OSError: the system has no room for another process.
        """
        asked = json.dumps(request).encode()
        with self._lock:
            try:
                socket.send_fds(self._channel, [asked], list(descriptors))
                answer = self._channel.recv(100)
            except (ConnectionError, TimeoutError) as error:
                raise self._ended() from error
            except BaseException:
                self.end()
                raise
            if not answer:
                raise self._ended()
        number = int(answer)
        if number < 0:
            raise OSError(-number, f"{os.strerror(-number)}: no process could be forked")
        return number

    def end(self) -> None:
        """Let it end, or kill it. Processes that it has forked are children of this one, and stay."""
        self._is_closed = True
        self._channel.close()
        atexit.unregister(self.end)
        if self._process is not None:
            try:
                self._process.wait(END_TIMEOUT)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._said is not None:
            self._said.close()

    def _ended(self) -> Ended:
        how, said = "has ended", "nothing that was kept"
        if self._process is not None and self._said is not None:
            try:
                how = f"has ended with exit code {self._process.wait(1)}"
            except subprocess.TimeoutExpired:
                how = f"did not answer within {ANSWER_TIMEOUT:g} s"
            self._said.seek(0)
            said = self._said.read().decode(errors="replace")[-_SHOWN:].strip() or "nothing"
        self.end()
        return Ended(f"The process that forks {how}. It said: {said}")


#: By the path of their Python.
known: dict[str, Forking] = {}


def _forking(python: str) -> Forking | None:
    if python in known and not known[python].is_usable:
        known.pop(python).end()
    # A signal for the end of the parent comes when the thread ends that started the process.
    if python not in known and _CAN_FORK and threading.current_thread() is threading.main_thread():
        known[python] = Forking.started(python)
    return known.get(python)


def _starts_alike(environment: Mapping[str, str | os.PathLike[str]]) -> bool:
    """Whether a process that is started with this environment would begin as one that is forked does."""
    return {name: value for name, value in environment.items() if _READ_AT_THE_START.fullmatch(name)} == _GIVEN


class Popen(subprocess.Popen[AnyStr]):
    """``subprocess.Popen``, which forks where it can.

    Args:
        parts_too: fork the Python processes that the program starts, too.
    """

    def __init__(self, *arguments: Any, parts_too: bool = False, **others: Any) -> None:
        self._parts_too = parts_too
        super().__init__(*arguments, **others)

    def _execute_child(self, *arguments: Any) -> None:
        pass_fds: Sequence[int]
        # The arguments are those of Python's own since 3.11.
        args, _, preexec_fn, _, pass_fds, cwd, env, _, _, shell, *rest = arguments
        pipes: list[int] = rest[:6]
        _, gid, gids, uid, umask, new_session, group = rest[6:]
        is_usual = not shell and preexec_fn is None and (gid, gids, uid, umask, group) == (None, None, None, -1, -1)
        program = Program.of(args) if is_usual and _starts_alike(os.environ if env is None else env) else None
        forking = program and _forking(program.python)
        if not program or not forking:
            super()._execute_child(*arguments)  # type: ignore[misc]  # not public
            return
        descriptors: list[int] = [
            own if own != -1 else usual for usual, own in enumerate((pipes[0], pipes[3], pipes[5]))
        ]
        request = {
            "arguments": program.arguments,
            "folder": os.fspath(cwd or Path.cwd()),
            "environment": {name: os.fspath(value) for name, value in (os.environ if env is None else env).items()},
            "descriptors": [0, 1, 2, *pass_fds],
            "session": new_session,
            "umask": _umask(),
            "open_files": resource.getrlimit(resource.RLIMIT_NOFILE),
            "ends_with": os.getpid() if program.ends_with_us else 0,
            "parts_too": self._parts_too,
        }
        self.pid = forking.fork(request, [*descriptors, *pass_fds])
        self._child_created = True
        self._close_pipe_fds(*pipes)  # type: ignore[attr-defined]  # not public


def run(
    command: Sequence[str | Path],
    *,
    capture_output: bool = False,
    input: str | None = None,  # noqa: A002  # as subprocess names it
    timeout: float | None = None,
    check: bool = False,
    **others: Any,
) -> subprocess.CompletedProcess[str]:
    """``subprocess.run`` of a program that reads and writes text, which forks where it can."""
    if capture_output:
        others |= {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    if input is not None:
        others["stdin"] = subprocess.PIPE
    process: subprocess.Popen[str]
    with Popen(command, **{"text": True, **others}) as process:
        try:
            output, errors = process.communicate(input, timeout=timeout)
        except BaseException:
            process.kill()
            raise
    ended = subprocess.CompletedProcess(process.args, process.returncode, output, errors)
    if check:
        ended.check_returncode()
    return ended


class Program:
    """What a command starts: a Python, with ``-m``, ``-c`` or a file."""

    def __init__(self, python: str, arguments: list[str], *, ends_with_us: bool) -> None:
        self.python = python
        self.arguments = arguments
        self.ends_with_us = ends_with_us

    @classmethod
    def of(cls, command: Sequence[str | Path]) -> "Program | None":
        """That of a command, None for all that forking is not for."""
        words = [os.fspath(word) for word in command]
        # As lab.harness.environment.ending_with_us writes it.
        ends_with_us = Path(words[0]).name == "setpriv" and words[1:3] == ["--pdeathsig", "TERM"]
        python, *arguments = words[3:] if ends_with_us else words
        if arguments[:2] == ["-I", "-S"]:  # for what the supervisor runs before a part's own program
            arguments = arguments[2:]
        is_python = Path(python).is_absolute() and Path(python).name.startswith("python")
        if not is_python or not arguments or (arguments[0].startswith("-") and arguments[0] not in {"-c", "-m"}):
            return None
        return cls(python, arguments, ends_with_us=ends_with_us)


def _umask() -> int:
    now = os.umask(0o077)
    os.umask(now)
    return now
