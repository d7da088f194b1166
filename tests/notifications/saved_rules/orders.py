"""Rules about orders that are made on their page, and what they have sent."""

import re
from typing import Any

from django.test import Client
from django.urls import reverse

from notifications.models import Notification
from notifications.saved_rules import current
from notifications.saved_rules.models import RuleState, SavedRule
from tests.support.orders import Order

LABEL = "notifications.order"


def made(conditions: list[dict[str, Any]] | None = None, **values: Any) -> SavedRule:
    """A rule that is on, and known to this process."""
    usual = {
        "name": "rule",
        "state": RuleState.ON,
        "model": LABEL,
        "recipients": "everyone",
        "message": "{number}: {status}",
    }
    rule = SavedRule.objects.create(**{**usual, "on_changed": True, **values})
    for condition in conditions or ():
        rule.conditions.create(**condition)
    current.forget()  # in a test nothing is committed, which the process would wait for
    return rule


def order(**values: Any) -> Order:
    Order.objects.bulk_create([Order(**values)])
    found: Order = Order.objects.latest("pk")
    return found


def move(row: Order, **values: Any) -> None:
    for name, value in values.items():
        setattr(row, name, value)
    row.save()


def sent() -> list[str]:
    return list(Notification.objects.order_by("pk").values_list("message", flat=True))


def posted(admin: Client, *conditions: dict[str, str], **values: str) -> list[str]:
    """Make a rule on its page; returns what the page has against it."""
    form = {
        "name": "made",
        "state": "off",
        "model": LABEL,
        "on_changed": "on",
        "recipients": "everyone",
        "level": "info",
        "message": "{number}",
        "conditions-TOTAL_FORMS": str(len(conditions)),
        "conditions-INITIAL_FORMS": "0",
    }
    for number, condition in enumerate(conditions):
        form |= {f"conditions-{number}-{name}": value for name, value in condition.items()}
    answer = admin.post(reverse("admin:hub_notifications_savedrule_add"), {**form, **values})
    return [] if answer.status_code == 302 else re.findall(r'<ul class="errorlist[^>]*><li>([^<]+)', answer.text)
