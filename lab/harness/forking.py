"""Python processes that find the packages of others imported, which takes most of the time of a short program.

A process imports what a Django project with the hub imports of others, and forks for each program. The hub, the
project and Django's settings are of the program: it imports them itself, and finds nothing of a program before it.
"""

import contextlib
import json
import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from lab.harness.environment import ending_with_us

#: Modules of others that read no settings while they are imported.
IMPORTED = (
    "asyncio", "celery.app", "celery.bin.celery", "channels.layers", "channels.routing", "cryptography.x509",
    "django.contrib.auth.hashers", "django.core.asgi", "django.core.handlers.asgi", "django.core.mail",
    "django.core.management", "django.core.serializers.json", "django.db.backends.sqlite3.base",
    "django.db.migrations.executor", "django.db.models", "django.forms", "django.http", "django.template.loader",
    "django.test", "django.urls", "django.utils.timezone", "django.views.generic", "email.mime.text", "jwt", "kombu",
    "kombu.transport.redis", "limits.aio.storage", "msgspec", "prometheus_client", "prometheus_client.multiprocess",
    "redis.asyncio", "structlog", "uvicorn", "yaml",
)  # fmt: skip

_PROGRAM = """
import importlib, json, os, runpy, sys

def serve():
    # Returns in a child, with the arguments of its program.
    for line in sys.stdin:
        arguments, folder, environment, outputs = json.loads(line)
        child = os.fork()
        if not child:
            os.setsid()
            for at, path in enumerate([os.devnull, *outputs]):
                os.dup2(os.open(path, os.O_RDWR), at)
            os.environ.clear()
            os.environ.update(environment)
            os.chdir(folder)
            sys.path[0] = folder
            return arguments
        print(child, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
    sys.exit()

for name in json.loads(sys.argv[1]):
    importlib.import_module(name)
from django.conf import settings
assert not settings.configured
print("ready", flush=True)
first, *others = serve()
if first == "-c":
    sys.argv = ["-c", *others[1:]]
    exec(compile(others[0], "<string>", "exec"))
elif first == "-m":
    sys.argv = others
    runpy.run_module(others[0], run_name="__main__", alter_sys=True)
else:
    sys.argv = [first, *others]
    runpy.run_path(first, run_name="__main__")
"""


class ForkingPython:
    """Runs programs one after the other, as ``python`` would; ends with this process.

    Args:
        python: of the environment whose packages are imported.
        path: folders that are searched for modules, before the packages.
    """

    def __init__(self, python: str, path: Sequence[Path] = ()) -> None:
        self._command = ending_with_us([python, "-c", _PROGRAM, json.dumps(IMPORTED)])
        self._path = os.pathsep.join(map(str, path))
        self._process: subprocess.Popen[str] | None = None

    def run(
        self, *arguments: str, folder: Path, environment: Mapping[str, str], timeout: float = 120.0
    ) -> subprocess.CompletedProcess[str]:
        """How Python ends with these arguments: ``-c`` and code, ``-m`` and a module, or a file of ``folder``.

        Raises ``subprocess.TimeoutExpired``; the program is killed then.
        """
        process = self._started()
        assert process.stdin
        with _output() as output, _output() as errors:
            json.dump([arguments, str(folder), dict(environment), [output.name, errors.name]], process.stdin)
            process.stdin.write("\n")
            process.stdin.flush()
            child = int(self._said())
            killing = threading.Timer(timeout, _kill, [child])
            killing.start()
            returned = int(self._said())
            is_late = killing.finished.is_set()
            killing.cancel()
            ended = subprocess.CompletedProcess(arguments, returned, output.read(), errors.read())
        if is_late:
            raise subprocess.TimeoutExpired(arguments, timeout, ended.stdout, ended.stderr)
        return ended

    def _started(self) -> "subprocess.Popen[str]":
        if self._process is None:
            variables = {"PATH": os.environ["PATH"], "PYTHONPATH": self._path}
            self._process = subprocess.Popen(
                self._command, env=variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            assert self._said() == "ready"
        return self._process

    def _said(self) -> str:
        assert self._process and self._process.stdout
        line = self._process.stdout.readline().strip()
        assert line, f"The forking process ended with {self._process.poll()}"
        return line

    def close(self) -> None:
        """End the process; the next program starts another."""
        if self._process is not None:
            process, self._process = self._process, None
            process.communicate(timeout=10)


def _output() -> "tempfile._TemporaryFileWrapper[str]":
    return tempfile.NamedTemporaryFile("r+", prefix="hub-tests-forked-", encoding="utf-8", errors="backslashreplace")


def _kill(child: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
