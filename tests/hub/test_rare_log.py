"""Few lines of many that are alike, and of few kinds."""

from typing import Any

import pytest

from hub.logs import rare_log
from hub.logs.rare_log import RareLog


class Log:
    """Remembers what was written."""

    def __init__(self) -> None:
        self.lines = list[tuple[str, dict[str, Any]]]()

    def warning(self, event: str, **fields: Any) -> None:
        self.lines.append((event, fields))

    error = warning


def test_each_kind_is_written_once_in_a_while_and_says_how_many_there_were() -> None:
    log = Log()
    rare = RareLog(log, seconds=600)
    for _ in range(3):
        rare.error("broken", kind="a", channel="a")
        rare.warning("broken", kind="b", channel="b")
    assert log.lines == [("broken", {"channel": "a"}), ("broken", {"channel": "b"})]
    for window in rare._windows.values():
        window.ends = 0.0
    rare.error("broken", kind="a", channel="a")
    assert log.lines[2:] == [("broken", {"channel": "a", "unsaid": 2})]


def test_an_event_hides_no_other_of_its_kind() -> None:
    log = Log()
    rare = RareLog(log, seconds=600)
    for event in ("broken", "lost", "broken", "broken"):
        rare.error(event, kind="a")
    for window in rare._windows.values():
        window.ends = 0.0
    for event in ("lost", "broken"):
        rare.error(event, kind="a")
    assert log.lines == [("broken", {}), ("lost", {}), ("lost", {}), ("broken", {"unsaid": 2})]


def test_more_kinds_than_are_told_apart_are_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rare_log, "KINDS_LIMIT", 3)
    log = Log()
    rare = RareLog(log, seconds=600)
    for _ in range(4):
        for kind in "abcdefgh":
            rare.error("broken", kind=kind, channel=kind)
    assert [fields["channel"] for _, fields in log.lines] == ["a", "b", "c", "d"]
    rare._windows["broken", "a"].ends = rare._windows["broken", "b"].ends = 0.0
    rare.error("broken", kind="h", channel="h")
    assert log.lines[4:] == [("broken", {"channel": "h"})]
