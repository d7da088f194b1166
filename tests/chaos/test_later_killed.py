"""Alerts for later, and snoozed ones, whose worker and beat die."""

import pytest

from tests.chaos.conftest import Survives

pytestmark = [pytest.mark.chaos, pytest.mark.slow]


async def test_alerts_come_at_their_time_when_worker_and_beat_are_killed(survives: Survives) -> None:
    await survives("later-killed", size=1)
