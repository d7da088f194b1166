"""Alerts from what a save has changed: against the first old values of the transaction, and one for all its saves."""

import asyncio
import threading
import uuid
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.checks import run_checks
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, models, transaction
from django.db.models import F
from django.db.models.signals import m2m_changed, post_delete, post_save
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django.fixtures import Settings

from hub.database import watch
from hub.models import Publication
from lab.harness.waiting import wait_for
from notifications import Alert, alert, notify, on_delete, on_m2m_change, on_save
from notifications.models import Notification, ScheduledAlert
from notifications.rules import conditions
from notifications.rules.m2m import RelationChange
from tests.support.orders import Draft, Order, Parcel, Tag, Ticket, order_tables, orders  # noqa: F401  # fixtures
from tests.support.people import User

pytestmark = pytest.mark.usefixtures("orders")


def sent() -> list[str]:
    return list(Notification.objects.order_by("pk").values_list("message", flat=True))


def published() -> int:
    return Publication.objects.filter(channel="everyone").count()


def say(message: str) -> Alert:
    return alert(to="everyone", message=message)


def moved(order: Any, old: Any) -> Alert:
    before = "nothing" if old is None else old.status
    return say(f"{before} > {order.status}")


@pytest.fixture
def rule() -> None:
    on_save(Order, fields=["status"])(moved)


def made(**values: Any) -> Order:
    """An order of which nobody was told."""
    Order.objects.bulk_create([Order(**values)])
    order: Order = Order.objects.get()
    return order


def queries_of_tables(found: CaptureQueriesContext) -> list[str]:
    return [query["sql"].split()[0] for query in found.captured_queries if "notifications_order" in query["sql"]]


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


def test_saves_of_a_transaction_are_one_alert_with_the_last_state(rule: None) -> None:
    order = made()
    with transaction.atomic():
        for status in ("paid", "packed", "shipped"):
            order.status = status
            order.save()
    assert sent() == ["new > shipped"]
    assert published() == 1
    order.status = "returned"
    order.save()
    assert sent() == ["new > shipped", "shipped > returned"]


def test_a_new_row_that_is_saved_again_is_new(rule: None) -> None:
    with transaction.atomic():
        order = Order.objects.create()
        order.status = "paid"
        order.save(update_fields=["status"])
    assert sent() == ["nothing > paid"]


def test_a_row_that_gets_its_old_value_back_has_not_changed(rule: None) -> None:
    order = made()
    with transaction.atomic():
        order.status = "paid"
        order.save()
        assert sent() == ["new > paid"]
        order.status = "new"
        order.save()
    assert sent() == []
    assert published() == 0


def test_other_saves_in_between_leave_the_alert(rule: None) -> None:
    order = made()
    with transaction.atomic():
        order.status = "paid"
        order.save()
        stale = Order.objects.only("total").get()
        stale.total = 9
        stale.save()
        Order(pk=order.pk, status="new", total=9).save(update_fields=["total"])
    assert sent() == ["new > paid"]


def test_two_instances_of_one_row_are_one_object(rule: None) -> None:
    made()
    with transaction.atomic():
        for status in ("paid", "packed"):
            order = Order.objects.get()
            order.status = status
            order.save()
    assert sent() == ["new > packed"]


def test_a_savepoint_that_is_rolled_back_is_forgotten(rule: None) -> None:
    order = made()
    with transaction.atomic():
        order.status = "paid"
        order.save()
        with pytest.raises(RuntimeError), transaction.atomic():
            order.status = "lost"
            order.save()
            raise RuntimeError
        assert sent() == ["new > paid"]
        order.status = "packed"
        order.save()
    assert sent() == ["new > packed"]


def test_what_happened_in_a_savepoint_that_was_rolled_back_is_no_old_value(rule: None) -> None:
    order = made()
    with transaction.atomic():
        with pytest.raises(RuntimeError), transaction.atomic():
            order.status = "lost"
            order.save()
            raise RuntimeError
        Order.objects.update(status="moved")
        order.status = "paid"
        order.save()
    assert sent() == ["moved > paid"]


def test_savepoints_that_are_released_count_as_the_transaction(rule: None) -> None:
    order = made()
    with transaction.atomic():
        with transaction.atomic():
            order.status = "paid"
            order.save()
        with transaction.atomic():
            with transaction.atomic(savepoint=False):
                order.status = "packed"
                order.save()
            with transaction.atomic():
                order.status = "shipped"
                order.save()
    assert sent() == ["new > shipped"]


def test_a_transaction_that_is_rolled_back_is_forgotten(rule: None) -> None:
    order = made()
    with pytest.raises(RuntimeError), transaction.atomic():
        order.status = "lost"
        order.save()
        raise RuntimeError
    order.status = "paid"
    order.save()
    assert sent() == ["new > paid"]


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


def test_a_save_in_a_save_is_told_by_itself(rule: None) -> None:
    @on_save(Order, created=False)
    def stamp(order: Order) -> None:
        if order.number != "stamped":
            order.number = "stamped"
            order.status = "paid"
            order.save()

    order = made()
    order.total = 7
    with transaction.atomic():
        order.save()
    assert sent() == ["new > paid"]


def test_a_save_that_fails_leaves_nothing(rule: None) -> None:
    order = made()
    order.status = None  # type: ignore[assignment]  # which the database refuses
    for _ in range(2):
        with pytest.raises(IntegrityError), transaction.atomic():
            order.save()
    order.status = "paid"
    order.save()
    assert sent() == ["new > paid"]


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


@pytest.mark.django_db(transaction=True)
def test_a_transaction_that_commits_is_over(rule: None) -> None:
    order = made()

    @transaction.atomic
    def move(*statuses: str, then: str = "") -> None:
        if then:
            # Runs before what the rule has noted is over.
            transaction.on_commit(lambda: move(then))
        for status in statuses:
            order.status = status
            order.save()

    move("paid", "packed", then="shipped")
    assert sent() == ["new > packed", "packed > shipped"]
    with pytest.raises(RuntimeError), transaction.atomic():
        move("lost")
        raise RuntimeError
    move("returned")
    assert sent()[2:] == ["shipped > returned"]
    assert Publication.objects.filter(channel="everyone", offset=None).count() == 0


@pytest.mark.django_db(transaction=True)
def test_two_transactions_that_save_one_object_see_each_other(rule: None) -> None:
    """The second one reads the old values when the first one has committed."""
    order = made()
    is_saved, is_waiting = threading.Event(), threading.Event()

    def first() -> None:
        with transaction.atomic():
            row = Order.objects.get()
            row.status = "paid"
            row.save()
            is_saved.set()
            is_waiting.wait(10)
        connection.close()

    def second() -> None:
        is_saved.wait(10)
        with transaction.atomic():
            Order(pk=order.pk, status="packed").save()
        connection.close()

    threads = [threading.Thread(target=target) for target in (first, second)]
    for thread in threads:
        thread.start()
    is_saved.wait(10)
    wait_for(threads[1].is_alive, timeout=5)
    is_waiting.set()
    for thread in threads:
        thread.join(20)
    assert sorted(sent()) == ["new > paid", "paid > packed"]


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


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("said_before", [False, True])
def test_a_savepoint_that_is_made_and_rolled_back_by_hand_loses_no_alert(rule: None, said_before: bool) -> None:
    order = made()
    with transaction.atomic():
        if said_before:
            order.status = "open"
            order.save()
        savepoint = transaction.savepoint()
        order.status = "paid"
        order.save()
        transaction.savepoint_rollback(savepoint)
        assert sent() == (["new > open"] if said_before else [])
        order.status = "paid"
        order.save()
    assert sent() == ["new > paid"]
    assert published() == 1


@pytest.mark.django_db(transaction=True)
def test_what_was_said_before_a_savepoint_made_by_hand_is_back_with_its_rollback(rule: None) -> None:
    order = made()
    with transaction.atomic():
        order.status = "open"
        order.save()
        savepoint = transaction.savepoint()
        order.status = "new"
        order.save()
        assert sent() == []
        transaction.savepoint_rollback(savepoint)
        order.status = "new"
        order.save()
    assert sent() == []


@pytest.mark.django_db(transaction=True)
def test_a_savepoint_made_by_hand_and_kept_is_one_change_with_the_rest(rule: None) -> None:
    order = made()
    with transaction.atomic():
        savepoint = transaction.savepoint()
        order.status = "open"
        order.save()
        transaction.savepoint_commit(savepoint)
        order.status = "paid"
        order.save()
    assert sent() == ["new > paid"]


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
