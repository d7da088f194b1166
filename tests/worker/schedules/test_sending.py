"""Schedules are sent once at each due time."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import Group
from django.utils import timezone

from hub.users import log_in_field
from notifications import failed_calls
from notifications.models import FailedCall, Notification, ScheduledAlert
from tests.support.people import User
from tests.worker.schedules.hourly import HOUR, MINUTE, TIMES, hourly, pass_time, runs, send_all, sent
from worker.maintenance import send_due_schedules
from worker.schedules import OWN_ZONE, changing, schedule
from worker.schedules.models import RunStatus, Schedule, ScheduleRun
from worker.schedules.rules import Weekly

pytestmark = pytest.mark.django_db(transaction=True)


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
    ann = User.objects.create_user("ann")
    row = hourly(to=["group:night", f"user:{getattr(ann, log_in_field())}"]).row
    ann.delete()
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


def test_whole_days_go_by_the_clocks_of_the_zone() -> None:
    start = datetime(2030, 3, 30, 9, tzinfo=UTC)
    handle = hourly(every=timedelta(days=1), start=start, tz="Europe/Berlin")
    assert handle.next(2) == [start, start + 23 * HOUR]  # clocks are set forward in between
