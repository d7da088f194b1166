"""What a call costs that has no transaction around it: an alert is stored and numbered in one."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import DatabaseError, connection, transaction
from django.db.models.signals import post_save
from django.test.utils import CaptureQueriesContext

from chat.actions import create_room, post_message
from hub import streams
from hub.models import Publication
from hub.users import user_id
from notifications import Alert, alert, notify, on_save
from notifications.models import Notification, Topic
from notifications.sending import actions
from tests.notifications.published import published
from tests.support.people import User

pytestmark = pytest.mark.django_db(transaction=True)

IS_POSTGRESQL = "postgresql"


@pytest.fixture
def ann() -> User:
    """A person who has got an alert before, so that her channel has a stream."""
    person = User.objects.create_user("ann")
    notify(to=person, message="first")
    return person


@pytest.fixture
def rule() -> Iterator[Callable[..., Any]]:
    """``on_save`` for new groups, until the test ends."""
    kept = list(post_save.receivers)
    yield on_save(Group, created=True)
    post_save.receivers = kept
    post_save.sender_receivers_cache.clear()


@pytest.fixture
def no_numbers_later(ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on nothing is numbered after its commit."""

    def refuse(channels: object) -> list[streams.Envelope]:
        raise AssertionError(f"numbered later: {channels}")

    monkeypatch.setattr(streams, "sequence", refuse)


def asked(call: Callable[[], object]) -> list[str]:
    """The first words of the statements."""
    with CaptureQueriesContext(connection) as context:
        call()
    return [" ".join(query["sql"].split()[:2]) for query in context if query["sql"] not in {"COMMIT", "BEGIN"}]


def numbered(channel: str) -> list[int | None]:
    return list(Publication.objects.filter(channel=channel).order_by("offset").values_list("offset", flat=True))


@pytest.mark.usefixtures("no_numbers_later")
def test_an_alert_for_one_person(ann: User) -> None:
    rows: list[Notification] = []
    statements = asked(lambda: rows.extend(notify(to=ann, message="second", data={"id": 0})))
    assert len(statements) == (1 if connection.vendor == IS_POSTGRESQL else 4)
    (row,) = rows
    stored = Notification.objects.get(pk=row.pk)
    assert (stored.message, stored.user, stored.data, stored.level) == ("second", ann, {"id": 0}, "info")
    assert (row.is_new, row.published) == (True, Publication.objects.get(offset=2).pk)
    data = published(f"user:{user_id(ann)}")[-1]
    assert (data["id"], data["message"], data["data"]) == (row.pk, "second", {"id": 0})


@pytest.mark.usefixtures("no_numbers_later")
def test_a_person_is_looked_up_by_one_query_more(ann: User) -> None:
    by_name = asked(lambda: notify(to=f"user:{ann.get_username()}", message="second"))
    assert len(by_name) == (2 if connection.vendor == IS_POSTGRESQL else 5)
    assert numbered(f"user:{user_id(ann)}") == [1, 2]


def test_alerts_of_all_sorts_are_as_they_are_in_a_transaction(ann: User) -> None:
    ops, deploys = Group.objects.create(name="ops"), Topic.objects.create(name="deploys")

    def send() -> list[Notification]:
        said: dict[str, Any] = {"title": "t", "level": "error", "url": "/x/", "data": [1, None, "é"]}
        one_by_one = [notify(to=to, message="m", **said) for to in (ann, ops, deploys, "everyone")]
        one_by_one += [notify(to=[ann, ops], message="m", expires=timedelta(hours=1))]
        return [row for rows in one_by_one for row in rows]

    first = send()
    with transaction.atomic():
        second = send()
    own = {"id", "created_at", "expires_at"}
    columns = [field.name for field in Notification._meta.fields if field.name not in own]

    def stored(rows: list[Notification]) -> list[tuple[Any, ...]]:
        found = Notification.objects.in_bulk([row.pk for row in rows])
        return [tuple(getattr(found[row.pk], name) for name in columns) for row in rows]

    def said_in(rows: list[Notification]) -> list[dict[str, Any]]:
        channels = (f"user:{user_id(ann)}", f"group:{ops.pk}", "topic:deploys", "everyone")
        every = {data.pop("id"): data for channel in channels for data in published(channel)}
        times = {"at", "expires_at"}
        return [{name: value for name, value in every[row.pk].items() if name not in times} for row in rows]

    assert stored(first) == stored(second)
    assert said_in(first) == said_in(second)
    assert not Publication.objects.filter(offset=None).exists()


@pytest.mark.usefixtures("no_numbers_later")
def test_a_rule_of_a_save_without_a_transaction(rule: Callable[..., Any], ann: User) -> None:
    @rule
    def tell(group: Group) -> Alert:
        return alert(to=ann, message=group.name)

    statements = asked(lambda: Group.objects.create(name="made"))
    assert numbered(f"user:{user_id(ann)}") == [1, 2]
    assert not [statement for statement in statements if "SAVEPOINT" in statement]


def test_a_rule_whose_alert_cannot_be_stored_leaves_nothing(
    rule: Callable[..., Any], ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    @rule
    def tell(group: Group) -> Alert | None:
        if group.name != "made":
            return None
        Group.objects.create(name="from the rule")
        return alert(to=ann, message=group.name)

    def fail(row: object) -> bool:
        raise DatabaseError("no room")

    monkeypatch.setattr(actions, "insert", fail)
    with pytest.raises(DatabaseError):  # in tests it is not passed over
        Group.objects.create(name="made")
    assert list(Group.objects.values_list("name", flat=True)) == ["made"]
    assert numbered(f"user:{user_id(ann)}") == [1]


def test_a_rule_in_a_transaction_is_numbered_after_its_commit(rule: Callable[..., Any], ann: User) -> None:
    @rule
    def tell(group: Group) -> Alert:
        return alert(to=ann, message=group.name)

    with transaction.atomic():
        Group.objects.create(name="made")
        assert None in numbered(f"user:{user_id(ann)}")
    assert numbered(f"user:{user_id(ann)}") == [1, 2]


def test_a_message_in_a_room_that_has_some(ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    room = create_room(name="kitchen", creator=ann)
    post_message(room_id=room.pk, author_id=ann.pk, text="first")
    later: list[object] = []
    monkeypatch.setattr(streams, "sequence", later.append)
    row = post_message(room_id=room.pk, author_id=ann.pk, text="second")
    assert numbered(f"room:{room.pk}") == [1, 2]
    assert published(f"room:{room.pk}")[-1]["id"] == row.pk
    assert later == []
