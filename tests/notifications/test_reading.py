"""Who has read what: marks, the watermark that replaces them, and what is unread."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from django.contrib.auth.models import AnonymousUser, Group
from django.db import connection, transaction
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.channels import LAST_ID
from hub.models import Publication
from hub.users import user_id
from hub.users.model import joined_field
from lab.harness.waiting import wait_for
from notifications import following, notify
from notifications.inbox import queries, read_marks, reading
from notifications.inbox.organizing import mark_all_read, mark_read
from notifications.models import Follow, Notification, ReadMark, ReadUpTo, Topic
from tests.notifications.locks import somebody_waits
from tests.support.people import User, make_crowd
from tests.support.writers import needs_several_writers

pytestmark = pytest.mark.django_db(transaction=True)

LONG_AGO = timedelta(hours=1)


def follow_new_topic(user: User, name: str) -> Topic:
    topic = Topic.objects.create(name=name, title=name)
    Follow.objects.create(topic=topic, user=user)
    return topic


def send(to: Any, count: int = 1) -> list[int]:
    return [notify(to=to, message="m")[0].pk for _ in range(count)]


def age() -> None:
    """All that there is was long ago, in the order in which it was."""
    Notification.objects.update(created_at=F("created_at") - LONG_AGO)
    User.objects.update(**{joined_field(): F(joined_field()) - LONG_AGO})


def told(user: User) -> list[Any]:
    """What the user's pages were told of what was read."""
    rows = Publication.objects.filter(channel=f"user:{user_id(user)}").order_by("pk")
    return [data for row in rows if (data := msgspec.json.decode(row.data)).pop("type") == "notifications.alerts_read"]


def read_ids(user: User) -> set[int]:
    return {alert.pk for alert in queries.latest_for(user, limit=1000) if alert.read}


def test_an_alert_is_unread_until_it_is_marked(ann: User) -> None:
    ops = Group.objects.create(name="ops")
    ann.groups.add(ops)
    alerts = send(ann) + send(ops) + send("everyone")
    assert queries.unread_count(ann) == 3
    assert [mark_read(user=ann, ids=[one]).unread for one in alerts] == [2, 1, 0]
    assert read_ids(ann) == set(alerts)


def test_what_one_person_has_read_is_unread_for_another(ann: User) -> None:
    bob = User.objects.create_user("bob")
    alerts = send("everyone", 2)
    mark_read(user=ann, ids=alerts[:1])
    mark_all_read(user=ann, upto=alerts[1])
    assert (queries.unread_count(ann), queries.unread_count(bob)) == (0, 2)
    assert read_ids(bob) == set()


def test_an_alert_of_somebody_else_cannot_be_marked(ann: User) -> None:
    other = send(User.objects.create_user("bob")) + send(Group.objects.create(name="theirs"))
    assert mark_read(user=ann, ids=other).unread == 0
    assert not ReadMark.objects.exists()
    assert told(ann) == []


def test_who_joins_has_nothing_unread_of_what_was_sent_to_others_before() -> None:
    ops = Group.objects.create(name="ops")
    old = send("everyone", 3) + send(ops, 2)
    ann = User.objects.create_user("ann")
    ann.groups.add(ops)
    assert queries.unread_count(ann) == 0
    assert read_ids(ann) == set(old)
    new = send("everyone") + send(ops) + send(ann)
    assert queries.unread_count(ann) == 3
    assert mark_read(user=ann, ids=new[:1]).unread == 2
    assert read_ids(ann) == {*old, new[0]}


def test_a_guest_has_nothing_unread() -> None:
    send("everyone")
    assert queries.unread_count(AnonymousUser()) == 0
    assert [alert.read for alert in queries.latest_for(AnonymousUser())] == [True]


def test_unread_is_counted_to_a_hundred(ann: User) -> None:
    Notification.objects.bulk_create([Notification(user=ann, message="m") for _ in range(70)])
    Notification.objects.bulk_create([Notification(message="m") for _ in range(70)])
    assert queries.unread_count(ann) == 100


def test_marking_all_leaves_what_is_newer_unread(ann: User) -> None:
    alerts = send(ann, 3) + send("everyone", 2)
    assert mark_all_read(user=ann, upto=alerts[3]).unread == 1
    assert read_ids(ann) == set(alerts[:4])
    assert mark_all_read(user=ann, upto=2**63 - 1).unread == 0


def test_each_change_is_published_and_a_repeat_is_not(ann: User) -> None:
    alerts = send(ann, 4)
    for _ in range(2):
        mark_read(user=ann, ids=[alerts[1], alerts[0], alerts[0]])
    for _ in range(2):
        mark_all_read(user=ann, upto=alerts[2])
    mark_all_read(user=ann, upto=alerts[0])
    mark_all_read(user=ann, upto=2**63 - 1)
    assert told(ann) == [
        {"ids": alerts[:2], "unread": 2},
        {"upto": alerts[2], "unread": 1},
        {"upto": alerts[3], "unread": 0},
    ]


@pytest.mark.parametrize("mark", ["some", "all"])
def test_rolled_back_marks_leave_nothing(ann: User, mark: str) -> None:
    alerts = send(ann, 2)
    with transaction.atomic():
        if mark == "some":
            mark_read(user=ann, ids=alerts)
        else:
            mark_all_read(user=ann, upto=alerts[1])
        transaction.set_rollback(True)
    assert queries.unread_count(ann) == 2
    assert told(ann) == []


def test_marks_become_the_watermark_when_nothing_old_is_unread(ann: User) -> None:
    old = send(ann, 3)
    mark_read(user=ann, ids=old[1:])
    age()
    new = send(ann)
    assert ReadMark.objects.count() == 2
    mark_read(user=ann, ids=[old[0], *new])
    assert ReadUpTo.objects.get(user=ann).upto == old[2]
    assert list(ReadMark.objects.values_list("notification", flat=True)) == new
    assert read_ids(ann) == {*old, *new}


def test_marking_all_keeps_no_marks_of_what_is_old(ann: User) -> None:
    old = send(ann, 5)
    mark_read(user=ann, ids=old[2:4])
    age()
    mark_all_read(user=ann, upto=old[4])
    assert ReadUpTo.objects.get(user=ann).upto == old[4]
    assert not ReadMark.objects.exists()


@pytest.mark.parametrize("mark", ["some", "all"])
def test_an_alert_that_is_committed_later_than_a_newer_one_was_read_is_unread(ann: User, mark: str) -> None:
    # As two transactions on PostgreSQL: the one that began first has the smaller id, and ends last.
    late, alert = send(ann, 2)
    row = Notification.objects.get(pk=late)
    row.delete()
    if mark == "some":
        mark_read(user=ann, ids=[alert])
    else:
        mark_all_read(user=ann, upto=alert)
    row.pk = late
    row.save(force_insert=True)
    assert queries.unread_count(ann) == 1
    assert read_ids(ann) == {alert}


def test_who_reads_one_by_one_keeps_so_many_marks_and_the_rest_counts_as_read(
    ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_marks, "MARKS_KEPT", 3)
    alerts = send(ann, 6)
    for number, unread in [(1, 5), (2, 4), (3, 3), (4, 1)]:
        assert mark_read(user=ann, ids=[alerts[number]]).unread == unread
    assert ReadMark.objects.count() == 3
    assert read_ids(ann) == set(alerts[:5])


def test_marking_more_than_is_kept_at_once_marks_them_all(ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_marks, "MARKS_KEPT", 3)
    alerts = send(ann, 6)
    assert mark_all_read(user=ann, upto=alerts[4]).unread == 1
    assert not ReadMark.objects.exists()
    assert read_ids(ann) == set(alerts[:5])


@needs_several_writers
def test_two_tabs_that_mark_at_the_same_time_count_what_the_other_marked(ann: User) -> None:
    alerts = send(ann, 3)
    mark_read(user=ann, ids=alerts[:1])
    second = threading.Thread(target=_mark_in_a_thread, args=[ann, alerts[2:]])
    with transaction.atomic():
        mark_read(user=ann, ids=alerts[1:2])
        second.start()
        wait_for(somebody_waits, that="the other transaction waits for this one")
    second.join(30)
    assert [event["unread"] for event in told(ann)] == [2, 1, 0]


def _mark_in_a_thread(user: User, ids: list[int]) -> None:
    try:
        mark_read(user=user, ids=ids)
    finally:
        connection.close()


def test_marks_go_with_the_alert_and_with_the_person(ann: User) -> None:
    bob = User.objects.create_user("bob")
    first, second = send("everyone", 2)
    for user in (ann, bob):
        mark_read(user=user, ids=[first])
    Notification.objects.get(pk=first).delete()
    assert not ReadMark.objects.exists()
    mark_read(user=ann, ids=[second])
    ann.delete()
    assert not ReadMark.objects.exists()
    assert list(ReadUpTo.objects.values_list("user", flat=True)) == [bob.pk]


@pytest.mark.slow
def test_counting_and_listing_cost_the_same_however_many_alerts_there_are(ann: User) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as captured:
            queries.page_for(ann, limit=20)
        return len(captured)

    few = cost()
    send(ann, 30)
    send("everyone", 30)
    ann.groups.add(*(Group.objects.create(name=str(number)) for number in range(5)))
    send(list(ann.groups.all()), 3)
    for number in range(5):
        follow_new_topic(ann, str(number))
    send(list(Topic.objects.all()), 3)
    assert cost() <= few + 3 <= 6  # those of a list that is not empty


def test_a_person_with_more_groups_and_topics_than_one_statement_takes_sees_the_alerts_of_all(
    ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "PARTS", 3)
    groups = [Group.objects.create(name=str(number)) for number in range(5)]
    ann.groups.add(*groups)
    topics = [follow_new_topic(ann, str(number)) for number in range(5)]
    alerts = [send(to)[0] for to in (*groups, *topics, ann, "everyone")]
    assert [alert.pk for alert in queries.latest_for(ann, limit=11)] == alerts[:0:-1]
    assert queries.unread_count(ann) == 12


@pytest.mark.slow
@pytest.mark.parametrize("wanted", ["unread", "newest"])
def test_no_alert_of_others_is_looked_at(ann: User, wanted: str) -> None:
    ops = Group.objects.create(name="ops")
    ann.groups.add(ops)
    others = make_crowd("other", 20)
    Notification.objects.bulk_create(
        [Notification(user=other, message="m") for other in others for _ in range(200)],
        batch_size=1000,
    )
    other_topics = [Topic.objects.create(name=f"other{number}", title="t") for number in range(20)]
    Notification.objects.bulk_create([Notification(topic=one, message="m") for one in other_topics for _ in range(50)])
    topic = follow_new_topic(ann, "mine")
    for to in (ann, ops, "everyone", topic):
        send(to, 5)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    reader = reading.reader(ann.pk)
    with CaptureQueriesContext(connection) as captured:
        if wanted == "unread":
            assert len(reading.unread_ids(reader, limit=100)) == 20
        else:
            assert len(reading.newest_ids(reader, before=LAST_ID, limit=100)) == 20
    (query,) = captured.captured_queries
    assert not [
        step for step in _plan(query["sql"]) if "hub_notifications_notification" in step and "Seq Scan" in step
    ]
    assert not [step for step in _plan(query["sql"]) if step.startswith("SCAN alert")]


def _plan(sql: str) -> list[str]:
    explain = "EXPLAIN QUERY PLAN " if connection.vendor == "sqlite" else "EXPLAIN "
    with connection.cursor() as cursor:
        cursor.execute(explain + sql)
        return [row[-1] for row in cursor.fetchall()]


class Model:
    """Unread as one would say it: a set."""

    def __init__(self) -> None:
        self.alerts: list[tuple[int, str]] = []
        self.mine_are = {"me", "my group", "everyone"}
        self.read: set[int] = set()

    @property
    def mine(self) -> list[int]:
        return [one for one, to in self.alerts if to in self.mine_are]

    @property
    def unread(self) -> int:
        return len(set(self.mine) - self.read)

    def enter(self, audience: str) -> None:
        if audience not in self.mine_are:
            self.mine_are.add(audience)
            self.read |= {one for one, to in self.alerts if to == audience}


AUDIENCES = {"me", "my group", "topic", "everyone", "other", "other group", "other topic"}
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("send"), st.sampled_from(sorted(AUDIENCES))),
        st.tuples(st.just("mark"), st.sets(st.integers(0, 12), max_size=4)),
        st.tuples(st.just("mark all"), st.integers(0, 12)),
        st.tuples(st.sampled_from(["follow", "unfollow", "join", "leave", "age"]), st.none()),
    ),
    min_size=3,
    max_size=25,
)


@pytest.mark.slow
@pytest.mark.django_db(transaction=False)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, sent_before=st.integers(0, 2))
def test_what_is_unread_is_what_a_set_would_say(steps: list[tuple[str, Any]], sent_before: int) -> None:
    with transaction.atomic():
        _compare_with_a_set(steps, sent_before)
        transaction.set_rollback(True)


def _compare_with_a_set(steps: list[tuple[str, Any]], sent_before: int) -> None:
    group = Group.objects.create(name="mine")
    model = Model()
    for number in range(sent_before):
        model.alerts.append((send("everyone" if number else group)[0], "everyone" if number else "my group"))
    model.read = set(model.mine)
    user = User.objects.create_user("ann")
    user.groups.add(group)
    to = {
        "me": user,
        "my group": group,
        "everyone": "everyone",
        "other": User.objects.create_user("bob"),
        "other group": Group.objects.create(name="theirs"),
        "topic": Topic.objects.create(name="topic", title="t"),
        "other topic": Topic.objects.create(name="other", title="t"),
    }
    entered: dict[str, tuple[str, Callable[[], object]]] = {
        "follow": ("topic", lambda: following.follow(user=user, name="topic")),
        "join": ("my group", lambda: user.groups.add(group)),
    }
    left: dict[str, tuple[str, Callable[[], object]]] = {
        "unfollow": ("topic", lambda: following.unfollow(user=user, name="topic")),
        "leave": ("my group", lambda: user.groups.remove(group)),
    }
    for step, what in steps:
        ids = [one for one, _ in model.alerts]
        if step == "send":
            model.alerts.append((send(to[what])[0], what))
        elif step in entered:
            entered[step][1]()
            model.enter(entered[step][0])
        elif step in left:
            left[step][1]()
            model.mine_are.discard(left[step][0])
        elif step == "mark":
            chosen = [ids[number] for number in what if number < len(ids)]
            model.read |= set(chosen)
            assert mark_read(user=user, ids=chosen).unread == model.unread
        elif step == "mark all" and what < len(ids):
            model.read |= {one for one in ids if one <= ids[what]}
            assert mark_all_read(user=user, upto=ids[what]).unread == model.unread
        elif step == "age":
            age()
        assert queries.unread_count(user) == model.unread
        assert read_ids(user) == set(model.mine) & model.read
