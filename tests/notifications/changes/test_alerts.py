"""What a save costs that no rule wants, and what becomes of an alert that a change has made."""

import asyncio
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from notifications import Alert, alert, notify, on_save
from notifications.models import Notification, ScheduledAlert
from tests.notifications.changes.saying import made, queries_of_tables, say, sent
from tests.support.orders import Order, Ticket
from tests.support.people import User

pytestmark = pytest.mark.usefixtures("orders")


def test_a_save_of_nothing_that_a_rule_wants_costs_one_query(rule: None) -> None:
    order = made()
    with CaptureQueriesContext(connection) as found:
        order.total = 5
        order.save()
    assert [query["sql"].split()[0] for query in found.captured_queries] == ["SELECT", "UPDATE"]
    assert "number" not in found.captured_queries[0]["sql"]
    with transaction.atomic():
        order.save()
        with CaptureQueriesContext(connection) as found:
            order.save()
    assert queries_of_tables(found) == ["UPDATE"]


def test_models_without_such_rules_cost_nothing(rule: None) -> None:
    ticket = Ticket.objects.create()
    with CaptureQueriesContext(connection) as found:
        ticket.save()
    assert len(found) == 1


def test_a_second_save_that_says_the_same_writes_nothing() -> None:
    @on_save(Order, fields=["status", "total"])
    def changed(order: Order) -> Alert:
        return say("changed")

    order = made()
    with transaction.atomic():
        order.status = "paid"
        order.save()
        first = Notification.objects.get()
        order.total = 9
        order.save()
    assert Notification.objects.get().pk == first.pk


def test_an_alert_with_a_key_that_was_there_before_stays() -> None:
    @on_save(Order, fields=["status"])
    def changed(order: Order) -> Alert | None:
        return None if order.status == "new" else alert(to="everyone", message=order.status, key="order")

    notify(to="everyone", message="before", key="order")
    order = made()
    with transaction.atomic():
        for status in ("paid", "new"):
            order.status = status
            order.save()
    assert sent() == ["before"]


def test_what_was_scheduled_before_the_transaction_stays() -> None:
    tomorrow = timezone.now() + timedelta(days=1)

    @on_save(Order, fields=["status"])
    def changed(order: Order) -> Alert | None:
        return None if order.status == "new" else alert(to="everyone", message=order.status, at=tomorrow, key="order")

    notify(to="everyone", message="before", at=tomorrow, key="order")
    order = made()
    with transaction.atomic():
        for status in ("paid", "new"):
            order.status = status
            order.save()
    assert [row.contents["message"] for row in ScheduledAlert.objects.all()] == ["before"]


def test_alerts_to_many_people_are_replaced_too() -> None:
    @on_save(Order, fields=["status"])
    def changed(order: Order) -> Alert:
        return alert(to="members", message=order.status)

    User.objects.create_user("ann")
    order = made()
    with transaction.atomic():
        for status in ("paid", "packed"):
            order.status = status
            order.save()
    assert sent() == ["packed"]


@pytest.mark.django_db(transaction=True)
def test_async_saves_run_rules(rule: None) -> None:
    async def story() -> None:
        order = await Order.objects.acreate()
        order.status = "paid"
        await order.asave()
        await Order.objects.aupdate_or_create(pk=order.pk, defaults={"status": "packed"})

    asyncio.run(story())
    assert sent() == ["nothing > new", "new > paid", "paid > packed"]
