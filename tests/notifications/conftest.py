"""Who gets alerts in these tests, and the topics that they follow."""

import pytest

from notifications.models import Topic
from tests.support.people import User


@pytest.fixture
def ann() -> User:
    return User.objects.create_user("ann")


@pytest.fixture
def deploys() -> Topic:
    return Topic.objects.create(name="deploys", title="Deployments")


@pytest.fixture
def payroll() -> Topic:
    """A closed one."""
    return Topic.objects.create(name="payroll", title="Payroll", is_open=False)
