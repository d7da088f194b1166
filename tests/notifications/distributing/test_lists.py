"""The keys of the people of a long list, as they are stored."""

import uuid
from typing import Any

import pytest
from django.db import connection

from hub.testing import drain_jobs
from notifications import notify
from notifications.models import Distribution, ListedPeople
from tests.notifications.distributing.crowds import assert_each_has_it_once
from tests.support.people import User

pytestmark = pytest.mark.django_db(transaction=True)

FIRST = 9_000_000_000_000_000


@pytest.fixture
def distribution(crowd: list[User]) -> Distribution:
    (alert,) = notify(to=crowd, message="m")
    ListedPeople.objects.all().delete()
    return alert.distribution


@pytest.mark.whole_table
@pytest.mark.parametrize(
    "keys",
    [
        [],
        [7],
        [1, 2, 3, FIRST, 2**63 - 1],
        [5, -3, 0, -(2**63)],
        ["ada", "0", 'a "quoted" one', "Ünï"],
        [str(uuid.UUID(int=number)) for number in range(3)],
    ],
    ids=str,
)
def test_keys_are_read_as_they_were_stored(distribution: Distribution, keys: list[Any]) -> None:
    ListedPeople.objects.create(distribution=distribution, keys=keys)
    assert [part.keys for part in ListedPeople.objects.all()] == [keys]


def test_a_part_of_neighbours_takes_two_characters_for_each(distribution: Distribution) -> None:
    ListedPeople.objects.create(distribution=distribution, keys=list(range(FIRST, FIRST + 1000)))
    with connection.cursor() as cursor:
        cursor.execute("SELECT LENGTH(keys) FROM hub_notifications_listedpeople")
        assert cursor.fetchone()[0] < 2100


def test_people_in_any_order_get_it_once(crowd: list[User]) -> None:
    (alert,) = notify(to=[*reversed(crowd), crowd[0]], message="m")
    assert Distribution.objects.get().total == len(crowd)
    drain_jobs()
    assert_each_has_it_once(crowd, alert)
