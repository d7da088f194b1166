"""Periodic tasks of the admin beside the schedules: when they are due next, in the list and in the calendar."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation
from django_celery_beat.models import ClockedSchedule, CrontabSchedule, IntervalSchedule, PeriodicTask, SolarSchedule

from worker.beat import HubEntry
from worker.schedules.periodic import periodic_tasks

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def every(number: int, period: str = IntervalSchedule.MINUTES) -> dict[str, Any]:
    return {"interval": IntervalSchedule.objects.create(every=number, period=period)}


def daily(hour: str) -> dict[str, Any]:
    return {"crontab": CrontabSchedule.objects.create(minute="30", hour=hour, timezone="Europe/Berlin")}


def task(**more: Any) -> PeriodicTask:
    made = PeriodicTask.objects.create(name="Report", task="worker.tasks.send_broadcast", **more)
    PeriodicTask.objects.filter(pk=made.pk).update(date_changed=NOW - HOUR)
    made.refresh_from_db()
    return made


def due(number: int = 2) -> list[datetime]:
    (listed,) = periodic_tasks()
    return [moment for moment, _ in zip(listed.due_times(NOW), range(number), strict=False)]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"minute": "0", "hour": "9", "day_of_week": "mon-fri"}, "every weekday at 09:00, Asia/Tokyo"),
        ({"minute": "*"}, "every minute, Asia/Tokyo"),
        ({"minute": "0", "hour": "9", "day_of_month": "31"}, "on day 31 of each month at 09:00, Asia/Tokyo"),
    ],
)
def test_a_crontab_is_said_as_that_of_a_schedule_is(fields: dict[str, str], said: str) -> None:
    task(crontab=CrontabSchedule.objects.create(timezone="Asia/Tokyo", **fields))
    (listed,) = periodic_tasks()
    assert listed.schedule == said


@pytest.mark.parametrize("fields", [{"day_of_month": "1", "day_of_week": "mon"}, {"minute": "0", "hour": "22-3"}])
def test_a_crontab_that_is_none_of_cron_is_said_as_the_admin_says_it(fields: dict[str, str]) -> None:
    row = CrontabSchedule.objects.create(timezone="Asia/Tokyo", **fields)
    task(crontab=row)
    (listed,) = periodic_tasks()
    assert listed.schedule == str(row)


def test_an_interval_goes_on_from_its_last_run() -> None:
    task(**every(20), last_run_at=NOW - timedelta(minutes=5))
    assert due() == [NOW + timedelta(minutes=15), NOW + timedelta(minutes=35)]


@pytest.mark.parametrize(
    ("number", "period", "english", "russian"),
    [
        (1, IntervalSchedule.HOURS, "every hour", "каждый час"),
        (1, IntervalSchedule.DAYS, "every day", "каждый день"),
        (2, IntervalSchedule.MINUTES, "every 2 minutes", "раз в 2 минуты"),
    ],
)
def test_an_interval_is_said_as_that_of_a_schedule_is(number: int, period: str, english: str, russian: str) -> None:
    task(**every(number, period))
    (listed,) = periodic_tasks()
    assert listed.schedule == english
    with translation.override("ru"):
        (listed,) = periodic_tasks()
    assert listed.schedule == russian


def test_a_crontab_is_of_the_clocks_of_its_zone() -> None:
    task(**daily("9"))
    assert due() == [datetime(2026, 12, 2, 8, 30, tzinfo=UTC), datetime(2026, 12, 3, 8, 30, tzinfo=UTC)]


def test_nothing_is_due_before_its_start_and_after_its_end() -> None:
    start = datetime(2026, 12, 5, tzinfo=UTC)
    task(**daily("9"), start_time=start, expires=start + timedelta(days=1))
    assert due() == [datetime(2026, 12, 5, 8, 30, tzinfo=UTC)]


def test_what_runs_once_is_due_once() -> None:
    made = task(**daily("9"), one_off=True)
    assert len(due()) == 1
    PeriodicTask.objects.filter(pk=made.pk).update(total_run_count=1)
    assert due() == []


def test_a_date_is_due_until_it_has_passed() -> None:
    clocked = ClockedSchedule.objects.create(clocked_time=NOW + HOUR)
    task(clocked=clocked, one_off=True)
    assert due() == [NOW + HOUR]
    ClockedSchedule.objects.update(clocked_time=NOW - HOUR)
    assert due() == []


@pytest.mark.parametrize("hours", ["", "*/2", "9-17"])
def test_it_is_due_when_beat_sends_it(hours: str) -> None:
    made = task(**(daily(hours) if hours else every(20)), last_run_at=NOW)
    assert due(3) == [moment for moment, _ in zip(HubEntry(made)._due_times(), range(3), strict=False)]


def test_what_is_switched_off_or_goes_by_the_sun_has_no_next_time() -> None:
    sun = SolarSchedule.objects.create(event="sunrise", latitude=52, longitude=13)
    PeriodicTask.objects.create(name="a", task="t", solar=sun)
    PeriodicTask.objects.create(name="b", task="t", enabled=False, **every(5))
    assert [one.next_at for one in periodic_tasks()] == [None, None]


def test_list_and_calendar_show_them_to_who_may_see_them(admin_client: Client) -> None:
    made = task(**daily("9"))
    often = PeriodicTask.objects.create(name="Often", task="t", **every(5))
    address = reverse("hub:schedules:task", args=[made.pk])
    listed = admin_client.get(reverse("hub:schedules:list")).content.decode()
    assert listed.count("data-time") >= 2 and address in listed
    shown = admin_client.get(reverse("hub:schedules:calendar"))
    entries = [(entry.pk, time, number) for day in shown.context["days"] for entry, time, number in day.entries]
    ahead = 27 - timezone.now().weekday()
    assert len(entries) in {ahead, ahead + 1} and {pk for pk, _, _ in entries} == {made.pk}
    assert [one.pk for one in shown.context["often"]] == [often.pk]
    assert address in shown.content.decode()


def test_calendar_shows_none_to_others(client: Client, django_user_model: Any) -> None:
    staff = django_user_model.objects.create_user("staff", is_staff=True)
    task(**daily("9"))
    client.force_login(staff)
    shown = client.get(reverse("hub:schedules:calendar"))
    assert shown.status_code in {200, 403} and b"Report" not in shown.content
