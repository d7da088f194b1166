"""Tracked jobs: what is written down of a job from its call to its end."""

import json
from typing import Any
from urllib.parse import quote
from uuid import UUID

import pytest
from celery import chain, group
from django.db import transaction

from hub.models import Publication
from hub.privacy import erase
from hub.users import user_id
from notifications.models import Preferences
from tests.support.people import User
from tests.worker.durable_tasks import overdue
from tests.worker.running import run, run_all, take
from tests.worker.tracked_tasks import (
    between_plainly,
    break_down,
    child,
    import_customers,
    only_once,
    parent,
)
from worker import jobs, sending
from worker.arguments import misfit
from worker.models import Job, TrackedJob
from worker.named_people import names_of
from worker.origins import Origin, acting
from worker.tracking import JobHandle, cancelling, losses, masking, publishing, started_by, stored

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("nothing_ran"),
]


@pytest.fixture
def ada() -> User:
    return User.objects.create_user("ada")


def states(channel: str) -> list[tuple[str, str]]:
    """What was published of jobs: their titles and states."""
    data = [json.loads(one.data) for one in Publication.objects.filter(channel=channel).order_by("pk")]
    return [(one["item"]["title"], one["item"]["state"]) for one in data]


def test_life_of_a_job_is_written_down_and_published(ada: User) -> None:
    with started_by(ada):
        called = import_customers.delay(3, password="hunter22")
    row = TrackedJob.objects.get()
    assert (row.pk, row.title, row.state, row.owner) == (called.id, "Import customers", "queued", ada)
    assert row.arguments == "rows=3, password=•••"
    assert run_all() == ["SUCCESS"]
    row.refresh_from_db()
    assert (row.state, row.done, row.total, row.runs) == ("succeeded", 3, 3, 1)
    assert (row.result_url, row.result_text) == ("/customers/", "3 customers")
    assert [text for _, text in row.log] == ["row 0", "row 1", "row 2"]
    assert row.started_at and row.ended_at
    assert not Job.objects.exists()
    assert states(f"jobs:{user_id(ada)}") == [
        ("Import customers", state) for state in ("queued", "running", "succeeded")
    ]


def test_call_that_is_rolled_back_leaves_nothing() -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        import_customers.delay(1)
        raise ZeroDivisionError
    assert not TrackedJob.objects.exists()


def test_arguments_that_do_not_fit_are_refused_at_the_call() -> None:
    with pytest.raises(TypeError):
        import_customers.delay(1, colour="red")
    assert not TrackedJob.objects.exists()


def test_failure_is_kept_with_its_reason_and_without_secrets() -> None:
    break_down.delay(token="s3cr3t-value")
    assert run_all() == ["FAILURE"]
    row = TrackedJob.objects.get()
    assert (row.state, row.error) == ("failed", "ValueError: ••• was not accepted")
    assert (row.done, row.total, row.text) == (3, 7, "half way")


def test_failed_job_that_is_sent_again_runs_again() -> None:
    called = break_down.delay()
    run_all()
    assert sending.retry([called.id]) == 1
    assert run_all() == ["FAILURE"]
    assert TrackedJob.objects.get().runs == 2


def test_retry_is_told_and_keeps_the_owner(ada: User) -> None:
    with started_by(ada):
        break_down.delay(passing=True)
    assert run(take()) == "RETRY"
    row = TrackedJob.objects.get()
    assert (row.state, row.error) == ("retrying", "OSError: the disk is away")
    assert run_all() == ["FAILURE"]
    row.refresh_from_db()
    assert (row.state, row.runs, row.owner, row.parent) == ("failed", 2, ada, "")


def test_job_that_waits_is_cancelled_at_once() -> None:
    called = import_customers.delay(1)
    assert cancelling.cancel(TrackedJob.objects.get()) == 1
    assert TrackedJob.objects.get().state == "cancelled"
    assert not Job.objects.exists()
    assert run_all() == ["IGNORED"]
    assert TrackedJob.objects.get(pk=called.id).runs == 0


def test_job_that_was_cancelled_while_it_began_does_not_run() -> None:
    called = import_customers.delay(1)
    stored.ask_to_cancel(called.id)
    assert run_all() == ["IGNORED"]
    assert TrackedJob.objects.get().state == "cancelled"
    assert not Job.objects.exists()


def test_second_message_of_a_job_that_has_ended_changes_nothing() -> None:
    import_customers.delay(1)
    message = take()
    run(message)
    before = TrackedJob.objects.values().get()
    assert run(message) == "IGNORED"
    assert TrackedJob.objects.values().get() == before


def lose_the_worker() -> None:
    """As when a worker was killed a while ago."""
    overdue()
    TrackedJob.objects.update(lost_at="2020-01-01T00:00Z")


def test_job_of_a_lost_worker_is_seen_and_runs_again() -> None:
    called = import_customers.delay(1)
    assert jobs.begin(called.id) and stored.begin(called.id).how is stored.Beginning.RUN
    lose_the_worker()
    assert losses.mark_lost() == 1
    row = TrackedJob.objects.get()
    assert (row.state, row.ended_at) == ("lost", None)
    assert losses.mark_lost() == 0
    assert run_all() == ["SUCCESS"]
    row.refresh_from_db()
    assert (row.state, row.runs, row.log[0][1]) == ("succeeded", 2, stored.LOST_LINE)


def test_job_that_must_not_run_twice_fails_when_its_worker_is_lost() -> None:
    called = only_once.delay()
    assert jobs.begin(called.id) and stored.begin(called.id).how is stored.Beginning.RUN
    assert run_all() == ["IGNORED"]
    assert TrackedJob.objects.get().state == "failed"
    assert Job.objects.get().failed_at


def test_job_that_is_owed_no_more_does_not_run_for_ever() -> None:
    began, waits, broken = (import_customers.delay(1).id for _ in range(3))
    stored.begin(began)
    lose_the_worker()
    Job.objects.filter(pk__in=[began, waits]).delete()
    jobs.fail(broken, "It kills its worker.")
    assert losses.mark_lost() == 3
    assert dict(TrackedJob.objects.values_list("pk", "state")) == {
        began: "lost",
        waits: "cancelled",
        broken: "failed",
    }
    assert TrackedJob.objects.get(pk=broken).error == "It kills its worker."
    assert not TrackedJob.objects.filter(ended_at=None).exists()


def tree() -> dict[str, tuple[str, str, Any]]:
    """Each job by title: the titles of its parent and its root, and its owner."""
    rows = {row.pk: row for row in TrackedJob.objects.all()}
    return {
        row.title: (
            rows[row.parent].title if row.parent else "",
            rows[row.root].title if row.root else "",
            row.owner_id,
        )
        for row in rows.values()
    }


def test_jobs_that_jobs_start_are_one_tree_of_one_person(ada: User) -> None:
    with started_by(ada):
        parent.delay()
    run_all()
    assert tree() == {"Parent": ("", "", ada.pk), "Child": ("Parent", "Parent", ada.pk)}


def test_person_goes_through_tasks_that_nobody_watches(ada: User) -> None:
    with started_by(ada):
        between_plainly.delay()
    run_all()
    assert tree() == {"Child": ("", "", ada.pk)}


def test_person_goes_through_chains_and_groups(ada: User) -> None:
    with started_by(ada):
        chain(import_customers.si(1), parent.si()).delay()
        group([break_down.s()]).delay()
    run_all()
    assert tree() == {
        "Import customers": ("", "", ada.pk),
        "Parent": ("Import customers", "Import customers", ada.pk),
        "Child": ("Parent", "Import customers", ada.pk),
        "Break": ("", "", ada.pk),
    }


def test_cancelling_a_job_cancels_those_below_it(ada: User) -> None:
    parent.delay()
    for _ in range(2):
        run(take())
    above = TrackedJob.objects.get(title="Parent")
    TrackedJob.objects.filter(pk=above.pk).update(state="running", ended_at=None)
    above.refresh_from_db()
    assert cancelling.cancel(above) == 2
    assert TrackedJob.objects.get(title="Child").state == "cancelled"


def test_job_that_is_called_by_one_that_is_to_end_does_not_begin() -> None:
    called = parent.delay()
    stored.begin(called.id)
    stored.ask_to_cancel(called.id)
    with acting(Origin(parent=called.id, root=called.id)):
        child.delay()
    TrackedJob.objects.filter(pk=called.id).update(cancel_requested_at=None, state="queued")
    take()
    assert run(take()) == "IGNORED"
    assert TrackedJob.objects.get(title="Child").state == "cancelled"


def test_long_arguments_are_cut_and_still_masked() -> None:
    said = masking.shown("tests.nothing", [], {"rows": [{"token": "abcdef"}] * 100_000, "text": "x" * 1_000_000})
    assert len(said) < 500
    assert "abcdef" not in said


@pytest.mark.parametrize("plan", [None, []])
def test_end_of_a_job_interrupts_only_those_who_want_that(
    ada: User, plan: list[str] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    Preferences.objects.create(user=ada, plan=plan)
    told: list[str] = []
    monkeypatch.setattr(publishing, "publish_ephemeral", lambda channel, data: told.append(channel))
    with started_by(ada):
        child.delay()
    run_all()
    assert (f"user:{user_id(ada)}" in told) is (plan is None)


def test_text_that_a_job_returns_is_its_result() -> None:
    child.delay()
    run_all()
    assert TrackedJob.objects.get().result_text == "grown up"


def test_progress_that_is_no_number_is_an_error_of_the_job() -> None:
    with pytest.raises(ValueError, match="five"):
        JobHandle("1").progress("five")  # type: ignore[arg-type]  # the mistake
    with pytest.raises(OverflowError):
        JobHandle("1").progress(10**400)


def test_job_that_seemed_lost_is_shown_as_running_when_it_is_heard_of() -> None:
    called = import_customers.delay(1)
    stored.begin(called.id)
    lose_the_worker()
    losses.mark_lost()
    row = TrackedJob.objects.get()
    assert cancelling.cancel(row) == 1  # it may run all the same, so it is asked to end
    assert (TrackedJob.objects.get().state, Job.objects.count()) == ("lost", 1)
    stored.report({called.id: {}})
    row.refresh_from_db()
    assert (row.state, row.ended_at, stored.to_be_cancelled([row.pk])) == ("running", None, [row.pk])


def test_all_below_a_secret_name_is_taken_out_of_errors() -> None:
    kwargs = {"credentials": {"login": "ada", "value": "hunter22hunter"}, "pin": 123456}
    text = masking.without_secrets("ada hunter22hunter 123456 refused", [], kwargs, "tests.nothing")
    assert text == "ada ••• ••• refused"


@pytest.mark.parametrize(
    ("secret", "said"),
    [
        ("s3cr3t\n\\word", repr("s3cr3t\n\\word")),
        ('s3cr3t\n"wörd', json.dumps('s3cr3t\n"wörd')),
        ("s3cr3t/wörd +", "https://example.com/?q=" + quote("s3cr3t/wörd +", safe="")),
        (b"s3cr3t-word", "s3cr3t-word"),
        (b"s3cr3t\xff", repr(b"s3cr3t\xff")),
        (UUID("12345678-1234-5678-1234-567812345678"), "12345678-1234-5678-1234-567812345678"),
        pytest.param(10**5000, "a number", id="digits"),
    ],
)
def test_secret_is_taken_out_of_errors_however_it_is_written(secret: Any, said: str) -> None:
    text = masking.without_secrets(f"{said} refused", [], {"token": secret}, "tests.nothing")
    assert "s3cr3t" not in text and "12345678" not in text
    assert text.endswith(" refused")


def test_jobs_of_others_lose_what_they_say_of_a_person_who_is_erased(ada: User) -> None:
    mia = User.objects.create_user("mia", email="mia@example.com")
    with started_by(ada):
        called = child.delay("for mia@example.com")
    TrackedJob.objects.filter(pk=called.id).update(log=[["2026", "asked mia@example.com"]])
    erase(mia)
    row = TrackedJob.objects.get()
    assert (row.arguments, row.log, row.owner) == ("", [], ada)
    assert not Publication.objects.filter(channel=f"jobs:{user_id(ada)}").exists()


@pytest.mark.parametrize("said", ["To:\nmia@example.com", "To:\u00a0mia@example.com\n"])
@pytest.mark.parametrize("column", ["arguments", "call", "text", "title"])
def test_address_of_an_erased_person_is_found_where_a_line_begins(column: str, said: str) -> None:
    mia = User.objects.create_user("mia", email="mia@example.com")
    text = json.dumps([[said], {}]) if column == "call" else said
    TrackedJob.objects.create(**{"id": "of-others", "task": "shop.write", "state": "failed", column: text})
    erase(mia)
    assert "mia@example.com" not in getattr(TrackedJob.objects.get(), column)


def test_address_of_an_erased_person_is_not_found_in_longer_ones(ada: User) -> None:
    short = User.objects.create_user("e", email="e@example.com")
    child.delay("for alice@example.com", "and e@example.com.au")
    erase(short)
    assert "alice@example.com" in TrackedJob.objects.get().arguments


def test_arguments_of_a_job_that_is_tried_again_by_itself_have_their_names() -> None:
    """Celery puts a function of its own before it, whose first argument is that of the job."""
    assert names_of("tests.break", [1, 2, 3]) == ["token", "passing", ""]
    assert misfit(break_down, [], {"token": "x"}) is None
