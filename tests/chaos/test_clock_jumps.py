"""Clocks that jump."""

import pytest

from tests.chaos.conftest import Survives

pytestmark = [pytest.mark.chaos, pytest.mark.slow]


async def test_clock_that_jumps_loses_nothing_and_makes_no_storm_of_broadcasts(survives: Survives) -> None:
    await survives("clock-jumps", size=0.5)
