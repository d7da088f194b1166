"""Redis that is away for long."""

import pytest

from tests.chaos.conftest import Survives

pytestmark = [pytest.mark.chaos, pytest.mark.slow]


async def test_everything_but_jobs_works_without_redis_and_jobs_catch_up(survives: Survives) -> None:
    await survives("redis-absent", size=0.02)
