"""Lists of jobs as clients read them: in pages, with the place of each that waits, and only one's own."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser, Permission
from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from hub.session.methods import RpcCall, RpcError
from tests.support.people import User
from tests.worker.running import run, take
from tests.worker.tracked_tasks import child
from worker import rpc
from worker.models import Job, TrackedJob
from worker.rpc import ListJobs, ListPlaces
from worker.tracking import queries, started_by

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("nothing_ran"),
]


@pytest.fixture
def ada() -> User:
    return User.objects.create_user("ada")


@pytest.fixture
def chief() -> User:
    chief = User.objects.create_user("chief")
    chief.user_permissions.add(Permission.objects.get(codename="view_trackedjob"))
    return chief


def call(user: User | AnonymousUser) -> RpcCall:
    return RpcCall(user, "", "en")


def called_by(user: User, number: int) -> list[str]:
    """The ids of so many jobs, in the order in which they were called."""
    with started_by(user):
        return [str(child.delay().id) for _ in range(number)]


def test_list_goes_on_behind_the_last_job_that_was_read(monkeypatch: pytest.MonkeyPatch, ada: User) -> None:
    monkeypatch.setattr(rpc, "LIST_LIMIT", 2)
    newest_first = called_by(ada, 5)[::-1]
    TrackedJob.objects.update(created_at=timezone.now())  # where several are of one moment, ids are the order
    newest_first.sort(reverse=True)
    pages, before, more = list[list[str]](), "", list[bool]()
    for _ in range(3):
        page = rpc.list_jobs(call(ada), ListJobs(before=before))
        assert (page.position is None) is bool(before)
        pages.append([item.id for item in page.items])
        more.append(page.more)
        before = pages[-1][-1]
    assert more == [True, True, False]
    assert pages == [newest_first[:2], newest_first[2:4], newest_first[4:]]


def test_nobody_reads_on_behind_the_job_of_another(ada: User, chief: User) -> None:
    bob = User.objects.create_user("bob")
    (hers,), (his, _last) = called_by(ada, 1), called_by(bob, 2)
    for before in (his, "nothing", "\0", "\ud800"):
        with pytest.raises(RpcError, match="no such job"):
            rpc.list_jobs(call(ada), ListJobs(before=before))
    assert [item.id for item in rpc.list_jobs(call(chief), ListJobs(all=True, before=his)).items] == [hers]
    with pytest.raises(RpcError):
        rpc.list_jobs(call(AnonymousUser()), ListJobs())


def test_each_job_that_waits_has_its_place_until_it_begins(ada: User) -> None:
    bob = User.objects.create_user("bob")
    first, second = called_by(ada, 2)
    (third,) = called_by(bob, 1)
    assert rpc.list_places(call(ada), ListPlaces([first, second, third])).places == {first: 1, second: 2}
    assert rpc.list_places(call(bob), ListPlaces([third])).places == {third: 3}
    assert [item.place for item in rpc.list_jobs(call(ada), ListJobs()).items] == [2, 1]
    run(take())
    assert rpc.list_places(call(ada), ListPlaces([first, second])).places == {second: 1}
    assert rpc.get_job(call(bob), rpc.NamedJob(third)).item.place == 2


def test_what_is_for_later_or_has_failed_stands_in_nobodys_way(ada: User) -> None:
    first, second, third = called_by(ada, 3)
    Job.objects.filter(pk=first).update(failed_at=Now())
    Job.objects.filter(pk=second).update(due_at="2999-01-01T00:00Z")
    assert queries.places(TrackedJob.objects.all()) == {third: 1}


def test_what_was_called_long_ago_for_now_stands_behind_what_was_due_before(ada: User) -> None:
    late, first, second = called_by(ada, 3)
    now = timezone.now()
    Job.objects.filter(pk=late).update(created_at=now - timedelta(days=30), due_at=now)
    Job.objects.exclude(pk=late).update(due_at=now - timedelta(minutes=1))
    assert queries.places(TrackedJob.objects.all()) == {first: 1, second: 2, late: 3}


@pytest.mark.slow
def test_places_are_read_in_the_order_of_an_index(ada: User) -> None:
    called_by(ada, 1)
    mine = TrackedJob.objects.get()
    queue, now = Job.objects.values_list("queue", flat=True).get(), timezone.now()
    Job.objects.bulk_create(
        Job(id=f"{days}-{number}", task="t", arguments="[[], {}]", queue=queue, due_at=now + timedelta(days=days))
        for days, count in [(-1, 1500), (30, 3000)]
        for number in range(count)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    with CaptureQueriesContext(connection) as asked:
        queries.places([mine])
    explain = "EXPLAIN QUERY PLAN " if connection.vendor == "sqlite" else "EXPLAIN "
    with connection.cursor() as cursor:
        cursor.execute(explain + asked[-1]["sql"])
        plan = str(cursor.fetchall())
    assert "hub_worker_job_places" in plan
    assert "ORDER BY" not in plan and "Sort" not in plan


def test_each_queue_is_counted_by_itself(ada: User) -> None:
    large, first, second = called_by(ada, 3)
    Job.objects.filter(pk=large).update(queue="bulk")
    assert queries.places(TrackedJob.objects.all()) == {large: 1, first: 1, second: 2}


def test_who_stands_far_behind_has_no_place(monkeypatch: pytest.MonkeyPatch, ada: User) -> None:
    monkeypatch.setattr(queries, "PLACES_LIMIT", 1)
    _first, last = called_by(ada, 2)
    assert [item.place for item in rpc.list_jobs(call(ada), ListJobs()).items] == [None, 1]
    assert rpc.list_places(call(ada), ListPlaces([last])).places == {}
