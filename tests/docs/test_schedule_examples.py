"""What the how-to about periodic broadcasts puts into the database can be run."""

import inspect
import json

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import Group
from django_celery_beat.models import PeriodicTask

from notifications.models import Notification
from tests.api.calling import Api, key_for
from tests.docs.documents import block, blocks
from worker.celery import app
from worker.schedules.models import Schedule
from worker.schedules.wording import sentence
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
    _over_http, arguments = blocks(HOW_TO, "json")
    inspect.signature(send_broadcast.run).bind(**json.loads(arguments))


@pytest.mark.django_db(transaction=True)
def test_schedules_that_are_made_in_code_are_changed_and_run_as_it_says() -> None:
    for _ in range(2):  # as at each deployment
        exec(block(HOW_TO, "a migration, a command, or a view"), {})  # noqa: S102  # the reader runs it too
    first, second = Schedule.objects.order_by("key")
    assert (first.key, second.key) == ("backup", "stand-up")
    assert sentence(second.timing()) == "every weekday at 09:25, Europe/Berlin"
    Group.objects.create(name="team")
    exec(block(HOW_TO, "what a schedule can do"), {})  # noqa: S102  # likewise
    assert Notification.objects.get().message == "Stand-up in five minutes"
    assert list(Schedule.objects.all()) == [first]


@pytest.mark.django_db(transaction=True)
async def test_the_schedule_over_http_is_made() -> None:
    over_http, _arguments = blocks(HOW_TO, "json")
    api = Api(await sync_to_async(key_for)("schedule_create"))
    made = (await api("schedule_create", **json.loads(over_http)))["result"]
    assert made["schedule"]["sentence"] == "every weekday at 09:25, Europe/Berlin"
