"""How many alerts are unread in each category, and what a search looks at."""

from typing import Any

import pytest

from notifications import Category, Kind, notify
from notifications.inbox import organizing, queries
from notifications.kinds import declaring as kinds
from tests.support.people import User

ORDERS, SHIFTS = Category("orders", "Orders"), Category("shifts", "Shifts")

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def shop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kinds, "_declared", {})
    Kind("order.placed", label="Placed", category=ORDERS, message="placed")
    Kind("order.shipped", label="Shipped", category=ORDERS, message="shipped {number}", fields={"number": int})
    Kind("shift", label="Shift", category=SHIFTS, message="shift")


def by_category(user: User) -> dict[str, int]:
    return queries.counts_for(user).categories


def test_unread_alerts_are_counted_by_their_category(ann: User) -> None:
    notify(to=ann, kind="order.placed")
    (shipped,) = notify(to="everyone", kind="order.shipped", params={"number": 7})
    notify(to=ann, kind="shift")
    notify(to=ann, message="plain")
    assert by_category(ann) == {"orders": 2, "shifts": 1}
    changed = organizing.archive(user=ann, ids=[shipped.pk])
    assert changed.counts.categories == {"orders": 1, "shifts": 1}
    organizing.mark_all_read(user=ann, upto=shipped.pk)
    assert by_category(ann) == {"shifts": 1}
    assert queries.inbox_for(ann, limit=5).counts.categories == {"shifts": 1}


@pytest.mark.slow
def test_a_category_is_counted_behind_a_hundred_others(ann: User) -> None:
    notify(to=ann, kind="shift")
    for _ in range(120):
        notify(to=ann, kind="order.placed")
    assert by_category(ann) == {"orders": 100, "shifts": 1}


def test_without_categories_counts_cost_what_they_did(
    ann: User, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
) -> None:
    notify(to=ann, kind="shift")
    with django_assert_num_queries(3):
        assert by_category(ann) == {"shifts": 1}
    monkeypatch.setattr(kinds, "_declared", {})
    with django_assert_num_queries(2):
        assert by_category(ann) == {}


def test_a_search_reads_texts_alone_until_it_has_found(ann: User, django_assert_max_num_queries: Any) -> None:
    for number in range(30):
        notify(to=ann, kind="order.shipped", params={"number": number}, data={"large": "x" * 1000})
    with django_assert_max_num_queries(10):
        found = queries.inbox_for(ann, text="shipped 17", category="orders", limit=10)
    assert [alert.message for alert in found.alerts] == ["shipped 17"]
    assert found.alerts[0].data == {"large": "x" * 1000}
    assert queries.inbox_for(ann, text="shipped", category="shifts", limit=10).alerts == []
    assert queries.inbox_for(ann, text="shipped", category="nothing", limit=10).alerts == []
    assert queries.inbox_for(ann, level="error", limit=10).alerts == []
    assert len(queries.inbox_for(ann, level="info", limit=10).alerts) == 10
