"""Beats that die, and that are two."""

import pytest

from tests.chaos.conftest import Survives

pytestmark = [pytest.mark.chaos, pytest.mark.slow]


async def test_no_broadcast_goes_out_twice_when_one_of_two_beats_is_killed(survives: Survives) -> None:
    await survives("beat-killed", size=0.1)
