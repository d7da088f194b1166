"""Promises 1 and 3 for alerts: what ``notify`` returned is stored, a rollback takes it all back."""

from collections.abc import Callable
from typing import Any
from unittest import mock

import pytest
from django.contrib.auth.models import AnonymousUser, Group
from django.db import DatabaseError, transaction

from hub.config import hub_settings
from hub.models import Publication, Stream
from hub.users import user_id
from notifications import anotify, notify
from notifications.inbox import queries
from notifications.models import Notification
from notifications.sending.alerting import ENVELOPE, BadAlert
from tests.notifications.published import published
from tests.support.people import User

pytestmark = pytest.mark.django_db(transaction=True)


class Rolled(Exception):
    """Ends a transaction."""


def test_each_recipient_gets_a_row_and_a_publication_on_a_channel_of_their_own() -> None:
    ann, ops = User.objects.create_user("ann"), Group.objects.create(name="ops")
    rows = notify(to=[ann, ops], message="m", title="t", level="warning", url="/x/", data={"n": 1})
    assert [(row.user, row.group) for row in rows] == [(ann, None), (None, ops)]
    for row, channel in zip(rows, [f"user:{user_id(ann)}", f"group:{ops.pk}"], strict=True):
        (data,) = published(channel)
        assert data.pop("at")
        assert data == {
            "type": "notifications.notification_created",
            "id": row.pk,
            "message": "m",
            "title": "t",
            "level": "warning",
            "url": "/x/",
            "data": {"n": 1},
        }
    assert published("everyone") == []


def test_what_notify_returned_is_stored() -> None:
    (row,) = notify(to="everyone", message="m")
    stored = Notification.objects.get(pk=row.pk)
    assert (stored.message, stored.level, stored.user, stored.group, stored.sender) == ("m", "info", None, None, None)
    assert Stream.objects.get(channel="everyone").head == 1


async def test_anotify_stores_before_it_returns() -> None:
    (row,) = await anotify(to="everyone", message="m", level="error")
    assert await Notification.objects.filter(pk=row.pk, level="error").aexists()
    assert await Publication.objects.filter(channel="everyone", offset=1).aexists()


def test_rolled_back_transaction_publishes_nothing() -> None:
    with pytest.raises(Rolled), transaction.atomic():
        notify(to="everyone", message="never")
        raise Rolled
    notify(to="everyone", message="sent")
    assert [data["message"] for data in published("everyone")] == ["sent"]
    assert [row.message for row in Notification.objects.all()] == ["sent"]
    assert not Publication.objects.filter(offset=None).exists()


def test_rolled_back_savepoint_takes_its_alerts_only() -> None:
    with transaction.atomic():
        notify(to="everyone", message="before")
        with pytest.raises(Rolled), transaction.atomic():
            notify(to="everyone", message="never")
            raise Rolled
        notify(to="everyone", message="after")
    assert [data["message"] for data in published("everyone")] == ["before", "after"]


def test_nothing_has_an_offset_before_the_commit() -> None:
    with transaction.atomic():
        notify(to="everyone", message="m")
        assert published("everyone") == []
    assert len(published("everyone")) == 1


def test_an_alert_for_many_is_stored_for_all_or_for_none() -> None:
    users = [User.objects.create_user(name) for name in ("ann", "bob")]
    with (
        mock.patch("notifications.sending.actions.publish_many", side_effect=DatabaseError),
        pytest.raises(DatabaseError),
    ):
        notify(to=users, message="m")
    assert not Notification.objects.exists()


def test_a_bad_alert_stores_nothing() -> None:
    with pytest.raises(BadAlert):
        notify(to=["everyone", "user:nobody"], message="m")
    assert not Notification.objects.exists()
    assert not Publication.objects.exists()


def test_an_alert_to_nobody_stores_nothing() -> None:
    assert notify(to=User.objects.none(), message="m") == []
    assert not Publication.objects.exists()


def test_an_alert_with_too_much_data_stores_nothing() -> None:
    with pytest.raises(ValueError, match="bytes of JSON"):
        notify(to="everyone", message="m", data="x" * 70_000)
    assert not Notification.objects.exists()


@pytest.mark.parametrize("send", [lambda: notify(to="everyone", message="1 query each, never more")])
def test_sending_costs_the_same_however_many_alerts_exist(
    send: Callable[[], object], django_assert_max_num_queries: Any
) -> None:
    notify(to="everyone", message="the first makes the stream")
    with django_assert_max_num_queries(14):
        send()


class TestTheListOfAPerson:
    """The page's reads."""

    @pytest.fixture
    def ann(self) -> User:
        return User.objects.create_user("ann")

    def test_a_person_sees_their_own_their_groups_and_everyones_alerts_newest_first(self, ann: User) -> None:
        ops, other = Group.objects.create(name="ops"), Group.objects.create(name="other")
        ann.groups.add(ops)
        bob = User.objects.create_user("bob")
        Notification.objects.all().delete()
        for recipient, text in [(ann, "1"), (bob, "bob"), (ops, "2"), (other, "other"), ("everyone", "3")]:
            notify(to=recipient, message=text)  # type: ignore[arg-type]  # of several types
        assert [row.message for row in queries.latest_for(ann)] == ["3", "2", "1"]
        assert [row.message for row in queries.latest_for(AnonymousUser())] == ["3"]

    @pytest.mark.slow
    def test_the_list_has_the_latest_fifty(self, ann: User) -> None:
        for number in range(52):
            notify(to=ann, message=str(number))
        assert [row.message for row in queries.latest_for(ann)] == [str(number) for number in range(51, 1, -1)]

    def test_the_cursor_names_every_channel_of_the_person_and_where_it_stands(self, ann: User) -> None:
        ann.groups.add(Group.objects.create(pk=7, name="ops"))
        Publication.objects.all().delete()
        Stream.objects.all().delete()
        notify(to=ann, message="1")
        notify(to=ann, message="2")
        epoch = Stream.objects.get(channel=f"user:{user_id(ann)}").epoch
        assert queries.cursor_for(ann) == f"everyone@.0,user:{user_id(ann)}@{epoch}.2,group:7@.0"
        assert queries.cursor_for(AnonymousUser()) == "everyone@.0"


def test_the_biggest_alert_that_can_be_described_can_be_sent() -> None:
    room = hub_settings().max_publication - ENVELOPE - len('["m","","",""]')
    (row,) = notify(to="everyone", message="m", data="x" * room)
    assert row.data == "x" * room
    with pytest.raises(BadAlert, match="bytes of JSON"):
        notify(to="everyone", message="m", data="x" * (room + 1))
    assert Notification.objects.count() == 1
