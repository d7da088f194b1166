import secrets

import pytest

from tests.live.parts import create_room, web_urls
from tests.support.live import LiveHub


@pytest.fixture
def webs(hub: LiveHub) -> list[str]:
    """The addresses of the two web processes of the running hub, each for itself."""
    return web_urls(hub)


@pytest.fixture
def unique() -> str:
    """A name that no other test has used in the running hub."""
    return f"t{secrets.token_hex(4)}"


@pytest.fixture
def room(hub: LiveHub, unique: str) -> str:
    """The name of a new room."""
    create_room(hub, unique)
    return unique
