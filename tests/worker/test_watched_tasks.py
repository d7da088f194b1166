"""Plain tasks of Celery that are watched by their names: nobody has changed them."""

from typing import Any

import pytest
from celery.signals import task_prerun
from django.db import transaction

from hub.privacy import erase
from tests.support.people import User
from tests.worker.running import run, run_all, take
from tests.worker.tracked_tasks import plain
from worker.celery import app
from worker.models import TrackedJob
from worker.tracking import cancelling, losses, started_by, stored

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("nothing_ran"),
]


@pytest.fixture(autouse=True)
def watched(settings: Any) -> None:
    settings.HUB_WATCHED_TASKS = ["tests.pla*"]


def row(**where: Any) -> TrackedJob:
    return TrackedJob.objects.get(task="tests.plain", **where)


def test_task_is_watched_from_its_call_to_its_end_with_who_started_it() -> None:
    ada = User.objects.create_user("ada")
    with started_by(ada):
        plain.delay(api_key="k-1234")
    assert (row().title, row().state, row().source, row().owner) == ("Plain", "queued", "celery", ada)
    assert row().arguments == "api_key=•••"
    run_all()
    assert (row().state, row().result_text, row().runs) == ("succeeded", "done", 1)
    below = TrackedJob.objects.get(task="tests.child")
    assert (below.parent, below.owner) == (row().pk, ada)


def test_failure_and_retry_are_told_without_secrets() -> None:
    plain.delay(api_key="k-1234", fail=True)
    TrackedJob.objects.update(arguments="…", call="")  # as where the caller does not know the task
    run_all()
    assert (row().arguments, row().call[:5]) == ("api_key=•••, fail=true", "[[], ")
    assert (row().state, row().error) == ("failed", "ValueError: ••• was not accepted")
    TrackedJob.objects.all().delete()
    plain.delay(again=True)
    run(take())
    assert (row().state, row().error) == ("retrying", "OSError: the disk is away")
    run_all()
    assert (row().state, row().runs, row().parent) == ("failed", 2, "")


def test_secrets_by_position_are_not_stored_by_a_process_that_does_not_know_the_task(settings: Any) -> None:
    settings.HUB_WATCHED_TASKS = ["elsewhere.*"]
    sent = app.send_task("elsewhere.pay", args=["k-1234"], kwargs={"order": 7})
    found = TrackedJob.objects.get(pk=sent.id)
    assert (found.arguments, found.call) == ("…, order=7", "")
    take()


def test_worker_that_is_faster_than_the_commit_of_the_caller_is_not_contradicted() -> None:
    with transaction.atomic():
        plain.delay()
        assert not TrackedJob.objects.exists()
        message = take()
        TrackedJob.objects.create(pk=message.headers["id"], task="tests.plain", title="Plain", state="succeeded")
    assert row().state == "succeeded"


def test_lost_worker_ends_it_and_a_task_that_waits_can_be_cancelled() -> None:
    plain.delay()
    assert cancelling.cancel(row()) == 1
    assert row().state == "cancelled"
    TrackedJob.objects.update(state="running", ended_at=None, lost_at="2020-01-01T00:00Z")
    assert not row().is_cancellable
    assert losses.mark_lost() == 1
    assert row().state == "lost"
    assert row().ended_at


@pytest.mark.parametrize("is_theirs", [True, False], ids=["of the person", "of somebody else"])
def test_message_that_waits_does_not_tell_again_what_was_erased(is_theirs: bool) -> None:
    ada, bob = (User.objects.create_user(name, email=f"{name}@example.com") for name in ("ada", "bob"))
    with started_by(ada if is_theirs else bob):
        plain.delay(fail=ada.email)
    assert ada.email in row().arguments
    assert ada.email in row().call
    erase(ada, account=True)
    run_all()
    assert (row().state, row().title, row().arguments, row().call) == ("failed", "—", "", "")
    assert row().owner == (None if is_theirs else bob)


def test_other_tasks_are_not_watched(settings: Any) -> None:
    settings.HUB_WATCHED_TASKS = ["tests.other"]
    plain.delay(fail=True)
    run_all()
    assert not TrackedJob.objects.exists()


def test_task_that_begins_although_it_was_cancelled_is_shown_as_what_it_is() -> None:
    """No worker was told in time: it was restarted, or had begun."""
    plain.delay()
    assert cancelling.cancel(row()) == 1
    assert row().state == "cancelled"
    message = take()
    seen = list[tuple[str, bool]]()

    def look(**_others: Any) -> None:
        seen.append((row().state, row().is_cancellable))

    task_prerun.connect(look, weak=False, dispatch_uid="look")
    try:
        run(message)
    finally:
        task_prerun.disconnect(look, dispatch_uid="look")
    assert seen == [("running", False)]
    assert row().state == "succeeded"
    assert [text for _at, text in row().log] == [stored.UNHEARD_LINE]


def test_running_task_goes_on_when_it_is_to_be_cancelled() -> None:
    plain.delay()
    TrackedJob.objects.update(state="running", lost_at="2999-01-01T00:00Z")
    assert cancelling.cancel(row()) == 0
    assert (row().state, row().cancel_requested_at) == ("running", None)
