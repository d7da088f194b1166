"""A hub for the tests that break it, and what it means to survive a fault."""

import logging
import os
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from lab.chaos import people, report
from lab.chaos.databases import database
from lab.chaos.faults import FAULTS
from lab.chaos.leniency import Leniency
from lab.chaos.parts import Hub
from lab.chaos.people import People
from lab.chaos.run import Result, run
from lab.chaos.schedule import Injection

SEED = 7

#: Tests share their machine, and how busy that is is no finding. ``make chaos`` holds to the limits themselves.
LENIENCY = Leniency(times=3, seconds=1)

#: Seconds for one test.
TIMEOUT = 300

Survives = Callable[..., Awaitable[Result]]


#: Files of the tests that come first, so that none that takes long is left for the end. Each process is given two at
#: once at the beginning: one of the three that take longest, and a short one.
FIRST = (
    *("test_clock_jumps.py", "test_web_killed.py"),
    *("test_random_schedule.py", "test_commits_out_of_order.py"),
    *("test_jobs_killed.py", "test_slow_readers.py"),
    *("test_later_killed.py", "test_worker_killed.py", "test_redis_killed.py", "test_redis_absent.py"),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give those that break a hub their time, unless they ask for another, and their place."""
    items.sort(key=lambda item: FIRST.index(item.path.name) if item.path.name in FIRST else len(FIRST))
    for item in items:
        if item.get_closest_marker("chaos") and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(TIMEOUT))


@pytest.fixture(scope="session")
def victim(data_dir: Path) -> Iterator[Hub]:
    """A hub of real processes that tests may break; each leaves it well. On PostgreSQL where the other tests are."""
    logging.getLogger("httpx").setLevel(logging.WARNING)  # a line for each request drowns what a failure has to say
    folder = data_dir / "chaos"
    folder.mkdir()
    with database(folder, postgres=os.environ.get("DATABASE_URL", "").startswith("postgres")) as chosen:
        hub = Hub(folder, chosen)
        try:
            hub.start()
            yield hub
        finally:
            hub.stop()


@pytest.fixture(scope="session")
def crowd_people(victim: Hub) -> People:
    """Those who use the hub while it is broken."""
    return people.make(victim)


@pytest.fixture
def survives(victim: Hub, crowd_people: People) -> Survives:
    """Inject a fault under load; fails with the report where anything that the fault's file or the ledger wants
    does not hold."""

    async def inject(name: str, size: float, clients: int = 50) -> Result:
        if reason := FAULTS[name].why_not(victim):
            pytest.skip(reason)
        result = await run(
            victim,
            crowd_people,
            [Injection(0.0, ((name, size),))],
            seed=SEED,
            clients=clients,
            calm=0.5,
            leniency=LENIENCY,
        )
        assert result.verdict.holds, f"{report.text(result, seed=SEED)}\n{victim.last_words()}"
        return result

    return inject
