"""Rows of the hub never fail a commit, whatever is deleted in the same transaction or meanwhile."""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection, transaction
from django.db.models.functions import Now
from django.db.models.signals import post_delete
from django.test import Client as Browser
from django.utils import timezone
from pytest_django.fixtures import Settings

from chat.actions import post_message
from chat.models import Message, Room
from hub.accounts.models import AccessToken
from hub.database import deletions
from hub.models import Deletion, Publication
from hub.users import user_id
from notifications import Alert, alert, notify, on_delete
from notifications.inbox import organizing
from notifications.models import Follow, Notification, ReadMark, ReadUpTo, Topic
from notifications.sending import expiring
from notifications.sending.withdrawing import withdraw
from tests.support.people import User
from tests.support.writers import needs_several_writers
from worker.models import Job

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def no_rule_outlives_its_test() -> Iterator[None]:
    kept = list(post_delete.receivers)
    yield
    post_delete.receivers = kept
    post_delete.sender_receivers_cache.clear()


def tell_the_customer() -> None:
    """A rule like the one of a shop: whoever had it is told that it is gone. An access token stands for an order."""

    @on_delete(AccessToken)
    def withdrawn(token: AccessToken) -> Alert:
        return alert(to=token.user, message=f"{token.name} is gone")


def test_a_rule_may_tell_the_customer_who_is_deleted_together_with_the_order(ann: User) -> None:
    tell_the_customer()
    AccessToken.objects.create(user=ann, name="order 7", digest="7")
    ann_id = ann.pk
    ann.delete()
    assert not User.objects.filter(pk=ann_id).exists()
    assert not AccessToken.objects.exists()


@pytest.mark.slow
@pytest.mark.own_user_model
def test_a_person_with_orders_can_be_deleted_in_the_admin(admin_client: Browser, ann: User) -> None:
    tell_the_customer()
    for number in range(3):
        AccessToken.objects.create(user=ann, name=f"order {number}", digest=str(number))
    assert admin_client.post(f"/admin/hub_people/user/{ann.pk}/delete/", {"post": "yes"}).status_code == 302
    bob = User.objects.create_user("bob")
    AccessToken.objects.create(user=bob, name="order 8", digest="8")
    selected = {"action": "delete_selected", "_selected_action": [bob.pk], "post": "yes"}
    assert admin_client.post("/admin/hub_people/user/", selected).status_code == 302
    assert set(User.objects.values_list("username", flat=True)) == {"admin"}


def test_rules_may_tell_the_person_the_group_and_the_topic_themselves_that_are_deleted(ann: User) -> None:
    def rule(gone: Any) -> Alert:
        return alert(to=gone, message="You are gone")

    on_delete(User)(rule)
    on_delete(Group)(rule)
    on_delete(Topic)(rule)
    group, topic = Group.objects.create(name="ops"), Topic.objects.create(name="news", title="News")
    for gone in (ann, group, topic):
        gone.delete()
    assert Notification.objects.count() == 3
    assert {row.channel for row in Publication.objects.exclude(channel="control")} >= {"topic:news"}


def settled() -> None:
    Deletion.objects.update(deleted_at=Now() - deletions.SETTLED - timedelta(seconds=1))


def test_what_refers_to_the_deleted_goes_later_and_everything_else_stays(ann: User) -> None:
    bob = User.objects.create_user("bob")
    group, topic = Group.objects.create(name="ops"), Topic.objects.create(name="news", title="News")
    room = Room.objects.create(name="kitchen")
    stays = [*notify(to=bob, message="stays"), *notify(to="everyone", message="stays")]
    organizing.mark_read(user=bob, ids=[stays[0].pk])
    kept = post_message(room_id=room.pk, author_id=bob.pk, text="stays")
    hall = Room.objects.create(name="hall")
    ann_id, group_id, topic_id, hall_id = ann.pk, group.pk, topic.pk, hall.pk
    for one in (ann, group, topic, hall):
        one.delete()
    # As if what follows had been stored by transactions that did not see the deletions.
    Notification.objects.create(user_id=ann_id, message="late")
    Notification.objects.create(group_id=group_id, message="late")
    Notification.objects.create(topic_id=topic_id, message="late")
    sent = Notification.objects.create(user=bob, sender_id=ann_id, message="stays too")
    Follow.objects.bulk_create([Follow(user_id=ann_id, topic_id=topic_id)])
    ReadUpTo.objects.create(user_id=ann_id)
    ReadMark.objects.create(user_id=ann_id, notification=stays[1])
    Message.objects.create(room_id=hall_id, username="ann", text="late")
    written = Message.objects.create(room=room, author_id=ann_id, username="ann", text="stays too")
    assert deletions.follow_up() == 0  # a transaction that is still open may add more
    settled()
    assert deletions.follow_up() == 4
    assert deletions.follow_up() == 0
    assert not Deletion.objects.exists()
    assert set(Notification.objects.values_list("pk", flat=True)) == {*(row.pk for row in stays), sent.pk}
    assert list(Follow.objects.all()) == []
    assert list(ReadUpTo.objects.values_list("user", flat=True)) == [bob.pk]
    assert set(ReadMark.objects.values_list("user", flat=True)) <= {bob.pk}
    assert set(Message.objects.values_list("pk", "author")) == {(kept.pk, bob.pk), (written.pk, None)}
    sent.refresh_from_db()
    assert sent.sender_id is None


def test_a_follower_of_a_topic_that_is_gone_is_told_nothing_when_the_row_goes(ann: User) -> None:
    topic = Topic.objects.create(name="news", title="News")
    topic_id = topic.pk
    topic.delete()
    Follow.objects.bulk_create([Follow(user=ann, topic_id=topic_id)])
    settled()
    deletions.follow_up()
    assert not Follow.objects.exists()
    assert not Publication.objects.filter(channel=f"user:{user_id(ann)}").exists()


def test_an_alert_of_a_topic_that_is_gone_is_never_taken_for_everyones() -> None:
    topic = Topic.objects.create(name="news", title="News")
    topic_id = topic.pk
    topic.delete()
    Notification.objects.create(topic_id=topic_id, message="late")
    Publication.objects.all().delete()
    assert withdraw(Notification.objects.all()) == 1
    assert not Publication.objects.exists()


@pytest.mark.own_user_model
@pytest.mark.parametrize("called_by", ["", "username"])
def test_what_expired_of_who_is_gone_goes_and_stops_nothing(ann: User, settings: Settings, called_by: str) -> None:
    settings.HUB_USER_ID = called_by
    bob = User.objects.create_user("bob")
    topic = Topic.objects.create(name="news", title="News")
    gone = {"user_id": ann.pk}, {"topic_id": topic.pk}
    stays = Notification.objects.create(user=bob, message="stays")
    for one in (ann, topic):
        one.delete()
    past = timezone.now() - timedelta(minutes=1)
    # As if what follows had been stored by transactions that did not see the deletions.
    Notification.objects.bulk_create([Notification(**named, message="late", expires_at=past) for named in gone * 150])
    bundle: dict[str, Any] = {**gone[0], "bundle": 7, "bundle_by": "b", "message": "late"}
    Notification.objects.create(**bundle, bundle_count=2, expires_at=past)
    Notification.objects.create(**bundle, folded=True)
    Notification.objects.create(user=bob, message="late", expires_at=past)
    assert expiring.sweep(seconds=5) == 303
    assert list(Notification.objects.all()) == [stays]


@pytest.mark.whole_table
@pytest.mark.parametrize("model", [Notification, Follow, ReadMark, ReadUpTo, Message, Publication, Job, Deletion])
def test_the_database_asks_no_row_of_the_hub_whether_others_are_there(model: type[Notification]) -> None:
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, model._meta.db_table)
    assert not [name for name, constraint in found.items() if constraint["foreign_key"]]


def elsewhere(work: Callable[[], object]) -> None:
    """Do it in a transaction of its own, which is committed when this returns."""
    failed: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001  # raised by who waits
            failed.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(30)
    assert not thread.is_alive()
    if failed:
        raise failed[0]


def test_who_was_deleted_before_the_call_fails_no_commit(ann: User) -> None:
    group, topic = Group.objects.create(name="ops"), Topic.objects.create(name="news", title="News")
    for model in (User, Group, Topic):
        model.objects.all().delete()
    with transaction.atomic():
        Room.objects.create(name="of the caller")
        notify(to=[ann, group, topic], message="x")
    assert Room.objects.exists()


@needs_several_writers
def test_who_is_deleted_while_the_caller_has_not_committed_fails_neither(ann: User) -> None:
    group, topic = Group.objects.create(name="ops"), Topic.objects.create(name="news", title="News")
    room = Room.objects.create(name="kitchen")

    def delete_all() -> None:
        for model in (Group, Topic, Room, User):
            model.objects.all().delete()

    with transaction.atomic():
        Room.objects.create(name="of the caller")
        notify(to=[ann, group, topic], message="x")
        post_message(room_id=room.pk, author_id=ann.pk, text="x")
        elsewhere(delete_all)
    assert list(Room.objects.values_list("name", flat=True)) == ["of the caller"]


@needs_several_writers
def test_what_is_sent_while_a_deletion_has_not_committed_fails_neither(ann: User) -> None:
    group, topic = Group.objects.create(name="ops"), Topic.objects.create(name="news", title="News")
    room = Room.objects.create(name="kitchen")
    reader = User.objects.get(pk=ann.pk)
    named: list[User | Group | Topic] = [reader, Group.objects.get(pk=group.pk), Topic.objects.get(pk=topic.pk)]
    room_id = room.pk
    (everyones,) = notify(to="everyone", message="old")

    def use_all() -> None:
        notify(to=named, message="x")
        post_message(room_id=room_id, author_id=reader.pk, text="x")
        organizing.mark_read(user=reader, ids=[everyones.pk])

    with transaction.atomic():
        for one in (group, topic, room, ann):
            one.delete()
        elsewhere(use_all)
    assert not User.objects.exists()
    settled()
    assert deletions.follow_up() == 4
    assert list(Notification.objects.all()) == [everyones]
    assert not Message.objects.exists()
