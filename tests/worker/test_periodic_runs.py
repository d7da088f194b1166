"""The history of periodic tasks: a row for each due time, whoever is killed, and what has become of its task."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import Permission
from django.db import OperationalError
from django.db.models import F
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_celery_beat.models import ClockedSchedule, IntervalSchedule, PeriodicTask
from kombu import Producer
from kombu.exceptions import OperationalError as BrokerError

from hub.database import by_key
from hub.database.by_key import After
from hub.fanout import relay
from hub.models import Lease
from hub.privacy import erase
from hub.users import user_id
from lab.harness.waiting import await_for
from tests.hub.listeners import Listener, follow
from tests.notifications.killing import killed_at
from tests.support.people import User
from tests.worker import durable_tasks
from tests.worker.running import run_all, take, waiting
from worker import beat, events, jobs
from worker.beat import HubEntry, HubScheduler
from worker.celery import app
from worker.maintenance import compare_schedules
from worker.models import Job, JobState, TrackedJob
from worker.schedules import periodic_runs
from worker.schedules.models import UNKNOWN, PeriodicRun, PeriodicRunStatus

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("nothing_ran"),
]

HOUR = timedelta(hours=1)


@app.task(name="tests.periodic")
def plain() -> None:
    """As the hub's settings have it, it is run again when its worker is killed."""


@app.task(name="tests.once_at_most", acks_late=False)
def once_at_most() -> None:
    """It is done when a worker has it."""


def _no_token(token: str) -> None:
    raise ValueError(f"{token} is no token")


@app.task(name="tests.without_token", check_values=staticmethod(_no_token))
def without_token(token: str) -> None:
    """Of which beat says why it is not sent."""


@pytest.fixture
def hourly() -> dict[str, Any]:
    return {"interval": IntervalSchedule.objects.create(every=1, period=IntervalSchedule.HOURS)}


def due(schedule: dict[str, Any], task: str = "tests.periodic", **more: Any) -> PeriodicTask:
    """A periodic task with five due times, of which the last one was a minute ago."""
    ran_at = timezone.now() - 5 * HOUR - timedelta(minutes=1)
    return PeriodicTask.objects.create(name="due", task=task, **{"last_run_at": ran_at, **schedule, **more})


def a_beat() -> HubScheduler:
    Lease.objects.all().delete()  # the last one was killed a while ago
    scheduler = HubScheduler(app=app)
    scheduler.maintenance = []
    return scheduler


def look(scheduler: HubScheduler | None = None) -> HubScheduler:
    scheduler = scheduler or a_beat()
    scheduler._next_look = 0.0
    for _ in range(3):
        scheduler.tick()
    return scheduler


def time_passes(seconds: float = periodic_runs.UNSENT + 1) -> None:
    for pk in PeriodicRun.objects.values_list("pk", flat=True):  # as the database itself writes a moment
        by_key.update(PeriodicRun, pk, {"ran_at": After(-seconds)})


def status(of: PeriodicRunStatus) -> list[PeriodicRun]:
    return list(PeriodicRun.objects.filter(status=of).order_by("due_at"))


def ids_sent() -> list[str]:
    """The ids of the tasks that are in the queues, which are taken out."""
    found = []
    while (message := take()) is not None:
        found.append(message.headers["id"])
    return found


def states() -> list[str]:
    runs = list(PeriodicRun.objects.filter(status=PeriodicRunStatus.SENT))
    return [periodic_runs.states(runs)[run.pk] for run in runs]


@pytest.mark.parametrize("task", ["tests.periodic", "tests.record"])
def test_each_due_time_is_a_row_with_when_it_was_sent_and_what_was_missed(hourly: dict[str, Any], task: str) -> None:
    row = due(hourly, task, **({"args": "[1]"} if task == "tests.record" else {}))
    assert row.last_run_at is not None
    look()
    (sent,) = status(PeriodicRunStatus.SENT)
    assert sent.due_at == row.last_run_at + 5 * HOUR
    assert 60 <= sent.late_by < 120
    assert [one.due_at for one in status(PeriodicRunStatus.MISSED)] == [
        row.last_run_at + n * HOUR for n in range(1, 5)
    ]
    assert ids_sent() == [sent.job]
    look()
    assert PeriodicRun.objects.count() == 5


def test_of_an_outage_of_days_the_newest_that_were_missed_have_a_row() -> None:
    every_second = IntervalSchedule.objects.create(every=1, period=IntervalSchedule.SECONDS)
    ran_at = timezone.now() - timedelta(days=7)
    entry = HubEntry(due({"interval": every_second}, last_run_at=ran_at), app=app)
    entry.model.last_run_at = ran_at + timedelta(days=7, milliseconds=300)
    assert entry.claim()
    assert len(status(PeriodicRunStatus.MISSED)) == periodic_runs.MISSED_LIMIT
    assert PeriodicRun.objects.latest("due_at").due_at == ran_at + timedelta(days=7)


def test_a_due_time_whose_arguments_do_not_fit_has_failed_and_says_why(hourly: dict[str, Any]) -> None:
    due(hourly, kwargs='{"colour": "red"}')
    look()
    (failed,) = status(PeriodicRunStatus.FAILED)
    assert "colour" in failed.error
    assert not waiting()


#: What a beat does with a plain task that is due, in order.
STEPS = [
    (HubEntry, "claim"),
    (periodic_runs, "store"),
    (HubScheduler, "apply_async"),
    (periodic_runs, "mark"),
]

#: Where it is killed and the claim is not stored, or it is stored that it was sent: nothing is unclear.
CLEAR = {("claim", "before"), ("store", "before"), ("store", "after"), ("mark", "after")}

#: Where it is killed although the broker has the task, and nobody knows.
SENT = {("apply_async", "after"), ("mark", "before")}


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(("owner", "step"), STEPS, ids=[step for _, step in STEPS])
def test_a_beat_that_is_killed_between_any_two_steps_forgets_no_plain_task(
    monkeypatch: pytest.MonkeyPatch, hourly: dict[str, Any], owner: Any, step: str, when: str
) -> None:
    row = due(hourly)
    killed = a_beat()
    with killed_at(monkeypatch, owner, step, when):
        look(killed)
    look()  # not at once: the other may live
    time_passes()
    look()
    (run,) = status(PeriodicRunStatus.SENT)
    # The broker may have it twice, under one id: at least once, as Celery says of such a task.
    assert ids_sent() == [run.job] * (2 if (step, when) in SENT else 1)
    time_passes()
    look()
    row.refresh_from_db()
    assert (waiting(), row.total_run_count) == (0, 1)
    assert len(status(PeriodicRunStatus.MISSED)) == 4


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(("owner", "step"), STEPS, ids=[step for _, step in STEPS])
def test_a_task_that_may_not_run_twice_is_sent_once_at_most_and_what_is_unclear_is_said(
    monkeypatch: pytest.MonkeyPatch, hourly: dict[str, Any], owner: Any, step: str, when: str
) -> None:
    due(hourly, "tests.once_at_most")
    with killed_at(monkeypatch, owner, step, when):
        look()
    time_passes()
    look()
    is_clear = (step, when) in CLEAR
    assert len(ids_sent()) == (1 if is_clear or (step, when) in SENT else 0)
    assert len(status(PeriodicRunStatus.SENT)) == int(is_clear)
    unclear = [run for run in status(PeriodicRunStatus.MISSED) if run.error == beat.UNCLEAR]
    assert len(unclear) == (0 if is_clear else 1)
    assert Job.objects.filter(error__contains=beat.UNCLEAR).count() == len(unclear)


def test_why_it_was_not_sent_says_no_secret(hourly: dict[str, Any]) -> None:
    due(hourly, "tests.without_token", kwargs='{"token": "s3cr3t-token"}')
    look()
    assert [run.error for run in status(PeriodicRunStatus.FAILED)] == ["••• is no token"]
    assert not Job.objects.filter(error__contains="s3cr3t").exists()


def left_behind(monkeypatch: pytest.MonkeyPatch) -> PeriodicRun:
    """A run that a beat has claimed and not sent, a while ago."""
    with killed_at(monkeypatch, HubScheduler, "apply_async", "before"):
        look()
    time_passes()
    (run,) = status(PeriodicRunStatus.SENDING)
    return run


def test_what_somebody_has_seen_run_is_not_sent_again(
    monkeypatch: pytest.MonkeyPatch, settings: Any, hourly: dict[str, Any]
) -> None:
    settings.HUB_WATCHED_TASKS = ["tests.periodic"]
    due(hourly)
    with killed_at(monkeypatch, HubScheduler, "apply_async", "after"):
        look()
    assert len(run_all()) == 1
    time_passes()
    look()
    assert (waiting(), len(status(PeriodicRunStatus.SENT))) == (0, 1)
    assert states() == [JobState.SUCCEEDED]


def test_that_a_watched_task_is_queued_does_not_say_that_it_was_sent(
    monkeypatch: pytest.MonkeyPatch, settings: Any, hourly: dict[str, Any]
) -> None:
    settings.HUB_WATCHED_TASKS = ["tests.periodic"]
    due(hourly)
    with killed_at(monkeypatch, Producer, "publish", "before"):
        look()
    assert TrackedJob.objects.get().state == JobState.QUEUED
    time_passes()
    look()
    (run,) = status(PeriodicRunStatus.SENT)
    assert ids_sent() == [run.job]


def test_what_runs_once_is_sent_although_it_was_switched_off_by_that(monkeypatch: pytest.MonkeyPatch) -> None:
    clocked = ClockedSchedule.objects.create(clocked_time=timezone.now() - timedelta(seconds=5))
    row = due({"clocked": clocked}, one_off=True, last_run_at=None)
    run = left_behind(monkeypatch)
    look()
    row.refresh_from_db()
    assert (row.enabled, ids_sent()) == (False, [run.job])


@pytest.mark.parametrize(("columns", "said"), [({"enabled": False}, beat.GONE), ({"expire_seconds": 5}, jobs.EXPIRED)])
def test_what_is_switched_off_or_of_no_use_any_more_was_missed(
    monkeypatch: pytest.MonkeyPatch, hourly: dict[str, Any], columns: dict[str, Any], said: str
) -> None:
    due(hourly)
    left_behind(monkeypatch)
    PeriodicTask.objects.update(**columns)
    look()
    assert not waiting()
    assert status(PeriodicRunStatus.MISSED)[-1].error == said


def test_of_two_beats_one_takes_what_was_left_behind(monkeypatch: pytest.MonkeyPatch, hourly: dict[str, Any]) -> None:
    due(hourly)
    run = left_behind(monkeypatch)
    assert [periodic_runs.take(run) for _ in range(2)] == [True, False]


def test_what_was_claimed_by_a_clock_that_was_ahead_is_left_behind_too(
    monkeypatch: pytest.MonkeyPatch, hourly: dict[str, Any]
) -> None:
    due(hourly)
    run = left_behind(monkeypatch)
    time_passes(-3600)
    look()
    assert ids_sent() == [run.job]


def test_while_the_broker_is_away_what_was_left_behind_stays(
    monkeypatch: pytest.MonkeyPatch, hourly: dict[str, Any]
) -> None:
    due(hourly)
    run = left_behind(monkeypatch)
    with monkeypatch.context() as patch:
        patch.setattr(HubScheduler, "_broker_answers", lambda _self: False)
        look()
        assert status(PeriodicRunStatus.SENDING) == [run]
    look()
    assert ids_sent() == [run.job]


@pytest.mark.parametrize("task", ["tests.periodic", "tests.once_at_most"])
def test_a_broker_that_goes_away_while_it_is_given_a_task_gets_it_later_if_it_may_run_twice(
    monkeypatch: pytest.MonkeyPatch, hourly: dict[str, Any], task: str
) -> None:
    due(hourly, task)

    def away(*_arguments: Any, **_options: Any) -> None:
        raise BrokerError("gone")

    with monkeypatch.context() as patch:
        patch.setattr(Producer, "publish", away)
        look()
    assert not waiting()
    may_repeat = task == "tests.periodic"
    assert len(status(PeriodicRunStatus.SENDING if may_repeat else PeriodicRunStatus.FAILED)) == 1
    time_passes()
    look()
    assert ids_sent() == [run.job for run in status(PeriodicRunStatus.SENT)]
    assert len(status(PeriodicRunStatus.SENT)) == int(may_repeat)


def test_a_beat_that_could_not_write_that_it_has_sent_does_so_later_and_sends_nothing_again(
    monkeypatch: pytest.MonkeyPatch, hourly: dict[str, Any]
) -> None:
    due(hourly)
    scheduler = a_beat()

    def away(*_arguments: Any) -> None:
        raise OperationalError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(periodic_runs, "mark", away)
        look(scheduler)
    time_passes()
    (run,) = status(PeriodicRunStatus.SENDING)
    look(scheduler)
    assert status(PeriodicRunStatus.SENT) == [run]
    assert ids_sent() == [run.job]


def test_what_has_become_of_a_durable_task_is_told_while_it_waits_and_when_it_has_ended(
    hourly: dict[str, Any],
) -> None:
    due(hourly, "tests.record", args="[1]")
    look()
    assert states() == [JobState.QUEUED]
    assert periodic_runs.settle() == 0
    run_all()
    assert durable_tasks.runs == [1]
    assert states() == [JobState.SUCCEEDED]
    assert compare_schedules() == 0
    assert PeriodicRun.objects.get(status=PeriodicRunStatus.SENT).outcome == JobState.SUCCEEDED


def test_ends_are_written_down_however_many_tasks_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(periodic_runs, "LIMIT", 2)
    runs = [
        periodic_runs.store(1, timezone.now(), [], status=PeriodicRunStatus.SENT, is_durable=True) for _ in range(5)
    ]
    for run in runs[1:]:  # the newest ones are owed
        Job.objects.create(id=run.job, task="tests.record")
    by_key.update(PeriodicRun, runs[0].pk, {"ran_at": After(-60)})
    assert periodic_runs.settle() == 1
    assert PeriodicRun.objects.get(pk=runs[0].pk).outcome == JobState.SUCCEEDED


def test_that_a_durable_task_has_failed_is_known_when_its_job_is_deleted(hourly: dict[str, Any]) -> None:
    due(hourly, "tests.fail")
    look()
    run_all()
    assert states() == [JobState.FAILED]
    assert periodic_runs.settle() == 1
    Job.objects.all().delete()
    assert states() == [JobState.FAILED]


def test_a_watched_task_that_no_worker_begins_is_followed_for_a_day(settings: Any, hourly: dict[str, Any]) -> None:
    settings.HUB_WATCHED_TASKS = ["tests.periodic"]
    due(hourly)
    look()
    assert states() == [JobState.QUEUED]
    TrackedJob.objects.all().delete()
    assert (states(), periodic_runs.settle()) == ([""], 0)
    time_passes(periodic_runs.WATCHED_TIMEOUT.total_seconds() + 1)
    assert periodic_runs.settle() == 1
    assert PeriodicRun.objects.get(status=PeriodicRunStatus.SENT).outcome == UNKNOWN


def test_nobody_looks_for_what_becomes_of_a_plain_task(hourly: dict[str, Any], django_assert_num_queries: Any) -> None:
    due(hourly)
    look()
    assert states() == [""]
    with django_assert_num_queries(1):
        assert periodic_runs.settle() == 0


def test_the_history_goes_with_its_periodic_task_and_when_it_is_old(
    settings: Any, hourly: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.HUB_SCHEDULE_DAYS = 10.0
    monkeypatch.setattr(periodic_runs, "RUNS_KEPT", 3)
    row = due(hourly)
    look()
    assert PeriodicRun.objects.count() == 5
    assert periodic_runs.prune() == 2
    oldest = PeriodicRun.objects.earliest("pk")
    PeriodicRun.objects.filter(pk=oldest.pk).update(created_at=timezone.now() - timedelta(days=11))
    periodic_runs.prune()
    assert not PeriodicRun.objects.filter(pk=oldest.pk).exists()
    assert PeriodicRun.objects.exists()
    row.delete()
    assert not PeriodicRun.objects.exists()


def page_of(row: PeriodicTask) -> str:
    return reverse("hub:schedules:task", args=[row.pk])


def test_the_page_of_a_periodic_task_shows_its_history_and_follows_it(
    admin_client: Client, hourly: dict[str, Any], django_assert_max_num_queries: Any
) -> None:
    row = due(hourly, "tests.record", args="[1]")
    assert "It has not been due yet." in admin_client.get(page_of(row)).content.decode()
    look()
    answer = admin_client.get(page_of(row))
    shown = answer.content.decode()
    assert "Sent: 1, missed: 4, failed: 0" in shown
    assert "Queued" in shown and reverse("hub:operations:failed") not in shown
    assert len(answer.context["due"]) == 10
    in_the_admin = reverse("admin:django_celery_beat_periodictask_change", args=[row.pk])
    assert in_the_admin in shown
    assert page_of(row) in admin_client.get(in_the_admin).content.decode()
    assert shown.count("<rect") == 5
    assert f'data-live-type="worker.periodic_task_changed"\n          data-live-id="{row.pk}"' in shown
    for _ in range(3):
        PeriodicTask.objects.update(last_run_at=F("last_run_at") - HOUR)
        look()
    Job.objects.update(failed_at=timezone.now())
    with django_assert_max_num_queries(14):
        assert reverse("hub:operations:failed") in admin_client.get(page_of(row)).content.decode()
    assert admin_client.get(reverse("hub:schedules:task", args=[row.pk + 1])).status_code == 404


def test_the_page_is_for_those_who_may_see_schedules_and_periodic_tasks(
    client: Client, hourly: dict[str, Any]
) -> None:
    row = due(hourly)
    user = User.objects.create_user("staff", is_staff=True)
    client.force_login(user)
    answers = []
    for codename in ("view_schedule", "view_periodictask"):
        user.user_permissions.set(Permission.objects.filter(codename=codename))
        answers.append(client.get(page_of(row)).status_code)
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_schedule", "view_periodictask"]))
    assert [*answers, client.get(page_of(row)).status_code] == [403, 403, 200]


@pytest.fixture
async def listener() -> AsyncIterator[Listener]:
    await relay.current.close()
    await follow(events.SCHEDULES, listener := Listener())
    yield listener
    await relay.current.close()


async def test_each_claim_is_told_to_those_who_look(listener: Listener, hourly: dict[str, Any]) -> None:
    row = await sync_to_async(due)(hourly, "tests.record", args="[1]")
    await sync_to_async(look)()
    await await_for(lambda: listener.frames, that="it is told")
    assert listener.frames == [f'{{"type":"worker.periodic_task_changed","id":"{row.pk}"}}']


def test_errors_in_the_history_go_with_whom_they_may_name(hourly: dict[str, Any]) -> None:
    ann = User.objects.create_user("ann")
    row = due(hourly, "worker.tasks.send_broadcast", kwargs=json.dumps({"message": "m", "to": [user_id(ann), "x"]}))
    periodic_runs.store(row.pk, timezone.now(), [], status=PeriodicRunStatus.FAILED, error="ann is not there")
    erase(ann)
    assert PeriodicRun.objects.get().error == ""
