"""What a tracked job writes in one transaction: a crash between two of them leaves nothing that is half told."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, connections, transaction

from hub import streams
from hub.models import Publication, Stream
from hub.publishing import publish
from hub.users import user_id
from tests.support.people import User
from tests.worker.running import run, run_all, take
from tests.worker.tracked_tasks import import_customers
from worker import jobs
from worker.models import Job, TrackedJob
from worker.tracking import started_by, stored

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("nothing_ran"),
]


class Killed(BaseException):
    """Stands for the end of the process: nothing of the code handles it."""


@pytest.fixture
def ada() -> User:
    """Somebody who has had a job before: the first one makes the stream, and is numbered after its commit."""
    person = User.objects.create_user("ada")
    publish(f"jobs:{user_id(person)}", {"type": "test.happened"})
    return person


@pytest.fixture
def commits(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """One for each transaction that was committed, and each statement outside of one that writes."""
    found: list[str] = []
    engine: Any = type(connections["default"])
    commit = engine._commit

    def note(self: Any) -> None:
        found.append("COMMIT")
        commit(self)

    def see(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        words = sql.split()[:1]
        if not connection.in_atomic_block and words and words[0] in {"INSERT", "UPDATE", "DELETE"}:
            found.append(sql)
        return execute(sql, params, many, context)

    monkeypatch.setattr(engine, "_commit", note)
    with connection.execute_wrapper(see):
        yield found


def test_call_run_and_end_of_a_job_are_a_commit_each(ada: User, commits: list[str]) -> None:
    with started_by(ada):
        import_customers.delay(1)
    assert commits == ["COMMIT"]
    assert run_all() == ["SUCCESS"]
    assert commits == ["COMMIT"] * 3
    numbered = (
        Publication.objects.filter(channel=f"jobs:{user_id(ada)}").order_by("pk").values_list("offset", flat=True)
    )
    assert list(numbered) == [1, 2, 3, 4]


def test_call_in_a_transaction_is_numbered_by_its_commit(ada: User) -> None:
    with transaction.atomic(), started_by(ada):
        import_customers.delay(1)
        # Its channel is not held up for as long as somebody else's transaction is open.
        assert Publication.objects.latest("pk").offset is None
    assert Publication.objects.latest("pk").offset == 2


def test_call_where_commits_are_made_by_hand_is_numbered_by_them(ada: User) -> None:
    transaction.set_autocommit(False)
    try:
        with started_by(ada):
            import_customers.delay(1)
        assert Publication.objects.latest("pk").offset is None
        transaction.commit()
    finally:
        transaction.set_autocommit(True)
    assert Publication.objects.latest("pk").offset == 2


def test_first_job_of_a_person_makes_their_stream() -> None:
    with started_by(User.objects.create_user("bob")):
        import_customers.delay(1)
    assert run_all() == ["SUCCESS"]
    assert list(Publication.objects.order_by("pk").values_list("offset", flat=True)) == [1, 2, 3]


def test_what_waits_for_its_number_comes_before_what_the_run_says(ada: User) -> None:
    with started_by(ada):
        import_customers.delay(1)
    # As if whoever has called it had been killed between the commit and the numbering.
    Publication.objects.update(offset=None)
    Stream.objects.filter(channel=f"jobs:{user_id(ada)}").update(head=0)
    run_all()
    rows = Publication.objects.filter(channel=f"jobs:{user_id(ada)}")
    in_order = list(rows.order_by("offset").values_list("pk", flat=True))
    assert in_order == sorted(in_order)
    assert list(rows.order_by("offset").values_list("offset", flat=True)) == [1, 2, 3, 4]


@pytest.mark.parametrize("step", ["finish", "publish_state", "append_at_once"])
def test_worker_killed_while_it_stores_the_end_leaves_a_job_that_runs_and_is_owed(
    step: str, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    with started_by(ada):
        import_customers.delay(1)
    message = take()

    where: Any = {"finish": jobs, "publish_state": stored, "append_at_once": streams}[step]
    original: Any = getattr(where, step)
    calls = 0

    def kill_at_the_end(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == (1 if step == "finish" else 2):  # the first is that of the beginning
            raise Killed
        return original(*args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(where, step, kill_at_the_end)
        with pytest.raises(Killed):
            run(message)
    assert TrackedJob.objects.get().state == "running"
    assert Job.objects.get().failed_at is None
    assert run(message) == "SUCCESS"  # it is given to another worker
    assert TrackedJob.objects.get().state == "succeeded"
    assert not Job.objects.exists()


def test_job_runs_and_ends_where_the_stream_of_its_person_is_broken(ada: User) -> None:
    with started_by(ada):
        import_customers.delay(1)
    channel = f"jobs:{user_id(ada)}"
    Publication.objects.create(channel=channel, offset=3, data="{}")  # as after a restore in part: the head says 2
    assert run_all() == ["SUCCESS"]
    assert TrackedJob.objects.get().state == "succeeded"
    assert not Job.objects.exists()
    assert Publication.objects.filter(channel=channel, offset=None).count() == 2  # the sweeper says what is wrong
