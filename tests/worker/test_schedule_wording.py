"""When a schedule is due, in words."""

from datetime import UTC, datetime

import pytest
from django.utils import translation

from worker.schedules.rules import Cron, Every, Monthly, Once, Rule, Timing, Weekly
from worker.schedules.wording import sentence

SAID: list[tuple[Rule, str]] = [
    (Every(15, "minutes"), "every 15 minutes"),
    (Every(1, "hours"), "every hour"),
    (Every(30, "seconds"), "every 30 seconds"),
    (Every(2, "days"), "every 2 days at 09:00, Europe/Berlin"),
    (Weekly((1, 2, 3, 4, 5), ("09:00",)), "every weekday at 09:00, Europe/Berlin"),
    (Weekly((1, 2, 3, 4, 5, 6, 7), ("09:00",)), "every day at 09:00, Europe/Berlin"),
    (Weekly((6, 7), ("09:00",)), "on weekends at 09:00, Europe/Berlin"),
    (Weekly((1, 3, 5), ("09:00", "17:30")), "on Mondays, Wednesdays and Fridays at 09:00 and 17:30, Europe/Berlin"),
    (Monthly((31,), ("09:00",), or_last_day=True), "on the last day of each month at 09:00, Europe/Berlin"),
    (Monthly((1, 15), ("09:00",)), "on days 1 and 15 of each month at 09:00, Europe/Berlin"),
    (Monthly((31,), ("09:00",)), "on day 31 of each month (not in a shorter month) at 09:00, Europe/Berlin"),
    (
        Monthly((15, 30), ("09:00",), or_last_day=True),
        "on days 15 and 30 of each month (in a shorter month on its last day) at 09:00, Europe/Berlin",
    ),
    (Cron("0 9 * * 1-5"), "every weekday at 09:00, Europe/Berlin"),
    (Cron("* * * * *"), "every minute, Europe/Berlin"),
    (Cron("*/15 * * * *"), "every 15 minutes by the clock, Europe/Berlin"),
    (Cron("*/15 8-18 * * 1-5"), "every 15 minutes by the clock in hours 8–18, every weekday, Europe/Berlin"),
    (Cron("30 * * * *"), "at minute 30 of every hour, Europe/Berlin"),
    (Cron("5,35 9-11,14 * * *"), "at minutes 5 and 35 in hours 9–11 and 14, Europe/Berlin"),
    (Cron("0 9 13 * 5"), "on day 13 of each month and besides on Fridays at 09:00, Europe/Berlin"),
    (Cron("0 0 1 1,7 *"), "on day 1 of each month at 00:00, in January and July, Europe/Berlin"),
]


@pytest.mark.parametrize(("rule", "expected"), SAID, ids=[expected for _, expected in SAID])
def test_each_rule_has_a_sentence(rule: Rule, expected: str) -> None:
    start = datetime(2026, 1, 1, 8, tzinfo=UTC) if isinstance(rule, Every) else None
    assert sentence(Timing(rule, "Europe/Berlin", start)) == expected


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (Cron("0 9 * * 1-5"), "по будням в 09:00, Europe/Berlin"),
        (Every(15, "minutes"), "раз в 15 минут"),
        (Every(1, "hours"), "каждый час"),
    ],
)
def test_sentence_is_in_the_language_of_the_reader(rule: Rule, expected: str) -> None:
    start = datetime(2026, 1, 1, 8, tzinfo=UTC) if isinstance(rule, Every) else None
    with translation.override("ru"):
        assert sentence(Timing(rule, "Europe/Berlin", start)) == expected


def test_bounds_are_in_the_sentence() -> None:
    end = datetime(2027, 1, 1, 12, tzinfo=UTC)
    said = sentence(Timing(Weekly((1,), ("09:00",)), "", datetime(2101, 1, 1, tzinfo=UTC), end), max_runs=3)
    assert said.startswith("on Mondays at 09:00, in each person's own time zone, from ")
    assert said.endswith(", 3 times")


def test_once_has_its_date() -> None:
    assert "24" in sentence(Timing(Once("2026-12-24T18:00"), "Europe/Berlin"))
    assert "at 19:00" in sentence(Timing(Once("2026-12-24T18:00:00+00:00"), "Europe/Berlin"))
