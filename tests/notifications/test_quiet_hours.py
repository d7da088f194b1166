"""Quiet hours: what comes in them is silent, on the clock of the person, also where clocks change."""

from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from hub.testing import drain_jobs
from hub.users import user_id
from notifications import MEMBERS, Kind, notify
from notifications.kinds import declaring as kinds
from notifications.preferences import stored as preferences
from notifications.preferences.quiet_hours import Hours, in_quiet_hours
from notifications.preferences.stored import NotChosen
from tests.notifications.published import alerts_on
from tests.support.people import User

BERLIN = ZoneInfo("Europe/Berlin")
EVERY_DAY = tuple(range(1, 8))
NIGHT = Hours(time(22), time(7), EVERY_DAY)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def own_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kinds, "_declared", {})
    Kind("order", label="Order", message="order")
    Kind("alarm", label="Alarm", message="alarm", critical=True)


def at(text: str) -> datetime:
    """A moment on the clock of Berlin."""
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)


@pytest.mark.parametrize(
    ("hours", "moment", "is_quiet"),
    [
        (NIGHT, "2026-11-30T21:59", False),
        (NIGHT, "2026-11-30T22:00", True),
        (NIGHT, "2026-11-30T06:59", True),
        (NIGHT, "2026-11-30T07:00", False),
        (Hours(time(13), time(14), (1,)), "2026-11-30T13:30", True),  # a Monday
        (Hours(time(13), time(14), (1,)), "2026-12-01T13:30", False),
        # A night belongs to the day on which it begins.
        (Hours(time(22), time(7), (7,)), "2026-11-30T06:00", True),
        (Hours(time(22), time(7), (7,)), "2026-11-30T23:00", False),
        # Equal times are a whole day, from then to then.
        (Hours(time(0), time(0), (6, 7)), "2026-11-29T23:59", True),
        (Hours(time(0), time(0), (6, 7)), "2026-11-30T00:00", False),
    ],
)
def test_quiet_hours_begin_and_end_on_the_persons_clock(hours: Hours, moment: str, is_quiet: bool) -> None:
    assert hours.has(at(moment)) is is_quiet


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25"])  # clocks go forward, and back
def test_a_night_in_which_clocks_change_ends_when_the_clock_says_so(day: str) -> None:
    before = at(f"{day}T00:30").astimezone(UTC)
    moments = [before + timedelta(minutes=15 * number) for number in range(40)]
    assert all(NIGHT.has(one.astimezone(BERLIN)) is (one.astimezone(BERLIN).hour < 7) for one in moments)


@given(moment=st.datetimes(timezones=st.just(UTC)), begin=st.times(), end=st.times())
def test_no_moment_is_in_hours_and_in_those_between_them(moment: datetime, begin: time, end: time) -> None:
    if begin != end:
        hours, rest = Hours(begin, end, EVERY_DAY), Hours(end, begin, EVERY_DAY)
        assert hours.has(moment) is not rest.has(moment)


@pytest.mark.parametrize("many", [False, True])
def test_what_comes_in_quiet_hours_is_silent_unless_it_is_critical(ann: User, many: bool) -> None:
    bob = User.objects.create_user("bob")
    preferences.change(ann, quiet=Hours(time(0), time(0), EVERY_DAY))
    for kind in ("order", "alarm"):
        notify(to=MEMBERS if many else [ann, bob], kind=kind)
        drain_jobs()
    notify(to=ann, message="of no kind")
    assert [data.get("silent") for data in alerts_on(f"user:{user_id(ann)}")] == [True, None, None]
    assert [data.get("silent") for data in alerts_on(f"user:{user_id(bob)}")] == [None, None]


def test_the_time_zone_is_the_persons(ann: User) -> None:
    preferences.change(ann, time_zone="Asia/Tokyo", quiet=NIGHT)
    bob = User.objects.create_user("bob")
    preferences.change(bob, quiet=NIGHT)
    noon = datetime(2026, 11, 30, 14, tzinfo=UTC)  # 23:00 in Tokyo
    assert in_quiet_hours([ann.pk, bob.pk], noon) == {ann.pk}


def test_people_without_quiet_hours_cost_one_query(ann: User, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        assert in_quiet_hours([ann.pk]) == set()


def test_they_are_kept_until_they_are_taken_back(ann: User) -> None:
    assert preferences.change(ann, quiet=NIGHT).quiet == NIGHT
    assert preferences.change(ann, language="ru").quiet == NIGHT
    assert preferences.change(ann, quiet=None).quiet is None
    for days in ((), (0,), (1, 8)):
        with pytest.raises(NotChosen, match="day of the week"):
            preferences.change(ann, quiet=Hours(time(1), time(2), days))


def test_hours_that_end_when_they_begin_say_that_they_are_24(ann: User) -> None:
    summary = preferences.change(ann, quiet=Hours(time(9), time(9), (6,))).summary
    assert summary[0] == "No alert interrupts you in these hours: 24 hours from 9 a.m. (Saturday)."


@pytest.mark.slow
def test_page_stores_them_and_says_what_is_missing(ann: User, client: Client) -> None:
    client.force_login(ann)
    page = "/notifications/preferences/"
    posted: dict[str, Any] = {"begin": "22:00", "end": "07:00", "days": ["1", "7"]}
    assert client.post(page, posted).status_code == 302
    assert preferences.preferences_of(ann).quiet == Hours(time(22), time(7), (1, 7))
    assert 'value="22:00"' in client.get(page).content.decode()
    changes: list[dict[str, Any]] = [{"end": ""}, {"begin": ""}, {"days": []}, {"begin": "25:00"}]
    for wrong in changes:
        assert client.post(page, posted | wrong).status_code == 400
    assert client.post(page, {}).status_code == 302
    assert preferences.preferences_of(ann).quiet == Hours(time(22), time(7), (1, 7))
    assert client.post(page, {"begin": "", "end": ""}).status_code == 302
    assert preferences.preferences_of(ann).quiet is None
