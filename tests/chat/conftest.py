from collections.abc import AsyncIterator

import pytest

from hub import lifespan
from tests.support.people import User


@pytest.fixture(autouse=True)
async def relay_ended() -> AsyncIterator[None]:
    yield
    await lifespan.end()


@pytest.fixture
def ann() -> User:
    return User.objects.create_user("ann")


@pytest.fixture
def bob() -> User:
    return User.objects.create_user("bob")
