"""Where no beat runs and no worker takes a task, a web process sends what is due."""

from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone

from lab.harness.waiting import await_for
from notifications.models import Notification
from worker.schedules import running, schedule, web_sender
from worker.schedules.models import Schedule, ScheduleRun

pytestmark = pytest.mark.django_db(transaction=True)


@sync_to_async
def due_since(seconds: float) -> Schedule:
    row = schedule(to="everyone", message="m", every=timedelta(hours=1)).row
    due_at = timezone.now() - timedelta(seconds=seconds)
    started = {"starts_at": due_at - timedelta(hours=1), "handled_until": due_at - timedelta(minutes=1)}
    Schedule.objects.update(**started, next_at=due_at, is_planned=True)
    return row


async def test_a_web_process_sends_what_nobody_has_sent_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_sender, "INTERVAL", 0.05)
    await due_since(running.OVERDUE + 1)
    web_sender.current()
    try:
        await await_for(sync_to_async(ScheduleRun.objects.exists), that="it is sent")
    finally:
        await web_sender.current.close()
    assert await Notification.objects.acount() == 1


async def test_it_leaves_to_beat_what_is_due_now() -> None:
    await due_since(running.OVERDUE / 2)
    assert await sync_to_async(running.send_due)(overdue=running.OVERDUE) == 0
    assert await sync_to_async(running.send_due)() == 1
