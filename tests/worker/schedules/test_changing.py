"""Schedules that are changed, paused, deleted, or made again with their key."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.worker.schedules.hourly import HOUR, MINUTE, NINE, hourly, pass_time
from worker.maintenance import compare_schedules, send_due_schedules
from worker.schedules import changing, running, schedule_named
from worker.schedules.models import RunStatus, Schedule, ScheduleRun

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_rollback_makes_no_schedule() -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        hourly()
        raise ZeroDivisionError
    assert not Schedule.objects.exists()


def test_edits_count_from_the_time_at_which_they_are_made() -> None:
    row = hourly().row
    pass_time(row, 10 * HOUR)
    row.rule = {"type": "every", "number": 2, "unit": "hours"}
    row.save()
    assert [send_due_schedules() for _ in range(2)] == [0, 0]
    assert not ScheduleRun.objects.exists()
    assert Schedule.objects.get().next(1)[0] > timezone.now()


@pytest.mark.parametrize("how", ["update", "bulk_update", "save"])
def test_edits_of_any_way_are_planned_at_the_next_look(how: str) -> None:
    row = hourly(start=timezone.now() + timedelta(days=9)).row
    now = timezone.now().replace(microsecond=0)
    row.starts_at = now - 59 * MINUTE
    match how:
        case "update":
            Schedule.objects.update(starts_at=row.starts_at)
        case "bulk_update":
            Schedule.objects.bulk_update([row], ["starts_at"])
        case "save":
            row.save(update_fields=["starts_at"])
    assert running.seconds_to_next(5.0) == 0
    assert send_due_schedules() == 0
    assert 0 < running.seconds_to_next(100.0) <= 60


def test_what_is_paused_is_not_due_and_due_times_meanwhile_are_none() -> None:
    handle = hourly()
    handle.pause()
    assert handle.next(3) == []
    pass_time(handle.row, 5 * HOUR)
    assert send_due_schedules() == 0
    handle.resume()
    assert send_due_schedules() == 0
    assert not ScheduleRun.objects.exists()
    pass_time(handle.row, HOUR)
    assert send_due_schedules() == 1


def test_a_pause_by_update_holds_at_once_and_makes_up_for_nothing() -> None:
    row = hourly().row
    pass_time(row, 5 * HOUR)
    Schedule.objects.update(is_paused=True)
    assert [send_due_schedules() for _ in range(2)] == [0, 0]
    Schedule.objects.update(is_paused=False)
    assert [send_due_schedules() for _ in range(2)] == [0, 0]
    assert not ScheduleRun.objects.exists()
    assert Schedule.objects.get().next_at > timezone.now()  # type: ignore[operator]  # it has one


def test_a_row_that_nobody_can_read_is_left_out_and_says_why() -> None:
    row, other = hourly().row, hourly().row
    pass_time(other, HOUR)
    Schedule.objects.filter(pk=row.pk).update(rule={"type": "yearly"})
    assert send_due_schedules() == 1
    row.refresh_from_db()
    assert "no rule" in row.problem
    assert row.next_at is None
    assert compare_schedules() == 0
    Schedule.objects.filter(pk=row.pk).update(rule={"type": "every", "number": 1, "unit": "hours"})
    send_due_schedules()
    row.refresh_from_db()
    assert not row.problem
    assert row.next_at is not None


def test_a_next_time_that_has_passed_although_nothing_is_due_is_found_again() -> None:
    row = hourly().row
    expected = row.next_at
    Schedule.objects.update(next_at=timezone.now() - MINUTE)
    assert send_due_schedules() == 0
    row.refresh_from_db()
    assert (row.next_at, row.problem) == (expected, "")


def test_a_next_time_that_is_wrong_is_found_anew() -> None:
    row = hourly().row
    expected = row.next_at
    Schedule.objects.update(next_at=timezone.now() + timedelta(days=30))
    assert compare_schedules() == 1
    assert compare_schedules() == 0
    row.refresh_from_db()
    assert row.next_at == expected


def test_the_same_key_is_one_schedule_which_keeps_its_place() -> None:
    first = hourly(key="stand-up")
    pass_time(first.row, 30 * MINUTE)
    again = hourly(key="stand-up")
    assert again.row == first.row
    assert again.row.next_at == first.row.next_at
    changed = hourly(key="stand-up", every=2 * HOUR, message="Later")
    assert changed.row == first.row
    assert changed.row.contents["message"] == "Later"
    assert changed.row.next_at is not None
    assert changed.row.next_at > timezone.now() + HOUR
    assert schedule_named("stand-up") is not None
    changed.cancel()
    changed.cancel()
    assert schedule_named("stand-up") is None


def test_a_call_with_a_key_leaves_a_pause() -> None:
    hourly(key="k").pause()
    assert hourly(key="k").row.is_paused


def test_the_newest_runs_of_each_schedule_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "RUNS_KEPT", 3)
    row, other = hourly().row, hourly().row
    for one, number in ((row, 10), (other, 2)):
        ScheduleRun.objects.bulk_create(
            ScheduleRun(schedule=one, due_at=NINE + part * HOUR, ran_at=NINE, status=RunStatus.SENT)
            for part in range(number)
        )
    assert running.prune() == 7
    assert [run.due_at for run in row.runs.all()] == [NINE + part * HOUR for part in (9, 8, 7)]
    assert other.runs.count() == 2


def test_a_long_history_is_deleted_in_parts(
    monkeypatch: pytest.MonkeyPatch, django_assert_max_num_queries: Any
) -> None:
    monkeypatch.setattr(changing, "RUNS_AT_ONCE", 4)
    row = hourly().row
    ScheduleRun.objects.bulk_create(
        ScheduleRun(schedule=row, due_at=NINE + part * HOUR, ran_at=NINE, status=RunStatus.SENT) for part in range(10)
    )
    with CaptureQueriesContext(connection) as queries:
        assert changing.delete([row]) == 1
    deletions = [one["sql"] for one in queries if 'DELETE FROM "hub_worker_schedulerun"' in one["sql"]]
    assert len(deletions) == 4  # three parts, and what was added meanwhile
    assert not ScheduleRun.objects.exists()
