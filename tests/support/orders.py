"""Models of a product, in tables that exist while the tests of a module run."""

import uuid
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
from django.db import connection, models
from django.test.utils import isolate_apps
from pytest_django import DjangoDbBlocker

from tests.support.rules import rules_end

with isolate_apps("tests.notifications"):

    class Tag(models.Model):
        objects: ClassVar[models.Manager[Any]] = models.Manager()

        name = models.CharField(max_length=20)

        class Meta:
            app_label = "notifications"

        def __str__(self) -> str:
            return self.name

    class Order(models.Model):
        objects: ClassVar[models.Manager[Any]] = models.Manager()

        number = models.CharField(max_length=20, default="1")
        status = models.CharField(max_length=20, default="new")
        total = models.DecimalField(max_digits=8, decimal_places=2, default=0)
        customer = models.ForeignKey(Tag, models.CASCADE, null=True, related_name="+")
        tags = models.ManyToManyField(Tag, related_name="orders")

        class Meta:
            app_label = "notifications"

        def __str__(self) -> str:
            return self.number

    class Draft(Order):
        class Meta:
            app_label = "notifications"
            proxy = True

        def __str__(self) -> str:
            return f"Draft {self.number}"

    class Parcel(Order):
        weight = models.IntegerField(default=0)

        class Meta:
            app_label = "notifications"

        def __str__(self) -> str:
            return f"Parcel {self.number}"

    class Ticket(models.Model):
        objects: ClassVar[models.Manager[Any]] = models.Manager()

        id = models.UUIDField(primary_key=True, default=uuid.uuid4)
        status = models.CharField(max_length=20, default="new")

        class Meta:
            app_label = "notifications"

        def __str__(self) -> str:
            return str(self.pk)


MODELS = (Tag, Order, Parcel, Ticket)


@pytest.fixture(scope="module")
def order_tables(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    with django_db_blocker.unblock():
        with connection.schema_editor() as editor:
            for model in MODELS:
                editor.create_model(model)
        connection.close()
    yield
    with django_db_blocker.unblock():
        with connection.schema_editor() as editor:
            for model in reversed(MODELS):
                editor.delete_model(model)
        connection.close()


@pytest.fixture
def orders(order_tables: None, db: None) -> Iterator[None]:
    """The tables, empty, and no rule that outlives the test."""
    for model in (Order.tags.through, *reversed(MODELS)):
        model._base_manager.all().delete()
    with rules_end():
        yield
