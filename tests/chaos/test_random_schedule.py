"""A minute of chaos by chance: what ``make chaos`` does for five."""

import pytest

from lab.chaos import report, schedule
from lab.chaos.faults import FAULTS
from lab.chaos.parts import Hub
from lab.chaos.people import People
from lab.chaos.run import run
from tests.chaos.conftest import LENIENCY

SECONDS = 60.0

#: Of those below 25 the one by which most injections, some of it together. Always the same: what a change is judged by
#: does not change from run to run. ``make chaos`` draws another one each time.
SEED = 5

#: None of the faults of this seed is about the database: each of them runs on SQLite only, as this minute does.
pytestmark = [pytest.mark.chaos, pytest.mark.slow, pytest.mark.timeout(400), pytest.mark.any_database]


async def test_a_minute_of_random_faults_breaks_no_promise(victim: Hub, crowd_people: People) -> None:
    usable = {name: fault for name, fault in FAULTS.items() if fault.why_not(victim) is None}
    result = await run(victim, crowd_people, schedule.plan(SEED, SECONDS, usable), seed=SEED, leniency=LENIENCY)
    told = f"{report.text(result, seed=SEED)}\n{victim.last_words()}"
    assert result.verdict.holds, f"python -m lab.chaos --seconds {SECONDS:g} --seed {SEED}\n{told}"
