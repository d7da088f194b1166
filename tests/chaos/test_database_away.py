"""A database that takes no writes."""

import pytest

from tests.chaos.conftest import Survives

pytestmark = [pytest.mark.chaos, pytest.mark.slow]


async def test_database_that_is_away_makes_no_false_success_and_closes_no_socket(survives: Survives) -> None:
    await survives("database-away", size=0.4)
