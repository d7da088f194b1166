"""One call for many rows that no signal tells of."""

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext

from hub.models import Publication
from notifications import Alert, alert, notify_bulk
from notifications.models import Notification
from notifications.rules.bulk import BATCH

pytestmark = pytest.mark.django_db


def made(number: int) -> list[Group]:
    return Group.objects.bulk_create([Group(name=f"group {one}") for one in range(number)])


def about(group: Group) -> Alert:
    return alert(to="everyone", message=group.name)


def test_each_row_has_its_alert() -> None:
    made(3)
    assert notify_bulk(Group.objects.order_by("pk"), about) == 3
    assert notify_bulk([], about) == 0
    assert list(Notification.objects.order_by("pk").values_list("message", flat=True)) == [
        "group 0",
        "group 1",
        "group 2",
    ]


def test_a_function_may_return_several_alerts_or_none() -> None:
    first, second, third = made(3)
    said = {first: None, second: about(second), third: [about(third), about(third)]}
    assert notify_bulk([first, second, third], said.__getitem__) == 3


@pytest.mark.slow
def test_many_rows_are_stored_by_few_statements() -> None:
    made(2 * BATCH)
    with CaptureQueriesContext(connection) as found:
        assert notify_bulk(Group.objects.order_by("pk"), about) == 2 * BATCH
    statements = [query["sql"].split()[0] for query in found.captured_queries]
    assert statements.count("INSERT") < BATCH / 10  # SQLite takes about a hundred rows at a time
    assert statements.count("SELECT") <= 1  # PostgreSQL has a cursor instead
    assert Publication.objects.count() == 2 * BATCH


def test_all_are_stored_or_none() -> None:
    def failing(group: Group) -> Alert:
        return alert(to="everyone" if group.name == "group 0" else "user:nobody", message="x")

    with pytest.raises(ValueError, match="There is no user"):
        notify_bulk(made(2), failing)
    assert not Notification.objects.exists()
