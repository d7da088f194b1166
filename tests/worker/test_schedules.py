"""Schedules are sent once at each due time, whoever sends them and whenever that one is killed."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection, transaction
from django.db.models import QuerySet
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from notifications import Link, failed_calls
from notifications.models import FailedCall, Notification, ScheduledAlert, Topic
from notifications.sending.alerting import BadAlert
from tests.notifications.killing import killed_at
from tests.support.people import User
from worker.beat import HELD_PAUSE, HubScheduler
from worker.celery import app
from worker.maintenance import compare_schedules, send_due_schedules
from worker.schedules import OWN_ZONE, ScheduleHandle, changing, contents, running, schedule, schedule_named
from worker.schedules.changing import BadSchedule
from worker.schedules.models import RunStatus, Schedule, ScheduleRun
from worker.schedules.rules import BadRule, Weekly
from worker.schedules.running import decide

pytestmark = pytest.mark.django_db(transaction=True)

#: Every hour.
TIMES = [f"{hour:02}:00" for hour in range(24)]

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


def hourly(**others: Any) -> ScheduleHandle:
    return schedule(**{"to": "everyone", "message": "Stand-up", "every": HOUR, **others})


def pass_time(row: Schedule, by: timedelta) -> None:
    """Have the schedule be as if so much time had passed since, and nothing had run."""
    row.refresh_from_db()
    earlier = {
        name: value and value - by
        for name in ("starts_at", "ends_at", "handled_until", "next_at", "created_at")
        for value in [getattr(row, name)]
    }
    Schedule.objects.filter(pk=row.pk).update(**earlier, is_planned=row.is_planned)
    for run in sorted(row.runs.all(), key=lambda run: run.due_at, reverse=by < timedelta(0)):
        ScheduleRun.objects.filter(pk=run.pk).update(due_at=run.due_at - by, ran_at=run.ran_at - by)
    row.refresh_from_db()


def runs(status: RunStatus = RunStatus.SENT) -> int:
    return ScheduleRun.objects.filter(status=status).count()


def sent() -> int:
    return Notification.objects.count()


def send_all() -> None:
    """Send what is due, in as many calls as that takes."""
    while Schedule.objects.filter(next_at__lte=timezone.now()).exists():
        send_due_schedules()


# --- being due -------------------------------------------------------------------------------------------------------


def test_a_due_time_is_sent_once_and_is_in_the_history() -> None:
    row = hourly(title="Daily").row
    assert send_due_schedules() == 0
    pass_time(row, HOUR)
    assert send_due_schedules() == 1
    assert send_due_schedules() == 0
    (run,) = ScheduleRun.objects.all()
    (alert,) = Notification.objects.all()
    assert (run.schedule, run.status, run.notifications) == (row, RunStatus.SENT, [alert.pk])
    assert (alert.title, alert.message, alert.source) == ("Daily", "Stand-up", f"schedule:{row.pk}")
    assert row.starts_at is not None
    assert run.due_at == row.starts_at + HOUR
    assert 0 <= run.late_by < 60


def test_making_a_schedule_sends_nothing_and_says_when_it_is_due() -> None:
    handle = hourly(start=timezone.now() + timedelta(days=1))
    assert handle.row.starts_at is not None
    assert handle.next(3) == [handle.row.starts_at + number * HOUR for number in range(3)]
    assert send_due_schedules() == 0
    assert Schedule.objects.get().next_at == handle.row.starts_at


def test_what_is_due_goes_to_whoever_is_there_then() -> None:
    row = hourly(to=["group:night", "user:ann"]).row
    pass_time(row, HOUR)
    assert send_due_schedules() == 0
    (run,) = ScheduleRun.objects.all()
    assert run.status == RunStatus.FAILED
    assert "night" in run.error
    User.objects.create_user("ann")
    Group.objects.create(name="night")
    pass_time(row, HOUR)
    assert send_due_schedules() == 1
    assert sent() == 2


def test_after_its_number_of_runs_it_is_over() -> None:
    row = hourly(runs=2).row
    for _ in range(4):
        pass_time(row, HOUR)
        send_due_schedules()
    row.refresh_from_db()
    assert runs() == sent() == 2
    assert row.is_over


def test_a_broadcast_needs_no_recipient() -> None:
    handle = schedule(message="m", every=HOUR)
    handle.run_now()
    assert [one.message for one in Notification.objects.filter(user=None, group=None, topic=None, audience="")] == [
        "m"
    ]


def test_once_is_once() -> None:
    row = schedule(to="everyone", message="m", at=timezone.now() + HOUR).row
    pass_time(row, timedelta(0))
    Schedule.objects.update(rule={"type": "once", "at": (timezone.now() - MINUTE).isoformat()})
    Schedule.objects.update(next_at=timezone.now() - 2 * MINUTE)  # it was changed before
    assert [send_due_schedules() for _ in range(3)] == [0, 1, 0]
    row.refresh_from_db()
    assert row.is_over


def test_each_person_is_told_when_it_is_that_time_where_they_are() -> None:
    people = [User.objects.create_user(name) for name in ("ann", "bob")]
    handle = schedule(to=people, message="m", weekdays=range(1, 8), times=["09:00"], tz=OWN_ZONE)
    (due,) = handle.next(1)
    assert due.hour == 19  # 9:00 where a day begins first
    # The rule is of the clock, which has not moved: within a day it is due once, whatever time it is now.
    pass_time(handle.row, 24 * HOUR)
    assert send_due_schedules() == 1
    waiting = list(ScheduledAlert.objects.all())
    assert len(waiting) in {0, 1}  # one zone, in which it is that time now or later
    assert all(len(one.recipients) == 2 for one in waiting)
    handle.cancel()
    assert not ScheduledAlert.objects.exists()


@pytest.mark.slow
@pytest.mark.parametrize("how", ["pause", "pause by update", "delete", "delete by queryset", "text", "time"])
def test_nothing_of_it_waits_for_people_once_it_is_paused_changed_or_deleted(how: str) -> None:
    people = [User.objects.create_user(name) for name in ("ann", "bob")]
    handle = schedule(to=people, message="m", weekdays=range(1, 8), times=TIMES, tz=OWN_ZONE, missed="all")
    other = schedule(to=people, message="m", weekdays=range(1, 8), times=TIMES, tz=OWN_ZONE, missed="all")
    for one in (handle, other):
        now = timezone.now()
        Schedule.objects.filter(pk=one.row.pk).update(
            handled_until=now - 23 * HOUR, next_at=now - 23 * HOUR, is_planned=True
        )
    send_all()
    waited = ScheduledAlert.objects.count()
    assert waited > 2 * 3
    row = handle.row
    match how:
        case "pause":
            handle.pause()
        case "pause by update":
            Schedule.objects.filter(pk=row.pk).update(is_paused=True)
            send_due_schedules()
        case "delete":
            handle.cancel()
        case "delete by queryset":
            Schedule.objects.filter(pk=row.pk).delete()
        case "text":
            changing.change(row, replace(changing.wanted_of(row), contents=row.contents | {"message": "other"}))
        case "time":
            timing = replace(changing.wanted_of(row).timing, rule=Weekly((1,), ("09:00",)))
            changing.change(row, replace(changing.wanted_of(row), timing=timing))
    left = ScheduledAlert.objects.all()
    assert {one.source for one in left} == {f"schedule:{other.row.pk}"}
    assert len(left) == waited / 2


# --- late ------------------------------------------------------------------------------------------------------------

NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)
HOURS = [NINE + number * HOUR for number in range(4)]


@pytest.mark.parametrize(
    ("late", "policy", "grace", "are_sent"),
    [
        (timedelta(seconds=1), "skip", None, [3]),  # each is sent until the next one is due
        (timedelta(seconds=1), "once", None, [3]),
        (timedelta(seconds=1), "all", None, [0, 1, 2, 3]),
        (10 * MINUTE, "skip", 5 * MINUTE, []),
        (10 * MINUTE, "once", 5 * MINUTE, [3]),
        (10 * MINUTE, "all", 5 * MINUTE, [0, 1, 2, 3]),
        (10 * MINUTE, "once", 80 * MINUTE, [2, 3]),
        (10 * MINUTE, "skip", timedelta(days=1), [0, 1, 2, 3]),
    ],
)
def test_what_is_late_is_sent_within_the_grace_and_else_by_policy(
    late: timedelta, policy: str, grace: timedelta | None, are_sent: list[int]
) -> None:
    now = HOURS[-1] + late
    found = decide(HOURS, now, HOURS[-1] + HOUR, policy=policy, grace=grace)
    assert sorted(found.sent) == [HOURS[one] for one in are_sent]
    assert sorted(found.sent + found.missed) == HOURS


def test_what_was_missed_is_in_the_history_and_one_is_made_up_for() -> None:
    row = hourly(grace=MINUTE).row
    pass_time(row, 5 * HOUR + 10 * MINUTE)
    assert send_due_schedules() == 1
    assert (runs(), runs(RunStatus.MISSED), sent()) == (1, 4, 1)
    late = ScheduleRun.objects.get(status=RunStatus.SENT)
    assert 590 < late.late_by < 660


def test_however_many_due_times_have_passed_each_is_handled_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "DUE_LIMIT", 7)
    row = hourly(missed="once", grace=MINUTE).row
    pass_time(row, 50 * HOUR + 30 * MINUTE)
    calls = 0
    while Schedule.objects.filter(next_at__lte=timezone.now()).exists():
        send_due_schedules()
        calls += 1
    assert calls == 8
    assert (runs(), runs(RunStatus.MISSED), sent()) == (1, 49, 1)


# --- crashes ---------------------------------------------------------------------------------------------------------

STEPS = [
    (running, "decide"),
    (QuerySet, "get_or_create"),  # nothing else is made in this way
    (contents, "send"),
    (ScheduleRun, "save"),
    (running, "plan"),
    (running, "_write"),
]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(("owner", "step"), STEPS, ids=[step for _, step in STEPS])
@pytest.mark.parametrize("policy", ["all", "once"])
def test_whoever_is_killed_between_any_two_steps_nothing_is_sent_twice_and_nothing_forgotten(
    monkeypatch: pytest.MonkeyPatch, owner: Any, step: str, when: str, policy: str
) -> None:
    row = hourly(missed=policy).row
    pass_time(row, 3 * HOUR)
    with killed_at(monkeypatch, owner, step, when):
        send_due_schedules()
    while send_due_schedules():
        pass
    assert runs() == sent() == (3 if policy == "all" else 1)
    assert runs() + runs(RunStatus.MISSED) == 3
    assert len({run.due_at for run in ScheduleRun.objects.all()}) == 3


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
        held.setattr(running, "_held", lambda pk: None)
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


def test_no_policy_makes_up_for_more_than_the_newest_hundred(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "DUE_LIMIT", 2)
    monkeypatch.setattr(running, "MADE_UP_LIMIT", 3)
    row = hourly(missed="all").row
    pass_time(row, 10 * HOUR)
    send_all()
    assert (runs(), runs(RunStatus.MISSED), sent()) == (3, 7, 3)
    missed = ScheduleRun.objects.filter(status=RunStatus.MISSED).latest("due_at")
    assert ScheduleRun.objects.filter(status=RunStatus.SENT, due_at__lt=missed.due_at).count() == 0


@pytest.mark.parametrize(("policy", "are_sent"), [("skip", 0), ("once", 1), ("all", 1)])
def test_a_number_of_runs_does_not_keep_it_from_catching_up(policy: str, are_sent: int) -> None:
    row = hourly(runs=1, grace=MINUTE, missed=policy).row
    pass_time(row, 50 * HOUR + 30 * MINUTE)
    assert send_due_schedules() == are_sent
    row.refresh_from_db()
    assert row.next_at is None or row.next_at > timezone.now()
    assert runs() == sent() == are_sent


def test_an_error_whose_text_nobody_can_store_is_in_the_history_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = hourly(message="first").row, hourly(message="second").row
    pass_time(first, HOUR + MINUTE)
    pass_time(second, HOUR)
    real = contents.send

    def fail(said: Any, **others: Any) -> Any:
        if said["message"] == "first":
            raise ValueError("no \udc80 \0 file")
        return real(said, **others)

    monkeypatch.setattr(contents, "send", fail)
    assert send_due_schedules() == 1
    assert ScheduleRun.objects.get(schedule=first).error == "ValueError: no ?  file"
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


def test_a_rollback_makes_no_schedule() -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        hourly()
        raise ZeroDivisionError
    assert not Schedule.objects.exists()


# --- edits -----------------------------------------------------------------------------------------------------------


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


# --- the sweep -------------------------------------------------------------------------------------------------------


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


def test_what_seemed_missed_by_a_clock_that_was_ahead_is_due_and_what_was_sent_is_not() -> None:
    row = hourly(grace=MINUTE).row
    pass_time(row, timedelta(days=2))
    while send_due_schedules():
        pass
    assert (runs(), runs(RunStatus.MISSED)) == (1, 47)
    # The clock is set right, by two days.
    pass_time(row, timedelta(days=-2))
    sent_at = ScheduleRun.objects.get(status=RunStatus.SENT).due_at
    assert compare_schedules() == 1
    assert (runs(), runs(RunStatus.MISSED)) == (1, 0)
    row.refresh_from_db()
    assert row.next_at is not None
    assert row.next_at <= timezone.now() + HOUR
    due = set(islice(row.due_times(timezone.now()), 60))
    assert sent_at in due
    pass_time(row, HOUR)
    assert send_due_schedules() == 1


# --- from code -------------------------------------------------------------------------------------------------------


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


def test_run_now_is_besides_the_due_times() -> None:
    handle = hourly(runs=1)
    run = handle.run_now()
    assert run.is_by_hand
    assert not run.error
    assert sent() == 1
    pass_time(handle.row, HOUR)
    assert send_due_schedules() == 1


def test_a_run_that_cannot_be_sent_says_why() -> None:
    run = hourly(to="group:none").run_now()
    assert run.status == RunStatus.FAILED
    assert "none" in run.error


def test_who_is_gone_is_left_out_and_said_and_the_others_get_it() -> None:
    failed_calls.forget()
    ann, bob = (User.objects.create_user(name) for name in ("ann", "bob"))
    row = hourly(to=[ann, bob, "group:night"]).row
    bob.delete()
    pass_time(row, HOUR)
    assert send_due_schedules() == 1
    run = ScheduleRun.objects.get()
    assert (run.status, sent()) == (RunStatus.SENT, 1)
    assert "night" in run.error
    noted = FailedCall.objects.get()
    assert noted.source == f"schedule:{row.pk}"


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


def test_recipients_and_contents_are_kept_as_texts() -> None:
    ann, group = User.objects.create_user("ann"), Group.objects.create(name="ops")
    topic = Topic.objects.create(name="deploys", title="Deployments")
    row = hourly(
        to=[ann, group, topic, "members"],
        level="warning",
        data={"a": [1]},
        expires=HOUR,
        actions=[Link("open", "Open", "/orders/")],
    ).row
    assert row.contents == {
        "to": [str(ann.pk), "group:ops", "topic:deploys", "members"],
        "message": "Stand-up",
        "level": "warning",
        "data": {"a": [1]},
        "expires": 3600.0,
        "actions": [{"name": "open", "label": "Open", "url": "/orders/"}],
    }
    assert not ScheduleHandle(row).run_now().error


@pytest.mark.parametrize(
    ("wrong", "error", "said"),
    [
        ({"cron": "0 9 * * *"}, BadSchedule, "one of every"),
        ({"every": None}, BadSchedule, "one of every"),
        ({"every": timedelta(milliseconds=1500)}, BadSchedule, "whole seconds"),
        ({"every": timedelta(0)}, BadRule, "after 1 second"),
        ({"every": None, "cron": "never"}, BadRule, "five fields"),
        ({"every": None, "cron": "0 0 30 2 *"}, BadSchedule, "never due"),
        ({"every": None, "at": datetime(2020, 1, 1, tzinfo=UTC)}, BadSchedule, "never due"),
        ({"every": None, "cron": "*," * 200 + "* * * * *"}, BadRule, "200 characters"),
        ({"every": None, "weekdays": [1] * 1000, "times": ["09:00"]}, BadRule, "Days of the week"),
        ({"every": None, "weekdays": [1], "times": ["09:00"] * 1000}, BadRule, "times"),
        ({"tz": "Mars"}, BadRule, "no time zone"),
        ({"runs": 0}, BadSchedule, "runs"),
        ({"grace": timedelta(0)}, BadSchedule, "grace"),
        ({"missed": "twice"}, BadSchedule, "skip, once, all"),
        ({"key": ""}, BadSchedule, "key"),
        ({"key": "a\0b"}, BadSchedule, "key"),
        ({"name": "n" * 201}, BadSchedule, "name"),
        ({"name": "a\0b"}, BadSchedule, "name"),
        ({"message": ""}, BadAlert, "message"),
        ({"level": "loud"}, BadAlert, "level"),
        ({"to": []}, BadAlert, "recipients"),
        ({"to": "nobody:here"}, BadAlert, "is not"),
        ({"to": 7}, BadAlert, "users"),
        ({"every": None, "cron": "0 9 * * *", "tz": OWN_ZONE}, BadAlert, "local time"),
        ({"every": None, "cron": "0 9 * * *", "tz": OWN_ZONE, "to": "topic:none"}, BadAlert, "local time"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(wrong: dict[str, Any], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        hourly(**wrong)
    assert not Schedule.objects.exists()


def test_whole_days_go_by_the_clocks_of_the_zone() -> None:
    start = datetime(2030, 3, 30, 9, tzinfo=UTC)
    handle = hourly(every=timedelta(days=1), start=start, tz="Europe/Berlin")
    assert handle.next(2) == [start, start + 23 * HOUR]  # clocks are set forward in between
