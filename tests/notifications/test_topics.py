"""Topics: who may follow them, what is sent to them, what of it is unread, and what goes with them."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, Group
from django.core.exceptions import ValidationError
from django.db import DataError, IntegrityError, connection, transaction
from django.db.models import F
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from hub import streams
from hub.publishing import release
from hub.publishing.idempotency import publish_once
from hub.users import ids_are_keys, user_id
from hub.users.model import joined_field
from notifications import alert, channels, following, notify
from notifications.following import follow, unfollow
from notifications.inbox import queries
from notifications.inbox.organizing import mark_all_read, mark_read
from notifications.models import Follow, Notification, ReadMark, Topic
from tests.notifications.published import published
from tests.support.people import User

pytestmark = pytest.mark.django_db(transaction=True)


def send(to: Any, message: str = "m", **fields: Any) -> int:
    return notify(to=to, message=message, **fields)[0].pk


def listed(user: User | AnonymousUser) -> dict[int, bool]:
    """The ids of the person's list, and whether each is read."""
    return {row.pk: row.read for row in queries.latest_for(user)}


# --- the rows --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["", "Deploys", "deploys.prod", "de ploys", "déploys", "-x", "a:b", "a/b", "x" * 41, "a\n", "a\nb", "тема"]
)
def test_name_that_no_channel_can_have_is_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        Topic(name=name, title="t").full_clean()
    # A text that is too long is data that PostgreSQL does not take.
    with pytest.raises((IntegrityError, DataError)):
        Topic.objects.create(name=name, title="t")
    assert not Topic.objects.exists()


@pytest.mark.parametrize("name", ["deploys", "7", "eu-west_1", "x" * 40])
def test_name_of_a_topic_is_the_name_of_its_channel(name: str) -> None:
    topic = Topic(name=name, title="t")
    topic.full_clean()
    topic.save()
    send(topic)
    assert len(published(f"topic:{name}")) == 1


def test_two_topics_of_one_name_are_refused(deploys: Topic) -> None:
    with pytest.raises(IntegrityError):
        Topic.objects.create(name="deploys", title="Another")


def test_person_follows_a_topic_once(deploys: Topic, ann: User) -> None:
    Follow.objects.create(topic=deploys, user=ann)
    with pytest.raises(IntegrityError):
        Follow.objects.create(topic=deploys, user=ann)


@pytest.mark.parametrize("others", [("user",), ("group",), ("user", "group")])
def test_alert_has_one_audience(deploys: Topic, ann: User, others: tuple[str, ...]) -> None:
    audiences = {"user": ann, "group": Group.objects.create(name="ops")}
    with pytest.raises(IntegrityError):
        Notification.objects.create(message="m", topic=deploys, **{name: audiences[name] for name in others})


# --- sending ---------------------------------------------------------------------------------------------------------


def test_alert_to_a_topic_is_one_row_and_one_publication_however_many_follow_it(deploys: Topic, ann: User) -> None:
    follow(user=ann, name="deploys")
    follow(user=User.objects.create_user("bob"), name="deploys")
    (row,) = notify(to="topic:deploys", message="m", title="t", level="success", url="/x/", data={"n": 1})
    assert (row.user, row.group, row.topic) == (None, None, deploys)
    (data,) = published("topic:deploys")
    assert data.pop("at")
    assert data == {
        "type": "notifications.notification_created",
        "id": row.pk,
        "message": "m",
        "title": "t",
        "level": "success",
        "url": "/x/",
        "data": {"n": 1},
        "topic": {"name": "deploys", "title": "Deployments"},
    }
    assert published("everyone") == []


def test_topic_is_named_by_its_row_and_by_a_text_alike(deploys: Topic, ann: User) -> None:
    assert alert(to=deploys, message="m").to == alert(to="topic:deploys", message="m").to == (deploys,)
    assert alert(to=[ann, "topic:deploys", deploys], message="m").to == (ann, deploys)


@pytest.mark.own_user_model
def test_topic_a_group_and_a_user_of_the_same_number_are_three() -> None:
    group = Group.objects.create(name="twin")
    topic = Topic.objects.create(pk=group.pk, name="twin", title="Twin")
    twin = User.objects.create(external_id=str(group.pk))
    for _ in range(2):
        assert len(notify(to=[twin, group, topic], message="m", key="k")) == 3
    assert Notification.objects.count() == 3


def test_each_topic_has_a_key_once_and_so_has_everyone(deploys: Topic) -> None:
    other = Topic.objects.create(name="other", title="Other")
    for to in ([deploys, other], "everyone", [other, deploys], "everyone"):
        rows = notify(to=to, message="m", key="k")
        assert [row.topic for row in rows] == (to if isinstance(to, list) else [None])
    assert Notification.objects.count() == 3


def test_sending_to_an_unknown_topic_makes_none() -> None:
    with pytest.raises(ValueError, match="no topic named 'deploys'"):
        notify(to="topic:deploys", message="m")
    assert not Topic.objects.exists()


def test_rolled_back_alert_to_a_topic_publishes_nothing(deploys: Topic) -> None:
    with transaction.atomic():
        send(deploys)
        transaction.set_rollback(True)
    assert published("topic:deploys") == []


# --- following -------------------------------------------------------------------------------------------------------


def test_following_twice_and_leaving_twice_is_following_once_and_leaving_once(deploys: Topic, ann: User) -> None:
    for _ in range(2):
        assert follow(user=ann, name="deploys").followed
    assert channels.followed_by(ann) == ["everyone", f"user:{user_id(ann)}", "topic:deploys"]
    for _ in range(2):
        assert not unfollow(user=ann, name="deploys").followed
    assert channels.followed_by(ann) == ["everyone", f"user:{user_id(ann)}"]
    assert published(f"user:{user_id(ann)}") == [
        {"type": "notifications.topic_followed", "name": "deploys"},
        {"type": "notifications.topic_unfollowed", "name": "deploys"},
    ]


@pytest.mark.parametrize("change", [follow, unfollow])
def test_closed_topic_is_not_there_for_outsiders(payroll: Topic, ann: User, change: Any) -> None:
    for name in ("payroll", "nothing"):
        with pytest.raises(following.NoSuchTopic):
            change(user=ann, name=name)
    assert queries.topics_for(ann) == []
    assert not Follow.objects.exists()


def test_who_was_put_on_a_closed_topic_sees_it_and_cannot_leave(payroll: Topic, ann: User) -> None:
    payroll.follows.create(user=ann)
    (topic,) = queries.topics_for(ann)
    assert (topic.name, topic.followed) == ("payroll", True)
    with pytest.raises(following.ClosedTopic):
        unfollow(user=ann, name="payroll")
    assert follow(user=ann, name="payroll").followed


def test_person_follows_so_many_topics(deploys: Topic, ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "FOLLOW_LIMIT", 1)
    Topic.objects.create(name="other", title="Other")
    for _ in range(2):
        follow(user=ann, name="deploys")
    with pytest.raises(following.TooManyTopics):
        follow(user=ann, name="other")


def test_person_who_follows_many_topics_at_the_same_time_follows_as_many_as_one_may(
    ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "FOLLOW_LIMIT", 2)
    for number in range(8):
        Topic.objects.create(name=f"topic{number}", title="t")
    begin = Barrier(8)

    def follow_one(number: int) -> bool:
        try:
            begin.wait(30)
            follow(user=ann, name=f"topic{number}")
        except following.TooManyTopics:
            return False
        else:
            return True
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(follow_one, range(8))) == 2
    assert Follow.objects.count() == 2


def test_topic_that_is_deleted_while_one_follows_it_is_not_there(
    deploys: Topic, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = following._topic

    def look_too_early(user: User, name: str) -> Topic:
        topic = look(user, name)
        Topic.objects.get(pk=topic.pk).delete()
        # Here it is one transaction that deletes and follows, so the deletion is undone with it.
        monkeypatch.setattr(Topic.objects, "filter", lambda **_: Topic.objects.none())
        return topic

    monkeypatch.setattr(following, "_topic", look_too_early)
    with pytest.raises(following.NoSuchTopic):
        follow(user=ann, name="deploys")
    assert not Follow.objects.exists()


def test_taking_many_off_a_topic_reads_them_and_the_topic_once(deploys: Topic) -> None:
    people = [User.objects.create_user(f"person{number}") for number in range(3)]
    for person in people:
        deploys.follows.create(user=person)
    with CaptureQueriesContext(connection) as captured:
        Follow.objects.all().delete()
    for table, reads in ((User._meta.db_table, int(not ids_are_keys())), ("hub_notifications_topic", 1)):
        assert sum(f'FROM "{table}"' in query["sql"] for query in captured) == reads
    for person in people:
        assert [data["type"] for data in published(f"user:{user_id(person)}")][-1] == "notifications.topic_unfollowed"


def test_topics_are_listed_by_title_with_what_is_followed(deploys: Topic, payroll: Topic, ann: User) -> None:
    Topic.objects.create(name="zz", title="Announcements")
    follow(user=ann, name="deploys")
    assert [(topic.title, topic.followed) for topic in queries.topics_for(ann)] == [
        ("Announcements", False),
        ("Deployments", True),
    ]
    assert [topic.followed for topic in queries.topics_for(AnonymousUser())] == [False, False]


def test_groups_and_topics_of_many_people_are_one_query(deploys: Topic, payroll: Topic) -> None:
    group = Group.objects.create(pk=7, name="ops")
    people = [User.objects.create_user(f"person{number}") for number in range(3)]
    people[0].groups.add(group)
    payroll.follows.create(user=people[0])
    for person in people[:2]:
        follow(user=person, name="deploys")
    with CaptureQueriesContext(connection) as captured:
        found = channels.of_lists_of([person.pk for person in people])
    assert [found[person.pk] for person in people] == [
        ["group:7", "topic:deploys", "topic:payroll"],
        ["topic:deploys"],
        [],
    ]
    assert len(captured) == 1


# --- the list --------------------------------------------------------------------------------------------------------


def test_what_was_sent_before_one_followed_is_in_the_list_and_read(deploys: Topic, ann: User) -> None:
    before = send(deploys)
    assert listed(ann) == {}
    follow(user=ann, name="deploys")
    assert queries.unread_count(ann) == 0
    after = send(deploys)
    assert queries.unread_count(ann) == 1
    assert listed(ann) == {after: False, before: True}
    assert mark_read(user=ann, ids=[after]).unread == 0
    assert listed(ann) == {after: True, before: True}


def test_what_a_topic_had_leaves_the_list_with_it_and_comes_back_as_read(deploys: Topic, ann: User) -> None:
    follow(user=ann, name="deploys")
    one = send(deploys)
    unfollow(user=ann, name="deploys")
    assert (listed(ann), queries.unread_count(ann)) == ({}, 0)
    assert mark_read(user=ann, ids=[one]).unread == 0
    follow(user=ann, name="deploys")
    assert (listed(ann), queries.unread_count(ann)) == ({one: True}, 0)


@pytest.mark.parametrize("ahead", [timedelta(hours=1), timedelta(hours=-1)])
def test_clock_of_another_host_decides_nothing_about_what_is_unread(
    deploys: Topic, ann: User, monkeypatch: pytest.MonkeyPatch, ahead: timedelta
) -> None:
    before = send(deploys)
    follow(user=ann, name="deploys")
    after = send(deploys)
    User.objects.update(**{joined_field(): F(joined_field()) - timedelta(days=1)})
    Notification.objects.update(created_at=F("created_at") + ahead)
    assert listed(ann) == {after: False, before: True}


@pytest.mark.parametrize("put", ["follow", "get_or_create", "bulk_create", "admin"])
def test_what_is_unread_begins_however_one_came_to_follow(
    deploys: Topic, ann: User, admin_client: Client, put: str
) -> None:
    before = send(deploys)
    if put == "follow":
        follow(user=ann, name="deploys")
    elif put == "get_or_create":
        deploys.follows.get_or_create(user=ann)
    elif put == "bulk_create":
        Follow.objects.bulk_create([Follow(topic=deploys, user=ann)])
    else:
        admin_client.post(reverse("admin:hub_notifications_follow_add"), {"topic": deploys.pk, "user": ann.pk})
    after = send(deploys)
    assert listed(ann) == {after: False, before: True}


def test_marking_what_a_topic_had_before_marks_nothing_and_tells_nobody(deploys: Topic, ann: User) -> None:
    before = send(deploys)
    follow(user=ann, name="deploys")
    told = published(f"user:{user_id(ann)}")
    assert mark_read(user=ann, ids=[before]).unread == 0
    assert not ReadMark.objects.exists()
    assert published(f"user:{user_id(ann)}") == told


def test_marking_all_marks_those_of_topics_too(deploys: Topic, ann: User) -> None:
    follow(user=ann, name="deploys")
    ids = [send(deploys), send("everyone"), send(deploys)]
    assert mark_all_read(user=ann, upto=ids[1]).unread == 1
    assert listed(ann) == {ids[0]: True, ids[1]: True, ids[2]: False}


def test_alerts_of_topics_are_for_those_who_follow_and_not_for_everyone(deploys: Topic, ann: User) -> None:
    bob = User.objects.create_user("bob")
    follow(user=ann, name="deploys")
    one = send(deploys)
    assert listed(ann) == {one: False}
    assert listed(bob) == listed(AnonymousUser()) == {}
    assert mark_read(user=bob, ids=[one]).unread == 0
    assert not ReadMark.objects.exists()


# --- the end of a topic ----------------------------------------------------------------------------------------------


def test_topic_that_gets_the_name_of_a_deleted_one_has_nothing_of_its_past(payroll: Topic, ann: User) -> None:
    send(payroll, "salaries")
    position = streams.positions(["topic:payroll"])["topic:payroll"]
    payroll.delete()
    assert not Notification.objects.exists()
    assert published("topic:payroll") == []
    Topic.objects.create(name="payroll", title="For all")
    follow(user=ann, name="payroll")
    send("topic:payroll", "hello")
    assert [data["message"] for data in published("topic:payroll")] == ["hello"]
    assert streams.positions(["topic:payroll"])["topic:payroll"].offset == position.offset + 1


def test_what_a_deleted_topic_had_not_sent_yet_is_not_sent_as_the_next_ones(payroll: Topic) -> None:
    streams.append([("topic:payroll", '{"message":"salaries"}')])  # committed, by a process that died then
    publish_once("k", {"topic:payroll": {"type": "x"}})
    payroll.delete()
    Topic.objects.create(name="payroll", title="For all")
    release(["topic:payroll"])
    assert published("topic:payroll") == []
    publish_once("k", {"topic:payroll": {"type": "x"}})
    assert published("topic:payroll") == [{"type": "x"}]


def test_deletion_that_is_rolled_back_takes_nothing(deploys: Topic) -> None:
    send(deploys)
    with transaction.atomic():
        deploys.delete()
        transaction.set_rollback(True)
    assert len(published("topic:deploys")) == 1
