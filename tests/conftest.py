"""Fixtures for every test. The parts they are made of are in ``tests/support``."""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import hypothesis
import pytest
from asgiref.sync import SyncToAsync
from channels.layers import BaseChannelLayer
from django.conf import settings
from django.db import connection, connections
from django.utils import translation

from hub.concurrency import node
from hub.database import threads
from lab.harness.migrated import copy_sqlite, postgres_template
from lab.harness.redis_server import RedisServer
from tests.support import emptying, outages
from tests.support.layers import default_layer
from tests.support.live import LiveHub, live_hub
from tests.support.plugin import DATA_DIR

# How long an example takes, or takes to be made, says how busy the machine is, and nothing about the code.
hypothesis.settings.register_profile("hub", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("hub")


def pytest_configure() -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # hashing well is slow on purpose
    emptying.empty_quickly()


@pytest.fixture(scope="session")
def data_dir(pytestconfig: pytest.Config) -> Path:
    """The data folder of this test process (``HUB_DATA_DIR``)."""
    return pytestconfig.stash[DATA_DIR]


@pytest.fixture(scope="session", autouse=True)
def redis_server() -> Iterator[RedisServer]:
    """The Redis of this test process, where the settings look for it. A test that stops it must start it again."""
    server = RedisServer(Path(settings.HUB_REDIS_URL.removeprefix("unix://")))
    server.start()
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def empty_redis(redis_server: RedisServer) -> Iterator[None]:
    """Each test finds Redis empty, and nothing that remembers one that was away."""
    yield
    redis_server.client.flushall()
    outages.forget()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None, data_dir: Path) -> None:
    """A copy of a database whose migrations have run. On PostgreSQL Django makes it, from its template."""
    database = settings.DATABASES["default"]
    test = database["TEST"]
    test["MIGRATE"] = False  # there is nothing to migrate, and finding that out takes longer than most test files
    if connection.vendor == "sqlite":
        # In a file: an in-memory database would be one connection that all threads share.
        test["NAME"] = str(data_dir / "test.sqlite3")
        copy_sqlite(data_dir / "test.sqlite3")
        # Its rows live as long as the tests do, so nothing is worth waiting for the disk.
        database["OPTIONS"]["init_command"] += "PRAGMA synchronous=OFF;"
    else:
        test["TEMPLATE"] = postgres_template(os.environ["DATABASE_URL"])
        # Runs with other user models may be beside this one, on the same server.
        test["NAME"] = f"{test.get('NAME') or 'test'}_{settings.SETTINGS_MODULE.replace('.', '_')}"


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> Iterator[None]:
    """The tables of this test process; nothing of ours holds them when Django drops them."""
    yield
    emptying.leave()


@pytest.fixture(scope="session")
def django_db_keepdb() -> bool:
    """Whether Django takes the database that is there, instead of an empty one."""
    return connection.vendor == "sqlite"


@pytest.fixture(autouse=True)
def no_language_left() -> Iterator[None]:
    """The language of a test's last request, which Django leaves to whatever the thread does next, ends with it."""
    yield
    translation.deactivate()


@pytest.fixture(autouse=True)
def no_database_threads_left() -> Iterator[None]:
    """Threads of a test end with it: none holds a connection to the database when that is emptied or dropped."""
    yield
    threads.close_all()
    SyncToAsync.single_thread_executor.submit(connections.close_all).result()  # that of async ORM calls; it stays


@pytest.fixture
async def node_ends(request: pytest.FixtureRequest) -> AsyncIterator[None]:
    """The parts that a test has made on its event loop end with it, before the database is emptied."""
    for database in {"db", "transactional_db"}.intersection(request.fixturenames):
        request.getfixturevalue(database)
    yield
    await node.close()


@pytest.fixture(autouse=True)
def node_ends_with_its_loop(request: pytest.FixtureRequest) -> None:
    """:func:`node_ends`, for each test that has an event loop."""
    if request.node.get_closest_marker("asyncio"):
        request.getfixturevalue("node_ends")


@pytest.fixture(params=["memory", "redis"])
async def layer(request: pytest.FixtureRequest) -> AsyncIterator[BaseChannelLayer]:
    """A channel layer of each kind, as the default one of this process: the contract must hold on both."""
    async with default_layer(request.param) as made:
        yield made


@pytest.fixture(params=["memory", "redis", "channels_redis.pubsub", "channels_redis.core"])
async def every_layer(request: pytest.FixtureRequest) -> AsyncIterator[BaseChannelLayer]:
    """As ``layer``, and with those of channels_redis that a project may have set."""
    async with default_layer(request.param) as made:
        yield made


@pytest.fixture(scope="session")
def hub(data_dir: Path) -> Iterator[LiveHub]:
    """A whole hub with two web processes, a worker and beat, for all tests that only look at it from outside."""
    with live_hub(data_dir / "live") as running:
        yield running
