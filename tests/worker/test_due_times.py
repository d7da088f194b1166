"""When schedules are due, on days when clocks are changed and on all others."""

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from django_celery_beat.tzcrontab import TzAwareCrontab

from worker import due_times


def cron(text: str, zone: str) -> TzAwareCrontab:
    minute, hour, day, month, weekday = text.split()
    return TzAwareCrontab(minute, hour, weekday, day, month, tz=ZoneInfo(zone))


def due(text: str, zone: str, since: str, until: str) -> list[str]:
    """The due times between two local times, as clocks of the zone show them and with how far they are from UTC."""
    tz = ZoneInfo(zone)
    begin, end = (datetime.fromisoformat(moment).replace(tzinfo=tz) for moment in (since, until))
    moments = due_times.until(due_times.of_crontab(cron(text, zone), begin - timedelta(seconds=1)), end)
    return [f"{moment.astimezone(tz):%H:%M%z}" for moment in moments]


def pauses(text: str, zone: str, since: str, until: str) -> set[int]:
    """Minutes of real time between due times."""
    tz = ZoneInfo(zone)
    begin, end = (datetime.fromisoformat(moment).replace(tzinfo=tz) for moment in (since, until))
    moments = list(due_times.until(due_times.of_crontab(cron(text, zone), begin.astimezone(UTC)), end.astimezone(UTC)))
    return {round((after - before).total_seconds() / 60) for before, after in pairwise(moments)}


#: Zone, the day on which its clocks show some time twice, and the one on which they leave some out.
CHANGES = [
    ("Europe/Berlin", "2026-10-25", "2026-03-29"),
    ("America/New_York", "2026-11-01", "2026-03-08"),
    ("America/St_Johns", "2026-11-01", "2026-03-08"),
    ("Australia/Lord_Howe", "2026-04-05", "2026-10-04"),
    ("Australia/Sydney", "2026-04-05", "2026-10-04"),
    ("America/Santiago", "2026-04-04", "2026-09-06"),
    ("Africa/Cairo", "2026-10-29", "2026-04-24"),
    ("Atlantic/Azores", "2026-10-25", "2026-03-29"),
    ("Africa/Casablanca", "2026-02-15", "2026-03-22"),
]


def around(day: str) -> tuple[str, str]:
    middle = datetime.fromisoformat(day)
    return f"{middle - timedelta(hours=12):%Y-%m-%dT%H:%M}", f"{middle + timedelta(hours=48):%Y-%m-%dT%H:%M}"


@pytest.mark.parametrize(("zone", "twice", "left_out"), CHANGES)
@pytest.mark.parametrize(("text", "minutes"), [("*/15 * * * *", 15), ("* * * * *", 1), ("*/5 * * * *", 5)])
def test_frequent_crontabs_go_on_in_real_time(zone: str, twice: str, left_out: str, text: str, minutes: int) -> None:
    for day in (twice, left_out):
        assert pauses(text, zone, *around(day)) == {minutes}


@pytest.mark.parametrize(("zone", "twice", "left_out"), [row for row in CHANGES if row[0] != "Australia/Lord_Howe"])
@pytest.mark.parametrize("minute", [0, 20])
def test_hourly_crontabs_go_on_in_real_time(zone: str, twice: str, left_out: str, minute: int) -> None:
    for day in (twice, left_out):
        assert pauses(f"{minute} * * * *", zone, *around(day)) == {60}


def test_hourly_crontabs_are_right_by_clocks_that_shift_by_half_an_hour() -> None:
    zone = "Australia/Lord_Howe"
    shown = due("0 * * * *", zone, "2026-04-05T00:30", "2026-04-05T03:30")
    assert shown == ["01:00+1100", "02:00+1030", "03:00+1030"]
    shown = due("45 * * * *", zone, "2026-04-05T00:50", "2026-04-05T03:50")
    assert shown == ["01:45+1100", "01:45+1030", "02:45+1030", "03:45+1030"]
    shown = due("15 * * * *", zone, "2026-10-04T00:30", "2026-10-04T03:30")  # 2:15 is not shown
    assert shown == ["01:15+1030", "02:45+1100", "03:15+1100"]


@pytest.mark.parametrize(("zone", "twice", "left_out"), CHANGES)
def test_a_fixed_time_runs_once_on_every_day(zone: str, twice: str, left_out: str) -> None:
    for day in (twice, left_out):
        since, until = f"{datetime.fromisoformat(day):%Y-%m-%dT00:00}", f"{datetime.fromisoformat(day):%Y-%m-%dT23:59}"
        for hour in range(24):
            for minute in (0, 15, 45):
                found = due(f"{minute} {hour} * * *", zone, since, until)
                assert len(found) == 1 or hour in {0, 23}, (day, hour, minute, found)
        begin = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone))
        for text in ("0 0 * * *", "30 23 * * *", "30 0 * * *"):
            four = list(islice(due_times.of_crontab(cron(text, zone), begin - timedelta(days=1, hours=3)), 4))
            assert {(after - before) // timedelta(hours=1) for before, after in pairwise(four)} <= {23, 24, 25}


def test_a_fixed_time_that_is_shown_twice_runs_at_the_first_showing() -> None:
    assert due("30 2 * * *", "Europe/Berlin", "2026-10-25T00:00", "2026-10-26T00:00") == ["02:30+0200"]
    quarters = due("*/15 2 * * *", "Europe/Berlin", "2026-10-25T00:00", "2026-10-26T00:00")
    assert quarters == [f"02:{minute:02}+0200" for minute in (0, 15, 30, 45)]
    assert due("0 */2 * * *", "Europe/Berlin", "2026-10-25T01:00", "2026-10-25T05:00") == ["02:00+0200", "04:00+0100"]


def test_a_range_of_hours_goes_on_through_the_hour_that_is_shown_twice() -> None:
    shown = due("0 1-4 * * *", "Europe/Berlin", "2026-10-25T00:00", "2026-10-26T00:00")
    assert shown == ["01:00+0200", "02:00+0200", "02:00+0100", "03:00+0100", "04:00+0100"]


def test_a_fixed_time_that_is_left_out_runs_once_at_the_next_minute_that_there_is() -> None:
    assert due("30 2 * * *", "Europe/Berlin", "2026-03-29T00:00", "2026-03-30T00:00") == ["03:00+0200"]
    assert due("15,45 2 * * *", "Europe/Berlin", "2026-03-29T00:00", "2026-03-30T00:00") == ["03:00+0200"]
    assert due("15 2 * * *", "Australia/Lord_Howe", "2026-10-04T00:00", "2026-10-05T00:00") == ["02:30+1100"]
    assert due("0 0 * * *", "Africa/Cairo", "2026-04-23T23:30", "2026-04-24T23:00") == ["01:00+0300"]


def test_a_zone_that_leaves_out_a_day_loses_no_daily_run_before_and_after() -> None:
    moments = due_times.of_crontab(cron("0 9 * * *", "Pacific/Apia"), datetime(2011, 12, 28, 20, tzinfo=UTC))
    shown = list(due_times.until(moments, datetime(2012, 1, 2, tzinfo=UTC)))
    assert {after - before for before, after in pairwise(shown)} == {timedelta(days=1)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("25 9 * * 1-5", ["2026-11-30T09:25", "2026-12-01T09:25"]),
        ("0 0 29 2 *", ["2028-02-29T00:00", "2032-02-29T00:00"]),
        ("0 12 29 2 1", ["2044-02-29T12:00", "2072-02-29T12:00"]),
        ("0 0 31 * *", ["2026-12-31T00:00", "2027-01-31T00:00"]),
        ("59 23 31 12 *", ["2026-12-31T23:59", "2027-12-31T23:59"]),
        ("0 0 1 1,7 sun", ["2028-01-01T00:00", "2029-07-01T00:00"][1:]),
    ],
)
def test_dates_are_found_however_far_away(text: str, expected: list[str]) -> None:
    found = due_times.of_crontab(cron(text, "UTC"), datetime(2026, 11, 29, 12, tzinfo=UTC))
    assert [f"{moment:%Y-%m-%dT%H:%M}" for moment in islice(found, len(expected))] == expected


def test_due_times_end_with_the_calendar() -> None:
    assert len(list(due_times.of_crontab(cron("0 0 1 1 *", "UTC"), datetime(9997, 6, 1, tzinfo=UTC)))) == 2


@pytest.mark.slow
def test_an_interval_has_its_first_time_and_then_each_one() -> None:
    at = datetime(2026, 1, 1, 12, tzinfo=UTC)
    hour = timedelta(hours=1)
    assert next(due_times.of_interval(hour, at)) == at + hour
    assert list(islice(due_times.of_interval(hour, at, first=at + 3 * hour), 2)) == [at + 3 * hour, at + 4 * hour]
    assert next(due_times.of_interval(hour, at, first=at - timedelta(minutes=90))) == at + timedelta(minutes=30)
    assert next(due_times.of_interval(hour, at, first=at)) == at + hour
