"""Clients that never read."""

import pytest

from tests.chaos.conftest import Survives

pytestmark = [pytest.mark.chaos, pytest.mark.slow, pytest.mark.any_database]


async def test_clients_that_never_read_are_closed_and_hold_up_nobody(survives: Survives) -> None:
    await survives("slow-readers", size=1.0)
