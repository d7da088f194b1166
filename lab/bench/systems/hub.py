"""The hub as people run it: its own web server, a private Redis, SQLite (or PostgreSQL), a Celery worker on demand."""

import atexit
import functools
import json
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from lab.bench.clients import Endpoint
from lab.bench.processes import Process, until
from lab.bench.systems.base import GENERATOR, SERVER, System
from lab.harness.environment import BASE_DIR, SESSION_COOKIE, clean_environment

_PYTHON = sys.executable

#: The settings of a hub that runs alone.
SETTINGS = "hub.settings"

#: A worker looks for no others, as there are none.
_ALONE = ("--without-gossip", "--without-mingle")


class Hub(System):
    """``python -m hub.server`` behind one listening socket, on the settings of ``make run``.

    Args:
        web_processes: how many share the listening socket; all are on the server's core.
        worker: how many tasks a Celery worker runs at a time (on the generator's core, where the publishers are);
            0 for no worker.
        queues: each has one more worker of its own, which runs one task at a time.
        beat: whether a beat runs, on the generator's core as well.
        database_url: a database that is empty; SQLite in the system's folder where it is not given.
        people: how many have an account and a session.
        settings: the hub's own, or those with another user model.
    """

    name = "hub"

    def __init__(
        self,
        *,
        web_processes: int = 1,
        worker: int = 0,
        queues: Sequence[str] = (),
        beat: bool = False,
        database_url: str = "",
        people: int = 10_000,
        settings: str = SETTINGS,
    ) -> None:
        super().__init__()
        self.web_processes = web_processes
        self.worker = worker
        self.queues = queues
        self.beat = beat
        self.database_url = database_url
        self.people = people
        self.settings = settings
        self.sessions: list[str] = []

    async def start(self) -> None:
        self.environment = environment(self.folder, self.database_url, self.settings)
        self._fill()
        await self.start_redis(persistent=True)
        self._start_web()
        workers = [self._start_worker()] if self.worker else []
        workers += [self._start_worker_of(queue) for queue in self.queues]
        if self.beat:
            self._start_celery("beat", "--pidfile", "", "--schedule", str(self.folder / "beat"))
        await self.start_publisher([_PYTHON, "-m", "lab.bench.publishers.hub"], self.environment)
        for worker in workers:
            await until(functools.partial(_says, worker, " ready."), worker)
        await self._check_sessions()

    def endpoints(self, count: int) -> list[Endpoint]:
        """Alerts, each client another signed-in person."""
        return [self.endpoint(number) for number in range(count)]

    def endpoint(self, person: int, path: str = "/ws/notifications/") -> Endpoint:
        """How the person of this number (from 0) comes in."""
        return Endpoint(self.port, path, headers=(f"Cookie: {SESSION_COOKIE}={self.sessions[person]}",))

    def another_publisher(self, number: int) -> Process:
        """One more process that publishes, which has to be asked ``ready`` first."""
        command, log = [_PYTHON, "-m", "lab.bench.publishers.hub"], self.folder / f"publisher-{number}.log"
        return Process(command, core=GENERATOR, log=log, environment=self.environment, talks=True)

    def _fill(self) -> None:
        """Migrations, people with sessions, rooms: made once per run of the bench, and copied for each hub."""
        if self.database_url:
            fill(self.environment, self.people)
        else:
            shutil.copytree(filled_folder(self.people, self.settings), self.folder, dirs_exist_ok=True)
        self.sessions = json.loads((self.folder / "sessions.json").read_text())

    async def _check_sessions(self) -> None:
        """A socket with the last person's session gets that person's alerts: else every row would measure guests."""
        async with self.fleet_at([self.endpoint(len(self.sessions) - 1)]) as fleet:
            await self.publisher.ask("tell", person=len(self.sessions) - 1)
            await fleet.all_of(1)

    def _start_web(self) -> None:
        listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self.port = listener.getsockname()[1]
        for number in range(self.web_processes):
            self.serve(
                Process(
                    [_PYTHON, "-m", "hub.server", "--graceful", "1", "--fd", str(listener.fileno())],
                    core=SERVER,
                    log=self.folder / f"web-{number + 1}.log",
                    environment=self.environment,
                    descriptors=[listener.fileno()],
                )
            )
        listener.close()

    def _start_worker(self) -> Process:
        return self._start_celery("worker", "-c", str(self.worker), *_ALONE)

    def _start_worker_of(self, queue: str) -> Process:
        arguments = ("-Q", queue, "-n", f"worker-{queue}@%h", "-c", "1", *_ALONE)
        return self._start_celery("worker", *arguments, log=f"worker-{queue}")

    def _start_celery(self, program: str, *arguments: str, log: str = "") -> Process:
        return self.run(
            Process(
                [_PYTHON, "-m", "celery", "-A", "lab.bench.publishers.hub_tasks", program, *arguments],
                core=GENERATOR,
                log=self.folder / f"{log or program}.log",
                environment=self.environment,
            )
        )


async def _says(process: Process, text: str) -> bool:
    """Whether ``text`` is in its log."""
    return text in process.log.read_text(errors="replace")


def environment(folder: Path, database_url: str = "", settings: str = SETTINGS) -> dict[str, str]:
    """The variables of a hub that keeps everything in ``folder``."""
    chosen = {"DATABASE_URL": database_url} if database_url else {}
    return clean_environment(
        HUB_DATA_DIR=str(folder),
        # The same for all, so that sessions made once hold in each.
        SECRET_KEY="of every hub of the bench",  # noqa: S106  # they live for minutes, on loopback
        DJANGO_SETTINGS_MODULE=settings,
        PYTHONPATH=str(BASE_DIR),
        HUB_LOG_LEVEL="INFO",
        # Counted as everywhere, and reached by nobody: a thousand people write here as much as very many would.
        HUB_LIMIT_MESSAGES="100000/minute",
        **chosen,
    )


def fill(variables: dict[str, str], people: int) -> None:
    """Run ``lab.bench.publishers.fill`` for the hub with these variables."""
    subprocess.run([_PYTHON, "-m", "lab.bench.publishers.fill", str(people)], cwd=BASE_DIR, env=variables, check=True)


@functools.cache
def filled_folder(people: int, settings: str) -> Path:
    """A data folder to copy, made on first use and gone with this process."""
    folder = Path(tempfile.mkdtemp(prefix="hub-bench-filled-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    fill(environment(folder, settings=settings), people)
    return folder
