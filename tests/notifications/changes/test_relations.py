"""Changes of many-to-many fields."""

import pytest
from django.core.serializers.base import DeserializedObject
from django.db import transaction

from notifications import Alert, on_m2m_change
from notifications.rules.m2m import RelationChange
from tests.notifications.changes.saying import made, say, sent
from tests.support.orders import Order, Tag

pytestmark = pytest.mark.usefixtures("orders")


@pytest.fixture
def tagged() -> None:
    @on_m2m_change(Order, "tags")
    def changed(order: Order, change: RelationChange) -> Alert:
        return say(f"{order.number}: +{sorted(change.added)} -{sorted(change.removed)}")


def test_a_relation_is_told_from_both_sides(tagged: None) -> None:
    order = made()
    first, second = (Tag.objects.create(name=name) for name in "ab")
    order.tags.add(first, second)
    order.tags.add(first)
    second.orders.remove(order)
    order.tags.remove(second)
    first.orders.clear()
    assert sent() == [
        f"1: +{[first.pk, second.pk]} -[]",
        f"1: +[] -{[second.pk]}",
        f"1: +[] -{[first.pk]}",
    ]


@pytest.mark.parametrize("times", [1, 2], ids=["into nothing", "over itself"])
def test_fixtures_run_no_rule(tagged: None, times: int) -> None:
    first, second = (Tag.objects.create(name=name) for name in "ab")
    for _ in range(times):  # as `loaddata` does
        DeserializedObject(Order(pk=7), m2m_data={"tags": [first.pk]}).save()
    order = Order.objects.get()
    assert list(order.tags.all()) == [first] and sent() == []
    order.tags.set([second])
    assert sent() == [f"1: +{[second.pk]} -{[first.pk]}"]


def test_changes_of_a_relation_in_a_transaction_are_one(tagged: None) -> None:
    order = made()
    first, second, third = (Tag.objects.create(name=name) for name in "abc")
    order.tags.set([first])
    with transaction.atomic():
        order.tags.set([second])
        order.tags.add(third)
        with pytest.raises(RuntimeError), transaction.atomic():
            order.tags.clear()
            raise RuntimeError
        order.tags.remove(second)
    assert sent() == [f"1: +{[first.pk]} -[]", f"1: +{[third.pk]} -{[first.pk]}"]
    with transaction.atomic():
        order.tags.clear()
        order.tags.add(third)
    assert len(sent()) == 2
