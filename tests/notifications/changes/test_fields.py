"""An alert where a field has changed: which rows, which columns, which values are compared."""

import uuid
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F
from pytest_django.fixtures import Settings

from notifications import Alert, on_save
from tests.notifications.changes.saying import made, moved, say, sent
from tests.support.orders import Draft, Order, Parcel, Tag, Ticket

pytestmark = pytest.mark.usefixtures("orders")


def test_a_rule_runs_where_one_of_its_fields_changed(rule: None) -> None:
    order = made()
    order.total = 5
    order.save()
    assert sent() == []
    order.status = "paid"
    order.save()
    assert sent() == ["new > paid"]


def test_a_new_row_has_no_old_values(rule: None) -> None:
    Order.objects.create(status="paid")
    assert sent() == ["nothing > paid"]


@pytest.mark.parametrize(("created", "expected"), [(True, ["nothing > new"]), (False, ["new > paid"])])
def test_created_says_whether_the_transaction_has_made_the_row(created: bool, expected: list[str]) -> None:
    on_save(Order, fields=["status"], created=created)(moved)
    order = Order.objects.create()
    order.status = "paid"
    order.save()
    assert sent() == expected


def test_when_is_asked_with_the_old_row() -> None:
    @on_save(Order, fields=["total"], when=lambda order, old: old is not None and order.total > old.total)
    def dearer(order: Order) -> Alert:
        return say(f"{order.total}")

    order = made(total=10)
    order.total = 8
    order.save()
    assert sent() == []
    order.total = Decimal("12.5")
    order.save()
    assert sent() == ["12.5"]


def test_when_without_fields_has_all_columns() -> None:
    @on_save(Order, created=False, when=lambda order, old: old.customer_id is None and order.customer is not None)
    def assigned(order: Order) -> Alert:
        return say("assigned")

    order = made()
    order.save()
    assert sent() == []
    order.customer = Tag.objects.create(name="ann")
    order.save()
    assert sent() == ["assigned"]


def test_an_error_in_when_breaks_no_save(settings: Settings) -> None:
    settings.HUB_RULES_RAISE = "never"
    on_save(Order, when=lambda order, old: 1 / 0 > 1)(moved)
    order = made()
    order.status = "paid"
    order.save()
    order.refresh_from_db()
    assert order.status == "paid"


def test_old_says_which_columns_it_has(rule: None) -> None:
    on_save(Order, fields=["status"], created=False, when=lambda order, old: old.total)(moved)
    order = made()
    order.status = "paid"
    with pytest.raises(AttributeError, match="has no 'total', only status: name it in the rule's fields"):
        order.save()


def test_values_are_those_of_the_row_and_not_of_the_instance(rule: None) -> None:
    order = made()
    order.status = "not saved"
    order.save(update_fields=["total"])
    assert sent() == []
    Order.objects.update(status="moved")
    order.status = "paid"
    order.save()
    assert sent() == ["moved > paid"]


def test_an_instance_that_was_never_loaded_has_old_values(rule: None) -> None:
    order = made()
    Order(pk=order.pk, status="paid").save()
    Order(pk=str(order.pk), status="packed").save()
    assert sent() == ["new > paid", "paid > packed"]


def test_another_primary_key_is_another_row(rule: None) -> None:
    order = made()
    order.pk += 1
    order.status = "copied"
    order.save()
    assert sent() == ["nothing > copied"]


def test_expressions_are_compared_by_what_they_have_become() -> None:
    @on_save(Order, fields=["total"])
    def counted(order: Order, old: Any) -> Alert:
        return say(f"{old.total} > {order.total}")

    order = made(total=3)
    order.total = F("total") + 0
    order.save()
    assert sent() == []
    order.total = F("total") + 2
    order.save()
    assert sent() == ["3.00 > 5.00"]
    assert hasattr(order.total, "resolve_expression")  # the instance of the caller is left alone


def test_text_in_the_place_of_a_number_is_that_number() -> None:
    @on_save(Order, fields=["total"])
    def counted(order: Order, old: Any) -> Alert:
        return say(f"{old.total} > {order.total!r}")

    order = made(total=3)
    order.total = "3"
    order.save()
    order.total = "3.001"
    order.save()
    assert sent() == []
    order.total = "4"
    order.save()
    assert sent() == ["3.00 > Decimal('4.00')"]


def test_columns_of_a_parent_table_count() -> None:
    on_save(Parcel, fields=["status", "weight"])(moved)
    parcel = Parcel.objects.create()
    parcel.status = "paid"
    parcel.save()
    parcel.weight = 3
    parcel.save(update_fields=["weight"])
    assert sent() == ["nothing > new", "new > paid", "paid > paid"]


def test_a_proxy_is_a_model_of_its_own(rule: None) -> None:
    on_save(Draft, fields=["status"])(moved)
    order = made()
    draft = Draft.objects.get()
    draft.status = "drafted"
    draft.save()
    order.status = "paid"
    order.save()
    assert sent() == ["new > drafted", "drafted > paid"]


def test_keys_that_a_model_makes_up_are_new_rows() -> None:
    on_save(Ticket, fields=["status"])(moved)
    ticket = Ticket.objects.create()
    ticket.status = "paid"
    ticket.save()
    Ticket(pk=ticket.pk, status="packed").save(force_update=True)
    with pytest.raises(ValidationError, match="no key"), transaction.atomic():
        Ticket(pk="no key").save()
    assert sent() == ["nothing > new", "new > paid", "paid > packed"]
    assert isinstance(ticket.pk, uuid.UUID)
