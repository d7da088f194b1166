"""Redis that hangs."""

import pytest

from tests.chaos.conftest import Survives

pytestmark = [pytest.mark.chaos, pytest.mark.slow, pytest.mark.any_database]


async def test_redis_that_answers_nothing_holds_up_nobody(survives: Survives) -> None:
    await survives("redis-stopped", size=0.2)
