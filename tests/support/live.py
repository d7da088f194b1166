"""A whole hub that runs: ``manage.py up`` with a data folder, a port and a database of its own."""

import contextlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx

from hub.config.typed_settings import HubSettings
from lab.harness import forking
from lab.harness.ending import end
from lab.harness.environment import BASE_DIR, clean_environment, ending_with_us, free_port
from lab.harness.migrated import copy_sqlite, named, postgres_template, server_of
from lab.harness.shell import Shell
from lab.harness.waiting import wait_for

START_TIMEOUT = 120.0

#: Of accounts that are made on the page.
SIGN_UP_PASSWORD = "a password of the tests"

#: Seconds after which a leave is told.
GRACE = HubSettings().leave_grace

CREATE_USER = """
from django.conf import settings
from django.contrib.auth import get_user_model
from django.test import Client
User = get_user_model()
user, _ = User.objects.get_or_create(username=name, defaults={"is_staff": staff})
client = Client()
client.force_login(user)
print(client.cookies[settings.SESSION_COOKIE_NAME].value)
"""

ISSUE_TOKEN = """
from django.contrib.auth import get_user_model
from hub.accounts.tokens import issue
print(issue(get_user_model().objects.get(username=name)))
"""


class LiveHub:
    """A running hub. ``url`` and ``ws_url`` have no slash at their end.

    ``code`` is the folder that it is started in: that of the repository, or one into which a wheel was unpacked.
    """

    def __init__(self, folder: Path, *, web_processes: int = 2, code: Path = BASE_DIR, **variables: str) -> None:
        self.folder = folder
        self._code = code
        self._program = ["manage.py"] if (code / "manage.py").exists() else ["-m", "django"]
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.ws_url = f"ws://127.0.0.1:{self.port}"
        usual = {
            "DJANGO_SETTINGS_MODULE": os.environ["DJANGO_SETTINGS_MODULE"],
            "HUB_DATA_DIR": str(folder),
            "HUB_PORT": str(self.port),
            "HUB_WEB_PROCESSES": str(web_processes),
            "HUB_ADMIN_PASSWORD": "admin of the tests",
            "HUB_SHIPPED_RULES": "room_opened,user_signed_up",
            # One worker reads all queues: three would take longer to start than most tests.
            "HUB_DELIVERIES_QUEUE": "default",
            "HUB_BULK_QUEUE": "default",
        }
        self.environment = clean_environment(**usual | variables)
        self._shell = Shell(self.environment)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; returns when it says that it is ready."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._output.open("wb") as output:
            self._process = forking.Popen(
                ending_with_us([sys.executable, *self._program, "up"]),
                parts_too=True,
                cwd=self._code,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        try:
            wait_for(self._is_ready, timeout=START_TIMEOUT, that="the hub is ready")
        except BaseException as late:
            late.add_note(self.logs("up"))
            self.stop()
            raise

    def stop(self) -> None:
        """End it as Ctrl-C does. What does not end in time is killed."""
        self._shell.close()
        if self._process is None:
            return
        process, self._process = self._process, None
        end(process)

    def manage(
        self,
        *args: str,
        input: str | None = None,  # noqa: A002  # as subprocess names it
        timeout: float = 120.0,
    ) -> subprocess.CompletedProcess[str]:
        """Run ``manage.py`` with this hub's variables; the caller looks at the result: nothing is raised."""
        return forking.run(
            [sys.executable, *self._program, *args],
            cwd=self._code,
            env=self.environment,
            input=input or "",
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def shell(self, code: str, **variables: Any) -> str:
        """Run Python in a process of this hub and return what it prints, stripped; ``variables`` are its names.

        The process stays, so that a call takes milliseconds; names do not outlive the call.
        """
        return self._shell.run(code, **variables)

    def create_user(self, name: str, staff: bool = False) -> str:
        """Make the user ``name`` if missing, log in, and return the value of its session cookie."""
        return self.shell(CREATE_USER, name=name, staff=staff)

    def sign_up(self, name: str) -> None:
        """Make the user ``name`` as a visitor does, on the page."""
        with httpx.Client(base_url=self.url, trust_env=False) as visitor:
            page = visitor.get("/accounts/signup/")
            form = {"username": name, "password1": SIGN_UP_PASSWORD, "password2": SIGN_UP_PASSWORD}
            token = re.search('name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
            assert token, page.text
            answer = visitor.post("/accounts/signup/", data={**form, "csrfmiddlewaretoken": token[1]})
            assert answer.status_code == 302, answer.text

    def token(self, user: str) -> str:
        """A new access token of the user named ``user``."""
        return self.shell(ISSUE_TOKEN, name=user)

    def logs(self, part: str) -> str:
        """The log of a part, ``"web-1"``, ``"worker"`` …, or of all as a terminal shows them: ``"up"``."""
        path = self._output if part == "up" else self.folder / "logs" / f"{part}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    @property
    def _output(self) -> Path:
        return self.folder / "up.log"

    def _is_ready(self) -> bool:
        assert self._process and self._process.poll() is None, "the hub ended at its start"
        return f"Hub is ready at {self.url}/" in self.logs("up")


@contextlib.contextmanager
def live_hub(folder: Path, *, web_processes: int = 2, code: Path = BASE_DIR, **variables: str) -> Iterator[LiveHub]:
    """A hub for the length of a ``with`` block: on SQLite, or on a new database of the server at ``DATABASE_URL``.

    Its tables are there before it starts: that a hub makes them itself is seen in the tests of ``up``.
    """
    with new_database(folder) as database:
        hub = LiveHub(folder, web_processes=web_processes, code=code, **{**variables, **database})
        hub.start()
        try:
            yield hub
        finally:
            hub.stop()


@contextlib.contextmanager
def hub_with(folder: Path, files: Mapping[str, str], *, settings: str) -> Iterator[LiveHub]:
    """A hub for the length of a ``with`` block that finds the code of these ``files``, and has these settings.

    It has one web process, on SQLite or on a new database of the server at ``DATABASE_URL``.
    """
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    with live_hub(folder / "var", web_processes=1, DJANGO_SETTINGS_MODULE=settings, PYTHONPATH=str(folder)) as hub:
        yield hub


@contextlib.contextmanager
def new_database(folder: Path) -> Iterator[dict[str, str]]:
    """The variables that name a database with all tables to the hub whose data folder is ``folder``.

    On SQLite there are none: its file is in the folder, which is made.
    """
    url = os.environ.get("DATABASE_URL", "")
    if not url.startswith("postgres"):
        folder.mkdir(parents=True, exist_ok=True)
        copy_sqlite(folder / "hub.sqlite3")
        yield {}
        return
    import psycopg
    from psycopg import sql

    name = f"{folder.name}_{os.getpid()}"
    identifiers = sql.Identifier(name), sql.Identifier(postgres_template(url))
    with psycopg.connect(server_of(url), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(*identifiers))
        try:
            yield {"DATABASE_URL": named(url, name)}
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
