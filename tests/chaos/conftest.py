"""A hub for the tests that break it, and what it means to survive a fault."""

import os
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from chaos import people, report
from chaos.databases import database
from chaos.faults import FAULTS
from chaos.parts import Hub
from chaos.people import People
from chaos.run import Result, run
from chaos.schedule import Strike

SEED = 7

Survives = Callable[..., Awaitable[Result]]


@pytest.fixture(scope="session")
def victim(data_dir: Path) -> Iterator[Hub]:
    """A hub of real processes that tests may break; each leaves it well. On PostgreSQL where the other tests are."""
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
    """Let a fault strike under load; fails with the report where anything that the fault's file or the ledger wants
    does not hold."""

    async def strike(name: str, size: float, clients: int = 50) -> Result:
        if reason := FAULTS[name].why_not(victim):
            pytest.skip(reason)
        result = await run(victim, crowd_people, [Strike(0.0, ((name, size),))], seed=SEED, clients=clients, calm=0.5)
        assert result.verdict.holds, f"{report.text(result, seed=SEED)}\n{victim.last_words()}"
        return result

    return strike
