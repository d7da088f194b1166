"""Questions to the lists of the admin that nobody asks with their own links."""

from collections.abc import Iterator

import pytest
from django.apps import apps
from django.contrib import admin
from django.db.models import DateTimeField, Model
from django.test import Client
from django.urls import reverse

pytestmark = pytest.mark.django_db

LISTS = [
    model
    for model in apps.get_models()
    if admin.site.is_registered(model) and model._meta.app_label.partition("_")[0] == "hub"
]


def questions(model: type[Model]) -> Iterator[dict[str, str]]:
    """Of each time that a row has, and of what all lists are asked."""
    for field in (field for field in model._meta.concrete_fields if isinstance(field, DateTimeField)):
        yield {f"{field.name}__gte": "0001-01-01 00:00:00+14:00"}
        yield {f"{field.name}__lt": "9999-12-31 23:59:59-14:00"}
        for year in ("0", "-1", "99999", "9" * 40):
            yield {f"{field.name}__year": year}
        yield {f"{field.name}__exact": "\0"}
    for value in ("9" * 40, "-1", "\0"):
        yield {"q": value}
        yield {"p": value}
        yield {"o": value}


@pytest.mark.whole_table
@pytest.mark.parametrize("model", LISTS, ids=lambda model: model._meta.label)
def test_odd_question_is_no_error_of_the_server(model: type[Model], admin_client: Client) -> None:
    admin_client.raise_request_exception = False
    address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    assert [asked for asked in questions(model) if admin_client.get(address, asked).status_code >= 500] == []


def test_who_asks_is_told_that_it_was_refused(admin_client: Client) -> None:
    address = reverse("admin:hub_notifications_notification_changelist")
    answer = admin_client.get(address, {"created_at__year": "0"})
    assert (answer.status_code, answer.headers["Location"]) == (302, f"{address}?e=1")
