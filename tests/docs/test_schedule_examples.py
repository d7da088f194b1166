"""What the how-to about periodic broadcasts puts into the database can be run."""

import inspect
import json

import pytest
from django.contrib.auth.models import Group
from django_celery_beat.models import PeriodicTask

from notifications.models import Notification
from tests.docs.documents import block, blocks
from worker.celery import app
from worker.tasks import send_broadcast

HOW_TO = "docs/howto/add-a-periodic-broadcast.md"


@pytest.mark.django_db(transaction=True)
def test_the_periodic_task_that_is_made_in_code_sends_its_broadcast() -> None:
    exec(block(HOW_TO, "a migration, a command, or manage.py shell"), {})  # noqa: S102  # the reader runs it too
    row = PeriodicTask.objects.get(name="Stand-up")
    assert row.enabled
    assert str(row.crontab.timezone) == "Europe/Berlin"
    Group.objects.create(name="team")
    app.tasks[row.task].apply(kwargs=json.loads(row.kwargs), throw=True)
    assert Notification.objects.get().message == "Stand-up in five minutes"


def test_the_arguments_for_the_admin_are_arguments_of_the_task() -> None:
    (arguments,) = blocks(HOW_TO, "json")
    inspect.signature(send_broadcast.run).bind(**json.loads(arguments))
