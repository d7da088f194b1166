"""Rows of several, when many call at the same time."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from threading import Barrier, BrokenBarrierError
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from notifications import Kind, alert, notify, retract
from notifications.inbox import queries
from notifications.inbox.organizing import mark_all_read
from notifications.models import Notification, ScheduledAlert, newest_alert
from notifications.sending import scheduling, withdrawing
from notifications.sending.actions import send as send_all
from tests.notifications.bundles.rows import say, shown
from tests.support.people import User
from tests.support.writers import needs_several_writers

pytestmark = pytest.mark.django_db(transaction=True)

#: Calls at the same time. SQLite has one writer, and lets others wait for ten seconds.
AT_ONCE = 50 if connection.vendor == "postgresql" else 3


@pytest.mark.slow
def test_fifty_at_the_same_time_are_one_row_of_fifty(ann: User, comment: Kind) -> None:
    def send(number: int) -> None:
        try:
            say(ann, f"p{number}", key=f"k{number % 50}")
        finally:
            connection.close()

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(send, range(75)))
    assert shown(ann) == [("50 new comments on cat", 50, False)]
    assert Notification.objects.count() == 50
    assert Notification.objects.filter(folded=False).count() == 1


@pytest.mark.slow
def test_reading_and_taking_back_at_the_same_time_lose_none(ann: User, comment: Kind) -> None:
    bob = User.objects.create_user("bob")

    def act(number: int) -> None:
        try:
            match number % 5:
                case 0 | 1 | 2:
                    notify(
                        to=[ann, bob] if number % 2 else [bob, ann],
                        kind="photo.comment",
                        params={"who": f"p{number}", "photo": "cat"},
                        key=f"k{number}",
                    )
                case 3:
                    retract(key=f"k{number - 2}")
                case _:
                    mark_all_read(user=ann, upto=newest_alert())
        finally:
            connection.close()

    say(ann, "first")
    with ThreadPoolExecutor(min(AT_ONCE, 12)) as pool:
        list(pool.map(act, range(60)))
    for person in (ann, bob):
        there = Notification.objects.filter(user=person)
        rows = queries.latest_for(person)
        assert sum(row.bundle_count for row in rows) == there.count()
        assert {row.pk for row in rows} == set(there.filter(folded=False).values_list("pk", flat=True))
        assert len([row for row in rows if not row.read]) == queries.unread_count(person) <= 1


@pytest.fixture
def met(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two threads wait for each other before and after they withdraw, where both come that far."""
    barrier, withdraw = Barrier(2), withdrawing.withdraw

    def meet() -> None:
        with suppress(BrokenBarrierError):  # who waits for a lock of the other one does not come
            barrier.wait(timeout=1)

    def withdraw_and_meet(alerts: Any) -> int:
        meet()
        withdrawn = withdraw(alerts)
        meet()
        return withdrawn

    monkeypatch.setattr(withdrawing, "withdraw", withdraw_and_meet)


@needs_several_writers
@pytest.mark.parametrize("both", [False, True], ids=["to one", "to both"])
def test_calls_whose_keys_have_expired_alerts_of_others_do_not_wait_in_a_ring(
    ann: User, comment: Kind, met: None, *, both: bool
) -> None:
    zed = User.objects.create_user("zed")
    for person, key in ((zed, "k1"), (ann, "k2")):
        old = say(person, "old", key=key)
        Notification.objects.filter(pk=old.pk).update(expires_at=timezone.now() - timedelta(seconds=1))

    def send(to: User, key: str) -> None:
        try:
            people = [ann, zed] if both else [to]
            notify(to=people, kind="photo.comment", params={"who": "new", "photo": "cat"}, key=key)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(send, [ann, zed], ["k1", "k2"]))
    assert [[count for _, count, _ in shown(person)] for person in (ann, zed)] == [[2 if both else 1]] * 2


@needs_several_writers
def test_bulks_that_replace_what_others_of_them_have_do_not_wait_in_a_ring(
    ann: User, comment: Kind, met: None
) -> None:
    zed = User.objects.create_user("zed")
    say(ann, "old", key="k1")
    say(zed, "old", key="k2")

    def send(replaced: User, key: str, other: User) -> None:
        try:
            replacement = alert(to=replaced, message="new", key=key, replace=True)
            send_all([replacement, alert(to=other, message="more", group_by="x")])
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(send, [ann, zed], ["k1", "k2"], [zed, ann]))
    assert [{said for said, _, _ in shown(person)} for person in (ann, zed)] == [{"new", "more"}] * 2


@needs_several_writers
def test_calls_with_alerts_for_later_and_throttled_ones_take_their_keys_in_one_order(
    ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    each_has_stored, store = Barrier(2), scheduling.store

    def store_and_meet(*args: Any, **more: Any) -> Any:
        stored = store(*args, **more)
        with suppress(BrokenBarrierError):  # who waits for the other's keys does not come
            each_has_stored.wait(timeout=1)
        return stored

    monkeypatch.setattr(scheduling, "store", store_and_meet)
    later = timezone.now() + timedelta(hours=1)

    def send(first: str, then: str) -> None:
        try:
            at_once = alert(to=ann, message="m", key=then, group_by="x", throttle=timedelta(minutes=1))
            send_all([alert(to=ann, message="m", key=first, at=later), at_once])
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(send, "ab", "ba"))
    assert ScheduledAlert.objects.filter(scope="").count() == 2
