"""The processes of a hub, each of which can be started, stopped, paused and killed by itself."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from functools import cache, partial
from pathlib import Path

import httpx

from hub.config.paths import private_redis_socket
from hub.supervisor import redis_server
from lab.chaos.databases import Database
from lab.harness import forking, nginx
from lab.harness.environment import BASE_DIR, clean_environment, ending_with_us, free_port
from lab.harness.shell import Shell
from lab.harness.waiting import wait_for

START_TIMEOUT = 60.0

#: Seconds that a part gets to end when the hub is stopped; then it is killed.
STOP_TIMEOUT = 20.0

#: Lines of each log that are shown when something did not hold.
TAIL = 15

_HOST = "127.0.0.1"


class Part:
    """One program in a process group of its own; its output is added to ``log``."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        log: Path,
        stop_signal: signal.Signals = signal.SIGTERM,
    ) -> None:
        self.name = name
        self.log = log
        self._command = list(command)
        self._environment = dict(environment)
        self._stop_signal = stop_signal
        self._process: subprocess.Popen[bytes] | None = None
        self._is_to_run = False
        #: When it was last started after it had run before (``time.monotonic``).
        self.started_again_at: float | None = None

    @property
    def pid(self) -> int:
        """The number of its process; ``AssertionError`` while there is none."""
        assert self._process is not None, f"{self.name} does not run"
        return self._process.pid

    def start(self, **variables: str) -> None:
        """Start it, with more ``variables`` for this run; returns at once. Nothing where it runs."""
        if self.runs():
            return
        self._is_to_run = True
        if self._process is not None:
            self.started_again_at = time.monotonic()
        with self.log.open("ab") as log:
            self._process = forking.Popen(
                ending_with_us(self._command),
                cwd=BASE_DIR,
                env={**self._environment, **variables},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def runs(self) -> bool:
        """Whether its process has not ended."""
        return self._process is not None and self._process.poll() is None

    def has_failed(self) -> bool:
        """Whether it ended although nobody has stopped or killed it."""
        return self._is_to_run and not self.runs()

    def kill(self) -> None:
        """End it and all that it started with SIGKILL, as a crash of its machine does."""
        self._is_to_run = False
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def ask_to_end(self) -> None:
        """Send the signal by which it is stopped; returns at once."""
        self._is_to_run = False
        if self.runs():
            os.kill(self.pid, self._stop_signal)

    def stop(self, within: float = STOP_TIMEOUT) -> bool:
        """End it in an orderly way; False where it had to be killed after ``within`` seconds."""
        self.ask_to_end()
        orderly = True
        if self._process is not None:
            try:
                self._process.wait(within)
            except subprocess.TimeoutExpired:
                orderly = False
        self.kill()
        return orderly

    def pause(self) -> bool:
        """Stop its process where it is (SIGSTOP): it holds its connections and answers nothing.

        Returns False where none runs.
        """
        if self._process is None or not self.runs():
            return False
        self._process.send_signal(signal.SIGSTOP)
        return True

    def resume(self) -> None:
        """Let it go on after :meth:`pause`; harmless where another fault has killed it meanwhile."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)

    def children(self) -> list[int]:
        """The numbers of the processes that it has started itself."""
        return [int(pid) for pid in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]

    def memory(self) -> int:
        """Bytes that it holds in memory now."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        return 0

    def descriptors(self) -> int:
        """How many files and connections it has open."""
        return len(list(Path(f"/proc/{self.pid}/fd").iterdir()))

    def output(self) -> str:
        """All that it has written, over all its runs."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""


class Web(Part):
    """A web process on a port of its own."""

    def __init__(self, name: str, port: int, environment: Mapping[str, str], log: Path) -> None:
        self.port = port
        self.url = f"http://{_HOST}:{port}"
        self.ws_url = f"ws://{_HOST}:{port}"
        super().__init__(name, [sys.executable, "-m", "hub.server", "--port", str(port)], environment, log)

    def answers(self) -> bool:
        """Whether it serves."""
        try:
            return _http().get(f"{self.url}/health/live").status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    def metric(self, name: str, **labels: str) -> float:
        """The sum of the samples of a metric that have these labels; 0 where it has none yet."""
        wanted = [f'{label}="{value}"' for label, value in labels.items()]
        return sum(value for sample, value in self.samples(name).items() if all(label in sample for label in wanted))

    def samples(self, *names: str) -> dict[str, float]:
        """The samples of these metrics, by name with labels."""
        starts = tuple(f"{name}{end}" for name in names for end in "{ ")
        lines = _http().get(f"{self.url}/metrics").text.splitlines()
        return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if line.startswith(starts)}


class Redis(Part):
    """The hub's private Redis, with its append-only file."""

    def __init__(self, folder: Path, environment: Mapping[str, str], log: Path) -> None:
        self.socket = private_redis_socket(folder)
        self.data = folder / "redis"
        binary = redis_server.find_binary()
        super().__init__(
            "redis", redis_server.command(binary, self.socket, self.data, persistent=True), environment, log
        )

    def start(self, **variables: str) -> None:
        self.data.mkdir(parents=True, exist_ok=True)
        self.socket.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        super().start(**variables)
        wait_for(self.answers, timeout=30, that="Redis answers")

    def start_empty(self) -> None:
        """Start it without what it had stored; returns when it answers."""
        shutil.rmtree(self.data, ignore_errors=True)
        self.start()

    def answers(self) -> bool:
        """Whether it serves."""
        import redis

        with redis.Redis(unix_socket_path=str(self.socket), socket_timeout=2) as client:
            try:
                return bool(client.ping())
            except redis.RedisError:
                return False

    def connections(self) -> int:
        """How many clients are connected to it."""
        import redis

        with redis.Redis(unix_socket_path=str(self.socket), socket_timeout=5) as client:
            return int(client.info("clients")["connected_clients"])


class Nginx(Part):
    """The shipped nginx configuration in front of ``webs``; only addresses and folders in it are changed."""

    def __init__(self, binary: str, folder: Path, webs: Sequence[Web], log: Path) -> None:
        self.port = free_port()
        self._folder = folder
        text = nginx.adapted(
            {
                **{f"{web.name}:8000": f"{_HOST}:{web.port}" for web in webs},
                "listen 8080": f"listen {_HOST}:{self.port}",
                "/tmp/": f"{folder}/",  # noqa: S108  # what the container has
                "/dev/stdout": str(folder / "access.log"),
                "error_log stderr": f"error_log {log}",
            }
        )
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "nginx.conf").write_text(text)
        command = [binary, "-e", str(log), "-c", str(folder / "nginx.conf"), "-g", "daemon off;"]
        super().__init__("nginx", command, os.environ, log)

    def answers(self) -> bool:
        """Whether it serves, whatever is behind it."""
        try:
            return _http().get(f"http://{_HOST}:{self.port}/nginx").status_code == httpx.codes.OK
        except httpx.TransportError:
            return False


class Hub:
    """A whole hub: two web processes, worker, beat, Redis, a database, and nginx in front where it is installed.

    ``url`` is where people find it, ``ws_urls`` are the addresses that clients take turns at; none ends with a slash.
    """

    #: See :meth:`open_shells`.
    backend: Shell
    tasks: Shell
    observer: Shell

    def __init__(self, folder: Path, database: Database, *, proxy: bool = True) -> None:
        self.folder = folder
        self.database = database
        self.environment = clean_environment(
            HUB_DATA_DIR=str(folder),
            DJANGO_SETTINGS_MODULE="hub.settings",
            PYTHONPATH=str(BASE_DIR),
            PYTHONUNBUFFERED="1",
            # Everyone is told of a room, and a few people do what thousands would.
            HUB_SHIPPED_RULES="room_opened",
            HUB_LIMIT_ROOMS="off",
            HUB_LIMIT_MESSAGES="off",
            HUB_LIMIT_FOLLOWS="off",
            **database.variables,
        )
        self._logs = folder / "logs"
        self._logs.mkdir(parents=True, exist_ok=True)
        self.redis = Redis(folder, self.environment, self._log("redis"))
        self.webs = [Web(name, free_port(), self.environment, self._log(name)) for name in ("web-1", "web-2")]
        self.worker = self._celery(
            *("worker", "worker", "--include", "lab.chaos.job_tasks", "--without-gossip", "--without-mingle"),
            stop_signal=signal.SIGQUIT,
        )
        self.beat = self.another_beat("beat")
        binary = nginx.NGINX if proxy else None
        self.proxy = Nginx(binary, folder / "nginx", self.webs, self._log("nginx")) if binary else None
        self.url = f"http://{_HOST}:{self.proxy.port}" if self.proxy else self.webs[0].url
        self.ws_urls = [f"ws://{_HOST}:{self.proxy.port}"] if self.proxy else [web.ws_url for web in self.webs]
        #: All that were opened: whoever still had one of those that were closed may have opened it again.
        self._shells: list[Shell] = []
        self.open_shells()

    def open_shells(self, **variables: str) -> None:
        """Open prompts with more ``variables``, and close those that there were when they have answered. Blocks.

        ``backend`` is for backend code that publishes, ``tasks`` for backend code that starts tasks and for whatever
        takes its time, ``observer`` looks at the database.
        """
        before = [self.backend, self.tasks, self.observer] if self._shells else []
        environment = {**self.environment, **variables}
        opened = [Shell(environment, self._log(name)) for name in ("backend", "tasks", "observer")]
        self._shells += opened
        self.backend, self.tasks, self.observer = opened
        for shell in before:
            shell.close_when_idle()

    def start(self) -> None:
        """Start all parts; returns when all of them work."""
        self.redis.start()
        forking.run(
            [sys.executable, "manage.py", "migrate", "--verbosity", "0"],
            cwd=BASE_DIR,
            env=self.environment,
            check=True,
        )
        for part in self.parts:
            part.start()
        self.wait_until_well(START_TIMEOUT)

    def stop(self) -> None:
        """End everything at once, whatever state it is in: its data are nobody's."""
        for shell in self._shells:
            shell.close()
        self.database.heal()
        for part in [*self.parts, self.redis]:
            part.kill()
        self.redis.socket.unlink(missing_ok=True)

    @property
    def parts(self) -> list[Part]:
        """All but Redis and the database."""
        return [*self.webs, self.worker, self.beat, *([self.proxy] if self.proxy else [])]

    def wait_until_well(self, within: float = 30.0) -> float:
        """Wait until every part says that all is well, and return the seconds it took; ``AssertionError`` if late."""
        began = time.monotonic()
        for web in self.webs:
            wait_for(web.answers, timeout=within, that=f"{web.name} answers; its log is {web.log}")
        if self.proxy:
            wait_for(self.proxy.answers, timeout=within, that="nginx answers")
        for web in self.webs:
            left = max(0.5, began + within - time.monotonic())
            wait_for(partial(_is_ready, web), timeout=left, that=f"{web.name} is ready")
        return time.monotonic() - began

    def last_words(self) -> str:
        """The end of every part's log."""
        logs = sorted(self._logs.glob("*.log"))
        return "\n".join(f"--- {log.stem}\n{_tail(log)}" for log in logs)

    def another_beat(self, name: str) -> Part:
        """A beat, to be started beside the one that runs."""
        return self._celery(name, "beat", "--pidfile", "", "--schedule", str(self.folder / name))

    def _celery(self, name: str, *arguments: str, stop_signal: signal.Signals = signal.SIGTERM) -> Part:
        command = [sys.executable, "-m", "celery", "--quiet", "-A", "worker", *arguments]
        return Part(name, command, self.environment, self._log(name), stop_signal)

    def _log(self, name: str) -> Path:
        return self._logs / f"{name}.log"


@cache
def _http() -> httpx.Client:
    """Asks parts, each time by a connection of its own; to make such a client takes longer than to ask."""
    return httpx.Client(timeout=5, trust_env=False, limits=httpx.Limits(max_keepalive_connections=0))


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-TAIL:])


def _is_ready(web: Web) -> bool:
    try:
        return bool(_http().get(f"{web.url}/health/ready").json()["status"] == "ready")
    except (httpx.TransportError, ValueError):
        return False
