"""``manage.py runserver`` through uvicorn, because Django's own server knows no WebSockets."""

import asyncio
import atexit
import os
import sys
import threading
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from django.core.management.commands.runserver import Command as DjangoRunserver
from django.db import connections
from django.utils import autoreload

from hub.config import UnusableEnvironment, hub_settings, is_own_project
from hub.server.serve import APPLICATION, HubServer, application_named, config
from hub.supervisor.private_redis import RedisDoesNotAnswer, ping

#: Seconds that open sockets get to end when the code is reloaded or the server is stopped.
GRACEFUL_SHUTDOWN = 2


class Command(DjangoRunserver):
    help = (
        "Serve pages and WebSockets for development, and start again when the code changes. Starts nothing else: "
        "no Redis, no worker, no beat. `manage.py up` starts everything."
    )

    # Set by Django's command from its arguments.
    addr: str
    port: str
    _raw_ipv6: bool

    def inner_run(self, *args: Any, **options: Any) -> None:
        application = self._application()
        # Errors of the code that Django kept back so that the reloader could start.
        autoreload.raise_last_exception()
        if not options["skip_checks"]:
            self.stdout.write("Performing system checks …")
            self.check(display_num_errors=True)
        self.check_migrations()
        for connection in connections.all(initialized_only=True):
            connection.close()
        self._say_whether_redis_answers()
        self._serve(application)

    def _say_whether_redis_answers(self) -> None:
        try:
            asyncio.run(ping(hub_settings().redis_url))
        except RedisDoesNotAnswer:
            own = "`manage.py up` starts a Redis, or set REDIS_URL."
            self.stderr.write(
                self.style.WARNING(
                    "Redis does not answer: live delivery works within this process only, and background jobs wait. "
                    f"{own if is_own_project() else 'Start the one that HUB_REDIS_URL names.'}"
                )
            )

    def _application(self) -> Any:
        """The hub's own ASGI application, or inside a project the one that ``ASGI_APPLICATION`` names."""
        if is_own_project():
            return APPLICATION
        path = getattr(settings, "ASGI_APPLICATION", None)
        if not path:
            raise CommandError(
                "The hub's runserver serves ASGI_APPLICATION, and it is not set: name what hub.mount() made, such as "
                "'myproject.asgi.application'; or put 'hub' below 'django.contrib.staticfiles' in INSTALLED_APPS, "
                "for Django's own runserver, which serves no live connections."
            )
        module, _, attribute = path.rpartition(".")
        try:
            return application_named(f"{module}:{attribute}")
        except UnusableEnvironment as error:
            raise CommandError(str(error)) from None

    def _serve(self, application: Any) -> None:
        host = f"[{self.addr}]" if self._raw_ipv6 else self.addr
        self.stdout.write(
            f"Serving pages and WebSockets through uvicorn at http://{host}:{self.port}/ – for development. "
            "Ctrl-C stops it."
        )
        server = HubServer(
            config(
                app=application,
                host=self.addr,
                port=int(self.port),
                timeout_graceful_shutdown=GRACEFUL_SHUTDOWN,
            )
        )
        if threading.current_thread() is not threading.main_thread():
            # The reloader ends the process from the main thread, which would cut off sockets and leave the parts of
            # the lifespan open.
            served = threading.Event()

            def stop() -> None:
                server.should_exit = True
                served.wait(GRACEFUL_SHUTDOWN + 1)

            atexit.register(stop)
            try:
                server.run()
            except SystemExit:  # uvicorn has logged why; in a thread it would end the thread only
                os._exit(1)
            finally:
                served.set()
        else:
            try:
                server.run()
            except KeyboardInterrupt:
                sys.exit(0)
