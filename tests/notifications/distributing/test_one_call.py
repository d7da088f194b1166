"""One call to many is one row, whoever comes and goes meanwhile."""

from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import transaction

from hub.models import SharedData
from hub.testing import drain_jobs
from notifications import MEMBERS, notify
from notifications.inbox import queries
from notifications.models import Distribution, InboxEntry, ListedPeople, Notification
from notifications.sending import distributing
from notifications.sending.named_audiences import SMALL
from tests.notifications.distributing.crowds import assert_each_has_it_once, entries, published_to
from tests.support.people import User

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.slow
def test_a_call_to_many_is_one_row_and_few_statements(crowd: list[User], django_assert_max_num_queries: Any) -> None:
    with django_assert_max_num_queries(12):
        (alert,) = notify(to=User.objects.all(), message="We have moved", title="News")
    assert Notification.objects.count() == 1
    assert (alert.audience, alert.user_id) == ("people", None)
    assert not InboxEntry.objects.exists()
    drain_jobs()
    assert_each_has_it_once(crowd, alert)
    assert SharedData.objects.count() == 1
    assert not ListedPeople.objects.exists()
    assert {len(published_to(user)) for user in crowd} == {1}


def test_a_named_audience_is_read_by_the_job(crowd: list[User], django_assert_max_num_queries: Any) -> None:
    with django_assert_max_num_queries(8):
        (alert,) = notify(to="members", message="m")
    drain_jobs()
    assert_each_has_it_once(crowd, alert)
    assert queries.unread_count(crowd[0]) == 1
    assert queries.unread_count(AnonymousUser()) == 0
    assert queries.latest_for(AnonymousUser()) == []


@pytest.mark.parametrize("form", [list, tuple, iter, set])
def test_people_come_in_any_iterable(crowd: list[User], form: Any) -> None:
    (alert,) = notify(to=form(crowd), message="m")
    drain_jobs()
    assert_each_has_it_once(crowd, alert)


def test_a_small_list_gets_its_rows_at_once(crowd: list[User]) -> None:
    assert len(notify(to=crowd[:SMALL], message="m")) == SMALL
    assert len(notify(to=User.objects.order_by("pk")[:5], message="m")) == 5
    assert not Distribution.objects.exists()


def test_groups_beside_many_people_keep_rows_of_their_own(crowd: list[User]) -> None:
    rows = notify(to=[*crowd, "everyone"], message="m")
    assert [row.audience for row in rows] == [""]  # everyone has it once


def test_a_rollback_leaves_nothing_to_do(crowd: list[User]) -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        notify(to=MEMBERS, message="m")
        raise ZeroDivisionError
    assert drain_jobs() == []
    assert not Notification.objects.exists()
    assert not SharedData.objects.exists()


@pytest.mark.parametrize("to", ["members", "list"])
def test_people_who_are_deleted_meanwhile_are_left_out(crowd: list[User], to: str) -> None:
    (alert,) = notify(to=crowd if to == "list" else MEMBERS, message="m")
    distributing.step(alert.pk)
    crowd[3].delete()
    crowd[70].delete()
    assert distributing.run(alert.pk)
    left = [user for number, user in enumerate(crowd) if number not in {3, 70}]
    assert entries() == sorted((user.pk, alert.pk) for user in left)


def test_people_who_are_deactivated_or_made_meanwhile_are_no_members(crowd: list[User]) -> None:
    (alert,) = notify(to=MEMBERS, message="m")
    distributing.step(alert.pk)
    User.objects.filter(pk=crowd[90].pk).update(is_active=False)
    User.objects.create_user("late")
    assert distributing.run(alert.pk)
    assert_each_has_it_once([user for user in crowd if user != crowd[90]], alert)


def test_who_joins_later_does_not_get_the_past(crowd: list[User]) -> None:
    notify(to=MEMBERS, message="m")
    drain_jobs()
    late = User.objects.create_user("late")
    assert queries.latest_for(late) == []
    assert queries.unread_count(late) == 0
