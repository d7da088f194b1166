"""A rule about the status of an order."""

import pytest

from notifications import on_save
from tests.notifications.changes.saying import moved
from tests.support.orders import Order, order_tables, orders  # noqa: F401  # fixtures


@pytest.fixture
def rule() -> None:
    on_save(Order, fields=["status"])(moved)
