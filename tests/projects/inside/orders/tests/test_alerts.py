"""The alerts of orders, as a team tests them with Django's own classes."""

from unittest import mock

from asgiref.sync import sync_to_async
from django.db import transaction
from django.test import TestCase, TransactionTestCase
from hub.testing import (
    aassert_notified,
    assert_not_notified,
    assert_notified,
    capture_notifications,
    capture_publications,
    connected,
    drain_jobs,
)
from people.models import Person

from orders.models import Order
from orders.tasks import remind


class AlertTests(TestCase):
    @classmethod
    def setUpTestData(cls) -> None:
        cls.ada = Person.objects.create_user("ada@example.org", full_name="Ada")
        cls.bob = Person.objects.create_user("bob@example.org", full_name="Bob")

    def test_shipped_order_notifies_its_customer(self) -> None:
        with capture_notifications() as sent:
            Order.objects.create(customer=self.ada, number="A1", is_shipped=True)
        assert_notified(self.ada, "Order A1 is on its way", level="success", times=1, sent=sent)
        assert_not_notified(self.bob, sent=sent)

    def test_order_that_waits_notifies_nobody(self) -> None:
        with capture_notifications() as sent:
            Order.objects.create(customer=self.ada, number="A1")
        self.assertEqual(sent, [])

    def test_order_that_is_rolled_back_notifies_nobody(self) -> None:
        with capture_publications() as published:
            with transaction.atomic():
                Order.objects.create(customer=self.ada, number="A1", is_shipped=True)
                transaction.set_rollback(True)
        self.assertEqual(published, [])

    def test_failure_prints_what_was_sent(self) -> None:
        Order.objects.create(customer=self.bob, number="B1", is_shipped=True)
        with self.assertRaisesMessage(AssertionError, f"Bob ({self.bob.pk}): [success] Order B1 is on its way"):
            assert_notified(self.ada)

    def test_rule_that_is_broken_fails_the_test(self) -> None:
        with mock.patch("orders.alerts.alert", side_effect=ZeroDivisionError), self.assertRaises(ZeroDivisionError):
            Order.objects.create(customer=self.ada, number="A1", is_shipped=True)

    def test_job_reminds_the_customer(self) -> None:
        Order.objects.create(customer=self.ada, number="A1")
        remind.delay("A1")
        assert_not_notified(self.ada)
        drain_jobs()
        assert_notified(self.ada, "Your order A1 waits")

    async def test_bell_of_the_customer_rings(self) -> None:
        async with connected(self.ada) as ada, connected(self.bob) as bob:
            await Order.objects.acreate(customer=self.ada, number="A1", is_shipped=True)
            self.assertEqual((await ada.receive()).data["message"], "Order A1 is on its way")
            await bob.receive_nothing()


class CommittedAlertTests(TransactionTestCase):
    async def test_bell_of_the_customer_rings(self) -> None:
        ada = await sync_to_async(Person.objects.create_user)("ada@example.org", full_name="Ada")
        async with connected(ada) as client:
            await Order.objects.acreate(customer=ada, number="A1", is_shipped=True)
            self.assertEqual((await client.receive()).data["message"], "Order A1 is on its way")
        await aassert_notified(ada, "Order A1 is on its way")
