"""What becomes of due times that nothing was there to send."""

from datetime import timedelta
from itertools import islice

import pytest
from django.utils import timezone

from tests.worker.schedules.hourly import HOUR, MINUTE, NINE, hourly, pass_time, runs, send_all, sent
from worker.maintenance import compare_schedules, send_due_schedules
from worker.schedules import running
from worker.schedules.models import RunStatus, Schedule, ScheduleRun
from worker.schedules.running import decide

pytestmark = pytest.mark.django_db(transaction=True)


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
