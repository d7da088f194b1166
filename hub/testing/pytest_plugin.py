"""Fixtures for pytest, found by the entry point ``pytest11``. Loading this module loads neither Django nor the hub.

Each brings the database with it, as ``admin_client`` of pytest-django does; to async tests the one that commits.
"""

import inspect
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from hub.testing import DrainedJob, connected
    from hub.testing.notifications import CapturedNotifications
    from hub.testing.publications import CapturedPublications

_FIXTURES = frozenset({"hub_notifications", "hub_publications", "hub_drain_jobs"})


def pytest_itemcollected(item: pytest.Item) -> None:
    """Have async tests commit. Their ORM calls run in another thread than fixtures do, which would hold a transaction.

    That thread sees nothing of the transaction, and with SQLite its first write finds the database locked.
    """
    is_async = inspect.iscoroutinefunction(getattr(item, "obj", None))
    is_ours = not _FIXTURES.isdisjoint(getattr(item, "fixturenames", ()))
    if is_async and is_ours and item.get_closest_marker("django_db") is None:
        item.add_marker(pytest.mark.django_db(transaction=True))


@pytest.fixture
def hub_notifications(db: None) -> "Iterator[CapturedNotifications]":
    """The alerts that the test sends: :func:`hub.testing.capture_notifications` around it."""
    from hub.testing import capture_notifications

    with capture_notifications() as sent:
        yield sent


@pytest.fixture
def hub_publications(db: None) -> "Iterator[CapturedPublications]":
    """What the test publishes: :func:`hub.testing.capture_publications` around it."""
    from hub.testing import capture_publications

    with capture_publications() as published:
        yield published


@pytest.fixture
def hub_drain_jobs(db: None) -> "Callable[..., list[DrainedJob]]":
    """:func:`hub.testing.drain_jobs`."""
    from hub.testing import drain_jobs

    return drain_jobs


@pytest.fixture
def hub_connected(transactional_db: None) -> "type[connected]":
    """:func:`hub.testing.connected`, with the database that async tests need."""
    from hub.testing import connected

    return connected
