from collections.abc import AsyncIterator

import pytest

from chat.models import Room
from hub.channels import Namespace, anyone
from tests.hub.serving import serving
from tests.support.namespaces import declare
from tests.support.people import User

SECRET = "a secret that is used by the tests only"


@pytest.fixture
async def address() -> AsyncIterator[str]:
    """``host:port`` of a web server in this process."""
    async with serving() as address:
        yield address


@pytest.fixture
def ada() -> User:
    return User.objects.create_user("ada")


@pytest.fixture
def bob() -> User:
    return User.objects.create_user("bob")


@pytest.fixture
def room() -> str:
    """The channel of a new room."""
    return f"room:{Room.objects.create(name='lobby').pk}"


@pytest.fixture
def open_namespace(monkeypatch: pytest.MonkeyPatch) -> str:
    """A namespace in which anybody may do anything."""
    namespace = Namespace(
        "open",
        can_subscribe=anyone,
        can_publish=anyone,
        can_see_presence=anyone,
        presence=True,
        counts_guests=True,
        join_leave=True,
    )
    declare(monkeypatch, namespace)
    return "open"


@pytest.fixture
def token_secret(settings: object) -> str:
    """The secret of signed tokens."""
    settings.HUB_TOKEN_SECRET = [SECRET]  # type: ignore[attr-defined]  # pytest-django's
    return SECRET
