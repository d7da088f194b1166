"""Groups that people join and leave: what was sent before is in their list, and read."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext

from hub.channels import LAST_ID
from hub.users import groups, joined_field, memberships
from hub.users.checks import user_model_works
from notifications import Kind, following, notify
from notifications.inbox import queries, reading
from notifications.inbox.organizing import archive, mark_all_read, mark_read, mark_unread, unarchive
from notifications.kinds import declaring
from notifications.models import Notification, ReadMark, ReadUpTo, Topic
from tests.support.people import User, make_crowd

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ops() -> Group:
    return Group.objects.create(name="ops")


def send(to: Any, count: int = 1) -> list[int]:
    return [notify(to=to, message="m")[0].pk for _ in range(count)]


def unread(user: User) -> list[int]:
    listed = [alert.pk for alert in queries.latest_for(user) if not alert.read]
    assert queries.unread_count(user) == len(listed) == queries.counts_for(user).unread
    of_state = queries.inbox_for(user, state="unread", limit=50)
    assert [alert.pk for alert in of_state.alerts] == listed
    read = queries.inbox_for(user, state="read", limit=50)
    assert {alert.pk for alert in read.alerts} == {alert.pk for alert in queries.latest_for(user)} - set(listed)
    return listed


@pytest.fixture
def rules(monkeypatch: pytest.MonkeyPatch) -> Kind:
    monkeypatch.setattr(declaring, "_declared", {})
    return Kind("rules", label="Rules", message="rules", past=True)


def _by_the_user(user: User, group: Group) -> None:
    user.groups.add(group)


def _by_the_group(user: User, group: Group) -> None:
    group.user_set.add(user)


def _by_rows(user: User, group: Group) -> None:
    table = memberships()
    assert table is not None
    row = table.rows(**{f"{table.user}_id": user.pk, f"{table.group}_id": group.pk})
    table.rows._default_manager.bulk_create([row])


WAYS = [_by_the_user, _by_the_group, _by_rows]


@pytest.mark.parametrize("join", WAYS)
def test_what_a_group_got_before_somebody_joined_is_read(
    ann: User, ops: Group, join: Callable[[User, Group], None]
) -> None:
    bob = User.objects.create_user("bob")
    bob.groups.add(ops)
    before = send(ops, 2)
    join(ann, ops)
    after = send(ops, 2)
    assert unread(ann) == after[::-1]
    assert unread(bob) == [*after[::-1], *before[::-1]]
    assert [alert.pk for alert in queries.latest_for(ann)] == [*after[::-1], *before[::-1]]


def test_other_groups_of_the_person_stay_as_they_are(ann: User, ops: Group) -> None:
    first = Group.objects.create(name="first")
    ann.groups.add(first)
    mine = send(first)
    send(ops)
    ann.groups.add(ops)
    assert unread(ann) == mine


def test_who_leaves_and_comes_back_has_what_was_sent_meanwhile_as_read(ann: User, ops: Group) -> None:
    ann.groups.add(ops)
    send(ops)
    ann.groups.remove(ops)
    send(ops)
    ann.groups.add(ops)
    assert unread(ann) == []
    assert len(queries.latest_for(ann)) == 2
    new = send(ops)
    assert unread(ann) == new


def test_who_is_put_into_a_group_again_keeps_what_is_unread(ann: User, ops: Group) -> None:
    ann.groups.add(ops)
    alerts = send(ops)
    ann.groups.set([ops, Group.objects.create(name="other")])
    assert unread(ann) == alerts


def test_what_is_read_because_of_joining_takes_no_marks_and_can_be_unread_again(ann: User, ops: Group) -> None:
    (old,) = send(ops)
    ann.groups.add(ops)
    assert mark_read(user=ann, ids=[old]).ids == []
    assert not ReadMark.objects.exists()
    assert mark_unread(user=ann, ids=[old]).ids == [old]
    assert unread(ann) == [old]
    assert archive(user=ann, ids=[old]).unread == 0
    assert unarchive(user=ann, ids=[old]).unread == 1
    assert mark_read(user=ann, ids=[old]).unread == 0
    assert unread(ann) == []


def test_an_alert_that_takes_the_place_of_an_older_one_is_unread_for_who_joined_between(ann: User, ops: Group) -> None:
    notify(to=ops, message="1 %", key="import")
    ann.groups.add(ops)
    (new,) = notify(to=ops, message="2 %", key="import", replace=True)
    assert unread(ann) == [new.pk]


def test_what_was_sent_before_is_found_by_an_index(ann: User, ops: Group) -> None:
    others = make_crowd("other", 5)
    Notification.objects.bulk_create(
        [Notification(user=other, message="m") for other in others for _ in range(200)]
        + [Notification(group=ops, message="m", members_upto=number) for number in range(1000)]
    )
    ann.groups.add(ops)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    with CaptureQueriesContext(connection) as captured:
        reading.reader(ann.pk)
    (query,) = captured.captured_queries
    explain = "EXPLAIN QUERY PLAN " if connection.vendor == "sqlite" else "EXPLAIN "
    with connection.cursor() as cursor:
        cursor.execute(explain + query["sql"])
        plan = " ".join(row[-1] for row in cursor.fetchall())
    assert "hub_notification_joined" in plan


def test_where_memberships_have_no_number_that_grows_the_check_says_so_and_all_is_unread(
    ann: User, ops: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = memberships()
    assert table is not None
    without = groups.Memberships(
        table.rows, table.user, table.group, table.table, table.user_column, table.group_column, number_column=""
    )
    monkeypatch.setattr(groups, "_memberships", lambda _label: without)
    old = send(ops)
    ann.groups.add(ops)
    assert [message.id for message in user_model_works(None)] == ["hub.W024"]
    assert unread(ann) == old
    assert mark_read(user=ann, ids=old).unread == 0


def _enter(user: User, to: Group | Topic) -> None:
    if isinstance(to, Group):
        user.groups.add(to)
    else:
        following.follow(user=user, name=to.name)


@pytest.fixture(params=["group", "topic"])
def shared(request: pytest.FixtureRequest, ops: Group) -> Group | Topic:
    return ops if request.param == "group" else Topic.objects.create(name="deploys", title="Deploys")


def _read_all_of_long_ago(user: User) -> None:
    """Have the person read all, so that nothing but the one number says so."""
    Notification.objects.update(created_at="2026-01-01T00:00Z")
    User.objects.update(**{joined_field(): "2025-01-01T00:00Z"})
    mark_all_read(user=user, upto=LAST_ID)
    assert not ReadMark.objects.exists()


def test_a_kind_whose_past_is_for_later_people_is_unread_to_them(
    ann: User, shared: Group | Topic, rules: Kind
) -> None:
    send(shared)
    (old,) = notify(to=shared, kind=rules)
    send(ann)
    _read_all_of_long_ago(ann)
    assert ReadUpTo.objects.get().upto > old.pk
    _enter(ann, shared)
    assert unread(ann) == [old.pk]
    (new,) = notify(to=shared, kind=rules)
    assert unread(ann) == [new.pk, old.pk]


@pytest.mark.whole_table
@pytest.mark.parametrize("how", ["one", "all", "archive"])
def test_the_past_that_came_later_is_read_as_all_is(ann: User, shared: Group | Topic, rules: Kind, how: str) -> None:
    (old,) = notify(to=shared, kind=rules)
    send(ann)
    _read_all_of_long_ago(ann)
    _enter(ann, shared)
    if how == "one":
        assert mark_read(user=ann, ids=[old.pk]).ids == [old.pk]
        assert mark_read(user=ann, ids=[old.pk]).ids == []
    elif how == "all":
        assert mark_all_read(user=ann, upto=LAST_ID).ids == [old.pk]
    else:
        assert archive(user=ann, ids=[old.pk]).unread == 0
        assert unarchive(user=ann, ids=[old.pk]).unread == 1
        mark_read(user=ann, ids=[old.pk])
    assert unread(ann) == []
    send(ann)
    _read_all_of_long_ago(ann)
    assert unread(ann) == []


def test_the_past_of_everyone_is_unread_to_a_new_account_where_the_kind_says_so(rules: Kind) -> None:
    (old,) = notify(to="everyone", kind=rules)
    send("everyone")
    Notification.objects.update(created_at="2026-01-01T00:00Z")
    eve = User.objects.create_user("eve")
    assert unread(eve) == [old.pk]
    mark_read(user=eve, ids=[old.pk])
    assert unread(eve) == []


def test_what_goes_to_a_person_has_no_past(ann: User, rules: Kind) -> None:
    assert not notify(to=ann, kind=rules)[0].past
    assert notify(to="everyone", kind=rules)[0].past


@pytest.mark.slow
def test_the_past_is_found_by_an_index(ann: User, ops: Group, rules: Kind) -> None:
    Notification.objects.bulk_create(
        [Notification(group=ops, message="m", members_upto=0, past=number % 500 == 0) for number in range(5000)]
    )
    ann.groups.add(ops)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    reader = reading.reader(ann.pk)
    with CaptureQueriesContext(connection) as captured:
        assert len(reading.unread_ids(reader, limit=100)) == 10
    (query,) = captured.captured_queries
    explain = "EXPLAIN QUERY PLAN " if connection.vendor == "sqlite" else "EXPLAIN "
    with connection.cursor() as cursor:
        cursor.execute(explain + query["sql"])
        plan = " ".join(row[-1] for row in cursor.fetchall())
    assert "hub_notification_past" in plan
