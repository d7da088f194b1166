"""What beat writes into the rows of the admin, and what it leaves as people made it."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.utils import timezone
from django_celery_beat.models import ClockedSchedule, IntervalSchedule, PeriodicTask

from worker import written_rows
from worker.beat import HubEntry, HubScheduler
from worker.celery import app

pytestmark = pytest.mark.django_db(transaction=True)

RAN_AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def row() -> Any:
    every = IntervalSchedule.objects.create(every=1, period=IntervalSchedule.SECONDS)
    return PeriodicTask.objects.create(name="often", task="worker.tasks.send_broadcast", interval=every)


def reserved(row: Any) -> HubEntry:
    """The entry as beat has it when it is about to send."""
    entry = HubEntry(row, app=app)
    next(entry)
    entry.model.last_run_at = RAN_AT
    return entry


def test_a_run_is_written_down(row: Any) -> None:
    assert reserved(row).claim()
    row.refresh_from_db()
    assert (row.last_run_at, row.total_run_count, row.enabled) == (RAN_AT, 1, True)


def test_a_due_time_is_claimed_once_by_however_many_beats_have_read_it(row: Any) -> None:
    beats = [reserved(PeriodicTask.objects.get(pk=row.pk)) for _ in range(3)]
    assert [bool(entry.claim()) for entry in beats] == [True, False, False]
    row.refresh_from_db()
    assert row.total_run_count == 1


def test_what_was_changed_past_save_is_read_within_seconds_and_counts_from_then(
    row: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(written_rows, "INTERVAL", 0.0)
    PeriodicTask.objects.update(last_run_at=RAN_AT, date_changed=RAN_AT)
    scheduler = HubScheduler(app=app)
    assert not scheduler.schedule_changed()
    hours = IntervalSchedule.objects.create(every=1, period=IntervalSchedule.HOURS)
    PeriodicTask.objects.filter(pk=row.pk).update(interval=hours)
    assert scheduler.schedule_changed()
    assert not scheduler.schedule_changed()
    row.refresh_from_db()
    assert row.date_changed > RAN_AT
    IntervalSchedule.objects.filter(pk=hours.pk).update(every=2)
    assert scheduler.schedule_changed()
    PeriodicTask.objects.update(enabled=False)
    assert scheduler.schedule_changed()
    PeriodicTask.objects.update(enabled=True)
    assert scheduler.schedule_changed()
    row.refresh_from_db()
    assert row.last_run_at is None  # due times meanwhile are none
    PeriodicTask.objects.update(last_run_at=RAN_AT, total_run_count=7)
    assert not scheduler.schedule_changed()


def test_the_next_due_time_is_claimed_by_the_one_that_had_the_last(row: Any) -> None:
    entry = HubEntry(row, app=app)
    following = next(entry)
    assert entry.claim()
    next(following)
    assert following.claim()


def test_a_row_that_was_switched_off_or_deleted_is_not_claimed_and_does_not_come_back(row: Any) -> None:
    entries = [reserved(PeriodicTask.objects.get(pk=row.pk)) for _ in range(2)]
    PeriodicTask.objects.update(enabled=False)
    assert not entries[0].claim()
    PeriodicTask.objects.all().delete()
    assert not entries[1].claim()
    entries[1].save()
    assert not PeriodicTask.objects.exists()


def test_an_edit_made_while_beat_claims_a_run_stays(row: Any) -> None:
    entry = reserved(row)
    PeriodicTask.objects.update(description="edited", kwargs='{"message": "new"}')
    assert entry.claim()
    entry.save()
    row.refresh_from_db()
    assert (row.kwargs, row.description, row.total_run_count) == ('{"message": "new"}', "edited", 1)


@pytest.fixture
def one_off() -> Any:
    due = ClockedSchedule.objects.create(clocked_time=timezone.now())
    return PeriodicTask.objects.create(
        name="once", task="worker.tasks.send_broadcast", clocked=due, one_off=True, total_run_count=1
    )


def test_a_one_off_that_ran_is_switched_off(one_off: Any) -> None:
    assert HubEntry(one_off, app=app).is_due().is_due is False
    one_off.refresh_from_db()
    assert (one_off.enabled, one_off.total_run_count) == (False, 0)


def test_a_one_off_that_ran_and_was_deleted_does_not_come_back(one_off: Any) -> None:
    entry = HubEntry(one_off, app=app)
    PeriodicTask.objects.filter(pk=one_off.pk).delete()
    entry.is_due()
    assert not PeriodicTask.objects.exists()


def test_a_row_whose_arguments_are_no_json_is_switched_off_and_keeps_what_people_wrote(row: Any) -> None:
    PeriodicTask.objects.filter(pk=row.pk).update(kwargs="{not JSON", description="new")
    row.kwargs = "{not JSON"
    HubEntry(row, app=app)
    row.refresh_from_db()
    assert (row.enabled, row.description) == (False, "new")
