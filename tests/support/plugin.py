"""What must hold before Django's settings are read: every test process gets a data folder, and so a Redis, of its own.

Loaded by ``-p`` in ``pyproject.toml``, because a ``conftest.py`` comes too late for that.
"""

import gc
import importlib.metadata
import os
import shutil
import signal
import ssl
import sys
import tempfile
import threading
from collections.abc import Generator
from functools import cache
from pathlib import Path
from typing import Any, TypeVar
from unittest import mock

import certifi
import httpx
import pytest

from lab.harness.environment import COOKIE_PREFIX, NOT_INSTALLED, steers_a_hub

T = TypeVar("T")

DATA_DIR = pytest.StashKey[Path]()

#: Fixtures that are a whole hub, shared by many tests.
HUBS = {"hub", "fragile_hub"}

#: Fixtures and markers of the tests that ask the database, by themselves or through a hub.
DATABASE_FIXTURES = {"db", "transactional_db", *HUBS}
DATABASE_MARKERS = ("django_db", "live", "browser", "chaos")

#: Seconds that clients of httpx wait by default. After its own 5 they would give up on a machine that is busy.
HTTP_TIMEOUT = 20.0

#: Lines of each part's log that a failed test shows.
TAIL = 40


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    parser.addoption(
        "--rows",
        type=int,
        default=0,
        help="run so many rows of each parametrized test that has an event loop or asks the database, the first and "
        "the last among them; 0: all",
    )
    parser.addoption(
        "--whole-tables", action="store_true", help="run all rows of what is marked whole_table, whatever --rows says"
    )
    if pluginmanager.is_blocked("asyncio"):  # as in the browser's run: its settings would be unknown
        for name in ("asyncio_mode", "asyncio_default_fixture_loop_scope"):
            parser.addini(name, "Read by pytest-asyncio, which is switched off.")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None, Any, Any]:
    # A wrapper runs before pytest-django reads the settings. Only the choice of a database is the caller's.
    for name in [name for name in os.environ if steers_a_hub(name) and name != "DATABASE_URL"]:
        del os.environ[name]
    folder = Path(tempfile.mkdtemp(prefix="hub-tests-"))
    early_config.stash[DATA_DIR] = folder
    os.environ["HUB_DATA_DIR"] = str(folder)
    os.environ["HUB_COOKIE_PREFIX"] = COOKIE_PREFIX
    _read_authorities_once()
    _read_versions_once()
    _wait_for_answers()
    sys.path.insert(0, str(NOT_INSTALLED))
    try:
        return (yield)
    except BaseException:  # the run ends here, without pytest_unconfigure
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _read_authorities_once() -> None:
    """Give all clients of httpx one TLS context: each would read the certificates of the machine, for nobody."""
    usual = ssl.create_default_context
    shared = cache(usual)

    def create(
        purpose: ssl.Purpose = ssl.Purpose.SERVER_AUTH, *, cafile: str | None = None, **others: Any
    ) -> ssl.SSLContext:
        is_of_the_machine = not others and cafile in (certifi.where(), os.environ.get("SSL_CERT_FILE", ""))
        return (shared if is_of_the_machine else usual)(purpose, cafile=cafile, **others)

    mock.patch("ssl.create_default_context", create).start()


def _read_versions_once() -> None:
    """Remember the version of each package: redis-py reads its own from the disk for each connection, 4 ms each."""
    mock.patch("importlib.metadata.version", cache(importlib.metadata.version)).start()


def _wait_for_answers() -> None:
    usual = httpx._config.DEFAULT_TIMEOUT_CONFIG  # the default of each function and class
    usual.connect = usual.read = usual.write = usual.pool = HTTP_TIMEOUT


def pytest_configure() -> None:
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _interrupt)


def _interrupt(*_: object) -> None:
    # As Ctrl-C does: the default would end this process without a word to the servers it started.
    raise KeyboardInterrupt


def pytest_unconfigure(config: pytest.Config) -> None:
    if folder := config.stash.get(DATA_DIR, None):
        shutil.rmtree(folder, ignore_errors=True)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection() -> Generator[None, Any, Any]:
    # Thousands of tests are made, and all stay: the garbage collector need not look at them, now or later.
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


# Not `trylast`: it has to run after the folders' own, which mark their tests, and before pytest selects by `-m`.
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if os.environ.get("DJANGO_SETTINGS_MODULE") != config.getini("DJANGO_SETTINGS_MODULE"):
        deselected = [item for item in items if item.get_closest_marker("own_user_model")]
        config.hook.pytest_deselected(items=deselected)
        items[:] = [item for item in items if item not in deselected]
    if os.environ.get("DATABASE_URL", "").startswith("postgres"):
        # What asks no database, or asks for nothing that depends on it, does the same on each, and runs on SQLite.
        config.hook.pytest_deselected(items=[item for item in items if not _asks_the_database(item)])
        items[:] = filter(_asks_the_database, items)
    if rows := config.getoption("rows"):
        kept = few_rows(items, rows, whole_tables=config.getoption("whole_tables"))
        config.hook.pytest_deselected(items=[item for item in items if item not in kept])
        items[:] = [item for item in items if item in kept]
    in_parallel = getattr(config.option, "loadgroup", False)  # set in the test processes of pytest-xdist
    for item in items:
        if HUBS.intersection(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.live)
        if in_parallel and (groups := groups_of(item)):
            # pytest-xdist knows a group by the end of the test's id, but up to 3.8 it writes that where pytest 9.2 no
            # longer reads it, and every test process would start hubs of its own (issue 1386 of pytest-xdist).
            item._id = item.id.parse(f"{item.nodeid}@{'_'.join(sorted(groups))}")


def few_rows(items: list[pytest.Item], rows: int, *, whole_tables: bool) -> set[pytest.Item]:
    """So many rows of each test that has an event loop or asks the database; with ``whole_tables`` all of some."""
    tests: dict[str, list[pytest.Item]] = {}
    for item in items:
        is_cheap = item.get_closest_marker("asyncio") is None and not _asks_a_database(item)
        is_kept = is_cheap or (whole_tables and item.get_closest_marker("whole_table") is not None)
        tests.setdefault(item.nodeid if is_kept else item.nodeid.partition("[")[0], []).append(item)
    return {item for those in tests.values() for item in spread(those, rows)}


def spread(rows: list[T], number: int) -> list[T]:
    """So many of ``rows``, at even distances from the first to the last; all where there are no more."""
    if len(rows) <= number:
        return rows
    return [rows[round(index * (len(rows) - 1) / max(1, number - 1))] for index in range(number)]


def groups_of(item: pytest.Item) -> set[str]:
    """The groups of a test: those of one group go to one test process, since they share what takes long to make."""
    groups = {str(mark.args[0]) for mark in item.iter_markers("xdist_group")}
    definitions = getattr(getattr(item, "_fixtureinfo", None), "name2fixturedefs", {})
    # The one that counts is the last: a module may have a hub of its own under the usual name.
    used = {name: found[-1] for name, found in definitions.items()}
    if not groups and any(one.scope == "module" and one.func.__module__.startswith("tests.") for one in used.values()):
        groups = {item.path.relative_to(item.config.rootpath).as_posix()}
    # One hub of each kind is enough.
    return groups or HUBS.intersection(used)


def _asks_the_database(item: pytest.Item) -> bool:
    return item.get_closest_marker("any_database") is None and _asks_a_database(item)


def _asks_a_database(item: pytest.Item) -> bool:
    fixtures = DATABASE_FIXTURES.intersection(getattr(item, "fixturenames", ()))
    return bool(fixtures) or any(item.get_closest_marker(name) for name in DATABASE_MARKERS)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    arguments = getattr(item, "funcargs", {})
    for hub in (arguments[kind] for kind in HUBS & arguments.keys() if report.failed):
        for path in sorted((hub.folder / "logs").glob("*.log")):
            lines = path.read_text(errors="replace").splitlines()
            report.sections.append((f"log of {path.stem}", "\n".join(lines[-TAIL:])))
    # Half characters, which some tests use and which are logged then, do not reach the process that collects reports.
    report.sections = [(name, text.encode("utf-8", "backslashreplace").decode()) for name, text in report.sections]
    return report
