"""Savepoints that somebody makes by hand."""

import pytest
from django.db import transaction

from tests.notifications.changes.saying import made, published, sent

pytestmark = pytest.mark.usefixtures("orders")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("said_before", [False, True])
def test_a_savepoint_that_is_made_and_rolled_back_by_hand_loses_no_alert(rule: None, said_before: bool) -> None:
    order = made()
    with transaction.atomic():
        if said_before:
            order.status = "open"
            order.save()
        savepoint = transaction.savepoint()
        order.status = "paid"
        order.save()
        transaction.savepoint_rollback(savepoint)
        assert sent() == (["new > open"] if said_before else [])
        order.status = "paid"
        order.save()
    assert sent() == ["new > paid"]
    assert published() == 1


@pytest.mark.django_db(transaction=True)
def test_what_was_said_before_a_savepoint_made_by_hand_is_back_with_its_rollback(rule: None) -> None:
    order = made()
    with transaction.atomic():
        order.status = "open"
        order.save()
        savepoint = transaction.savepoint()
        order.status = "new"
        order.save()
        assert sent() == []
        transaction.savepoint_rollback(savepoint)
        order.status = "new"
        order.save()
    assert sent() == []


@pytest.mark.django_db(transaction=True)
def test_a_savepoint_made_by_hand_and_kept_is_one_change_with_the_rest(rule: None) -> None:
    order = made()
    with transaction.atomic():
        savepoint = transaction.savepoint()
        order.status = "open"
        order.save()
        transaction.savepoint_commit(savepoint)
        order.status = "paid"
        order.save()
    assert sent() == ["new > paid"]
