"""What beat writes into the rows of the admin, and what it leaves as people made it."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db.models.query import QuerySet
from django.utils import timezone
from django_celery_beat.models import ClockedSchedule, IntervalSchedule, PeriodicTask

from worker.beat import HubEntry
from worker.celery import app

pytestmark = pytest.mark.django_db(transaction=True)

RAN_AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def row() -> Any:
    every = IntervalSchedule.objects.create(every=1, period=IntervalSchedule.SECONDS)
    return PeriodicTask.objects.create(name="often", task="worker.tasks.send_broadcast", interval=every)


@pytest.fixture
def save_while(monkeypatch: pytest.MonkeyPatch) -> Callable[[HubEntry, Callable[[], object]], None]:
    """Save an entry while somebody makes a change: right after beat has read the row, or before, if it reads none."""

    def save(entry: HubEntry, change: Callable[[], object]) -> None:
        real = QuerySet.get
        changed: list[object] = []

        def get(self: Any, *args: Any, **kwargs: Any) -> Any:
            found = real(self, *args, **kwargs)
            if not changed:
                changed.append(change())
            return found

        with monkeypatch.context() as patched:
            patched.setattr(QuerySet, "get", get)
            entry.save()
        if not changed:
            change()
            entry.save()

    return save


def ran(row: Any) -> HubEntry:
    entry = HubEntry(row, app=app)
    entry.model.last_run_at = RAN_AT
    entry.model.total_run_count = 7
    return entry


def test_a_run_is_written_down(row: Any) -> None:
    ran(row).save()
    row.refresh_from_db()
    assert (row.last_run_at, row.total_run_count, row.enabled) == (RAN_AT, 7, True)


def test_a_row_that_is_deleted_while_beat_writes_its_run_stays_deleted(
    row: Any, save_while: Callable[[HubEntry, Callable[[], object]], None]
) -> None:
    save_while(ran(row), PeriodicTask.objects.all().delete)
    assert not PeriodicTask.objects.exists()


def test_an_edit_made_while_beat_writes_a_run_stays(
    row: Any, save_while: Callable[[HubEntry, Callable[[], object]], None]
) -> None:
    save_while(ran(row), lambda: PeriodicTask.objects.update(enabled=False, description="edited"))
    row.refresh_from_db()
    assert (row.enabled, row.description, row.total_run_count) == (False, "edited", 7)


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
