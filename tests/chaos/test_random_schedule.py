"""A minute of chaos by chance: what ``make chaos`` does for five."""

import random

import pytest

from chaos import report, schedule
from chaos.faults import FAULTS
from chaos.parts import Hub
from chaos.people import People
from chaos.run import run
from tests.chaos.conftest import PATIENCE

SECONDS = 60.0

pytestmark = [pytest.mark.chaos, pytest.mark.slow, pytest.mark.timeout(400)]


async def test_a_minute_of_random_faults_breaks_no_promise(victim: Hub, crowd_people: People) -> None:
    seed = random.SystemRandom().randrange(10**6)
    usable = {name: fault for name, fault in FAULTS.items() if fault.why_not(victim) is None}
    result = await run(victim, crowd_people, schedule.plan(seed, SECONDS, usable), seed=seed, patience=PATIENCE)
    told = f"{report.text(result, seed=seed)}\n{victim.last_words()}"
    assert result.verdict.holds, f"python -m chaos --seconds {SECONDS:g} --seed {seed}\n{told}"
