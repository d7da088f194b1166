"""What ``manage.py up`` runs, by the settings: which parts, and how each is started."""

import os
import shutil
import signal
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

from prometheus_client import multiprocess

from hub.config import BASE_DIR, UnusableEnvironment, hub_settings, private_files
from hub.supervisor.part import Part
from hub.supervisor.workers import Worker, workers

HOST = "127.0.0.1"

#: Seconds that requests and sockets get to end when the hub is stopped.
GRACEFUL_SHUTDOWN = 4

#: Variables that are the supervisor's business only.
_NOT_FOR_PARTS = ("HUB_ADMIN_PASSWORD", "HUB_ADMIN_PASSWORD_FILE")


@dataclass(frozen=True, slots=True)
class Plan:
    """The settings of ``up``."""

    folder: Path
    port: int
    web_processes: int
    #: Files and folders of an earlier run that other users could read, until this plan was made.
    tightened: int = 0

    @property
    def url(self) -> str:
        """Where people find the hub, with a slash at the end."""
        return f"http://{HOST}:{self.port}{hub_settings().url_prefix}/"

    @property
    def run_folder(self) -> Path:
        """For what has no meaning once the hub has stopped."""
        return self.folder / "run"

    @property
    def web_names(self) -> list[str]:
        return [f"web-{number}" for number in range(1, self.web_processes + 1)]


def read_plan() -> Plan:
    """The plan by the settings, its folders made. Raises ``UnusableEnvironment``."""
    settings = hub_settings()
    folder = settings.data_dir
    # Before the first file is made, and inherited by every part.
    tightened = private_files.guard(folder)
    private_files.refuse_strangers(folder)
    plan = Plan(
        folder=folder,
        tightened=tightened,
        port=settings.port,
        web_processes=settings.web_processes,
    )
    try:
        plan.run_folder.mkdir(parents=True, exist_ok=True)
        probe = plan.run_folder / f"writable.{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise private_files.unwritable(plan.folder, error) from error
    return plan


def listen(plan: Plan) -> socket.socket:
    """The socket on which people find the hub. Raises ``UnusableEnvironment`` where the port cannot be had."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    # A port whose last connections still linger can be had again at once.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, plan.port))
        listener.listen()
    except OSError as error:
        listener.close()
        raise UnusableEnvironment(
            f"Port {plan.port} cannot be used ({error.strerror}): stop what uses it, or set HUB_PORT to another port."
        ) from error
    return listener


def probe_socket() -> socket.socket:
    """A loopback socket on a port of the kernel's choice, where one web process alone is asked for its health."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.bind((HOST, 0))
    listener.listen()
    return listener


def part_environment(plan: Plan, mark: dict[str, str]) -> dict[str, str]:
    """The environment of every part: ours, the data folder as an absolute path, and where the code is."""
    variables = {name: value for name, value in os.environ.items() if name not in _NOT_FOR_PARTS}
    paths = [str(BASE_DIR), *filter(None, [os.environ.get("PYTHONPATH")])]
    return (
        variables
        | mark
        | {
            "HUB_DATA_DIR": str(plan.folder),
            "PYTHONPATH": os.pathsep.join(paths),
            "PYTHONUNBUFFERED": "1",
        }
    )


def web_parts(
    plan: Plan, variables: dict[str, str], listener: socket.socket, probes: list[socket.socket]
) -> list[Part]:
    """The web processes, which share ``listener``; each has one of ``probes`` for itself."""
    metrics = plan.run_folder / "metrics"
    shutil.rmtree(metrics, ignore_errors=True)

    def forget_metrics(pid: int) -> None:
        if metrics.exists():
            multiprocess.mark_process_dead(pid, str(metrics))  # type: ignore[no-untyped-call]  # has no types

    if plan.web_processes > 1:
        # One process keeps its counters to itself; several put them where each can show the sum.
        metrics.mkdir()
        variables = variables | {"PROMETHEUS_MULTIPROC_DIR": str(metrics)}
    parts = []
    for name, probe in zip(plan.web_names, probes, strict=True):
        descriptors = (listener.fileno(), probe.fileno())
        command = [sys.executable, "-m", "hub.server", "--graceful", str(GRACEFUL_SHUTDOWN)]
        for descriptor in descriptors:
            command += ["--fd", str(descriptor)]
        parts.append(
            Part(
                name=name,
                command=command,
                environment=variables,
                descriptors=descriptors,
                on_end=forget_metrics,
            )
        )
    return parts


def celery_parts(plan: Plan, variables: dict[str, str]) -> list[Part]:
    """The workers and beat."""
    celery = [sys.executable, "-m", "celery", "--quiet", "-A", "worker"]
    return [
        *(_worker_part(worker, celery, variables) for worker in workers()),
        Part(
            name="beat",
            command=[*celery, "beat", "--pidfile", "", "--schedule", str(plan.run_folder / "beat")],
            environment=variables,
        ),
    ]


def _worker_part(worker: Worker, celery: list[str], variables: dict[str, str]) -> Part:
    # It need not look for others of its queue at its start: there are none.
    command = [*celery, "worker", "--without-gossip", "--without-mingle", "-n", f"{worker.name}@%h"]
    command += ["-Q", ",".join(worker.reads)]
    command += ["--concurrency", str(worker.concurrency)] if worker.concurrency else []
    return Part(
        name=worker.name,
        command=command,
        environment=variables,
        # Gives running tasks CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT seconds, then puts them back into the queue;
        # SIGTERM would wait for them without end.
        stop_signal=signal.SIGQUIT,
    )
