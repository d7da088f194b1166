"""A worker that dies."""

import pytest

from tests.chaos.conftest import Survives

pytestmark = [pytest.mark.chaos, pytest.mark.slow]


async def test_fan_out_of_a_worker_that_is_killed_stores_every_alert_once(survives: Survives) -> None:
    await survives("worker-killed", size=0.2)
