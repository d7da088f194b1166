"""Coming and going: what ``make soak`` does for ten minutes."""

import pytest

from lab.chaos import soak
from lab.chaos.parts import Hub
from lab.chaos.people import People
from lab.chaos.soak import Reading

MB = 2**20


@pytest.mark.chaos
@pytest.mark.slow
async def test_churn_of_a_few_seconds_leaves_nothing_behind(
    victim: Hub, crowd_people: People, capsys: pytest.CaptureFixture[str]
) -> None:
    status = await soak.soak(victim, crowd_people, seconds=6, seed=1)
    assert status == 0, capsys.readouterr().out


def test_process_that_grows_is_found() -> None:
    readings = [Reading(memory=100 * MB + number * MB, count=50) for number in range(30)]
    assert soak.growth("web-1", readings) == ["web-1 grew from 104.5 to 124.5 MB"]


def test_connections_that_stay_are_found() -> None:
    readings = [Reading(memory=100 * MB, count=50 + number) for number in range(30)]
    assert soak.growth("redis", readings) == ["redis had 54 open and has 74"]


def test_tasks_that_stay_are_found() -> None:
    readings = [Reading(memory=0, count=100 + 10 * number) for number in range(30)]
    assert soak.growth("web-1 hub_tasks", readings) == ["web-1 hub_tasks had 145 open and has 345"]


def test_one_busy_moment_is_no_growth() -> None:
    readings = [Reading(memory=100 * MB, count=50)] * 29 + [Reading(memory=300 * MB, count=500)]
    assert soak.growth("web-1", readings) == []
