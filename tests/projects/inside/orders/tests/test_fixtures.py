"""The same with the fixtures of pytest, which come with the hub."""

import pytest
from asgiref.sync import sync_to_async
from hub.testing import assert_notified
from people.models import Person
from worker.models import TrackedJob

from orders.models import Order
from orders.tasks import remind


@pytest.fixture
def ada(db) -> Person:
    return Person.objects.create_user("ada@example.org", full_name="Ada")


def test_shipped_order_notifies_its_customer(hub_notifications, ada) -> None:
    order = Order.objects.create(customer=ada, number="A1", is_shipped=True)
    assert [alert.message for alert in hub_notifications] == ["Order A1 is on its way"]
    assert order.pk


def test_shipped_order_is_published_to_its_customer(hub_publications, ada) -> None:
    Order.objects.create(customer=ada, number="A1", is_shipped=True)
    assert [one.channel for one in hub_publications] == [f"user:{ada.pk}"]


def test_job_reminds_the_customer(hub_drain_jobs, ada) -> None:
    Order.objects.create(customer=ada, number="A1")
    remind.delay("A1")
    assert [job.task for job in hub_drain_jobs()] == ["orders.tasks.remind"]
    assert_notified(ada, "Your order A1 waits")


def test_job_that_a_view_calls_is_that_of_who_is_logged_in(hub_drain_jobs, ada, client) -> None:
    client.force_login(ada)
    client.post("/app/orders/A1/pack/")
    hub_drain_jobs()
    job = TrackedJob.objects.get()
    assert (job.owner, job.state, job.result_text) == (ada, "succeeded", "Order A1 is packed")


async def test_bell_of_the_customer_rings(hub_connected, ada) -> None:
    async with hub_connected(ada) as client:
        await sync_to_async(Order.objects.create)(customer=ada, number="A1", is_shipped=True)
        assert (await client.receive()).data["message"] == "Order A1 is on its way"
