"""Rules that fail and calls that are refused are rows that the staff see, and no flood fills the table."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django.fixtures import Settings

import hub.urls  # noqa: F401  # registers the methods
from hub.privacy import erase
from hub.users import user_id
from notifications import alert, failed_calls, on_save
from notifications.models import FailedCall
from notifications.sending import retention
from notifications.sending.alerting import BadAlert
from tests.api.calling import Api, key_for
from tests.support.orders import Order, order_tables, orders  # noqa: F401  # fixtures
from tests.support.people import User
from tests.support.rules import rules_end

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def nothing_is_counted() -> Iterator[None]:
    failed_calls.forget()
    yield
    failed_calls.forget()


@pytest.mark.usefixtures("orders")
def test_the_error_of_a_rule_is_a_row_and_that_of_a_rolled_back_save_is_none(settings: Settings) -> None:
    settings.HUB_RULES_RAISE = False
    with rules_end():

        @on_save(Order)
        def too_long(order: Order) -> Any:
            return alert(to="everyone", message="x" * 5000)

        with transaction.atomic():
            Order.objects.create(number=1)
            transaction.set_rollback(True)
        assert not FailedCall.objects.exists()
        failed_calls.forget()
        Order.objects.create(number=2)
    (row,) = FailedCall.objects.all()
    assert row.source == f"rule:{__name__}.{too_long.__qualname__}" and row.what == Order._meta.label
    assert row.error.startswith("BadAlert: An alert's message") and row.times == 1


async def test_a_refused_call_is_a_row_with_its_key_and_method() -> None:
    narrow = Api(await sync_to_async(key_for)(channels=("user:1",)))
    assert await narrow.error("notify", to="everyone", message="m") == 103
    assert await narrow.error("notify", to="everyone", message="") == 107
    found = {row.error: row async for row in FailedCall.objects.all()}
    assert len(found) == 2 and "permission denied: the key is not for whom or what the call names" in found
    assert all(row.what == "notify" and row.source.startswith("api_key:") for row in found.values())


def test_the_same_is_one_row_that_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    for _again in range(5):
        failed_calls.note("rule:a", "shop.order", BadAlert("no"))
    assert FailedCall.objects.get().times == 1
    monkeypatch.setattr(failed_calls, "EVERY", 0.0)
    failed_calls.note("rule:a", "shop.order", BadAlert("no"))
    row = FailedCall.objects.get()
    assert row.times == 6 and row.last_at >= row.created_at


def test_a_flood_of_different_errors_writes_few_rows_and_the_newest_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(failed_calls.KNOWN + 100):
        failed_calls.note("rule:a", "shop.order", BadAlert(str(number)))
    assert FailedCall.objects.count() == failed_calls.BURST
    failed_calls.note("rule:other", "shop.order", BadAlert("of another rule"))
    assert FailedCall.objects.filter(source="rule:other").count() == 1
    monkeypatch.setattr(failed_calls, "ROWS_OF_SOURCE", 3)
    monkeypatch.setattr(failed_calls, "EVERY", 0.0)
    failed_calls.forget()
    for number in range(5):
        failed_calls.note("rule:b", "shop.order", BadAlert(str(number)))
    kept = FailedCall.objects.filter(source="rule:b").order_by("pk")
    assert FailedCall.objects.filter(source="rule:other").exists()
    assert [row.error for row in kept] == [f"BadAlert: {number}" for number in (2, 3, 4)]


def test_a_process_that_runs_long_remembers_a_bounded_number_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    limiter = failed_calls._Limiter()
    monkeypatch.setattr(failed_calls, "BURST", 10**9)
    for number in range(3 * failed_calls.KNOWN):
        assert limiter.take((f"rule:{number}", "saved", f"no order {number}")) == 1
        assert max(len(limiter._known), len(limiter._windows)) <= failed_calls.KNOWN


def test_old_ones_go_with_the_alerts_of_their_age(settings: Settings) -> None:
    settings.HUB_ALERT_DAYS = 1
    failed_calls.note("rule:a", "shop.order", BadAlert("old"))
    FailedCall.objects.update(created_at=timezone.now() - timedelta(days=2))
    failed_calls.note("rule:b", "shop.order", BadAlert("new"))
    retention.prune()
    assert [row.source for row in FailedCall.objects.all()] == ["rule:b"]


def test_staff_see_and_delete_them(admin_client: Client) -> None:
    failed_calls.note("rule:a", "shop.order", BadAlert("<no>"))
    row = FailedCall.objects.get()
    page = admin_client.get(reverse("admin:hub_notifications_failedcall_changelist")).content.decode()
    assert "rule:a" in page and "&lt;no&gt;" in page
    assert admin_client.get(reverse("admin:hub_notifications_failedcall_add")).status_code == 403
    delete = reverse("admin:hub_notifications_failedcall_delete", args=[row.pk])
    assert admin_client.post(delete, {"post": "yes"}).status_code == 302
    assert not FailedCall.objects.exists()


def test_texts_have_no_secrets_and_go_with_the_person_whom_they_name() -> None:
    ada = User.objects.create_user("ada-lovelace")
    key = user_id(ada)
    failed_calls.note("rule:a", "shop.order", ValueError("ada-lovelace https://u:hunter22@crm/?token=abcdef"))
    failed_calls.note("rule:a", "shop.order", KeyError(key))
    failed_calls.note("rule:a", "shop.order", ValueError(f"of nobody, {key} times: bada-lovelace"))
    assert not FailedCall.objects.filter(error__contains="hunter22").exists()
    erase(ada)
    assert [row.error for row in FailedCall.objects.all()] == [f"ValueError: of nobody, {key} times: bada-lovelace"]


def test_a_short_name_takes_no_rows_of_others_along() -> None:
    somebody = User.objects.create_user("e")
    failed_calls.note("rule:a", "shop.order", ValueError("the order e has gone"))
    failed_calls.note("rule:a", "shop.order", KeyError("e"))
    erase(somebody)
    assert [row.error for row in FailedCall.objects.all()] == ["ValueError: the order e has gone"]
