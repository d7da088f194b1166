import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.parts import create_room, pid_of, web_urls
from tests.support.live import LiveHub, live_hub


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/live/" in item.path.as_posix():
            item.add_marker(pytest.mark.live)


@pytest.fixture(scope="session")
def fragile_hub(data_dir: Path) -> Iterator[LiveHub]:
    """A hub whose Redis tests stop and kill, apart from the one that other tests look at. It has a room ``lobby``."""
    with live_hub(data_dir / "fragile", HUB_LIMIT_ROOMS="1000/hour") as running:
        create_room(running, "lobby")
        yield running


@pytest.fixture
def redis_pid(fragile_hub: LiveHub) -> int:
    pid = pid_of(fragile_hub, "redis")
    assert pid is not None
    return pid


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
