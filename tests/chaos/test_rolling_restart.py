"""A new version goes live."""

import pytest

from tests.chaos.conftest import Survives

pytestmark = [pytest.mark.chaos, pytest.mark.slow, pytest.mark.any_database]


async def test_restart_of_both_web_processes_in_turn_loses_nothing_and_nobody(
    survives: Survives,
) -> None:
    await survives("rolling-restart", size=1.0)
