"""Alerts that come back at their time, whatever happens to others."""

import threading
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import IntegrityError, InterfaceError, OperationalError, connection
from django.utils import timezone
from prometheus_client import REGISTRY

from hub import streams
from notifications.events import InboxCounts, NotificationCreated
from notifications.inbox import organizing, queries, reading, resting
from notifications.inbox.organizing import (
    mark_read,
    snooze,
    wake,
)
from notifications.kinds import wording
from notifications.kinds.locales import Locale
from notifications.models import Notification, NotificationState
from tests.notifications.organizing.inboxes import TOMORROW, counts, ids, pass_time, send, told
from tests.support.people import User

pytestmark = pytest.mark.django_db(transaction=True)


def test_snoozed_alerts_of_somebody_who_is_gone_hold_up_nobody(ann: User) -> None:
    bob = User.objects.create_user("bob")
    for person in (ann, bob):
        snooze(user=person, ids=send(person), until=timezone.now() + TOMORROW)
    pass_time()
    User.objects.filter(pk=ann.pk)._raw_delete("default")
    wake()
    assert counts(bob) == (1, 0, 0)


def two_who_snooze(ann: User) -> User:
    """Somebody besides, whose alert is due after that of ``ann``."""
    bob = User.objects.create_user("bob")
    for person in (ann, bob):
        snooze(user=person, ids=send(person), until=timezone.now() + TOMORROW)
        NotificationState.objects.filter(user=person).update(snoozed_until=timezone.now() - TOMORROW)
    return bob


@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
def test_nobody_is_woken_while_the_database_is_away(
    ann: User, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    bob = two_who_snooze(ann)
    asked = []

    def is_away(reader: reading.Reader) -> InboxCounts:
        asked.append(reader.key)
        raise error

    with monkeypatch.context() as patched, pytest.raises(error):
        patched.setattr(queries, "counts_of", is_away)
        wake()
    assert len(asked) == 1  # each of many more would only have added to the load
    assert wake() == 2
    assert (counts(ann), counts(bob)) == ((1, 0, 0), (1, 0, 0))


def test_somebody_who_cannot_be_woken_holds_up_nobody(ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    bob = two_who_snooze(ann)
    counted = queries.counts_of

    def fails_for_ann(reader: reading.Reader) -> InboxCounts:
        if reader.key == ann.pk:
            raise ArithmeticError
        return counted(reader)

    with monkeypatch.context() as patched:
        patched.setattr(queries, "counts_of", fails_for_ann)
        assert wake() == 1
    assert (counts(ann), counts(bob)) == ((0, 0, 1), (1, 0, 0))
    assert wake() == 1
    assert counts(ann) == (1, 0, 0)


def test_somebody_who_can_never_be_woken_is_tried_less_and_less_often(
    ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    bob = two_who_snooze(ann)
    tried, clock, counted = list[int](), [1000.0], queries.counts_of

    def fails_for_ann(reader: reading.Reader) -> InboxCounts:
        if reader.key == ann.pk:
            tried.append(round(clock[0] - 1000.0))
            raise ArithmeticError
        return counted(reader)

    monkeypatch.setattr(resting, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    with monkeypatch.context() as patched:
        patched.setattr(queries, "counts_of", fails_for_ann)
        before = REGISTRY.get_sample_value("hub_waking_failures_total") or 0
        for _ in range(1000):
            if ann.pk not in organizing._resting:
                wake()
            clock[0] += 2
    assert tried == [0, 2, 6, 14, 30, 62, 126, 254, 510, 1022, 1622]
    assert (REGISTRY.get_sample_value("hub_waking_failures_total") or 0) - before == len(tried)
    assert counts(bob) == (1, 0, 0)
    clock[0] += resting.LONGEST
    assert wake() == 1
    assert counts(ann) == (1, 0, 0)


def test_alert_whose_text_cannot_be_written_comes_back_all_the_same(
    ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    bob = two_who_snooze(ann)
    published_as = wording.publication

    def fails_for_ann(row: Notification, locale: Locale) -> NotificationCreated:
        if row.user_id == ann.pk:
            raise OverflowError
        return published_as(row, locale)

    monkeypatch.setattr(wording, "publication", fails_for_ann)
    assert wake() == 2
    assert counts(ann) == counts(bob) == (1, 0, 0)
    assert [event.get("change") for event in told(ann)[-2:]] == ["unsnoozed", "unread"]
    assert told(ann)[-1]["ids"] == ids(ann)


def test_alert_comes_back_where_nothing_can_be_published(ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    two_who_snooze(ann)
    monkeypatch.setattr(streams, "append", _refuse)
    assert wake() == 2
    assert counts(ann) == (1, 0, 0)


def _refuse(*_: Any) -> None:
    raise IntegrityError


def test_many_that_come_back_are_told_by_their_ids(ann: User) -> None:
    alerts = send(ann, 21)
    mark_read(user=ann, ids=alerts[:3])
    snooze(user=ann, ids=alerts, until=timezone.now() + TOMORROW)
    before = len(told(ann))
    pass_time()
    assert wake() == 21
    events = told(ann)[before:]
    assert [(event["type"], event["change"]) for event in events] == [
        ("notifications.alerts_changed", "unsnoozed"),
        ("notifications.alerts_changed", "unread"),
    ]
    assert all(event["ids"] == alerts for event in events)
    assert tuple(events[-1]["counts"].values()) == counts(ann) == (21, 0, 0)


def test_nobody_waits_for_somebody_who_has_very_many(ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(organizing, "MANY", 2)
    bob = two_who_snooze(ann)
    snooze(user=ann, ids=send(ann, 3), until=timezone.now() + TOMORROW)
    pass_time()
    NotificationState.objects.filter(user=bob).update(snoozed_until=timezone.now() - TOMORROW)
    assert wake(seconds=0) == 1
    assert (counts(ann), counts(bob)) == ((0, 0, 4), (1, 0, 0))
    assert [wake(), wake(), wake()] == [2, 2, 0]
    assert counts(ann) == (4, 0, 0)


def test_those_who_wake_at_the_same_time_tell_it_once(ann: User) -> None:
    snooze(user=ann, ids=send(ann, 3), until=timezone.now() + TOMORROW)
    pass_time()

    def run() -> None:
        try:
            wake()
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    returned = [data for data in told(ann) if data["type"] == "notifications.alert_returned"]
    assert len(returned) == 3
    assert counts(ann) == (3, 0, 0)
