"""What a schedule keeps, and what it refuses."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group

from hub.users import user_id
from notifications import Link
from notifications.models import Topic
from notifications.sending.alerting import BadAlert
from tests.support.people import User
from tests.worker.schedules.hourly import HOUR, hourly
from worker.schedules import OWN_ZONE, ScheduleHandle
from worker.schedules.changing import BadSchedule
from worker.schedules.models import Schedule
from worker.schedules.rules import BadRule

pytestmark = pytest.mark.django_db(transaction=True)


def test_recipients_and_contents_are_kept_as_texts() -> None:
    ann, group = User.objects.create_user("ann"), Group.objects.create(name="ops")
    topic = Topic.objects.create(name="deploys", title="Deployments")
    row = hourly(
        to=[ann, group, topic, "members"],
        level="warning",
        data={"a": [1]},
        expires=HOUR,
        actions=[Link("open", "Open", "/orders/")],
    ).row
    assert row.contents == {
        "to": [user_id(ann), "group:ops", "topic:deploys", "members"],
        "message": "Stand-up",
        "level": "warning",
        "data": {"a": [1]},
        "expires": 3600.0,
        "actions": [{"name": "open", "label": "Open", "url": "/orders/"}],
    }
    assert not ScheduleHandle(row).run_now().error


@pytest.mark.parametrize(
    ("wrong", "error", "said"),
    [
        ({"cron": "0 9 * * *"}, BadSchedule, "one of every"),
        ({"every": None}, BadSchedule, "one of every"),
        ({"every": timedelta(milliseconds=1500)}, BadSchedule, "whole seconds"),
        ({"every": timedelta(0)}, BadRule, "after 1 second"),
        ({"every": None, "cron": "never"}, BadRule, "five fields"),
        ({"every": None, "cron": "0 0 30 2 *"}, BadSchedule, "never due"),
        ({"every": None, "at": datetime(2020, 1, 1, tzinfo=UTC)}, BadSchedule, "never due"),
        ({"every": None, "cron": "*," * 200 + "* * * * *"}, BadRule, "200 characters"),
        ({"every": None, "weekdays": [1] * 1000, "times": ["09:00"]}, BadRule, "Days of the week"),
        ({"every": None, "weekdays": [1], "times": ["09:00"] * 1000}, BadRule, "times"),
        ({"tz": "Mars"}, BadRule, "no time zone"),
        ({"runs": 0}, BadSchedule, "runs"),
        ({"grace": timedelta(0)}, BadSchedule, "grace"),
        ({"missed": "twice"}, BadSchedule, "skip, once, all"),
        ({"key": ""}, BadSchedule, "key"),
        ({"key": "a\0b"}, BadSchedule, "key"),
        ({"name": "n" * 201}, BadSchedule, "name"),
        ({"name": "a\0b"}, BadSchedule, "name"),
        ({"message": ""}, BadAlert, "message"),
        ({"level": "loud"}, BadAlert, "level"),
        ({"to": []}, BadAlert, "recipients"),
        ({"to": "nobody:here"}, BadAlert, "is not"),
        ({"to": 7}, BadAlert, "users"),
        ({"every": None, "cron": "0 9 * * *", "tz": OWN_ZONE}, BadAlert, "local time"),
        ({"every": None, "cron": "0 9 * * *", "tz": OWN_ZONE, "to": "topic:none"}, BadAlert, "local time"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(wrong: dict[str, Any], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        hourly(**wrong)
    assert not Schedule.objects.exists()
