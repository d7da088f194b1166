"""No rule, no value and no signal breaks a save."""

from typing import Any

import pytest
from django.core.checks import run_checks
from django.db import models, transaction
from django.db.models.signals import m2m_changed, post_delete, post_save

from hub.database import watch
from notifications import on_delete, on_m2m_change, on_save
from notifications.rules import conditions
from tests.notifications.changes.saying import made, moved, say, sent
from tests.support.orders import Order, Tag

pytestmark = pytest.mark.usefixtures("orders")


def test_checks_name_rules_that_cannot_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conditions, "mistakes", [])
    on_save(Order, fields=["stattus"])(moved)
    on_save(Order, fields=["tags"])(moved)
    on_save(Tag, fields=["orders"])(moved)
    on_m2m_change(Order, "status")(moved)
    said = [message.msg for message in run_checks() if message.id == "hub.E072"]
    name = f"The rule {moved.__module__}.moved: "
    assert said == [
        f"{name}notifications.Order has no field 'stattus'. It has id, number, status, total, customer, tags.",
        f"{name}notifications.Order.tags is a many-to-many field, which no save changes; use @on_m2m_change(…).",
        f"{name}notifications.Tag.orders is not in the row itself: a save does not change it.",
        f"{name}notifications.Order.status is no many-to-many field; use @on_save(…, fields=['status']).",
    ]
    order = made()
    order.status = "paid"
    order.save()
    assert sent() == []


@pytest.mark.parametrize("values", [{}, {"raw": False, "using": "default", "update_fields": None}])
def test_signals_that_a_project_sends_by_hand_break_nothing(rule: None, values: dict[str, Any]) -> None:
    on_save(Order)(lambda order: say("saved"))
    on_delete(Order)(lambda order: say("deleted"))
    watch(lambda row: None, Order, ["status"], "by hand", deletions=True)
    on_m2m_change(Order, "tags")(lambda order, change: say("tags"))
    order = made()
    for one in (order, Order()):
        post_save.send(Order, instance=one, created=True, **values)
    post_delete.send(Order, instance=order, **{name: one for name, one in values.items() if name == "using"})
    m2m_changed.send(Order.tags.through, instance=order, action="post_clear")
    assert sent() == ["saved", "saved", "deleted"]
    order.status = "paid"
    order.save()
    assert sent()[3:] == ["new > paid", "saved"]


def test_a_value_that_cannot_be_compared_breaks_no_save(rule: None) -> None:
    class Odd(str):
        __slots__ = ()
        __hash__ = str.__hash__

        def __ne__(self, other: object) -> bool:
            raise AttributeError

    order = made()
    order.status = Odd("paid")
    order.save()
    assert sent() == ["new > paid"]


def test_a_stored_value_that_cannot_be_read_breaks_no_save(rule: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> Any:
        raise AttributeError

    order = made()
    order.status = "paid"
    monkeypatch.setattr(models.CharField, "from_db_value", fail, raising=False)
    order.save()
    monkeypatch.undo()
    assert Order.objects.get().status == "paid"
    assert sent() == []


def test_the_manager_of_a_project_has_no_part_in_what_is_read(rule: None, monkeypatch: pytest.MonkeyPatch) -> None:
    class Grouped(models.Manager[Any]):
        def get_queryset(self) -> Any:
            return super().get_queryset().annotate(number_of_tags=models.Count("tags")).distinct()

    manager = Grouped()
    manager.model = Order
    order = made()
    order.status = "paid"
    monkeypatch.setitem(Order._meta.__dict__, "base_manager", manager)
    with transaction.atomic():
        order.save()
    assert sent() == ["new > paid"]
