"""All saves of a transaction are one alert, against the first old values of it."""

import threading

import pytest
from django.db import IntegrityError, connection, transaction

from hub.models import Publication
from lab.harness.waiting import wait_for
from notifications import on_save
from tests.notifications.changes.saying import made, published, sent
from tests.support.orders import Order

pytestmark = pytest.mark.usefixtures("orders")


def test_saves_of_a_transaction_are_one_alert_with_the_last_state(rule: None) -> None:
    order = made()
    with transaction.atomic():
        for status in ("paid", "packed", "shipped"):
            order.status = status
            order.save()
    assert sent() == ["new > shipped"]
    assert published() == 1
    order.status = "returned"
    order.save()
    assert sent() == ["new > shipped", "shipped > returned"]


def test_a_new_row_that_is_saved_again_is_new(rule: None) -> None:
    with transaction.atomic():
        order = Order.objects.create()
        order.status = "paid"
        order.save(update_fields=["status"])
    assert sent() == ["nothing > paid"]


def test_a_row_that_gets_its_old_value_back_has_not_changed(rule: None) -> None:
    order = made()
    with transaction.atomic():
        order.status = "paid"
        order.save()
        assert sent() == ["new > paid"]
        order.status = "new"
        order.save()
    assert sent() == []
    assert published() == 0


def test_other_saves_in_between_leave_the_alert(rule: None) -> None:
    order = made()
    with transaction.atomic():
        order.status = "paid"
        order.save()
        stale = Order.objects.only("total").get()
        stale.total = 9
        stale.save()
        Order(pk=order.pk, status="new", total=9).save(update_fields=["total"])
    assert sent() == ["new > paid"]


def test_two_instances_of_one_row_are_one_object(rule: None) -> None:
    made()
    with transaction.atomic():
        for status in ("paid", "packed"):
            order = Order.objects.get()
            order.status = status
            order.save()
    assert sent() == ["new > packed"]


def test_a_savepoint_that_is_rolled_back_is_forgotten(rule: None) -> None:
    order = made()
    with transaction.atomic():
        order.status = "paid"
        order.save()
        with pytest.raises(RuntimeError), transaction.atomic():
            order.status = "lost"
            order.save()
            raise RuntimeError
        assert sent() == ["new > paid"]
        order.status = "packed"
        order.save()
    assert sent() == ["new > packed"]


def test_what_happened_in_a_savepoint_that_was_rolled_back_is_no_old_value(rule: None) -> None:
    order = made()
    with transaction.atomic():
        with pytest.raises(RuntimeError), transaction.atomic():
            order.status = "lost"
            order.save()
            raise RuntimeError
        Order.objects.update(status="moved")
        order.status = "paid"
        order.save()
    assert sent() == ["moved > paid"]


def test_savepoints_that_are_released_count_as_the_transaction(rule: None) -> None:
    order = made()
    with transaction.atomic():
        with transaction.atomic():
            order.status = "paid"
            order.save()
        with transaction.atomic():
            with transaction.atomic(savepoint=False):
                order.status = "packed"
                order.save()
            with transaction.atomic():
                order.status = "shipped"
                order.save()
    assert sent() == ["new > shipped"]


def test_a_transaction_that_is_rolled_back_is_forgotten(rule: None) -> None:
    order = made()
    with pytest.raises(RuntimeError), transaction.atomic():
        order.status = "lost"
        order.save()
        raise RuntimeError
    order.status = "paid"
    order.save()
    assert sent() == ["new > paid"]


def test_a_save_in_a_save_is_told_by_itself(rule: None) -> None:
    @on_save(Order, created=False)
    def stamp(order: Order) -> None:
        if order.number != "stamped":
            order.number = "stamped"
            order.status = "paid"
            order.save()

    order = made()
    order.total = 7
    with transaction.atomic():
        order.save()
    assert sent() == ["new > paid"]


def test_a_save_that_fails_leaves_nothing(rule: None) -> None:
    order = made()
    order.status = None  # type: ignore[assignment]  # which the database refuses
    for _ in range(2):
        with pytest.raises(IntegrityError), transaction.atomic():
            order.save()
    order.status = "paid"
    order.save()
    assert sent() == ["new > paid"]


@pytest.mark.django_db(transaction=True)
def test_a_transaction_that_commits_is_over(rule: None) -> None:
    order = made()

    @transaction.atomic
    def move(*statuses: str, then: str = "") -> None:
        if then:
            # Runs before what the rule has noted is over.
            transaction.on_commit(lambda: move(then))
        for status in statuses:
            order.status = status
            order.save()

    move("paid", "packed", then="shipped")
    assert sent() == ["new > packed", "packed > shipped"]
    with pytest.raises(RuntimeError), transaction.atomic():
        move("lost")
        raise RuntimeError
    move("returned")
    assert sent()[2:] == ["shipped > returned"]
    assert Publication.objects.filter(channel="everyone", offset=None).count() == 0


@pytest.mark.django_db(transaction=True)
def test_two_transactions_that_save_one_object_see_each_other(rule: None) -> None:
    """The second one reads the old values when the first one has committed."""
    order = made()
    is_saved, is_waiting = threading.Event(), threading.Event()

    def first() -> None:
        with transaction.atomic():
            row = Order.objects.get()
            row.status = "paid"
            row.save()
            is_saved.set()
            is_waiting.wait(30)
        connection.close()

    def second() -> None:
        is_saved.wait(30)
        with transaction.atomic():
            Order(pk=order.pk, status="packed").save()
        connection.close()

    threads = [threading.Thread(target=target) for target in (first, second)]
    for thread in threads:
        thread.start()
    is_saved.wait(30)
    wait_for(threads[1].is_alive)
    is_waiting.set()
    for thread in threads:
        thread.join(20)
    assert sorted(sent()) == ["new > paid", "paid > packed"]
