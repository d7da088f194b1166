"""Transactions that overtake each other."""

import pytest

from tests.chaos.conftest import Survives

pytestmark = [pytest.mark.chaos, pytest.mark.slow]


async def test_transactions_that_commit_out_of_order_are_both_seen_in_order(survives: Survives) -> None:
    await survives("commits-out-of-order", size=0.2)
