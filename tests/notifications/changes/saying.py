"""What the rules of these tests say, and what was sent."""

from typing import Any

from django.test.utils import CaptureQueriesContext

from hub.models import Publication
from notifications import Alert, alert
from notifications.models import Notification
from tests.support.orders import Order


def sent() -> list[str]:
    return list(Notification.objects.order_by("pk").values_list("message", flat=True))


def published() -> int:
    return Publication.objects.filter(channel="everyone").count()


def say(message: str) -> Alert:
    return alert(to="everyone", message=message)


def moved(order: Any, old: Any) -> Alert:
    before = "nothing" if old is None else old.status
    return say(f"{before} > {order.status}")


def made(**values: Any) -> Order:
    """An order of which nobody was told."""
    Order.objects.bulk_create([Order(**values)])
    order: Order = Order.objects.get()
    return order


def queries_of_tables(found: CaptureQueriesContext) -> list[str]:
    return [query["sql"].split()[0] for query in found.captured_queries if "notifications_order" in query["sql"]]
