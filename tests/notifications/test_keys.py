"""Promise 5: the same idempotency key stores once."""

import re
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection, transaction

from hub.models import Publication
from hub.users import user_id
from lab.harness.environment import BASE_DIR
from notifications import alert, anotify, notify
from notifications.models import Notification, Topic
from notifications.sending import actions, own_keys
from notifications.sending.alerting import BadAlert
from notifications.sending.named_audiences import SMALL
from notifications.sending.own_keys import own_key
from tests.support.people import User, make_crowd
from tests.support.writers import needs_several_writers

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def people() -> list[User]:
    made = [User.objects.create_user(f"person{number}") for number in range(4)]
    Notification.objects.all().delete()
    Publication.objects.all().delete()
    return made


def published() -> dict[str, int]:
    """How many publications each channel has."""
    channels = list(Publication.objects.values_list("channel", flat=True))
    return {channel: channels.count(channel) for channel in set(channels)}


def test_the_same_key_stores_and_publishes_once_and_the_repeat_returns_what_is_stored() -> None:
    (first,) = notify(to="everyone", message="first", key="deploy:42")
    (again,) = notify(to="everyone", message="again", key="deploy:42")
    assert (again.pk, again.message) == (first.pk, "first")
    assert Notification.objects.count() == 1
    assert published() == {"everyone": 1}


def test_another_key_and_no_key_store_again() -> None:
    for key in ("a", "b", None, None):
        notify(to="everyone", message="m", key=key)
    assert Notification.objects.count() == 4
    assert published() == {"everyone": 4}


def test_each_recipient_has_a_key_once_and_those_who_have_none_get_it(people: list[User]) -> None:
    ops = Group.objects.create(name="ops")
    first = notify(to=[people[0], people[1]], message="m", key="k")
    rows = notify(to=[people[2], people[1], ops, people[0]], message="m", key="k")
    assert [(row.user, row.group) for row in rows] == [
        (people[2], None),
        (people[1], None),
        (None, ops),
        (people[0], None),
    ]
    assert {rows[1].pk, rows[3].pk} == {row.pk for row in first}
    assert all(row.pk for row in rows)
    assert published() == {**{f"user:{user_id(person)}": 1 for person in people[:3]}, f"group:{ops.pk}": 1}


@pytest.mark.own_user_model
def test_a_person_and_a_topic_of_the_same_number_are_two_recipients() -> None:
    ann = User.objects.create_user("ann")
    Topic.objects.create(name="ops", title="Ops", pk=ann.pk)
    Notification.objects.all().delete()
    notify(to=["user:ann", "topic:ops", "user:ann"], message="m", key="k")
    notify(to="everyone", message="m", key="k")
    assert Notification.objects.count() == 3


def test_a_rollback_takes_the_key_back() -> None:
    class Rolled(Exception):
        """Ends a transaction."""

    with pytest.raises(Rolled), transaction.atomic():
        notify(to="everyone", message="never", key="k")
        raise Rolled
    (row,) = notify(to="everyone", message="sent", key="k")
    assert row.message == "sent"
    assert published() == {"everyone": 1}


def test_several_alerts_of_one_key_in_one_call_are_one() -> None:
    rows = actions.send(
        [alert(to="everyone", message=text, key="k") for text in "ab"] + [alert(to="everyone", message="c")]
    )
    assert [row.message for row in rows] == ["a", "a", "c"]
    assert Notification.objects.count() == 2


@pytest.mark.slow
def test_those_who_send_one_key_at_the_same_time_store_it_once(people: list[User]) -> None:
    def send(number: int) -> list[int]:
        # In two orders, so that those who insert in the order given would wait for each other in a ring.
        to = people if number % 2 else people[::-1]
        try:
            return sorted(row.pk for row in notify(to=to, message=str(number), key="k"))
        finally:
            connection.close()

    with ThreadPoolExecutor(50) as pool:
        results = list(pool.map(send, range(50)))
    assert len(results[0]) == 4
    assert all(result == results[0] for result in results)
    assert Notification.objects.count() == 4
    assert published() == {f"user:{user_id(person)}": 1 for person in people}


@needs_several_writers
def test_two_that_send_one_key_to_the_same_crowd_in_opposite_order_do_not_deadlock() -> None:
    crowd = make_crowd("crowd", SMALL)
    begin = Barrier(2)

    def send(to: list[User]) -> int:
        try:
            begin.wait(30)
            return len(notify(to=to, message="m", key="k"))
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(send, [crowd, crowd[::-1]])) == [SMALL, SMALL]
    assert Notification.objects.filter(key="k").count() == SMALL


@needs_several_writers
def test_one_that_waits_for_another_transaction_with_the_key_finds_its_row() -> None:

    def send() -> tuple[int, str]:
        try:
            (row,) = notify(to="everyone", message="second", key="k")
            return row.pk, row.message
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            (first,) = notify(to="everyone", message="first", key="k")
            second = pool.submit(send)
            with pytest.raises(TimeoutError):
                second.result(timeout=0.3)  # it waits, because this transaction may still be rolled back
        assert second.result(timeout=20) == (first.pk, "first")
    assert published() == {"everyone": 1}


def test_a_key_inside_a_transaction_that_goes_on_spoils_nothing(people: list[User]) -> None:
    notify(to=people[0], message="m", key="k")
    with transaction.atomic():
        notify(to=people[:2], message="m", key="k")
        more = User.objects.create_user("more")
    assert User.objects.filter(pk=more.pk).exists()
    assert Notification.objects.filter(key="k").count() == 2


async def test_anotify_takes_a_key() -> None:
    for _ in range(2):
        await anotify(to="everyone", message="m", key="k")
    assert await Notification.objects.acount() == 1


@pytest.mark.parametrize("key", ["", "x" * 201, 7, "a\x00b", "\ud800"])
def test_what_cannot_be_a_key_is_refused(key: Any) -> None:
    with pytest.raises(BadAlert, match="key is text of 1 to 200"):
        notify(to="everyone", message="m", key=key)
    assert not Notification.objects.exists()


def test_the_longest_key_is_stored() -> None:
    notify(to="everyone", message="m", key="я" * 200)
    assert Notification.objects.get().key == "я" * 200


@pytest.mark.slow
def test_a_hundred_recipients_cost_no_query_each(people: list[User], django_assert_max_num_queries: Any) -> None:
    many = make_crowd("many", SMALL)
    with django_assert_max_num_queries(30):
        notify(to=many, message="m", key="k")
    with django_assert_max_num_queries(10):
        assert len(notify(to=many, message="m", key="k")) == SMALL


@pytest.mark.parametrize("beginning", own_keys.OWN)
def test_a_key_of_the_hub_is_taken_by_nobody_else(beginning: str) -> None:
    key = f"{beginning}1:x"
    with pytest.raises(BadAlert, match=r"^Keys that begin with accounts\.signed_up:, again:, .* are the hub's own"):
        notify(to="everyone", message="m", key=key)
    notify(to="everyone", message="m", key=f"my-{key}")
    notify(to="everyone", message="m", key=key.partition(":")[0])
    assert set(Notification.objects.values_list("key", flat=True)) == {f"my-{key}", key.partition(":")[0]}


def test_beginnings_of_keys_that_the_hub_makes_are_reserved() -> None:
    made = set()
    for folder in ("notifications", "worker", "chat", "presence", "hub"):
        for path in (BASE_DIR / folder).rglob("*.py"):
            text = path.read_text()
            made |= set(re.findall(r'own_key\("([a-z_.]+:)"', text))
            for body in re.findall(r"def \w*key(?:_of)?\([^)]*\) -> str:\n(.*?)\n\n", text, re.DOTALL):
                made |= set(re.findall(r'return f"([a-z_.]+:)\{', body))
    assert made - {"http:"} == set(own_keys.OWN)
    with pytest.raises(ValueError, match="is not reserved"):
        own_key("mine:", "1")
