"""Publishers that die at the worst moment."""

import pytest

from tests.chaos.conftest import Survives

pytestmark = [pytest.mark.chaos, pytest.mark.slow]


async def test_what_a_process_stored_before_it_was_killed_is_delivered(survives: Survives) -> None:
    await survives("publisher-killed", size=0.2)
