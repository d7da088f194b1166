"""Bundles, throttles and keys of schedules."""

from datetime import timedelta
from typing import Any, get_type_hints

import pytest
from asgiref.sync import sync_to_async

from hub.users import user_id
from notifications.models import Notification, ScheduledAlert
from notifications.sending.alerting import BadAlert, alert
from notifications.sending.arguments import AlertArguments
from tests.api.calling import Api, key_for
from tests.support.people import User
from worker.schedules import schedule
from worker.schedules.changing import BadSchedule
from worker.schedules.contents import NAMES
from worker.schedules.models import ScheduleRun

pytestmark = pytest.mark.django_db(transaction=True)

HOUR = timedelta(hours=1)


@pytest.fixture
def ada() -> User:
    return User.objects.create_user("ada")


def test_unread_alerts_of_a_schedule_are_one_row(ada: User) -> None:
    backups = schedule(to=ada, message="The backup is old", every=HOUR, group_by="backup")
    for _ in range(3):
        backups.run_now()
    assert Notification.objects.filter(folded=False).get().bundle_count == 3


def test_alerts_of_a_schedule_are_held_within_its_throttle(ada: User) -> None:
    backups = schedule(to=ada, message="The backup is old", every=HOUR, group_by="backup", throttle=timedelta(days=1))
    runs = [backups.run_now() for _ in range(3)]
    assert [len(run.notifications) for run in runs] == [1, 0, 0]
    assert [run.error for run in runs] == [""] * 3
    assert ScheduledAlert.objects.exists()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"group_by": "g", "to": "everyone"}, "goes to people"),
        ({"group_by": "g", "throttle": HOUR, "to": "members"}, "goes to people"),
        ({"throttle": HOUR}, "a kind or a group_by"),
        ({"group_by": "g", "throttle": timedelta(days=8)}, "at most 7 days"),
        ({"group_by": "x" * 201}, "200 characters"),
        ({"nothing": 1}, "has no nothing"),
    ],
)
def test_what_could_never_be_sent_is_refused_when_it_is_made(ada: User, wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(BadAlert, match=said):
        schedule(**{"to": ada, "message": "m", "every": HOUR, **wrong})


def test_run_by_hand_with_a_key_is_one_run_however_often_it_is_called(ada: User) -> None:
    one, other = (schedule(to=ada, message="m", every=HOUR) for _ in range(2))
    first = one.run_now(key="release:1")
    assert one.run_now(key="release:1") == first
    assert one.run_now(key="release:2") != first
    assert other.run_now(key="release:1") != first
    assert Notification.objects.count() == ScheduleRun.objects.count() == 3
    for key in ("", "x" * 201, "a\0b", 7):
        with pytest.raises(BadSchedule, match="1 to 200 characters"):
            one.run_now(key=key)  # type: ignore[arg-type]  # the last one


async def test_over_http_a_repeated_call_sends_nothing() -> None:
    api = Api(await sync_to_async(key_for)())
    said = {"to": "everyone", "message": "m", "when": {"type": "every", "number": 1, "unit": "hours"}}
    pk = (await api.result("schedule_create", **said))["schedule"]["id"]
    first = await api.result("schedule_run", id=pk, idempotency_key="release:1")
    assert await api.result("schedule_run", id=pk, idempotency_key="release:1") == first
    assert (await api.result("schedule_run", id=pk))["id"] != first["id"]
    assert await Notification.objects.acount() == 2
    assert await api.error("schedule_run", id=pk, idempotency_key="x" * 201) == 107


async def test_over_http_alerts_are_bundled_and_held(ada: User) -> None:
    api = Api(await sync_to_async(key_for)())
    said = {"to": user_id(ada), "message": "m", "when": {"type": "every", "number": 1, "unit": "hours"}}
    made = (await api.result("schedule_create", **said, group_by="backup", throttle=3600))["schedule"]
    assert (made["contents"]["group_by"], made["contents"]["throttle"]) == ("backup", 3600.0)
    changed = await api.result("schedule_change", id=made["id"], throttle=None)
    assert "throttle" not in changed["contents"]
    assert await api.error("schedule_change", id=made["id"], to="everyone") == 107


def test_calls_that_send_alerts_take_what_an_alert_takes() -> None:
    hints = get_type_hints(alert)
    del hints["return"]
    assert get_type_hints(AlertArguments) == hints
    assert set(NAMES) < hints.keys()
