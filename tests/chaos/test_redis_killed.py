"""Redis that dies and comes back empty."""

import pytest

from tests.chaos.conftest import Survives

pytestmark = [pytest.mark.chaos, pytest.mark.slow]


async def test_redis_that_is_killed_and_comes_back_empty_costs_no_publication(survives: Survives) -> None:
    await survives("redis-killed", size=0.2)
