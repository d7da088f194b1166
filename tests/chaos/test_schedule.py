"""The schedule: by chance, but the same for the same seed."""

from collections import Counter

import pytest

from lab.chaos import schedule
from lab.chaos.faults import FAULTS


@pytest.mark.parametrize("seconds", [60.0, 300.0])
def test_same_seed_makes_the_same_plan_and_another_seed_another(seconds: float) -> None:
    assert schedule.plan(1, seconds, FAULTS) == schedule.plan(1, seconds, FAULTS)
    assert schedule.plan(1, seconds, FAULTS) != schedule.plan(2, seconds, FAULTS)


@pytest.mark.parametrize("seed", range(20))
def test_plan_ends_in_time_and_no_strike_begins_before_the_last_has_ended(seed: int) -> None:
    injections = schedule.plan(seed, 300, FAULTS)
    ends = 0.0
    for injection in injections:
        assert injection.at >= ends
        ends = injection.at + max(FAULTS[name].length(size) for name, size in injection.faults)
    least = min(fault.length(fault.sizes[0]) for fault in FAULTS.values())
    assert 300 - least - schedule.CALM[1] <= ends <= 300 + 15


@pytest.mark.parametrize("seed", range(20))
def test_every_fault_comes_once_before_any_comes_twice(seed: int) -> None:
    injections = schedule.plan(seed, 3000, FAULTS)
    names = [name for injection in injections for name, _ in injection.faults]
    assert set(names[: len(FAULTS)]) == set(FAULTS)


def test_some_strike_together_but_never_one_that_cannot() -> None:
    injections = schedule.plan(5, 5000, FAULTS)
    together = Counter(name for injection in injections if len(injection.faults) == 2 for name, _ in injection.faults)
    assert sum(together.values()) > 10
    assert [name for name in together if not FAULTS[name].mixes] == []


def test_only_the_faults_that_are_asked_for_come() -> None:
    few = {name: FAULTS[name] for name in ("redis-killed", "web-killed")}
    assert {name for injection in schedule.plan(1, 100, few) for name, _ in injection.faults} == set(few)


def test_time_too_short_for_any_fault_makes_an_empty_plan() -> None:
    assert schedule.plan(1, 2, FAULTS) == []


def test_whole_table_is_each_fault_once_at_full_length() -> None:
    assert [injection.faults for injection in schedule.whole_table(list(FAULTS))] == [
        ((name, 1.0),) for name in FAULTS
    ]
