"""A web process that dies. That presence is right again: ``tests/live/test_crash.py``."""

import pytest

from tests.chaos.conftest import Survives

pytestmark = [pytest.mark.chaos, pytest.mark.slow, pytest.mark.any_database]


async def test_clients_of_a_web_process_that_is_killed_are_back_and_miss_nothing(survives: Survives) -> None:
    await survives("web-killed", size=0.1, clients=100)
