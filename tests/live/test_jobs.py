"""Alerts from background jobs and from the clock: a real worker, a real beat, a real broker."""

import json
import time
from typing import Any

import pytest

from lab.harness.waiting import wait_for
from tests.live.parts import crowding
from tests.support.live import LiveHub
from tests.support.sockets import TIMEOUT, SocketClient, connect

#: Seconds in which a change of the schedules counts.
PICKED_UP_WITHIN = 10.0

SEND_TASK = """
from worker.celery import app
print(app.send_task("worker.tasks.send_broadcast", args=args, kwargs=kwargs).id)
"""

INTERVAL = """
from django_celery_beat.models import IntervalSchedule, PeriodicTask
every, _ = IntervalSchedule.objects.get_or_create(every=1, period="seconds")
PeriodicTask.objects.create(name=name, task="worker.tasks.send_broadcast", interval=every, kwargs=kwargs)
"""

ONE_OFF = """
from datetime import timedelta
from django.utils import timezone
from django_celery_beat.models import ClockedSchedule, PeriodicTask
due = ClockedSchedule.objects.create(clocked_time=timezone.now() + timedelta(seconds=3))
PeriodicTask.objects.create(
    name=name, task="worker.tasks.send_broadcast", clocked=due, one_off=True, kwargs=kwargs
)
"""

CRONTAB = """
from datetime import timedelta
from zoneinfo import ZoneInfo
from django.utils import timezone
from django_celery_beat.models import CrontabSchedule, PeriodicTask
# What is due before a row is saved is not sent: the next minute is, if it does not begin in a moment.
there = (timezone.now() + timedelta(seconds=70)).astimezone(ZoneInfo(zone))
due, _ = CrontabSchedule.objects.get_or_create(
    minute=there.minute, hour=there.hour, day_of_month=there.day, month_of_year=there.month, timezone=zone
)
PeriodicTask.objects.create(
    name=name, task="worker.tasks.send_broadcast", crontab=due, kwargs=kwargs
)
"""

DELETE = (
    "from django_celery_beat.models import *; [t.delete() for t in PeriodicTask.objects.filter(name__startswith=name)]"
)
COUNT = (
    "from notifications.models import Notification; print(Notification.objects.filter(message__contains=text).count())"
)


async def heard(client: SocketClient, message: str, timeout: float = TIMEOUT) -> dict[str, Any]:
    return await client.receive_until(lambda frame: frame.get("message") == message, timeout)


async def test_a_task_that_any_process_sends_reaches_the_sockets_of_every_web_process(
    hub: LiveHub, webs: list[str], unique: str
) -> None:
    session = hub.create_user(unique)
    async with (
        connect(f"{webs[0]}/ws/notifications/") as guest,
        connect(f"{webs[1]}/ws/notifications/", session=session) as person,
    ):
        hub.shell(SEND_TASK, args=[f"all {unique}"], kwargs={"level": "warning", "title": "T", "data": {"n": 1}})
        for client in (guest, person):
            frame = await heard(client, f"all {unique}")
            assert (frame["level"], frame["title"], frame["data"]) == ("warning", "T", {"n": 1})
        hub.shell(SEND_TASK, args=[], kwargs={"message": f"one {unique}", "to": [f"user:{unique}"]})
        assert (await heard(person, f"one {unique}"))["channel"].startswith("user:")


@pytest.mark.parametrize(
    ("kwargs", "says"),
    [
        ({}, "message"),
        ({"message": ""}, "1 to 4000 characters"),
        ({"message": None}, "message is text"),
        ({"message": ["{unique}"]}, "message is text"),
        ({"message": "{unique}", "level": "fatal"}, "level is one of"),
        ({"message": "{unique}", "to": "user:nobody"}, "no user named"),
        ({"message": "{unique}", "to": ["everyone", "nobody"]}, "is not 'everyone'"),
        ({"message": "{unique}", "to": 7}, "An alert goes to"),
        ({"message": "{unique}", "url": "javascript:alert(1)"}, "url is"),
        ({"message": "{unique}", "colour": "red"}, "colour"),
    ],
    ids=str,
)
async def test_bad_arguments_fail_the_task_clearly_and_send_nothing(
    hub: LiveHub, webs: list[str], unique: str, kwargs: dict[str, Any], says: str
) -> None:
    async with connect(f"{webs[0]}/ws/notifications/") as guest:
        task = hub.shell(SEND_TASK, args=[], kwargs=json.loads(json.dumps(kwargs).replace("{unique}", unique)))

        def failure() -> str:
            log = hub.logs("worker")
            at = log.find(f"{task}] raised")
            return log[at:] if at >= 0 else ""

        assert says in wait_for(failure, that="the worker says that the task failed")
        hub.shell(SEND_TASK, args=[f"good {unique}"], kwargs={})
        assert (await guest.receive_until(lambda frame: unique in frame.get("message", "")))["message"] == (
            f"good {unique}"
        )
    assert hub.shell(COUNT, text=unique) == "1"


async def test_what_is_scheduled_in_the_database_goes_out_within_ten_seconds_of_the_change(
    hub: LiveHub, webs: list[str], unique: str
) -> None:
    async with connect(f"{webs[0]}/ws/notifications/") as guest:
        until = time.monotonic() + PICKED_UP_WITHIN * crowding()
        hub.shell(INTERVAL, name=f"{unique} interval", kwargs=json.dumps({"message": f"interval {unique}"}))
        hub.shell(ONE_OFF, name=f"{unique} one-off", kwargs=json.dumps({"message": f"one-off {unique}"}))
        wanted = {f"{kind} {unique}" for kind in ("interval", "one-off")}
        heard_of: dict[str, int] = {}
        while not wanted <= heard_of.keys():
            left = until - time.monotonic()
            frame = await guest.receive_until(lambda frame: unique in frame.get("message", ""), left)
            heard_of[frame["message"]] = heard_of.get(frame["message"], 0) + 1
        # A second one shows that the interval goes on.
        await heard(guest, f"interval {unique}")
        hub.shell(DELETE, name=unique)
    assert hub.shell(COUNT, text=f"one-off {unique}") == "1"


async def test_crontab_goes_out_once_at_its_minute_in_its_zone(hub: LiveHub, webs: list[str], unique: str) -> None:
    async with connect(f"{webs[0]}/ws/notifications/") as guest:
        # Kolkata is half an hour off the full hours, so a zone that is ignored or rounded shows.
        hub.shell(CRONTAB, name=unique, zone="Asia/Kolkata", kwargs=json.dumps({"message": unique}))
        await heard(guest, unique, 70 + TIMEOUT)
        hub.shell(DELETE, name=unique)
    assert hub.shell(COUNT, text=unique) == "1"


async def test_a_schedule_that_was_deleted_stops_within_ten_seconds(
    hub: LiveHub, webs: list[str], unique: str
) -> None:
    async with connect(f"{webs[0]}/ws/notifications/") as guest:
        hub.shell(INTERVAL, name=unique, kwargs=json.dumps({"message": unique}))
        await heard(guest, unique)
        hub.shell(DELETE, name=unique)
        deadline = time.monotonic() + PICKED_UP_WITHIN * crowding()
        while time.monotonic() < deadline:
            try:
                await guest.receive_until(lambda frame: frame.get("message") == unique, timeout=2.5)
            except AssertionError:
                return  # silent for longer than two intervals
        raise AssertionError("It goes on")
