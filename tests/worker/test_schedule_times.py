"""When schedules are due: over two years in eight zones, compared with a search through what their clocks show."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from worker import due_times
from worker.schedules import rules
from worker.schedules.rules import BadRule, Cron, Every, Monthly, Once, Rule, Timing, Weekly

#: Shifts of an hour and of half an hour, on both halves of the globe, at midnight, around a month that moves, and
#: zones whose rules have changed.
ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Africa/Cairo",
    "Africa/Casablanca",
    "America/Santiago",
    "Asia/Almaty",
    "Pacific/Chatham",
)
YEARS = st.integers(2022, 2033)
TWO_YEARS = timedelta(days=731)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)

times = st.sets(st.times().map(lambda one: f"{one:%H:%M}"), min_size=1, max_size=3).map(tuple)
#: Times around those at which clocks are changed.
risky = st.sets(st.sampled_from(["00:00", "00:30", "01:59", "02:00", "02:15", "02:30", "02:45", "03:00"]), min_size=1)


def shown_at(local: datetime, tz: ZoneInfo) -> list[datetime]:
    """The moments at which the clocks of the zone show this, found by trying each offset that they have around it."""
    around = {(local.replace(tzinfo=UTC) + timedelta(days=days)).astimezone(tz).utcoffset() for days in (-1, 1)}
    tried = {(local - offset).replace(tzinfo=UTC) for offset in around if offset is not None}
    return sorted(one for one in tried if one.astimezone(tz).replace(tzinfo=None) == local)


def first_shown(local: datetime, tz: ZoneInfo) -> datetime:
    while not (found := shown_at(local, tz)):
        local += MINUTE
    return found[0]


def days(begin: date, number: int) -> Iterator[date]:
    return (begin + timedelta(days=one) for one in range(number))


def expected(tz: ZoneInfo, is_on: Callable[[date], bool], at: tuple[str, ...], begin: datetime) -> set[datetime]:
    local = [
        datetime.combine(day, time.fromisoformat(one)) for day in days(begin.date(), 735) if is_on(day) for one in at
    ]
    return {moment for one in local if begin < (moment := first_shown(one, tz)) <= begin + TWO_YEARS}


def due(rule: Rule, zone: str, begin: datetime) -> list[datetime]:
    timing = rules.checked(Timing(rule, zone, start=begin))
    return list(due_times.until(timing.after(begin), begin + TWO_YEARS))


def day_before(year: int) -> datetime:
    """A moment that is the eve of the year in every zone, and not the first of its day in any."""
    return datetime(year, 1, 1, 11, 30, tzinfo=UTC) - timedelta(days=2)


def assert_same(found: list[datetime], wanted: set[datetime], begin: datetime) -> None:
    assert found == sorted(set(found))
    # The day on which the two years begin is not the same in all zones.
    edge = begin + timedelta(days=1)
    assert [one for one in found if one > edge] == sorted(one for one in wanted if one > edge)


@pytest.mark.slow
@settings(max_examples=20, deadline=None)
@given(year=YEARS, zone=st.sampled_from(ZONES), weekdays=st.sets(st.integers(1, 7), min_size=1), at=times | risky)
@example(year=2026, zone="Australia/Lord_Howe", weekdays={7}, at={"02:15"})
@example(year=2026, zone="Africa/Cairo", weekdays={5}, at={"00:00", "00:30"})
def test_days_of_the_week(year: int, zone: str, weekdays: set[int], at: set[str]) -> None:
    begin, tz = day_before(year), ZoneInfo(zone)
    found = due(Weekly(tuple(weekdays), tuple(at)), zone, begin)
    assert_same(found, expected(tz, lambda day: day.isoweekday() in weekdays, tuple(at), begin), begin)


@settings(max_examples=20, deadline=None)
@given(
    year=YEARS,
    zone=st.sampled_from(ZONES),
    numbers=st.sets(st.integers(1, 31), min_size=1, max_size=4),
    at=times | risky,
    or_last_day=st.booleans(),
)
@example(year=2027, zone="Europe/Berlin", numbers={31}, at={"09:00"}, or_last_day=True)
def test_days_of_the_month(year: int, zone: str, numbers: set[int], at: set[str], or_last_day: bool) -> None:
    begin, tz = day_before(year), ZoneInfo(zone)

    def is_on(day: date) -> bool:
        is_last = (day + timedelta(days=1)).month != day.month
        longer = {number for number in numbers if number > day.day}
        return day.day in numbers or (or_last_day and is_last and bool(longer))

    found = due(Monthly(tuple(numbers), tuple(at), or_last_day), zone, begin)
    assert_same(found, expected(tz, is_on, tuple(at), begin), begin)


@settings(max_examples=20, deadline=None)
@given(year=YEARS, zone=st.sampled_from(ZONES), number=st.integers(1, 40), at=st.times())
def test_every_few_days_go_by_the_calendar(year: int, zone: str, number: int, at: time) -> None:
    tz = ZoneInfo(zone)
    begin = first_shown(datetime.combine(date(year, 1, 3), at.replace(second=0, microsecond=0)), tz)
    local = begin.astimezone(tz).replace(tzinfo=None)
    wanted = {first_shown(local + timedelta(days=one), tz) for one in range(0, 731, number)}
    timing = Timing(Every(number, "days"), zone, start=begin)
    found = list(due_times.until(timing.after(begin - MINUTE), max(wanted)))
    assert found == sorted(wanted)


@settings(max_examples=20, deadline=None)
@given(year=YEARS, zone=st.sampled_from(ZONES), number=st.integers(1, 600), unit=st.sampled_from(["minutes", "hours"]))
def test_a_pause_is_real_time(year: int, zone: str, number: int, unit: str) -> None:
    begin = day_before(year)
    pause = timedelta(**{unit: number})
    found = Timing(rules.from_json({"type": "every", "number": number, "unit": unit}), zone, start=begin).after(begin)
    assert list(islice(found, 2000)) == [begin + pause * one for one in range(1, 2001)]


def changes(year: int, tz: ZoneInfo) -> Iterator[datetime]:
    """Moments shortly before the clocks of the zone are changed."""
    begin = datetime(year, 1, 1, tzinfo=UTC)
    hours = [begin + HOUR * one for one in range(2 * 8766)]
    return (one for one in hours if one.astimezone(tz).utcoffset() != (one + HOUR).astimezone(tz).utcoffset())


@pytest.mark.slow
@settings(max_examples=8, deadline=None)
@given(year=YEARS, zone=st.sampled_from(ZONES), step=st.sampled_from([1, 5, 10, 15, 30]))
@example(year=2026, zone="Australia/Lord_Howe", step=15)
def test_frequent_expressions_of_cron_go_on_in_real_time(year: int, zone: str, step: int) -> None:
    tz = ZoneInfo(zone)
    for change in changes(year, tz):
        begin = change - 3 * HOUR
        wanted = [one for n in range(1, 421) if (one := begin + n * MINUTE).astimezone(tz).minute % step == 0]
        assert list(islice(Timing(Cron(f"*/{step} * * * *"), zone).after(begin), len(wanted))) == wanted


@settings(max_examples=20, deadline=None)
@given(year=YEARS, zone=st.sampled_from(ZONES), minute=st.integers(0, 59), hour=st.integers(0, 23), data=st.data())
def test_fixed_expressions_of_cron(year: int, zone: str, minute: int, hour: int, data: st.DataObject) -> None:
    begin, tz = day_before(year), ZoneInfo(zone)
    months = data.draw(st.sets(st.integers(1, 12), min_size=1))
    weekdays = data.draw(st.sets(st.integers(0, 7)))
    numbers = data.draw(st.sets(st.integers(1, 31), max_size=3))

    def is_on(day: date) -> bool:
        is_weekday, is_day = day.isoweekday() % 7 in {one % 7 for one in weekdays}, day.day in numbers
        named = [found for given, found in ((weekdays, is_weekday), (numbers, is_day)) if given]
        return day.month in months and (any(named) or not named)

    fields = [",".join(map(str, some)) or "*" for some in (numbers, months, weekdays)]
    found = due(Cron(f"{minute} {hour} {' '.join(fields)}"), zone, begin)
    assert_same(found, expected(tz, is_on, (f"{hour:02}:{minute:02}",), begin), begin)


# --- bounds ----------------------------------------------------------------------------------------------------------


def test_a_schedule_has_no_time_before_its_start_and_none_after_its_end() -> None:
    start, end = datetime(2026, 3, 1, 9, tzinfo=UTC), datetime(2026, 3, 4, 9, tzinfo=UTC)
    found = Timing(Weekly((1, 2, 3, 4, 5, 6, 7), ("09:00",)), "UTC", start, end).after(
        datetime(2026, 1, 1, tzinfo=UTC)
    )
    assert [f"{one:%d %H:%M}" for one in found] == ["01 09:00", "02 09:00", "03 09:00", "04 09:00"]


def test_once_is_once_by_clocks_and_with_an_offset() -> None:
    before = datetime(2026, 1, 1, tzinfo=UTC)
    assert list(Timing(Once("2026-06-01T09:00"), "Europe/Berlin").after(before)) == [
        datetime(2026, 6, 1, 7, tzinfo=UTC)
    ]
    assert list(Timing(Once("2026-06-01T09:00:00+00:00"), "Europe/Berlin").after(before)) == [
        datetime(2026, 6, 1, 9, tzinfo=UTC)
    ]
    assert not list(Timing(Once("2026-06-01T09:00"), "UTC").after(datetime(2026, 6, 1, 9, tzinfo=UTC)))


def test_everybodys_own_time_begins_where_it_is_that_time_first() -> None:
    found = Timing(Weekly((1,), ("09:00",)), "").after(datetime(2026, 11, 28, tzinfo=UTC))
    assert next(found) == datetime(2026, 11, 29, 19, tzinfo=UTC)  # Monday 9:00 in Kiritimati


@pytest.mark.parametrize(
    ("rule", "zone", "said"),
    [
        (Once("tomorrow"), "UTC", "2026-12-24T18:00"),
        (Once("2026-01-01T00:00+01:00"), "", "no offset"),
        (Every(0, "hours"), "UTC", "after 1 second"),
        (Every(367, "days"), "UTC", "366 days"),
        (Every(1, "hours"), "", "everybody's own zone"),
        (Weekly((), ("09:00",)), "UTC", "Monday"),
        (Weekly((8,), ("09:00",)), "UTC", "Monday"),
        (Weekly((1,), ()), "UTC", "times such as"),
        (Weekly((1,), ("9 am",)), "UTC", "times such as"),
        (Weekly((1,), ("09:00:30",)), "UTC", "times such as"),
        (Monthly((0,), ("09:00",)), "UTC", "1 to 31"),
        (Cron("0 9 * *"), "UTC", "five fields"),
        (Cron("60 9 * * *"), "UTC", "no minute of cron"),
        (Cron("*/0 9 * * *"), "UTC", "no minute of cron"),
        (Cron("0 9 * * 5-1"), "UTC", "no day of the week of cron"),
        (Cron("0 ² * * *"), "UTC", "no hour of cron"),
        (Weekly((1,), ("09:00",)), "Mars/Olympus", "no time zone"),
    ],
)
def test_what_is_no_rule_is_refused_in_a_sentence(rule: Rule, zone: str, said: str) -> None:
    with pytest.raises(BadRule, match=said):
        rules.checked(Timing(rule, zone))


@pytest.mark.parametrize(
    "value", [None, {}, {"type": "yearly"}, {"type": "every", "number": "1", "unit": "days"}, {"type": "once"}]
)
def test_what_is_no_rule_in_json_is_refused(value: object) -> None:
    with pytest.raises(BadRule, match="no rule"):
        rules.from_json(value)


@pytest.mark.parametrize(
    ("text", "weekdays", "hours"),
    [
        ("0 9 * * mon-fri", (1, 2, 3, 4, 5), (9,)),
        ("0 8-18/5 * * 0,7", (0,), (8, 13, 18)),
        ("0 22/1 * * 5-7", (0, 5, 6), (22, 23)),
        ("@weekly", (0,), (0,)),
    ],
)
def test_words_ranges_steps_and_lists_of_cron_are_read(
    text: str, weekdays: tuple[int, ...], hours: tuple[int, ...]
) -> None:
    read = rules.read_cron(text)
    assert (read.weekdays, read.hours) == (weekdays, hours)


def test_a_rule_is_the_same_when_it_was_json() -> None:
    for rule in (Once("2026-06-01T09:00"), Every(2, "days"), Weekly((1, 5), ("09:00",)), Monthly((31,), ("09:00",))):
        assert rules.from_json(rules.as_json(rule)) == rule
