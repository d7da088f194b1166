"""Jobs whose worker dies."""

import pytest

from tests.chaos.conftest import Survives

pytestmark = [pytest.mark.chaos, pytest.mark.slow]


async def test_each_job_ends_when_what_runs_it_is_killed(survives: Survives) -> None:
    await survives("jobs-killed", size=1)
