"""The place in its queue of a plain task of Celery: an estimate by what the hub knows of the queue."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.worker.running import run, take
from tests.worker.tracked_tasks import import_customers, plain
from worker import events
from worker.models import JobSource, TrackedJob
from worker.tracking import queries

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("nothing_ran"),
]


@pytest.fixture(autouse=True)
def watched(settings: Any) -> None:
    settings.HUB_WATCHED_TASKS = ["tests.plain"]


def sent(**options: Any) -> str:
    """The id of a plain task that was called."""
    return str(plain.apply_async(**options).id)


def places() -> dict[str, int]:
    return queries.places(TrackedJob.objects.all())


def test_tasks_that_were_sent_before_and_jobs_of_the_queue_are_before_it() -> None:
    first = sent()
    job = import_customers.delay(1).id
    last, elsewhere = sent(), sent(queue="bulk")
    assert places() == {first: 1, job: 1, last: 3, elsewhere: 1}
    items = events.items_of(list(TrackedJob.objects.all()), places())
    assert {item.id: (item.place, item.plain) for item in items} == {
        first: (1, True),
        job: (1, False),
        last: (3, True),
        elsewhere: (1, True),
    }
    run(take())
    run(take())
    assert places()[last] == 1


def test_task_that_later_ones_have_overtaken_is_before_nobody_and_has_no_place() -> None:
    """A worker that is busy holds it, or the broker has lost it."""
    lost, begun, last = sent(), sent(), sent()
    TrackedJob.objects.filter(pk=begun).update(started_at=timezone.now(), runs=1, state="running")
    assert places() == {last: 1}
    TrackedJob.objects.filter(pk=begun).update(ended_at=timezone.now(), state="succeeded")
    assert places() == {last: 1}
    assert TrackedJob.objects.get(pk=lost).state == "queued"


def test_task_for_later_or_that_was_tried_has_no_place_and_takes_none() -> None:
    tried, later = sent(), sent(countdown=1000)
    assert TrackedJob.objects.get(pk=later).queue == "default"
    TrackedJob.objects.filter(pk=tried).update(state="queued", runs=1, started_at=timezone.now())
    last = sent()
    assert places() == {last: 1}


def test_who_stands_far_behind_has_no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    first, _second = sent(), sent()
    monkeypatch.setattr(queries, "PLACES_LIMIT", 1)
    assert places() == {first: 1}


def test_places_are_read_by_indexes() -> None:
    mine = TrackedJob.objects.get(pk=sent())
    now = timezone.now()
    columns = {"queue": mine.queue, "source": JobSource.CELERY, "title": "t"}
    TrackedJob.objects.bulk_create(
        TrackedJob(
            id=f"{number}", sent_at=now - timedelta(hours=number + 1), started_at=begun, ended_at=begun, **columns
        )
        for number in range(3000)
        for begun in [now if number % 2 else None]
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    with CaptureQueriesContext(connection) as asked:
        queries.places([mine])
    explain = "EXPLAIN QUERY PLAN " if connection.vendor == "sqlite" else "EXPLAIN "
    plans = list[str]()
    with connection.cursor() as cursor:
        for one in asked.captured_queries[:2]:
            cursor.execute(explain + one["sql"])
            plans.append(str(cursor.fetchall()))
    assert "hub_worker_tracked_begun" in plans[0] and "hub_worker_tracked_waiting" in plans[1], plans
    assert not any("ORDER BY" in plan or "Sort Key" in plan for plan in plans), plans
