from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models.functions import Now

from hub.database import leases
from hub.models import Lease

pytestmark = pytest.mark.django_db(transaction=True)


def test_one_holds_it_until_it_expires() -> None:
    assert leases.hold("beat", "a", seconds=10)
    assert not leases.hold("beat", "b", seconds=10)
    Lease.objects.update(expires_at=Now() - timedelta(seconds=1))
    assert leases.hold("beat", "b", seconds=10)
    assert not leases.hold("beat", "a", seconds=10)


def test_the_one_that_holds_it_renews_it() -> None:
    leases.hold("beat", "a", seconds=10)
    Lease.objects.update(expires_at=Now() + timedelta(seconds=1))
    assert leases.hold("beat", "a", seconds=10)
    assert Lease.objects.filter(expires_at__gt=Now() + timedelta(seconds=5)).exists()


def test_it_ends_by_itself_by_the_clock_of_the_database() -> None:
    leases.hold("beat", "a", seconds=-1)
    assert leases.hold("beat", "b", seconds=10)


def test_what_is_given_back_can_be_had_at_once() -> None:
    leases.hold("beat", "a", seconds=10)
    leases.release("beat", "b")
    assert not leases.hold("beat", "b", seconds=10)
    leases.release("beat", "a")
    assert leases.hold("beat", "b", seconds=10)


def test_leases_of_other_names_are_others() -> None:
    assert leases.hold("beat", "a", seconds=10)
    assert leases.hold("other", "b", seconds=10)


@pytest.mark.parametrize("expired", [False, True])
def test_of_many_that_want_it_at_once_one_gets_it(expired: bool) -> None:
    if expired:
        leases.hold("beat", "before", seconds=-1)

    def hold(number: int) -> bool:
        try:
            return leases.hold("beat", str(number), seconds=10)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(hold, range(8))) == 1


def test_lease_that_was_taken_by_a_clock_that_was_wrong_is_free() -> None:
    leases.hold("beat", "a", seconds=10)
    Lease.objects.update(expires_at=Now() + timedelta(hours=1))
    assert leases.hold("beat", "b", seconds=10)
    assert not leases.hold("beat", "a", seconds=10)
