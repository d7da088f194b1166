"""A network that breaks for everybody."""

import pytest

from tests.chaos.conftest import Survives

pytestmark = [pytest.mark.chaos, pytest.mark.slow, pytest.mark.any_database]


async def test_all_clients_are_back_soon_after_a_cut(survives: Survives) -> None:
    await survives("all-cut", size=0.4)
