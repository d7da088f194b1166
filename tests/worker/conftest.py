from collections.abc import Iterator

import pytest

from tests.worker.durable_tasks import runs
from tests.worker.running import try_the_broker_again


@pytest.fixture
def nothing_ran_and_the_broker_is_there() -> Iterator[None]:
    """No durable task has run, and calls go to the broker."""
    yield
    runs.clear()
    try_the_broker_again()
