"""Columns of names: sorted by their bytes, and with no index but their own."""

import pytest
from django.db import connection

from hub.models import Stream
from worker.models import Job

NAMES = ["user:10", "user:9", "user:A", "user:_", "user:a", "user_", "users"]


@pytest.mark.django_db
def test_names_sort_as_in_python() -> None:
    # Rows are locked in this order: two transactions that lock in two orders deadlock.
    Stream.objects.bulk_create(Stream(channel=name) for name in reversed(NAMES))
    assert list(Stream.objects.order_by("channel").values_list("channel", flat=True)) == sorted(NAMES)


@pytest.mark.django_db
@pytest.mark.parametrize("model", [Stream, Job])
def test_a_name_has_one_index(model: type[Stream] | type[Job]) -> None:
    assert model._meta.pk is not None
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, model._meta.db_table)
    of_name = [name for name, one in found.items() if one["columns"] == [model._meta.pk.column] and one["index"]]
    primary = [name for name, one in found.items() if one["primary_key"]]
    assert sorted({*of_name, *primary}) == sorted(primary)
