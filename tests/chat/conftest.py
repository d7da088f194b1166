from collections.abc import AsyncIterator

import pytest
from django.contrib.auth.models import User

from hub import lifespan


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
