"""Clients and programs that send nonsense."""

import pytest

from tests.chaos.conftest import Survives

pytestmark = [pytest.mark.chaos, pytest.mark.slow, pytest.mark.any_database]


async def test_nonsense_touches_no_other_socket_and_makes_no_traceback(survives: Survives) -> None:
    await survives("hostile-input", size=0.1)
