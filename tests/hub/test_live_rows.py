"""Rows that are published as they change: what, where, once a transaction, and never a field that is not listed."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.core.checks import run_checks
from django.db import connection, models, transaction
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import Settings

from hub.channels import Namespace, anyone, at_once, register
from hub.live_rows import LiveRows, declaring, live
from hub.models import Publication
from hub.users import user_id
from tests.connection.wire import wired
from tests.support.namespaces import declare, forget_later
from tests.support.orders import Order, Parcel, Tag, Ticket, order_tables, orders  # noqa: F401  # fixtures
from tests.support.people import User

pytestmark = pytest.mark.usefixtures("orders")

FIELDS = ["id", "number", "customer", "total"]


@pytest.fixture(autouse=True)
def namespace(monkeypatch: pytest.MonkeyPatch) -> None:
    forget_later(monkeypatch)
    monkeypatch.setattr(declaring, "declared", [])
    register(Namespace("orders", can_subscribe=anyone))


@pytest.fixture
def rows() -> LiveRows[Order]:
    return live(
        Order, channels=lambda order: [f"orders:{order.customer.pk if order.customer else 'none'}"], fields=FIELDS
    )


def published() -> list[tuple[str, str, Any]]:
    """Channel, what happened, and the item or its key, without what other tests ask of."""
    found = []
    for row in Publication.objects.filter(channel__startswith="orders:").order_by("pk"):
        data = json.loads(row.data)
        found.append((row.channel, data["type"].removeprefix("live_rows.row_"), data.get("item") or data["removed"]))
    return found


def item(order: Order, **values: Any) -> dict[str, Any]:
    return {"id": order.pk, "number": "1", "customer": None, "total": "0.00"} | values


def test_a_row_is_published_when_it_is_made_changed_and_deleted(rows: LiveRows[Order]) -> None:
    order = Order.objects.create()
    made = item(order)
    order.number = "2"
    order.save()
    order.delete()
    assert published() == [
        ("orders:none", "created", made),
        ("orders:none", "updated", {**made, "number": "2"}),
        ("orders:none", "deleted", made["id"]),
    ]


def test_what_is_not_listed_is_neither_published_nor_a_change(rows: LiveRows[Order]) -> None:
    order = Order.objects.create(status="secret")
    order.status = "more secret"
    order.save()
    assert len(published()) == 1
    assert not Publication.objects.filter(data__contains="secret").exists()


def test_values_are_those_of_the_row(rows: LiveRows[Order]) -> None:
    order = Order.objects.create(total="3")
    order.number = "not saved"
    order.total = models.F("total") + Decimal("1.5")
    order.save(update_fields=["total"])
    assert [found["total"] for _, _, found in published()] == ["3.00", "4.50"]
    assert [found["number"] for _, _, found in published()] == ["1", "1"]


def test_numbers_that_browsers_round_are_text_on_the_page_too(rows: LiveRows[Order]) -> None:
    order = Order.objects.create(pk=2**60)
    (on_page,) = rows.page("orders:none", Order.objects.all())["items"]
    order.delete()
    assert on_page["id"] == str(2**60)
    assert published() == [("orders:none", "created", on_page), ("orders:none", "deleted", str(2**60))]


def test_a_row_that_moves_is_deleted_here_and_created_there(rows: LiveRows[Order]) -> None:
    ann, ben = (Tag.objects.create(name=name) for name in ("ann", "ben"))
    order = Order.objects.create(customer=ann)
    order.customer = ben
    order.save()
    assert published()[1:] == [
        (f"orders:{ann.pk}", "deleted", order.pk),
        (f"orders:{ben.pk}", "created", item(order, customer=ben.pk)),
    ]
    order.customer = ann
    order.delete()  # where it was, and not where it was about to go
    assert published()[3:] == [(f"orders:{ben.pk}", "deleted", published()[1][2])]


def test_changes_of_a_transaction_are_one_publication_in_each_channel(rows: LiveRows[Order]) -> None:
    with transaction.atomic():
        order = Order.objects.create()
        for number in "234":
            order.number = number
            order.save()
    assert published() == [("orders:none", "created", item(order, number="4"))]
    with transaction.atomic():
        order.number = "5"
        order.save()
        with pytest.raises(RuntimeError), transaction.atomic():
            order.number = "lost"
            order.save()
            raise RuntimeError
    assert published()[1:] == [("orders:none", "updated", item(order, number="5"))]
    with transaction.atomic():
        for number in "65":
            order.number = number
            order.save()
    assert len(published()) == 2


def test_a_row_that_is_made_and_deleted_in_a_transaction_was_never_there(rows: LiveRows[Order]) -> None:
    with transaction.atomic():
        order = Order.objects.create()
        order.delete()
    assert published() == []


def test_a_row_that_is_deleted_and_made_again_has_changed(rows: LiveRows[Order]) -> None:
    order = Order.objects.create()
    with transaction.atomic():
        Order.objects.get().delete()
        Order.objects.create(pk=order.pk, number="2")
    assert published()[1:] == [("orders:none", "updated", item(order, number="2"))]


def test_rows_that_go_together_are_each_deleted(rows: LiveRows[Order]) -> None:
    ann = Tag.objects.create(name="ann")
    ids = [Order.objects.create(customer=ann).pk for _ in range(3)]
    with CaptureQueriesContext(connection) as found:
        Order.objects.all().delete()
    assert sorted(key for _, kind, key in published() if kind == "deleted") == ids
    # Django has loaded them to delete them: they are not read again.
    assert not [query for query in found.captured_queries if 'WHERE "notifications_order"."id" = ' in query["sql"]]


def test_another_key_is_another_row() -> None:
    live(Order, channels=lambda order: ["orders:all"], fields=["number"], key="number")
    order = Order.objects.create(number="1")
    order.number = "2"
    order.save()
    order.status = "paid"
    order.save()
    assert published()[1:] == [("orders:all", "deleted", "1"), ("orders:all", "created", {"number": "2"})]


def test_a_row_may_be_in_several_channels_or_in_none() -> None:
    live(Order, channels=lambda order: [f"orders:{one}" for one in order.number], fields=["id"])
    order = Order.objects.create(number="ab")
    order.number = ""
    order.save()
    assert [(channel, kind) for channel, kind, _ in published()] == [
        ("orders:a", "created"),
        ("orders:b", "created"),
        ("orders:a", "deleted"),
        ("orders:b", "deleted"),
    ]


def test_keys_of_other_kinds_and_parent_tables() -> None:
    live(Ticket, channels=lambda ticket: ["orders:all"], fields=["id", "status"])
    live(Parcel, channels=lambda parcel: ["orders:all"], fields=["order_ptr", "number", "weight"])
    ticket = Ticket.objects.create()
    parcel = Parcel.objects.create(weight=3)
    assert [found for _, _, found in published()] == [
        {"id": str(ticket.pk), "status": "new"},
        {"order_ptr": parcel.pk, "number": "1", "weight": 3},
    ]


def test_a_page_has_the_position_before_its_items(rows: LiveRows[Order]) -> None:
    order = Order.objects.create(status="secret", total=2)
    page = rows.page("orders:none", Order.objects.all())
    assert page["items"] == [{"id": order.pk, "number": "1", "customer": None, "total": "2.00"}]
    assert page["position"]["offset"] in (0, 1)
    assert page["position"]["epoch"]


@pytest.mark.django_db(transaction=True)
def test_what_is_rolled_back_is_not_published(rows: LiveRows[Order]) -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        Order.objects.create()
        raise RuntimeError
    order = Order.objects.create()
    order.number = "2"
    order.save()
    assert [kind for _, kind, _ in published()] == ["created", "updated"]
    assert not Publication.objects.filter(offset=None).exists()
    assert rows.page("orders:none", Order.objects.none())["position"]["offset"] == 2


@pytest.fixture
def failing() -> Callable[[], Order]:
    live(Order, channels=lambda order: ["nowhere:1"], fields=["id"])
    return Order.objects.create


def test_an_error_is_raised_in_tests(failing: Callable[[], Order]) -> None:
    with pytest.raises(ValueError, match="nowhere"):
        failing()


def test_an_error_breaks_no_save(
    failing: Callable[[], Order], settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.HUB_RULES_RAISE = "never"
    assert failing().pk
    assert "live_row_failed" in caplog.text


def test_checks_name_declarations_that_cannot_be() -> None:
    live(Order, channels=lambda order: [], fields=["numbr", "tags"])
    live(Tag, channels=lambda tag: [], fields=["name"])
    said = [message.msg for message in run_checks() if message.id == "hub.E073"]
    assert said == [
        f"The live rows of notifications.{sentence}"
        for sentence in (
            "Order: notifications.Order has no field 'numbr'.",
            "Order: notifications.Order.tags is not in the row itself, so no save changes it.",
            "Order: 'id', which tells rows from each other, is not among the fields.",
            "Tag: 'id', which tells rows from each other, is not among the fields.",
        )
    ]


@pytest.mark.django_db(transaction=True)
def test_a_savepoint_that_is_made_and_rolled_back_by_hand_loses_no_row(rows: LiveRows[Order]) -> None:
    Order.objects.bulk_create([Order()])
    order = Order.objects.get()
    with transaction.atomic():
        savepoint = transaction.savepoint()
        order.number = "2"
        order.save()
        transaction.savepoint_rollback(savepoint)
        order.save()
    assert published() == [("orders:none", "updated", item(order, number="2"))]


@pytest.mark.django_db(transaction=True)
async def test_nobody_subscribes_to_the_rows_of_another(monkeypatch: pytest.MonkeyPatch) -> None:
    declare(
        monkeypatch, Namespace("orders", can_subscribe=at_once(lambda user, **channel: user_id(user) == channel["id"]))
    )
    live(Order, channels=lambda order: [f"orders:{order.number}"], fields=FIELDS)
    ann, bob = [await sync_to_async(User.objects.create_user)(name) for name in ("ann", "bob")]
    channel = f"orders:{user_id(ann)}"
    await sync_to_async(Order.objects.create)(number=user_id(ann), total=1)
    commands: list[dict[str, Any]] = [
        {"subscribe": {"channel": channel}},
        {"subscribe": {"channel": channel, "recover": True}},
        {"history": {"channel": channel, "limit": 10}},
    ]
    async with wired(ann) as hers, wired(bob) as his, wired() as guests:
        assert "error" not in await hers.ask(**commands[0])
        for wire in (his, guests):
            assert [(await wire.ask(**command))["error"]["code"] for command in commands] == [103] * 3
        await sync_to_async(Order.objects.create)(number=user_id(ann), total=2)
        assert (await hers.pushed("pub"))["pub"]["data"]["item"]["total"] == "2.00"
        assert [push for wire in (his, guests) for push in wire.pushes if push.get("channel") == channel] == []
