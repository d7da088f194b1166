"""The admin's page of kinds: each with example values in each language that it has."""

from collections.abc import Iterator

import pytest
from django.test import Client, override_settings
from django.urls import reverse
from django.utils import translation
from django.utils.functional import lazy

from notifications import Category, Kind
from notifications.kinds import declaring as kinds
from tests.support.people import User

pytestmark = pytest.mark.django_db

PAGE = "admin:hub_notifications_notification_kinds"


@pytest.fixture(autouse=True)
def languages(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(kinds, "_declared", {})
    chosen = [("en", "English"), ("ru", "Russian"), ("de", "German")]
    with override_settings(LANGUAGE_CODE="en", LANGUAGES=chosen):
        yield


def test_texts_are_shown_in_each_language_with_example_values(admin_client: Client) -> None:
    Kind(
        "order.shipped",
        label="Order shipped",
        category=Category("orders", "Orders"),
        message=lazy(lambda: "Заказ {number}" if translation.get_language() == "ru" else "Order {number}", str)(),
        url="/orders/{number}/",
        fields={"number": int},
        examples={"number": 4711},
        critical=True,
    )
    page = admin_client.get(reverse(PAGE)).content.decode()
    assert "Order 4711" in page
    assert "Заказ 4711" in page
    assert "/orders/4711/" in page
    assert "Not translated into: Deutsch." in page
    assert "critical" in page
    changes = admin_client.get(reverse("admin:hub_notifications_notification_changelist")).content.decode()
    assert reverse(PAGE) in changes
    assert "?kind=order.shipped" in changes


def test_what_is_wrong_with_a_kind_is_said_in_place_of_its_texts(admin_client: Client) -> None:
    Kind("odd", label="Odd", message="{nummer}", fields={"number": int})
    page = admin_client.get(reverse(PAGE)).content.decode()
    assert "The kind has a message with the placeholder {nummer} (en), not among its fields." in page


def test_a_kind_without_texts_and_no_kinds_at_all_are_said(admin_client: Client) -> None:
    assert "No app declares a kind." in admin_client.get(reverse(PAGE)).content.decode()
    Kind("note", label="Notes")
    assert "It has no texts of its own" in admin_client.get(reverse(PAGE)).content.decode()


@pytest.mark.own_user_model
def test_staff_without_the_permission_do_not_see_it(client: Client) -> None:
    client.force_login(User.objects.create_user("clerk", is_staff=True))
    assert client.get(reverse(PAGE)).status_code == 403
