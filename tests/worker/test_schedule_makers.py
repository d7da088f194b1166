"""A schedule that an API key has made is sent as long as the key could make it."""

from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from hub.api import Code, keys
from hub.models import ApiKey
from hub.users import user_id
from notifications import audience
from notifications.models import Notification, ScheduledAlert, Topic
from notifications.sending import named_audiences
from tests.api.calling import Api, key_for
from tests.support.people import User
from tests.worker.schedules.hourly import pass_time
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


def named(kind: str, name: str) -> tuple[str, str, Any]:
    """A recipient of this kind, as a schedule names it, its channel, and the row to delete."""
    if kind == "user":
        person = User.objects.create_user(name)
        return user_id(person), f"user:{user_id(person)}", person
    if kind == "group":
        group = Group.objects.create(name=name)
        return f"group:{name}", f"group:{group.pk}", group
    topic = Topic.objects.create(name=name)
    return f"topic:{name}", f"topic:{name}", topic


@pytest.mark.parametrize("kind", ["user", "group", "topic"])
@pytest.mark.parametrize("is_of_all", [True, False], ids=["key for all of them", "key for each"])
async def test_recipient_who_is_gone_stops_a_schedule_for_nobody_else(kind: str, is_of_all: bool) -> None:
    here, gone = await sync_to_async(lambda: (named(kind, "ada"), named(kind, "bob")))()
    row = await made(*([f"{kind}:*"] if is_of_all else [here[1], gone[1]]), to=[here[0], gone[0]])
    await sync_to_async(gone[2].delete)()
    assert await become_due(row) == (1, "")
    assert row.next_at is not None
    last = await row.runs.alatest("pk")
    assert last.status == "sent"
    assert gone[0].rpartition(":")[2] in last.error


async def test_audience_that_is_declared_no_more_stops_a_schedule_for_nobody_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ada = await sync_to_async(User.objects.create_user)("ada")
    with monkeypatch.context() as declared:
        declared.setattr(named_audiences, "_declared", {})
        audience("shift")(User.objects.all)
        row = await made("user:*", to=[user_id(ada), "audience:shift"])
    assert await become_due(row) == (1, "")
    assert row.next_at is not None


async def test_run_fails_and_the_schedule_stays_when_all_recipients_are_gone() -> None:
    ada = await sync_to_async(User.objects.create_user)("ada")
    row = await made("user:*", to=user_id(ada))
    await sync_to_async(ada.delete)()
    assert await become_due(row) == (0, "")
    assert row.next_at is not None
    last = await row.runs.alatest("pk")
    assert (last.status, "UnknownRecipient" in last.error) == ("failed", True)


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


async def test_key_takes_who_is_gone_out_of_its_own_schedule_and_sees_no_other_of_theirs() -> None:
    ada = await sync_to_async(User.objects.create_user)("ada")
    bob = await sync_to_async(User.objects.create_user)("bob")
    both = [user_id(ada), user_id(bob)]
    row = await made("user:*", to=both)
    maker, other = [
        Api(await sync_to_async(key_for)("schedule", "schedule_change", channels=("user:*",))) for _ in range(2)
    ]
    numbers = [number async for number in ApiKey.objects.order_by("pk").values_list("pk", flat=True)]
    await Schedule.objects.filter(pk=row.pk).aupdate(made_by=f"api_key:{numbers[1]}")
    await sync_to_async(bob.delete)()
    assert (await maker.result("schedule", id=row.pk))["contents"]["to"] == both
    denied = Code.PERMISSION_DENIED
    assert await other.error("schedule", id=row.pk) == denied
    assert await maker.error("schedule_change", id=row.pk, to=[both[0], "topic:none"]) == denied
    changed = await maker.result("schedule_change", id=row.pk, to=both[:1])
    assert changed["contents"]["to"] == both[:1]
