"""A project that opens its orders to rules."""

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from notifications import open_to_rules
from notifications.saved_rules import current, opening
from tests.support.orders import Order, order_tables, orders  # noqa: F401  # fixtures
from tests.support.people import User


@pytest.fixture(autouse=True)
def opened(monkeypatch: pytest.MonkeyPatch, orders: None) -> Iterator[None]:  # noqa: F811  # the fixture
    monkeypatch.setattr(opening, "opened", {})
    open_to_rules(Order, fields=["id", "number", "status", "total"])
    current.forget()
    yield
    current.forget()


@pytest.fixture
def admin() -> Client:
    """Somebody who may change rules, and nothing else."""
    ann = User.objects.create_user("ann")
    ann.is_staff = True
    ann.save()
    ann.user_permissions.set(Permission.objects.filter(codename__in=["add_savedrule", "change_savedrule"]))
    rights = Permission.objects.filter(codename__endswith="savedrulecondition")
    ann.user_permissions.add(*rights)
    client = Client()
    client.force_login(ann)
    return client
