"""``manage.py schedules``."""

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from notifications.models import Notification
from worker.schedules import schedule
from worker.schedules.models import Schedule

pytestmark = pytest.mark.django_db(transaction=True)


def said(*words: str) -> list[str]:
    out = StringIO()
    call_command("schedules", *words, stdout=out)
    return out.getvalue().splitlines()


def test_schedules_are_listed_with_when_they_are_due() -> None:
    schedule(to="everyone", message="m", name="Daily", cron="0 9 * * 1-5", tz="Europe/Berlin")
    (line,) = said("list")
    assert "Daily  every weekday at 09:00, Europe/Berlin  (next 20" in line


@pytest.mark.parametrize(
    ("row", "state"),
    [({}, "(next 20"), ({"enabled": False}, "(off)"), ({"one_off": True, "total_run_count": 1}, "(no")],
)
def test_periodic_tasks_are_listed_too(row: dict[str, Any], state: str) -> None:
    every = IntervalSchedule.objects.create(every=1, period=IntervalSchedule.HOURS)
    PeriodicTask.objects.create(name="Report", task="shop.report", kwargs='{"token": "k"}', interval=every, **row)
    (line,) = said("list")
    assert line.startswith(f"periodic task  Report  shop.report  every hour  {state}") and "token" not in line


def test_one_is_named_by_its_key_or_its_id() -> None:
    row = schedule(to="everyone", message="m", every=timedelta(hours=1), key="k").row
    assert "(paused)" in said("pause", "k")[0]
    assert said("next", str(row.pk)) == []
    assert "(next" in said("resume", str(row.pk))[0]
    assert len(said("next", "k", "--count", "3")) == 3
    assert said("run", "k") == ["Sent (1 stored)."]
    assert Notification.objects.count() == 1
    with pytest.raises(CommandError, match="no schedule 'other'"):
        said("pause", "other")


def test_a_run_that_fails_is_an_error() -> None:
    schedule(to="group:none", message="m", every=timedelta(hours=1), key="k")
    with pytest.raises(CommandError, match="none"):
        said("run", "k")


def test_a_row_that_nobody_can_read_is_listed_with_what_is_wrong() -> None:
    schedule(to="everyone", message="m", every=timedelta(hours=1), key="k")
    Schedule.objects.update(rule={"type": "yearly"})
    assert "no rule" in said("list")[0]
    with pytest.raises(CommandError, match="no rule"):
        said("next", "k")


@pytest.mark.parametrize("number", ["-1", "0", "1001"])
def test_a_number_of_due_times_that_cannot_be_is_refused(number: str) -> None:
    handle = schedule(to="everyone", message="m", every=timedelta(hours=1), key="k")
    with pytest.raises(CommandError, match="is not from 1 to 1000"):
        said("next", "k", "--count", number)
    assert handle.next(-1) == []
