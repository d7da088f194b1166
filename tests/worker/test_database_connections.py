"""The database connection of a worker: kept from task to task, and replaced where it does not work."""

from collections.abc import Iterator
from typing import Any

import pytest
from celery import signals
from celery.fixups import django as celery_django
from django.db import connection

from worker.celery import app
from worker.maintenance import sweep

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def opened() -> object:
    connection.ensure_connection()
    return connection.connection


@pytest.fixture(autouse=True)
def running() -> Iterator[None]:
    """A task that runs in a worker, as its signals see it."""
    sweep.push_request()
    yield
    sweep.pop_request()


def between_two_tasks() -> None:
    """What Celery and the hub do with connections there."""
    made: Any = celery_django
    fixup = made.DjangoWorkerFixup(app)
    fixup.on_task_postrun(sweep)
    fixup.on_task_prerun(sweep)
    signals.task_prerun.send(sender=sweep, task_id="1", task=sweep, args=(), kwargs={})
    signals.task_postrun.send(sender=sweep, task_id="1", task=sweep, args=(), kwargs={}, state="SUCCESS", retval=0)


def test_a_connection_stays_from_task_to_task(opened: object) -> None:
    between_two_tasks()
    connection.ensure_connection()
    assert connection.connection is opened


def test_a_connection_that_does_not_work_is_replaced_before_a_task(
    opened: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection.errors_occurred = True
    monkeypatch.setattr(connection, "is_usable", lambda: False)
    between_two_tasks()
    connection.ensure_connection()
    assert connection.connection is not opened
