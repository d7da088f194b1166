"""How long one call may delete what need not be kept."""

from types import SimpleNamespace
from typing import Any

import pytest

from notifications.sending import retention
from worker.schedules import running

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("module", [retention, running])
def test_what_is_deleted_first_leaves_less_time_to_the_others(monkeypatch: pytest.MonkeyPatch, module: Any) -> None:
    now = 100.0
    given: list[float] = []

    def prune_table(*_: Any, seconds: float, **__: Any) -> int:
        nonlocal now
        given.append(seconds)
        now += 25
        return 0

    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: now))
    monkeypatch.setattr(module, "prune_table", prune_table)
    module.prune(seconds=40.0)
    assert given == [40.0, 15.0, *[0.0] * (len(given) - 2)]
