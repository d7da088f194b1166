"""Rows stand for what is there, whatever was done."""

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from notifications import notify, retract
from notifications.inbox import queries
from notifications.inbox.bundles import bundle_for
from notifications.inbox.organizing import mark_all_read, mark_unread, unarchive
from notifications.models import Notification, newest_alert
from tests.notifications.bundles.rows import put
from tests.support.people import User

pytestmark = pytest.mark.django_db(transaction=True)

#: What is done, with which of five keys.
STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["send", "send", "send", "retract", "replace", "read", "unread", "archived", "all read", "back"]
        ),
        st.integers(0, 4),
    ),
    max_size=25,
)


class Model:
    """What a person has, as plain lists: rows of keys, oldest first, with the place of each."""

    def __init__(self) -> None:
        self.rows: list[tuple[list[int], str]] = []

    def send(self, key: int) -> None:
        if any(key in keys for keys, _ in self.rows):
            return
        open_ones = [row for row in self.rows if row[1] == "unread"]
        joined = open_ones[-1] if open_ones else ([], "unread")
        self.rows = [row for row in self.rows if row is not joined]
        self.rows.append(([*joined[0], key], "unread"))

    def retract(self, key: int) -> None:
        left = [([one for one in keys if one != key], place) for keys, place in self.rows]
        self.rows = sorted([row for row in left if row[0]], key=lambda row: self.order(row[0][-1]))

    def order(self, key: int) -> int:
        return list(Notification.objects.order_by("pk").values_list("key", flat=True)).index(f"k{key}")

    def put(self, key: int, place: str) -> None:
        self.rows = [(keys, place if keys[-1] == key else was) for keys, was in self.rows]


@pytest.mark.slow
@pytest.mark.django_db(transaction=False)
@hypothesis_settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
@given(steps=STEPS)
def test_rows_stand_for_what_is_there_whatever_was_done(steps: list[tuple[str, int]]) -> None:
    with transaction.atomic():
        _compare(steps)
        transaction.set_rollback(True)


def _compare(steps: list[tuple[str, int]]) -> None:
    user, model = User.objects.create_user("bundled"), Model()
    for step, key in steps:
        _do(user, model, step, key)
        every = [*queries.latest_for(user), *queries.inbox_for(user, state="archived", limit=50).alerts]
        have = {row.key: (row.bundle_count, bool(row.archived_at), row.read) for row in every}
        for keys, place in model.rows:
            count, is_archived, is_read = have.pop(f"k{keys[-1]}")
            assert (count, is_archived) == (len(keys), place == "archived")
            assert is_archived or is_read == (place == "read")
            members = bundle_for(user, id=Notification.objects.get(key=f"k{keys[-1]}").pk, limit=50).alerts
            assert [row.key for row in members] == [f"k{one}" for one in reversed(keys)]
        assert not have
        assert queries.unread_count(user) == len([place for _, place in model.rows if place == "unread"])


def _do(user: User, model: Model, step: str, key: int) -> None:
    name = f"k{key}"
    row = Notification.objects.filter(key=name).first()
    match step:
        case "send":
            notify(to=user, message="m", key=name, group_by="x")
            model.send(key)
        case "replace":
            notify(to=user, message=f"after {newest_alert()}", key=name, replace=True, group_by="x")
            model.retract(key)
            model.send(key)
        case "retract":
            retract(key=name)
            model.retract(key)
        case "all read":
            mark_all_read(user=user, upto=newest_alert())
            model.rows = [(keys, "read" if place == "unread" else place) for keys, place in model.rows]
        case _ if row is not None and not row.folded:
            _organize(user, model, step, row)


def _organize(user: User, model: Model, step: str, row: Notification) -> None:
    key = int((row.key or "")[1:])
    was = next(place for keys, place in model.rows if keys[-1] == key)
    match step:
        case "read" | "archived":
            put(user, row, step)
            model.put(key, "archived" if was == "archived" else step)
        case "unread" if was == "read":
            mark_unread(user=user, ids=[row.pk])
            model.put(key, "unread")
        case "back" if was == "archived":
            unarchive(user=user, ids=[row.pk])
            is_read = next(one.read for one in queries.latest_for(user) if one.pk == row.pk)
            model.put(key, "read" if is_read else "unread")
