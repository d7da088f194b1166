"""Tracked jobs while they run: what progress costs, how often it is told, and how a job hears that it is to end."""

import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from pytest_django.fixtures import Settings

from lab.harness.waiting import wait_for
from tests.live.parts import crowding
from tests.support.people import User
from tests.worker.running import run, run_all, take
from tests.worker.tracked_tasks import child, wait
from worker.checks import celery_application_is_imported
from worker.events import JobProgressed
from worker.middleware import StartedBy
from worker.models import TrackedJob
from worker.tracking import JobCancelled, JobHandle, JobTimedOut, cancelling, publishing, reporter, stored

#: Seconds of processor time that a call of ``progress()`` may take. It takes about a millionth.
COST = 50e-6


def test_progress_costs_next_to_nothing() -> None:
    job, calls = JobHandle("1", seconds=3600), 20_000
    began = time.thread_time()
    for number in range(calls):
        job.progress(number, calls, "row")
    assert (time.thread_time() - began) / calls < COST


def test_track_says_how_far_it_is() -> None:
    job = JobHandle("1")
    seen = [(item, job.done, job.total) for item in job.track(["a", "b"])]
    assert seen == [("a", 0, 2), ("b", 1, 2)]
    assert job.done == 2
    assert list(job.track(iter("ab"), total=5)) == ["a", "b"]
    assert job.columns()["total"] == 5


def test_log_is_bounded() -> None:
    job = JobHandle("1")
    for number in range(1000):
        job.log(f"{number} " + "x" * 1000)
    lines = job.columns()["log"]
    assert len(lines) == 200
    assert lines[-1][1].startswith("999 ")
    assert all(len(text) <= 500 for _, text in lines)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), 1e300, -1e300])
def test_strange_numbers_fit_into_a_row(number: float) -> None:
    job = JobHandle("1")
    job.progress(number)
    assert job.columns()["done"] in {None, float(2**53 - 1), -float(2**53 - 1)}


@pytest.mark.parametrize("url", ["javascript:alert(1)", "//elsewhere", "data:text/html,x"])
def test_result_links_to_http_only(url: str) -> None:
    with pytest.raises(ValueError, match="http"):
        JobHandle("1").result(url=url)


def test_job_ends_at_its_next_word_when_it_is_told_to_or_took_too_long() -> None:
    job = JobHandle("1")
    job.stop()
    with pytest.raises(JobCancelled):
        job.progress(1)
    with pytest.raises(JobCancelled):
        list(job.track([1]))
    with pytest.raises(JobTimedOut, match="longer than 0 seconds"):
        JobHandle("1", seconds=0).check()


class Told:
    """What was told of the progress of jobs, each with its moment."""

    def __init__(self) -> None:
        self.all: list[tuple[float, JobProgressed, str]] = []

    def __call__(self, progressed: JobProgressed, user_id: str) -> None:
        self.all.append((time.monotonic(), progressed, user_id))


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    told = Told()
    monkeypatch.setattr(publishing, "publish_progress", told)
    return told


@pytest.fixture
def reported() -> Iterator[JobHandle]:
    """A job that the thread of this process looks after."""
    job = JobHandle("1")
    reporter.start(job, "7")
    yield job
    reporter.release(job)
    wait_for(lambda: reporter._thread is None, that="the thread ends with the last job")


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_five_updates_a_second_go_out_and_the_last_always(told: Told, reported: JobHandle) -> None:
    until = time.monotonic() + 1.5
    number = 0
    while time.monotonic() < until:
        number += 1
        reported.progress(number)
    wait_for(lambda: told.all and told.all[-1][1].done == number, that="the last one is told")
    moments = [moment for moment, _, _ in told.all]
    assert len(moments) <= (moments[-1] - moments[0]) * 5 + 1.5
    assert {user for _, _, user in told.all} == {"7"}


@pytest.mark.django_db(transaction=True)
def test_lines_are_told_once(told: Told, reported: JobHandle) -> None:
    reported.log("first")
    wait_for(lambda: told.all, that="it is told")
    reported.log("second")
    wait_for(lambda: len(told.all) == 2, that="it is told")
    assert [[line.text for line in one.lines] for _, one, _ in told.all] == [["first"], ["second"]]


@pytest.mark.slow
def test_database_is_asked_of_no_job_that_has_just_begun(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reporter, "LOOK", 2.5 * reporter.TURN)
    looked_at: dict[str, float] = {}
    monkeypatch.setattr(
        stored, "to_be_cancelled", lambda ids: [looked_at.setdefault(i, time.monotonic()) for i in ids]
    )
    monkeypatch.setattr(stored, "report", lambda columns: None)
    first, second = JobHandle("1"), JobHandle("2")
    reporter.start(first, "7")
    first.progress(1)
    wait_for(lambda: told.all, that="the thread has had its first turn")
    began = time.monotonic()
    reporter.start(second, "7")
    wait_for(lambda: "2" in looked_at, that="the second one is looked at")
    assert looked_at["2"] - began >= reporter.LOOK
    for one in (first, second):
        reporter.release(one)
    wait_for(lambda: reporter._thread is None, that="the thread ends with the last job")


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("nothing_ran")
def test_running_job_is_shown_and_ends_within_two_seconds_when_it_is_cancelled() -> None:
    wait.delay()
    ended: list[Any] = []

    def work(message: Any) -> None:
        ended.append(run(message))
        connection.close()

    thread = threading.Thread(target=work, args=[take()])
    thread.start()
    try:
        wait_for(lambda: TrackedJob.objects.get().total == 1, that="how far it is is stored")
        before = TrackedJob.objects.get()
        assert before.state == "running"
        assert cancelling.cancel(before) == 1
        asked = time.monotonic()
    finally:
        thread.join(40)
    assert time.monotonic() - asked < (2 + 1) * crowding()
    assert ended == ["IGNORED"]
    assert TrackedJob.objects.get().state == "cancelled"


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("nothing_ran")
def test_jobs_that_a_view_calls_are_those_of_who_is_logged_in() -> None:
    ada = User.objects.create_user("ada")

    def view(request: HttpRequest) -> HttpResponse:
        child.delay()
        return HttpResponse()

    request = HttpRequest()
    StartedBy(view)(request)  # a guest
    request.user = ada
    StartedBy(view)(request)
    run_all()
    assert list(TrackedJob.objects.order_by("created_at").values_list("owner", flat=True)) == [None, ada.pk]


class StartedBySomebody(StartedBy):
    """As a project may have it."""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("middleware", "is_said"),
    [
        ("worker.middleware.StartedBy", False),
        (f"{__name__}.StartedBySomebody", False),
        ("django.middleware.common.CommonMiddleware", True),
    ],
)
def test_check_says_where_jobs_of_views_are_nobodys(settings: Settings, middleware: str, is_said: bool) -> None:
    settings.MIDDLEWARE = ["django.contrib.auth.middleware.AuthenticationMiddleware", middleware]
    found = [one.msg for one in celery_application_is_imported(None) if one.id == "hub.W048"]
    assert [one for one in found if "such as 'tests.break', is nobody's" in one] == found
    assert len(found) == is_said


@pytest.mark.django_db(transaction=True)
def test_ended_jobs_are_kept_for_a_month() -> None:
    for days, number in ((29, 1), (31, 2)):
        TrackedJob.objects.create(pk=number, title="t", state="failed")
        TrackedJob.objects.filter(pk=number).update(ended_at=timezone.now() - timedelta(days=days))
    assert stored.prune() == 1
    assert TrackedJob.objects.get().pk == "1"
