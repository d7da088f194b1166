"""The process that forks, and what a fork does to be the program that was asked for: see :mod:`lab.harness.forking`.

``python -m lab.harness.forked FD``, in any environment; requests come through the socket ``FD``.
"""

import atexit
import contextlib
import ctypes
import fcntl
import gc
import importlib
import io
import json
import os
import platform
import resource
import runpy
import signal
import socket
import subprocess
import sys
import threading
import time
import zoneinfo
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from lab.harness import forking
from lab.harness.environment import NOT_INSTALLED

#: Modules of others that read no settings and no variables while they are imported.
IMPORTED = (
    "asyncio", "celery.app", "celery.app.amqp", "celery.app.control", "celery.app.log", "celery.apps.beat",
    "celery.apps.worker", "celery.backends.base", "celery.bin.celery", "celery.concurrency.prefork", "celery.worker",
    "celery.worker.components", "celery.worker.consumer", "celery.worker.strategy", "channels.auth",
    "channels.consumer", "channels.generic.websocket", "channels.layers", "channels.routing", "cron_descriptor",
    "cryptography.x509", "django.conf.urls.i18n", "django.contrib.admin.options",
    "django.contrib.auth.decorators", "django.contrib.auth.hashers", "django.contrib.messages.api",
    "django.contrib.sessions.middleware", "django.contrib.staticfiles.finders", "django.core.asgi",
    "django.core.handlers.asgi", "django.core.mail", "django.core.management", "django.core.management.commands.check",
    "django.core.serializers.json", "django.db.backends.sqlite3.base", "django.db.migrations.executor",
    "django.db.models", "django.forms", "django.http", "django.template.defaulttags", "django.template.loader",
    "django.test", "django.urls", "django.utils.timezone", "django.views.generic", "email.mime.text", "jwt", "kombu",
    "kombu.transport.redis", "limits.aio.storage", "limits.aio.strategies", "msgspec", "redis.asyncio", "sqlparse",
    "structlog", "uvicorn", "uvicorn.config", "uvicorn.main", "uvicorn.protocols.http.httptools_impl",
    "uvicorn.protocols.websockets.websockets_sansio_impl", "yaml",
)  # fmt: skip  # a name in a line says no more

#: As ``IMPORTED``, where the environment has them.
IMPORTED_WHERE_THERE = (
    "confusable_homoglyphs.confusables", "crontab", "csp.utils", "environ", "google.protobuf.descriptor_pb2",
    "google.protobuf.internal.builder", "psycopg", "servestatic.middleware", "uvloop",
)  # fmt: skip  # a name in a line says no more

#: ``man 2 clone``: the new process is a child of our parent.
_CLONE_PARENT = 0x8000

#: ``man 2 prctl``: a signal when the parent ends.
_PR_SET_PDEATHSIG = 1

#: Descriptors that a process receives are put above this number first, out of the way of those they are to have.
_HIGH = 200

_LONGEST_REQUEST = 1 << 20


def main() -> None:
    """Import, and fork for each request; returns when the program of a fork has."""
    channel = socket.socket(fileno=int(sys.argv[1]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the end is that of the socket
    path = sys.path[1:]
    sys.path[0] = str(NOT_INSTALLED)
    for name in IMPORTED:
        importlib.import_module(name)
    for name in IMPORTED_WHERE_THERE:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    # A field of a model of django-celery-beat looks for all zones, and makes each, which reads hundreds of files. They
    # stay as long as they are referred to.
    zones = {name: zoneinfo.ZoneInfo(name) for name in zoneinfo.available_timezones()}
    zoneinfo.available_timezones = lambda: set(zones)
    from django.conf import settings

    assert not settings.configured
    gc.collect()
    gc.freeze()
    request = _serve(channel)
    while request["parts_too"] and (of_part := _fork_parts_too()):
        request = of_part
    code = 0
    try:
        _run_all(request["arguments"], path)
    except SystemExit as asked:
        if not isinstance(asked.code, int | None):
            raise  # Python prints what it is
        code = asked.code or 0
    _end(code)


def _serve(channel: socket.socket) -> dict[str, Any]:
    """Fork for each request; returns in the forks, with theirs. Ends when nobody is left who could ask."""
    libc, clone = ctypes.PyDLL(None, use_errno=True), forking.CLONE[platform.machine()]
    while True:
        data, descriptors, _, _ = socket.recv_fds(channel, _LONGEST_REQUEST, 64)
        if not data:
            os._exit(0)
        ctypes.pythonapi.PyOS_BeforeFork()
        forked = libc.syscall(clone, _CLONE_PARENT | signal.SIGCHLD, 0, 0, 0, 0)
        if forked:
            failed = ctypes.get_errno() if forked < 0 else 0
            ctypes.pythonapi.PyOS_AfterFork_Parent()
            for descriptor in descriptors:
                os.close(descriptor)
            if failed:
                channel.send(str(-failed).encode())
            continue
        ctypes.pythonapi.PyOS_AfterFork_Child()
        request: dict[str, Any] = json.loads(data)
        if request["session"]:
            os.setsid()
        # Now, and not before: whoever asked may send signals to its group.
        channel.send(str(os.getpid()).encode())
        channel.close()
        _take(request, descriptors)
        return request


def _take(request: Mapping[str, Any], descriptors: Sequence[int]) -> None:
    """Be what the request says, as if Python had been started so."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.umask(request["umask"])
    resource.setrlimit(resource.RLIMIT_NOFILE, tuple(request["open_files"]))
    os.environ.clear()
    os.environ.update(request["environment"])
    _show(request["environment"])
    time.tzset()
    above = max(_HIGH, *(number + 1 for number in request["descriptors"]))
    high = [fcntl.fcntl(descriptor, fcntl.F_DUPFD, above) for descriptor in descriptors]
    os.closerange(3, above)
    for own, number in zip(high, request["descriptors"], strict=True):
        os.dup2(own, number)
        os.close(own)
    if request["ends_with"]:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
        if os.getppid() != request["ends_with"]:
            sys.exit("the parent ended before this process began")
    os.chdir(request["folder"])
    is_unbuffered = bool(os.environ.get("PYTHONUNBUFFERED"))
    streams = {
        "stdin": _text(0, "r", "strict", is_unbuffered=False),
        "stdout": _text(1, "w", "strict", is_unbuffered=is_unbuffered),
        "stderr": _text(2, "w", "backslashreplace", is_unbuffered=is_unbuffered),
    }
    vars(sys).update(streams | {f"__{name}__": stream for name, stream in streams.items()})


def _show(environment: Mapping[str, str]) -> None:
    """Have the kernel show this as the environment of this process: it shows what is where the first one was."""
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    begin, end = int(fields[47]), int(fields[48])  # the 50th and the 51st of `man 5 proc`
    block = b"".join(os.fsencode(f"{name}={value}\0") for name, value in environment.items())
    ctypes.memmove(begin, block[: end - begin].ljust(end - begin, b"\0"), end - begin)


def _text(descriptor: int, mode: str, errors: str, *, is_unbuffered: bool) -> io.TextIOWrapper:
    binary: Any = open(descriptor, f"{mode}b", buffering=0 if is_unbuffered else -1, closefd=False)  # noqa: SIM115  # for the program
    is_by_line = descriptor == 2 or os.isatty(descriptor)
    return io.TextIOWrapper(
        binary, encoding="utf-8", errors=errors, line_buffering=is_by_line, write_through=is_unbuffered
    )


def _fork_parts_too() -> dict[str, Any] | None:
    """Have what this process starts forked from one that is as clean as itself; in such a fork, its request."""
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    if os.fork():
        far.close()
        forking.known[sys.executable] = forking.Forking(near)
        subprocess.Popen = forking.Popen  # type: ignore[misc]  # whoever starts parts does not know
        return None
    near.close()
    _show({})
    with Path(os.devnull).open("r+b") as nothing:
        for number in range(3):
            os.dup2(nothing.fileno(), number)
    os.dup2(far.fileno(), _HIGH)
    os.closerange(3, _HIGH)
    return _serve(socket.socket(fileno=_HIGH))


def _end(code: int) -> NoReturn:
    """Do what Python does at the end of a program, but leave the modules as they are.

    To take them apart writes to each page that this process shares with the one it is a fork of, and so copies it,
    which takes longer than most programs that tests start.
    """
    threading._shutdown()  # type: ignore[attr-defined]  # not public; waits for threads that are no daemons
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code & 0xFF)


class _Become(BaseException):
    """A program of this process wants another one of Python to be in its place."""

    def __init__(self, arguments: list[str]) -> None:
        self.arguments = arguments


def _exec(_file: str, command: Sequence[str]) -> NoReturn:
    program = forking.Program.of(command)
    if program is None:
        os.execve(command[0], list(command), os.environ)  # noqa: S606  # no shell is the point
    raise _Become(program.arguments)


def _run_all(arguments: list[str], path: list[str]) -> None:
    """Run a program, and those that it has put in its place."""
    os.execvp = _exec  # type: ignore[assignment]  # as the hub calls it
    while True:
        try:
            _run(arguments, path)
        except _Become as other:
            arguments = other.arguments
        else:
            return


def _run(arguments: list[str], path: list[str]) -> None:
    first, *others = arguments
    begin = {"-c": "", "-m": str(Path.cwd())}.get(first, str(Path(first).resolve().parent))
    of_variable = [part for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part]
    sys.path[:] = [begin, *of_variable, *path]
    if first == "-c":
        sys.argv = ["-c", *others[1:]]
        exec(compile(others[0], "<string>", "exec"), {"__name__": "__main__"})  # noqa: S102  # what `-c` does
    elif first == "-m":
        sys.argv = others
        runpy.run_module(others[0], run_name="__main__", alter_sys=True)
    else:
        sys.argv = [first, *others]
        runpy.run_path(first, run_name="__main__")


if __name__ == "__main__":
    main()
