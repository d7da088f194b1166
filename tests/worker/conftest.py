from collections.abc import Iterator

import pytest

from tests.worker.durable_tasks import runs


@pytest.fixture
def nothing_ran() -> Iterator[None]:
    """No durable task has run."""
    yield
    runs.clear()
