"""The web server: uvicorn, configured in one place. ``python -m hub.server --help`` lists how to start it.

Used by ``manage.py up``, ``manage.py runserver`` and the container. ``uvicorn hub.asgi:application`` works as well,
with uvicorn's own defaults: then compression, frame size and shutdown are as its command line says.
"""

import argparse
import asyncio
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn
from django.apps import apps
from django.conf import settings
from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from uvicorn.importer import ImportFromStringError, import_from_string

from hub.config import BASE_DIR, UnusableEnvironment, hub_settings, is_own_project, variables
from hub.config.startup_errors import in_one_sentence

APPLICATION, OWN_SETTINGS = "hub.asgi:application", "hub.settings"

#: What a new connection meets, and the WebSocket implementation.
HTTP_PROTOCOL = "hub.server.http:HubHttpProtocol"
WEBSOCKET_PROTOCOL = "hub.server.protocol:HubWebSocketProtocol"

#: Seconds that requests and sockets get to end once the server was told to stop.
GRACEFUL_SHUTDOWN = 10

#: Seconds that Python gets to end the process once the server has.
EXIT_TIMEOUT = 1.0

#: Waves in a second while the sockets of a server that stops are closed.
WAVES = 10


class HubServer(uvicorn.Server):
    """uvicorn's server, which says on ``/health/ready`` that it is about to stop, and closes its sockets in waves."""

    #: Whether it prints where it serves, and what the database lacks: in a project without ``LOGGING`` nothing shows
    #: what is logged of it. The hub's own project is migrated by ``manage.py up``.
    says_where = False

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until a signal. Each client takes a descriptor: the process may have as many as the system allows."""
        from hub.server import descriptors

        descriptors.raise_limit()
        super().run(sockets)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Open the sockets and start the application."""
        await super().startup(sockets)
        if self.started and self.says_where:
            address = self.config.uds or f"http://{self.config.host}:{self.config.port}/"
            print(f"Serving at {address} until Ctrl-C or SIGTERM.", file=sys.stderr, flush=True)  # noqa: T201  # a command
            from hub.server import unmigrated

            unmigrated.say_what_is_missing()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        from hub.web import health

        health.start_draining()
        super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no new connection, close the sockets over ``HUB_STOP_SPREAD`` seconds, then end as uvicorn does.

        All clients at once would come back at once, to the processes that remain.
        """
        from hub.access import registry
        from hub.concurrency import node

        for server in self.servers:
            server.close()
        registry.current().is_closing = True
        graceful = self.config.timeout_graceful_shutdown
        started = time.monotonic()
        await node.finish()
        await self._close_in_waves(graceful)
        if graceful is not None:
            self.config.timeout_graceful_shutdown = max(1, round(graceful - (time.monotonic() - started)))
        try:
            await super().shutdown(sockets)
        finally:
            registry.current().is_closing = False

    async def _close_in_waves(self, graceful: float | None) -> None:
        from hub.access import registry

        spread = hub_settings().stop_spread if graceful is None else min(hub_settings().stop_spread, graceful / 2)
        waiting = list(registry.current())
        waves = max(1, min(len(waiting), round(spread * WAVES)))
        for wave in range(waves):
            if self.force_exit:
                return
            for open_socket in waiting[wave::waves]:
                open_socket.stop()
            if wave + 1 < waves:
                await asyncio.sleep(spread / waves)


def config(**overrides: Any) -> uvicorn.Config:
    """uvicorn's configuration for the hub; ``overrides`` are arguments of ``uvicorn.Config``."""
    return uvicorn.Config(
        **{
            "app": APPLICATION,
            "interface": "asgi3",
            "http": HTTP_PROTOCOL,
            "ws": WEBSOCKET_PROTOCOL,
            "ws_max_size": hub_settings().max_frame,
            "ws_ping_interval": 20.0,
            "ws_ping_timeout": 20.0,
            # Without it a frame to many clients is the same bytes for each, so that it is built once.
            "ws_per_message_deflate": False,
            # Start and end of the application are not optional: the relay lives between them.
            "lifespan": "on",
            "timeout_graceful_shutdown": GRACEFUL_SHUTDOWN,
            "backlog": 4096,
            "log_config": None,
            "access_log": False,
            "server_header": False,
            "proxy_headers": True,
            "forwarded_allow_ips": list(hub_settings().trusted_proxies),
            # A WEB_CONCURRENCY in the environment is not ours: processes are the supervisor's business.
            "workers": 1,
            **overrides,
        }
    )


def inherited(descriptors: Sequence[int]) -> list[socket.socket]:
    """The listening sockets behind file descriptors that the parent process opened."""
    return [socket.socket(fileno=descriptor) for descriptor in descriptors]


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until SIGINT or SIGTERM, then shut down gracefully and return. A failed start exits with 3."""
    parser = argparse.ArgumentParser(
        prog="python -m hub.server", description="Serve the hub over HTTP and WebSockets."
    )
    parser.add_argument(
        "application",
        nargs="?",
        help="module:attribute of a project with the hub inside "
        "(default: what ASGI_APPLICATION names in the settings of DJANGO_SETTINGS_MODULE)",
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    where.add_argument("--fd", type=int, action="append", metavar="N", help="inherited listening socket; repeatable")
    where.add_argument("--uds", metavar="PATH", help="unix socket to listen on")
    parser.add_argument("--port", type=int, default=8000, help="port to listen on (default: %(default)s)")
    parser.add_argument(
        "--graceful", type=int, default=GRACEFUL_SHUTDOWN, metavar="SECONDS", help="for connections to end on shutdown"
    )
    options = parser.parse_args(arguments)
    with in_one_sentence():
        server = HubServer(
            config(
                app=application_named(options.application or usual_application()),
                host=options.host,
                port=options.port,
                uds=options.uds,
                # Who comes over it has no address that could be named; the rights of its folder say who that is.
                **({"forwarded_allow_ips": "*"} if options.uds else {}),
                timeout_graceful_shutdown=options.graceful,
            )
        )
    # uvicorn raises the signal once more when it has shut down; the end it asked for is not a failure.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    server.says_where = not options.fd and not is_own_project()
    server.run(sockets=inherited(options.fd) if options.fd else None)
    _exit_in_time()


def usual_application() -> str:
    """What is served where nothing is named: ``ASGI_APPLICATION`` in the settings of ``DJANGO_SETTINGS_MODULE``.

    Without that variable it is the hub's own project, and only where somebody clearly means that one: in the folder
    of its ``manage.py``, or with a variable that no other project has.

    Raises:
        UnusableEnvironment: nothing says which project, or the project does not say what.
    """
    if "DJANGO_SETTINGS_MODULE" not in os.environ and not _means_own_project():
        raise UnusableEnvironment(
            "DJANGO_SETTINGS_MODULE is not set, so nothing says which project to serve: name its application, such as "
            f"shop.asgi:application. DJANGO_SETTINGS_MODULE={OWN_SETTINGS} serves the hub's own project."
        )
    if os.environ.setdefault("DJANGO_SETTINGS_MODULE", OWN_SETTINGS) == OWN_SETTINGS:
        return APPLICATION
    module, _, attribute = (getattr(settings, "ASGI_APPLICATION", None) or "").rpartition(".")
    if not module:
        raise UnusableEnvironment(
            "Nothing says what to serve: name it, such as shop.asgi:application, or set ASGI_APPLICATION."
        )
    return f"{module}:{attribute}"


def _means_own_project() -> bool:
    if variables.read("HUB_DATA_DIR") or variables.read("HUB_ENV"):
        return True
    command = Path.cwd() / "manage.py"
    return command.is_file() and command.resolve() == BASE_DIR / "manage.py"


def application_named(name: str) -> Any:
    """What uvicorn serves: the hub's own application by its name, or that of a project, which names its settings.

    While ``DEBUG`` is on, a project's static files are served too, as ``runserver`` does.

    Raises:
        UnusableEnvironment: there is no such application, or it is a project's that :func:`hub.mount` has not made.
    """
    if name == APPLICATION:
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", OWN_SETTINGS)
        return name
    sys.path.insert(0, str(Path.cwd()))  # as uvicorn does
    try:
        found = import_from_string(name)
    except ImportFromStringError as error:
        raise UnusableEnvironment(str(error)) from None
    if not is_own_project() and not _has_mounted():
        raise UnusableEnvironment(
            f"{name} was not made by hub.mount(), so it serves no live connections. At the end of its module: import "
            "hub; application = hub.mount(django_application)."
        )
    if settings.DEBUG and apps.is_installed("django.contrib.staticfiles"):
        return ASGIStaticFilesHandler(found)
    return found


def _has_mounted() -> bool:
    if not apps.ready:  # which hub.mount wants
        return False
    from hub.web import mounts

    return mounts.is_made()


def _exit_in_time() -> None:
    """End the process without the threads that hang in a database which does not answer: Python waits for them."""
    late = threading.Timer(EXIT_TIMEOUT, os._exit, (0,))
    late.daemon = True
    late.start()
