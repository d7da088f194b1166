"""What all tests of schedules need."""

import pytest

from worker.schedules import running


@pytest.fixture(autouse=True)
def call_ends_when_all_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """One call sends all that is due, also on a busy machine, where that takes longer than it should."""
    monkeypatch.setattr(running, "CALL_SECONDS", 60.0)
