"""Whoever is killed, fails or is there twice: each due time is sent once."""

import threading
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from tests.notifications.killing import killed_at
from tests.worker.schedules.hourly import HOUR, MINUTE, hourly, pass_time, runs, sent
from worker.beat import HELD_PAUSE, HubScheduler
from worker.celery import app
from worker.maintenance import compare_schedules, send_due_schedules
from worker.schedules import contents, running, schedule
from worker.schedules.models import RunStatus, Schedule, ScheduleRun

pytestmark = pytest.mark.django_db(transaction=True)

STEPS = [
    (running, "decide"),
    (QuerySet, "exists"),
    (contents, "send"),
    (ScheduleRun, "save"),
    (running, "plan"),
    (running, "_write"),
]


def due_for_hours(policy: str) -> None:
    """A schedule with three due times, of which the last one is not late."""
    pass_time(hourly(missed=policy).row, 3 * HOUR)


def due_while_the_clock_changed(policy: str, change: date) -> None:
    """One with a due time on each of three days, at an hour that the clock left out or went through twice on one."""
    days = list(range(1, 8))
    row = schedule(to="everyone", message="m", weekdays=days, times=["02:30"], tz="Europe/Berlin", missed=policy).row
    noon = datetime.combine(change, time(12), tzinfo=UTC)
    Schedule.objects.filter(pk=row.pk).update(
        handled_until=noon - timedelta(days=2),
        next_at=noon - timedelta(days=1, hours=12),
        ends_at=noon + timedelta(days=1),
        is_planned=True,
    )


#: What is due, what becomes of what was missed, how many due times there are, and how many of them are sent.
CASES = {
    "all": (due_for_hours, "all", 3, 3),
    "once": (due_for_hours, "once", 3, 1),
    "skip": (due_for_hours, "skip", 3, 1),
    "spring": (partial(due_while_the_clock_changed, change=date(2025, 3, 30)), "all", 3, 3),
    "autumn": (partial(due_while_the_clock_changed, change=date(2025, 10, 26)), "all", 3, 3),
}


@pytest.mark.whole_table
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(("owner", "step"), STEPS, ids=[step for _, step in STEPS])
@pytest.mark.parametrize(("become_due", "policy", "number", "are_sent"), CASES.values(), ids=CASES)
def test_whoever_is_killed_between_any_two_steps_nothing_is_sent_twice_and_nothing_forgotten(
    monkeypatch: pytest.MonkeyPatch,
    owner: Any,
    step: str,
    when: str,
    become_due: Callable[[str], None],
    policy: str,
    number: int,
    are_sent: int,
) -> None:
    become_due(policy)
    with killed_at(monkeypatch, owner, step, when):
        send_due_schedules()
    while send_due_schedules():
        pass
    assert runs() == sent() == are_sent
    assert runs() + runs(RunStatus.MISSED) == number
    assert len({run.due_at for run in ScheduleRun.objects.all()}) == number


def test_however_many_send_at_the_same_time_each_due_time_is_sent_once() -> None:
    rows = [hourly().row for _ in range(5)]
    for row in rows:
        pass_time(row, HOUR)
    barrier = threading.Barrier(4)

    def send() -> None:
        barrier.wait()
        try:
            send_due_schedules()
        finally:
            connection.close()

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    send_due_schedules()
    assert runs() == sent() == 5


def test_two_beats_send_once_and_without_a_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    row = hourly().row
    beats = [HubScheduler(app=app) for _ in range(2)]
    for beat in beats:
        beat.maintenance = []
        monkeypatch.setattr(beat, "_broker_answers", lambda: False)
    pass_time(row, HOUR)
    for beat in beats:
        assert beat.tick() <= 5
    assert runs() == sent() == 1


def test_a_beat_looks_again_when_the_next_one_is_due() -> None:
    beat = HubScheduler(app=app)
    beat.maintenance = []
    row = hourly().row
    pass_time(row, HOUR - timedelta(seconds=2))
    assert 0 < beat.tick() <= 2


def test_a_beat_does_not_spin_while_somebody_else_holds_what_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    beat = HubScheduler(app=app)
    beat.maintenance = []
    row = hourly().row
    pass_time(row, HOUR)
    with monkeypatch.context() as held:
        held.setattr(running, "_held", lambda found: [])
        assert beat.tick() == HELD_PAUSE
    beat.tick()
    assert runs() == sent() == 1


def wake(row: Schedule) -> Schedule:
    """Have a schedule be as if it had rested since its last attempt."""
    Schedule.objects.filter(pk=row.pk, try_at__gt=timezone.now()).update(try_at=None)
    row.refresh_from_db()
    return row


def fail_in_the_database(*_args: Any, **_others: Any) -> Any:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL statement_timeout = 10")
            cursor.execute("SELECT pg_sleep(5)")
        cursor.execute("SELECT 1 FROM nowhere")


def test_a_query_that_fails_for_one_schedule_holds_up_no_other_and_is_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, second = hourly(message="first").row, hourly(message="second").row
    pass_time(first, HOUR + MINUTE)
    pass_time(second, HOUR)
    real = contents.send

    def fail(said: Any, **others: Any) -> Any:
        return fail_in_the_database() if said["message"] == "first" else real(said, **others)

    monkeypatch.setattr(contents, "send", fail)
    assert send_due_schedules() == 1
    assert [run.schedule for run in ScheduleRun.objects.all()] == [second]
    monkeypatch.undo()
    assert running.seconds_to_next(5.0) > 0
    assert send_due_schedules() == 0  # it rests
    assert compare_schedules() == 0
    assert wake(first).attempts == 1
    assert send_due_schedules() == 1
    assert runs() == sent() == 2
    assert wake(first).attempts == 0


@pytest.mark.parametrize("policy", ["skip", "once", "all"])
def test_a_query_that_goes_on_failing_is_a_failure_once_the_grace_is_over(
    monkeypatch: pytest.MonkeyPatch, policy: str
) -> None:
    row = hourly(grace=10 * MINUTE, missed=policy).row
    pass_time(row, HOUR + MINUTE)
    monkeypatch.setattr(contents, "send", fail_in_the_database)
    for attempts in range(1, 5):
        send_due_schedules()
        assert wake(row).attempts == attempts
    assert not ScheduleRun.objects.exists()
    pass_time(row, 10 * MINUTE)
    send_due_schedules()
    run = ScheduleRun.objects.get()
    assert run.status == RunStatus.FAILED
    assert "OperationalError" in run.error
    monkeypatch.undo()
    pass_time(row, 50 * MINUTE)
    assert send_due_schedules() == 1


def test_a_call_ends_in_time_and_the_next_one_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "CALL_SECONDS", 0.0)
    row, other = hourly(missed="all").row, hourly().row
    pass_time(row, 4 * HOUR)
    pass_time(other, HOUR)
    sent_by_calls = []
    while Schedule.objects.filter(next_at__lte=timezone.now()).exists():
        assert running.seconds_to_next(5.0) == 0
        sent_by_calls.append(send_due_schedules())
    assert sent_by_calls == [1] * 5
    assert runs() == sent() == 5


def test_an_error_whose_text_nobody_can_store_is_in_the_history_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = hourly(message="first").row, hourly(message="second").row
    pass_time(first, HOUR + MINUTE)
    pass_time(second, HOUR)
    real = contents.send

    def fail(said: Any, **others: Any) -> Any:
        if said["message"] == "first":
            raise ValueError("no \udc80 \0 file, password=pa55word")
        return real(said, **others)

    monkeypatch.setattr(contents, "send", fail)
    assert send_due_schedules() == 1
    assert ScheduleRun.objects.get(schedule=first).error == "ValueError: no ?  file, password=[removed]"
    assert ScheduleRun.objects.get(schedule=second).status == RunStatus.SENT


def test_an_error_that_breaks_the_transaction_of_one_schedule_holds_up_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, second = hourly().row, hourly().row
    pass_time(first, HOUR + MINUTE)
    pass_time(second, HOUR)
    real = running.plan

    def fail(row: Schedule, handled_until: datetime) -> None:
        if row.pk == first.pk:
            Schedule(pk=second.pk, contents={}, rule={}).save(force_insert=True)
        real(row, handled_until)

    monkeypatch.setattr(running, "plan", fail)
    assert send_due_schedules() == 1
    assert [run.schedule for run in ScheduleRun.objects.all()] == [second]
    first.refresh_from_db()
    assert "IntegrityError" in first.problem


def test_a_schedule_that_nobody_can_even_mark_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = hourly().row, hourly().row
    pass_time(first, HOUR + MINUTE)
    pass_time(second, HOUR)
    real = running._write

    def fail(row: Schedule, **columns: object) -> None:
        if row.pk == first.pk:
            raise TypeError
        real(row, **columns)

    monkeypatch.setattr(running, "_write", fail)
    assert send_due_schedules() == 1
    assert [run.schedule for run in ScheduleRun.objects.all()] == [second]
