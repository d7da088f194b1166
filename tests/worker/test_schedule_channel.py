"""Those who look at schedules are told when one has changed, and nobody else is."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import AnonymousUser, Permission
from django.utils import timezone

from hub.channels import namespace_of
from hub.fanout import relay
from tests.hub.listeners import Listener, follow
from tests.support.people import User
from worker import events
from worker.maintenance import send_due_schedules
from worker.schedules import changing, running, schedule
from worker.schedules.models import Schedule

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
async def fresh_relay() -> AsyncIterator[None]:
    await relay.current.close()
    yield
    await relay.current.close()


def make() -> Schedule:
    return schedule(to="everyone", message="m", every=timedelta(hours=1)).row


def become_due(row: Schedule) -> None:
    now = timezone.now() - timedelta(seconds=1)  # by the clock of the database as well
    Schedule.objects.update(rule={"type": "once", "at": now.isoformat()}, starts_at=None)
    Schedule.objects.update(is_planned=True, handled_until=now - timedelta(minutes=1), next_at=now)
    assert send_due_schedules() == 1


def rename(row: Schedule) -> None:
    changing.change(row, replace(changing.wanted_of(row), name="Other"))


CHANGES: dict[str, Callable[[Schedule], Any]] = {
    "edit": rename,
    "pause": changing.pause,
    "delete": lambda row: changing.delete([row]),
    "run by hand": running.run_now,
    "due time": become_due,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
async def test_each_change_is_told_with_the_id_of_the_schedule(change: Callable[[Schedule], Any]) -> None:
    await follow(events.SCHEDULES, listener := Listener())
    row = await sync_to_async(make)()
    told = f'{{"type":"worker.schedule_changed","id":"{row.pk}"}}'
    await listener.got(told)  # that it was made: else that might come after the follower
    await sync_to_async(change)(row)
    await listener.got(told, told)


def test_only_those_who_may_see_schedules_hear_of_them() -> None:
    def may_listen(user: Any) -> bool:
        can_subscribe = namespace_of(events.SCHEDULES).can_subscribe
        return can_subscribe is not None and can_subscribe(user=user) is True

    staff = User.objects.create_user("staff", is_staff=True)
    assert not may_listen(AnonymousUser())
    assert not may_listen(staff)
    for codename in ("view_schedule", "change_schedule"):
        onlooker = User.objects.create_user(codename)
        onlooker.user_permissions.add(Permission.objects.get(codename=codename))
        assert may_listen(onlooker)
