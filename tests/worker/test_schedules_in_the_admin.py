"""A schedule that beat could not read is refused in the admin by a form that says why, whatever is in a field."""

import pytest
from celery.schedules import ParseException
from django.contrib import admin
from django.db.models import Model
from django.test import Client
from django.urls import reverse
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask, SolarSchedule

pytestmark = pytest.mark.django_db

#: The form of an inline that has no rows.
NO_ROWS = {"periodictask_set-TOTAL_FORMS": "0", "periodictask_set-INITIAL_FORMS": "0"}

CRONTAB = dict.fromkeys(("minute", "hour", "day_of_month", "month_of_year", "day_of_week"), "*") | {"timezone": "UTC"}

TASK = {"name": "n", "task": "shop.tasks.sell", "regtask": "", "args": "[]", "kwargs": "{}", "headers": "{}"}


def answer(client: Client, model: type[Model], data: dict[str, str]) -> str:
    """The form that comes back with errors; nothing is stored."""
    response = client.post(reverse(f"admin:django_celery_beat_{model._meta.model_name}_add"), NO_ROWS | data)
    assert response.status_code == 200 and not model._default_manager.exists()
    return response.content.decode()


@pytest.mark.slow
@pytest.mark.parametrize(
    "value", ["-1", "-", "--", "1-", "*/", "*/0", "*/-1", "*/99", ",", "1,,2", "100", "a", "@daily", "1 2", "9" * 300]
)
def test_a_crontab_that_cannot_be_read_is_refused_by_its_form(admin_client: Client, value: str) -> None:
    fields = CRONTAB.keys() - {"timezone"}
    form = answer(admin_client, CrontabSchedule, CRONTAB | dict.fromkeys(fields, value))
    assert [field for field in fields if f'id="id_{field}_error"' not in form] == []


@pytest.mark.slow
@pytest.mark.parametrize("value", ["7", "1-7", "0,7"])
def test_a_day_that_celery_does_not_know_is_refused(admin_client: Client, value: str) -> None:
    assert "Sunday is 0." in answer(admin_client, CrontabSchedule, CRONTAB | {"day_of_week": value})


@pytest.mark.slow
@pytest.mark.parametrize("value", ["0", "1-5", "*/2", "1,3", "*"])
def test_a_crontab_that_can_be_read_is_stored_and_shown(admin_client: Client, value: str) -> None:
    data = NO_ROWS | CRONTAB | {"day_of_week": value}
    assert admin_client.post(reverse("admin:django_celery_beat_crontabschedule_add"), data).status_code == 302
    row = CrontabSchedule.objects.get()
    assert row.schedule
    for page in ("changelist", "change"):
        address = reverse(f"admin:django_celery_beat_crontabschedule_{page}", args=[row.pk] * (page == "change"))
        assert row.human_readable in admin_client.get(address).content.decode()


def test_a_row_that_cannot_be_read_is_shown_all_the_same(admin_client: Client) -> None:
    row = CrontabSchedule.objects.create(hour="-1")
    with pytest.raises(ParseException):
        _ = row.schedule
    assert (
        "* -1 *" in admin_client.get(reverse("admin:django_celery_beat_crontabschedule_changelist")).content.decode()
    )


@pytest.mark.whole_table
@pytest.mark.parametrize(("every", "period"), [("2147483647", "days"), ("9" * 30, "seconds"), ("0", "days"), ("", "")])
def test_an_interval_that_nobody_can_count_is_refused(admin_client: Client, every: str, period: str) -> None:
    assert 'id="id_every_error"' in answer(admin_client, IntervalSchedule, {"every": every, "period": period})


@pytest.mark.whole_table
@pytest.mark.parametrize("field", ["task", "regtask"])
@pytest.mark.parametrize("value", ["a" * 201, "a" * 100_000, "a\0b"])
def test_a_task_whose_name_nobody_can_store_is_refused(admin_client: Client, field: str, value: str) -> None:
    interval = IntervalSchedule.objects.create(every=1, period="days")
    data = TASK | {"interval": str(interval.pk), field: value}
    assert f'id="id_{field}_error"' in answer(admin_client, PeriodicTask, data)


def test_a_task_without_a_name_is_refused(admin_client: Client) -> None:
    assert "Need name of task" in answer(admin_client, PeriodicTask, TASK | {"task": ""})


def test_solar_schedules_are_not_offered_and_a_row_that_has_one_keeps_it(admin_client: Client) -> None:
    assert not admin.site.is_registered(SolarSchedule)
    add = reverse("admin:django_celery_beat_periodictask_add")
    assert 'name="solar"' not in admin_client.get(add).content.decode()
    every = IntervalSchedule.objects.create(every=1, period=IntervalSchedule.HOURS)
    data = TASK | {"interval": str(every.pk), "task": "worker.maintenance.sweep", "enabled": "on"}
    assert admin_client.post(add, data).status_code == 302
    sun = SolarSchedule.objects.create(event="sunrise", latitude=52, longitude=13)
    row = PeriodicTask.objects.create(name="sun", task="worker.maintenance.sweep", solar=sun)
    page = admin_client.get(reverse("admin:django_celery_beat_periodictask_change", args=[row.pk]))
    assert 'name="solar"' in page.content.decode()
