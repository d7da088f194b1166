"""Rows that are stored and changed by their key, by statements that are written once."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from hub.database import by_key
from hub.database.by_key import After
from hub.database.finding import find_row
from tests.support.people import User
from worker.models import Job, JobState, TrackedJob

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ada() -> User:
    return User.objects.create_user("ada")


def tracked(**values: Any) -> TrackedJob:
    return TrackedJob(id="one", title="Import", created_at=timezone.now(), **values)


def columns_of(row: Any) -> dict[str, Any]:
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


def test_row_that_is_put_is_the_row_that_is_read(ada: User) -> None:
    row = tracked(owner=ada, log=[["then", "a line %s"]], done=0.5, text="half\u2026", ended_at=timezone.now())
    with CaptureQueriesContext(connection) as asked:
        assert by_key.put(row)
    assert len(asked) == 1
    assert columns_of(TrackedJob.objects.get()) == columns_of(row)


def test_row_that_is_put_replaces_the_one_of_its_key_but_for_what_is_kept(ada: User) -> None:
    first = tracked(owner=ada, done=1.0)
    assert by_key.put(first)
    assert by_key.put(tracked(text="again"), kept=("created_at",))
    now = TrackedJob.objects.get()
    assert (now.created_at, now.owner, now.done, now.text) == (first.created_at, None, None, "again")


def test_row_that_is_there_stays_where_it_is_not_to_be_replaced() -> None:
    assert by_key.put(tracked(text="first"))
    assert not by_key.put(tracked(text="second"), is_replacing=False)
    assert TrackedJob.objects.get().text == "first"


def test_update_returns_the_row_as_it_is_now(ada: User) -> None:
    by_key.put(tracked(owner=ada))
    ended = {"state": JobState.FAILED, "error": "It's 100 %s", "log": [["then", "x"]], "ended_at": timezone.now()}
    row = by_key.update(TrackedJob, "one", ended)
    assert row is not None and columns_of(row) == columns_of(TrackedJob.objects.get())
    assert {name: getattr(row, name) for name in ended} == ended
    row.text = "and it can be saved"
    row.save()
    assert TrackedJob.objects.get().text == row.text


def test_update_changes_only_the_row_of_this_key_that_is_so() -> None:
    by_key.put(tracked(ended_at=timezone.now()))
    assert by_key.update(TrackedJob, "one", {"text": "x"}, only="ended_at IS NULL") is None
    assert by_key.update(TrackedJob, "another", {"text": "x"}) is None
    assert TrackedJob.objects.get().text == ""


@pytest.mark.parametrize("seconds", [0.0, 15.25, 600.0, -2.5])
def test_moments_are_those_of_the_databases_clock(seconds: float) -> None:
    job = Job(id="one", created_at=After(0), due_at=After(0), send_at=After(seconds))  # type: ignore[misc]  # as `put` has it
    with transaction.atomic():
        by_key.put(job)
        read = Job.objects.annotate(now=Now()).get()
    assert abs((read.send_at - read.now).total_seconds() - seconds) < 5
    assert abs((read.send_at - read.due_at) - timedelta(seconds=seconds)) < timedelta(milliseconds=2)
    by_key.update(Job, "one", {"send_at": After(seconds), "due_at": After(0)})
    row = Job.objects.get()
    assert abs((row.send_at - row.due_at) - timedelta(seconds=seconds)) < timedelta(milliseconds=2)


def test_row_that_is_found_can_be_locked() -> None:
    by_key.put(tracked())
    with transaction.atomic(), CaptureQueriesContext(connection) as asked:
        assert find_row(TrackedJob, "id", "one", lock=True) is not None
    has_locks = connection.features.has_select_for_update
    assert any("FOR UPDATE" in one["sql"] for one in asked) == has_locks
