"""The fixtures that projects get by the entry point, and a person."""

import pytest

from hub.testing.pytest_plugin import hub_connected, hub_drain_jobs, hub_notifications, hub_publications
from tests.support.people import User

__all__ = ["hub_connected", "hub_drain_jobs", "hub_notifications", "hub_publications"]


@pytest.fixture
def ada() -> User:
    return User.objects.create_user("ada")


@pytest.fixture
def bob() -> User:
    return User.objects.create_user("bob")
