"""Schedules whose beat, worker, Redis and database fail."""

import pytest

from tests.chaos.conftest import Survives

pytestmark = [pytest.mark.chaos, pytest.mark.slow]


async def test_each_due_time_is_sent_once_when_what_sends_it_is_killed(survives: Survives) -> None:
    await survives("schedules-killed", size=0.2)
