"""Alerts and messages that need not be kept are deleted, the oldest first and in small transactions."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from prometheus_client import REGISTRY
from pytest_django.fixtures import Settings

from chat import retention as messages
from chat.models import Message, Room
from hub.database import pruning
from notifications import notify
from notifications.inbox import organizing, queries
from notifications.models import Follow, Notification, ReadMark, Topic
from notifications.sending import retention as alerts
from tests.support.people import User
from worker.maintenance import prune

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    monkeypatch.setattr(pruning, "CHUNK", 3)
    monkeypatch.setattr(pruning, "OWNERS", 2)
    settings.HUB_MESSAGE_ITEMS = settings.HUB_MESSAGE_DAYS = settings.HUB_ALERT_ITEMS = settings.HUB_ALERT_DAYS = 0


@pytest.fixture
def ann() -> User:
    return User.objects.create_user("ann")


def written(room: Room, count: int, *, days_ago: float = 0.0) -> list[int]:
    rows = Message.objects.bulk_create(Message(room=room, username="ann", text=str(n)) for n in range(count))
    Message.objects.filter(pk__in=[row.pk for row in rows]).update(
        created_at=F("created_at") - timedelta(days=days_ago)
    )
    return [row.pk for row in rows]


def kept() -> list[int]:
    return list(Message.objects.order_by("pk").values_list("pk", flat=True))


def test_nothing_is_deleted_without_limits() -> None:
    old = written(Room.objects.create(name="lobby"), 8, days_ago=10_000)
    assert prune() == 0
    assert kept() == old


@pytest.mark.whole_table
@pytest.mark.parametrize("count", [0, 2, 3, 4, 10])
def test_old_messages_go_and_young_ones_stay(settings: Settings, count: int) -> None:
    settings.HUB_MESSAGE_DAYS = 7.5
    room = Room.objects.create(name="lobby")
    written(room, count, days_ago=8)
    young = written(room, 4, days_ago=7)
    assert messages.prune() == count
    assert kept() == young


def test_each_room_keeps_its_newest(settings: Settings) -> None:
    settings.HUB_MESSAGE_ITEMS = 4
    rooms = [Room.objects.create(name=f"room{number}") for number in range(5)]
    written_in = [written(room, count) for room, count in zip(rooms, (0, 3, 4, 5, 12), strict=True)]
    assert messages.prune() == 1 + 8
    assert kept() == [pk for ids in written_in for pk in ids[-4:]]


@pytest.mark.slow
def test_each_audience_keeps_its_newest_alerts(settings: Settings, ann: User) -> None:
    settings.HUB_ALERT_ITEMS = 2
    group, topic = Group.objects.create(name="ops"), Topic.objects.create(name="news", title="News")
    group.user_set.add(ann)
    Follow.objects.create(topic=topic, user=ann)
    for number in range(6):
        for to in ("everyone", ann, group, topic):
            notify(to=to, message=f"{number}")
    assert alerts.prune() == 4 * 4
    assert sorted(Notification.objects.values_list("message", flat=True)) == ["4"] * 4 + ["5"] * 4
    assert queries.unread_count(ann) == 8


def test_old_alerts_go_with_who_has_read_them(settings: Settings, ann: User) -> None:
    settings.HUB_ALERT_DAYS = 30.0
    rows = [notify(to=ann, message=str(number))[0] for number in range(8)]
    organizing.mark_read(user=ann, ids=[rows[0].pk, rows[7].pk])
    Notification.objects.filter(pk__lte=rows[4].pk).update(created_at=F("created_at") - timedelta(days=31))
    assert alerts.prune() == 5
    assert list(ReadMark.objects.values_list("notification", flat=True)) == [rows[7].pk]
    assert (queries.unread_count(ann), len(queries.latest_for(ann))) == (2, 3)


def test_each_transaction_deletes_few_rows(settings: Settings) -> None:
    settings.HUB_MESSAGE_DAYS = 1.0
    written(Room.objects.create(name="lobby"), 10, days_ago=2)
    with CaptureQueriesContext(connection) as captured:
        messages.prune()
    deletions = [query["sql"] for query in captured if query["sql"].startswith("DELETE")]
    assert len(deletions) == 4


def test_it_stops_after_its_time_and_goes_on_the_next(settings: Settings) -> None:
    settings.HUB_MESSAGE_DAYS = 1.0
    written(Room.objects.create(name="lobby"), 10, days_ago=2)
    assert messages.prune(seconds=-1) == 3
    assert messages.prune() == 7


def test_what_is_pruned_is_counted(settings: Settings) -> None:
    settings.HUB_MESSAGE_DAYS = settings.HUB_ALERT_DAYS = 1.0
    before = [REGISTRY.get_sample_value("hub_rows_pruned_total", {"kind": kind}) or 0 for kind in ("alert", "message")]
    written(Room.objects.create(name="lobby"), 2, days_ago=2)
    notify(to="everyone", message="x")
    Notification.objects.update(created_at=F("created_at") - timedelta(days=2))
    assert prune() == 3
    after = [REGISTRY.get_sample_value("hub_rows_pruned_total", {"kind": kind}) or 0 for kind in ("alert", "message")]
    assert [now - then for now, then in zip(after, before, strict=True)] == [1, 2]
