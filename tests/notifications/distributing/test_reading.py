"""What people read of a notification that many have."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.channels import LAST_ID
from hub.testing import drain_jobs
from hub.users import joined_field
from notifications import MEMBERS, notify
from notifications.inbox import entries, queries, reading
from notifications.inbox.organizing import mark_all_read, mark_read
from notifications.models import InboxEntry, Notification
from notifications.sending import distributing
from notifications.sending.withdrawing import withdraw
from tests.notifications.distributing.crowds import published_to
from tests.support.people import User, make_crowd

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_entry_that_is_made_late_is_unread_whatever_was_read_meanwhile(crowd: list[User]) -> None:
    (alert,) = notify(to=MEMBERS, message="m")
    last = crowd[-1]
    (later,) = notify(to=last, message="later")
    mark_all_read(user=last, upto=later.pk)
    Notification.objects.update(created_at=Now() - timedelta(hours=1))
    User.objects.update(**{joined_field(): Now() - timedelta(hours=2)})
    mark_all_read(user=last, upto=later.pk)
    drain_jobs()
    assert queries.unread_count(last) == 1
    assert [(one.pk, one.read) for one in queries.latest_for(last)] == [(later.pk, True), (alert.pk, False)]
    assert mark_read(user=last, ids=[alert.pk]).unread == 0
    assert all(one.read for one in queries.latest_for(last))


def test_what_one_person_reads_is_unread_for_others(crowd: list[User]) -> None:
    (alert,) = notify(to=MEMBERS, message="m")
    drain_jobs()
    mark_all_read(user=crowd[0], upto=alert.pk)
    mark_read(user=crowd[1], ids=[alert.pk])
    assert [queries.unread_count(user) for user in crowd[:3]] == [0, 0, 1]
    assert mark_read(user=crowd[1], ids=[alert.pk]).unread == 0
    outsider = User.objects.create_user("outsider")
    assert mark_read(user=outsider, ids=[alert.pk]).unread == 0
    assert not any("alerts_read" in text for text in published_to(outsider))


@pytest.mark.slow
@pytest.mark.parametrize("wanted", ["unread", "newest", "marked"])
def test_entries_are_found_by_walks_through_one_index(crowd: list[User], wanted: str) -> None:
    InboxEntry.objects.bulk_create(
        InboxEntry(user=user, notification_id=number, read_at=None if number % 50 == 0 else timezone.now())
        for user in crowd
        for number in range(1, 101)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    reader = reading.reader(crowd[0].pk)
    with CaptureQueriesContext(connection) as captured:
        if wanted == "unread":
            assert reading.unread_ids(reader, limit=10) == [100, 50]
        elif wanted == "newest":
            assert reading.newest_ids(reader, before=LAST_ID, limit=3) == [100, 99, 98]
            assert reading.newest_ids(reader, before=51, limit=3) == [50, 49, 48]
        else:
            assert entries.mark_all_read(reader.key, 99) == 1
    query = captured.captured_queries[0]
    explain = "EXPLAIN QUERY PLAN " if connection.vendor == "sqlite" else "EXPLAIN "
    with connection.cursor() as cursor:
        cursor.execute(explain + query["sql"])
        plan = [row[-1] for row in cursor.fetchall()]
    assert "hub_notification_entry_place" in "\n".join(plan), plan
    assert not [step for step in plan if "Sort Key: entry" in step or "TEMP B-TREE" in step], plan


ACTION = st.one_of(
    st.tuples(st.just("distribute"), st.booleans()),
    st.tuples(st.just("alone"), st.integers(0, 1)),
    st.tuples(st.just("run"), st.just(0)),
    st.tuples(st.just("read"), st.integers(0, 7)),
    st.tuples(st.just("read all"), st.integers(0, 7)),
    st.tuples(st.just("withdraw"), st.integers(0, 7)),
)


@pytest.mark.slow
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(actions=st.lists(ACTION, max_size=12))
def test_counts_and_lists_are_those_of_a_plain_model(actions: list[tuple[str, Any]]) -> None:
    with transaction.atomic():
        _compare_with_model(actions)
        transaction.set_rollback(True)


def _compare_with_model(actions: list[tuple[str, Any]]) -> None:
    people = make_crowd("model", 3)
    ada = people[0]
    sent: list[int] = []
    owed: list[int] = []
    has: dict[int, bool] = {}  # of Ada: whether it is read
    for action, value in actions:
        chosen = sent[value % len(sent)] if sent and action in {"read", "read all", "withdraw"} else 0
        match action:
            case "distribute":
                (row,) = notify(to=MEMBERS, message="m")
                sent.append(row.pk)
                owed.append(row.pk)
            case "alone":
                (row,) = notify(to=people[value], message="m")
                sent.append(row.pk)
                if value == 0:
                    has[row.pk] = False
            case "run":
                for pk in owed:
                    distributing.run(pk)
                    has[pk] = False
                owed = []
            case "read":
                mark_read(user=ada, ids=[chosen])
                has |= {chosen: True} if chosen in has else {}
            case "read all":
                mark_all_read(user=ada, upto=chosen)
                has |= {pk: True for pk in has if pk <= chosen}
            case "withdraw":
                withdraw(Notification.objects.filter(pk=chosen))
                has.pop(chosen, None)
                sent = [pk for pk in sent if pk != chosen]
                owed = [pk for pk in owed if pk != chosen]
        assert queries.unread_count(ada) == sum(not read for read in has.values())
        listed = {one.pk: one.read for one in queries.latest_for(ada)}
        assert listed == has
