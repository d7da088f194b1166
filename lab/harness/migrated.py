"""Databases that have the hub's tables, without the seconds of processor time that each migration takes.

All migrations run once for one state of the sources; from then on tests copy what that made: a file of SQLite, which
stays in ``.pytest_cache``, or a template of the PostgreSQL server that a database is asked of.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from lab.harness.environment import BASE_DIR, clean_environment

_APPS = ("chat", "hub", "notifications", "presence", "worker")

#: What tables and their first rows follow from: our migrations, the models (whose names are rows), which apps there
#: are, and the versions of the packages that bring some.
SOURCES = (
    *(f"{app}/**/{file}" for app in _APPS for file in ("migrations/*.py", "models.py")),
    "tests/projects/*/migrations/*.py",
    "hub/settings.py",
    "requirements/base.lock",
)

_KEPT_IN = BASE_DIR / ".pytest_cache" / "migrated"


def copy_sqlite(target: Path) -> None:
    """Make ``target`` a database of SQLite with all tables; its folder must be there. Blocks."""
    shutil.copyfile(_sqlite_template(), target)
    target.chmod(0o600)


def postgres_template(url: str) -> str:
    """The name of a database with all tables on the server of ``url``, for ``CREATE DATABASE … TEMPLATE``. Blocks."""
    import psycopg
    from psycopg import sql

    name = f"hub_migrated_{_state()}"
    with _one_at_a_time(), psycopg.connect(server_of(url), autocommit=True) as server:
        if server.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
            return name
        unfinished = f"{name}_unfinished"
        server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(unfinished)))
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(unfinished)))
        with tempfile.TemporaryDirectory(prefix="hub-migrated-") as folder:
            _migrate(Path(folder), DATABASE_URL=named(url, unfinished))
        names = sql.Identifier(unfinished), sql.Identifier(name)
        server.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(*names))
    return name


def server_of(url: str) -> str:
    """How ``psycopg`` reaches the server of a ``DATABASE_URL``, to make databases there."""
    folder = urlsplit(url).path.rpartition("/")[0].lstrip("/")
    # libpq reads a URL whose host is a folder only in percent-encoding, which django-environ does not know.
    return f"host=/{folder} user=postgres dbname=postgres" if folder else url


def named(url: str, name: str) -> str:
    """The ``DATABASE_URL`` of the database ``name`` on the server of ``url``."""
    return f"{url.rpartition('/')[0]}/{name}"


@cache
def _sqlite_template() -> Path:
    template = _KEPT_IN / f"{_settings()}-{_state()}.sqlite3"
    with _one_at_a_time():
        if not template.exists():
            for older in _KEPT_IN.glob(f"{_settings()}-*.sqlite3"):
                older.unlink()
            with tempfile.TemporaryDirectory(dir=_KEPT_IN) as folder:
                _migrate(Path(folder))
                made, whole = Path(folder) / "hub.sqlite3", Path(folder) / "whole.sqlite3"
                # One file, whatever a log beside it still holds.
                with (
                    contextlib.closing(sqlite3.connect(made)) as rows,
                    contextlib.closing(sqlite3.connect(whole)) as to,
                ):
                    rows.backup(to)
                whole.rename(template)
    return template


def _settings() -> str:
    """The settings of this run: each user model has tables of its own."""
    return os.environ.get("DJANGO_SETTINGS_MODULE", "hub.settings")


@cache
def _state() -> str:
    """A name of what the tables follow from."""
    digest = hashlib.sha256(_settings().encode())
    for file in sorted(file for pattern in SOURCES for file in BASE_DIR.glob(pattern)):
        digest.update(f"{file.relative_to(BASE_DIR)}\0".encode() + file.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def _migrate(folder: Path, **variables: str) -> None:
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "--verbosity", "0", "--settings", _settings()],
        cwd=BASE_DIR,
        env=clean_environment(HUB_DATA_DIR=str(folder), **variables),
        stdin=subprocess.DEVNULL,
        check=True,
    )


@contextlib.contextmanager
def _one_at_a_time() -> Iterator[None]:
    """For one process of this machine: the others wait, and then find what it made."""
    _KEPT_IN.mkdir(parents=True, exist_ok=True)
    with (_KEPT_IN / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
