"""A schedule that an API key has made is sent as long as the key could make it."""

from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from hub.api import keys
from hub.models import ApiKey
from hub.users import user_id
from notifications.models import Notification, ScheduledAlert
from tests.api.calling import Api, key_for
from tests.support.people import User
from tests.worker.test_schedules import pass_time
from worker.maintenance import compare_schedules, send_due_schedules
from worker.schedules import OWN_ZONE, changing, schedule
from worker.schedules.models import Schedule

pytestmark = pytest.mark.django_db(transaction=True)

HOUR = timedelta(hours=1)
HOURLY = {"type": "every", "number": 1, "unit": "hours"}


async def made(*channels: str, **said: Any) -> Schedule:
    """A schedule that a key for these channels has made."""
    api = Api(await sync_to_async(key_for)("schedule_create", channels=channels or ("*",)))
    shown = (await api.result("schedule_create", **{"to": "everyone", "message": "m", "when": HOURLY, **said}))[
        "schedule"
    ]
    row = await Schedule.objects.aget(pk=shown["id"])
    assert shown["made_by"] == row.made_by == f"api_key:{(await ApiKey.objects.aget()).pk}"
    return row


@sync_to_async
def become_due(row: Schedule) -> tuple[int, str]:
    """How many alerts there are after its next due time, and what the schedule says is wrong with it."""
    pass_time(row, HOUR)
    send_due_schedules()
    row.refresh_from_db()
    return Notification.objects.count(), row.problem


def revoke() -> None:
    assert keys.revoke(ApiKey.objects.all()) == 1


LOSSES: dict[str, tuple[Any, str]] = {
    "revoked": (revoke, "was revoked"),
    "deleted": (lambda: ApiKey.objects.all().delete(), "is gone"),
    "method": (lambda: ApiKey.objects.update(methods=["publish", "schedules"]), "no schedules any more"),
    "channel": (lambda: ApiKey.objects.update(channels=["user:*"]), "its recipients any more"),
}


@pytest.mark.parametrize(("lose", "said"), LOSSES.values(), ids=LOSSES)
async def test_schedule_of_a_key_that_may_not_send_any_more_stops_and_says_why(lose: Any, said: str) -> None:
    row = await made()
    assert await become_due(row) == (1, "")
    await sync_to_async(lose)()
    number, problem = await become_due(row)
    assert number == 1
    assert said in problem
    assert row.next_at is None
    runs = await sync_to_async(lambda: [(run.status, run.error) for run in row.runs.order_by("pk")])()
    assert runs == [("sent", ""), ("failed", problem)]
    assert await sync_to_async(compare_schedules)() == 0
    assert await become_due(row) == (1, problem)


async def test_key_that_may_do_less_goes_on_with_what_it_may() -> None:
    row = await made("everyone", "user:*")
    await ApiKey.objects.aupdate(channels=["everyone"], methods=["schedule_change"])
    assert await become_due(row) == (1, "")


async def test_key_of_a_group_does_not_send_to_a_group_that_has_come_back_with_another_id() -> None:
    team = await sync_to_async(Group.objects.create)(name="team")
    row = await made(f"group:{team.pk}", to="group:team")
    await sync_to_async(Group.objects.create)(name="other")
    await sync_to_async(team.delete)()
    await sync_to_async(Group.objects.create)(name="team", pk=777)
    number, problem = await become_due(row)
    assert (number, "its recipients" in problem) == (0, True)


async def test_person_who_edits_it_answers_for_it_from_then_on() -> None:
    row = await made()
    await sync_to_async(revoke)()
    boss = await sync_to_async(User.objects.create_superuser)("boss")
    client = await sync_to_async(Client)()
    await sync_to_async(client.force_login)(boss)
    form = {"to": "everyone", "message": "m", "repeat": "every", "number": 1, "unit": "hours", "missed": "once"}
    page = reverse("hub:schedules:edit", args=[row.pk])
    assert (await sync_to_async(client.post)(page, {**form, "zone": "UTC"})).status_code == 302
    await sync_to_async(row.refresh_from_db)()
    assert row.made_by == f"person:{user_id(boss)}"
    assert (await become_due(row)) == (1, "")
    shown = await sync_to_async(client.get)(reverse("hub:schedules:one", args=[row.pk]))
    assert "Made by: boss" in shown.content.decode()


async def test_code_answers_for_what_it_declares() -> None:
    await made(key="stand-up")
    await sync_to_async(revoke)()
    handle = await sync_to_async(schedule)(to="everyone", message="m", every=HOUR, key="stand-up")
    assert handle.row.made_by == ""
    assert await become_due(handle.row) == (1, "")


async def test_what_waits_for_local_times_is_cancelled_when_it_stops() -> None:
    ada = await sync_to_async(User.objects.create_user)("ada")
    weekly = {"type": "weekly", "weekdays": list(range(1, 8)), "times": [f"{hour:02}:00" for hour in range(24)]}
    row = await made(to=user_id(ada), when=weekly, tz=OWN_ZONE, missed="all")
    await become_due(row)
    assert await ScheduledAlert.objects.aexists()
    await sync_to_async(revoke)()
    await become_due(row)
    assert not await ScheduledAlert.objects.aexists()


async def test_stopped_schedule_that_is_paused_and_resumed_stops_again() -> None:
    row = await made()
    await sync_to_async(revoke)()
    await become_due(row)
    await sync_to_async(changing.pause)(row)
    await sync_to_async(changing.resume)(row)
    assert "was revoked" in (await become_due(row))[1]
    assert not await Notification.objects.aexists()
