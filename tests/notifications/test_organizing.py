"""What people do with their alerts: unread again, archived, snoozed, seen; and what their pages are told of it."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from django.contrib.auth.models import Group
from django.db import IntegrityError, InterfaceError, OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from hub import streams
from hub.channels import LAST_ID
from hub.models import Publication
from hub.privacy import erase, export
from hub.testing import drain_jobs
from hub.users import user_id
from lab.harness.waiting import wait_for
from notifications import following, notify
from notifications.events import InboxCounts, NotificationCreated
from notifications.inbox import organizing, queries, reading, resting, trail
from notifications.inbox.organizing import (
    BadTime,
    archive,
    archive_all_read,
    mark_all_read,
    mark_read,
    mark_seen,
    mark_unread,
    snooze,
    unarchive,
    unsnooze,
    wake,
)
from notifications.kinds import wording
from notifications.kinds.locales import Locale
from notifications.models import Follow, InboxChange, InboxEntry, Notification, NotificationState, Topic
from notifications.sending import withdrawing
from notifications.sending.retention import prune
from tests.notifications.locks import somebody_waits
from tests.notifications.published import published
from tests.support.people import User, make_crowd
from tests.support.writers import needs_several_writers
from worker.maintenance import wake_snoozed

pytestmark = pytest.mark.django_db(transaction=True)

TOMORROW = timedelta(days=1)


def send(to: Any, count: int = 1) -> list[int]:
    return [notify(to=to, message="m")[0].pk for _ in range(count)]


def ids(user: User, state: queries.State = "all", **wanted: Any) -> list[int]:
    return [alert.pk for alert in queries.inbox_for(user, state=state, limit=100, **wanted).alerts]


def counts(user: User) -> tuple[int, int, int]:
    """Unread, archived and snoozed."""
    found = queries.counts_for(user)
    return found.unread, found.archived, found.snoozed


def told(user: User) -> list[Any]:
    """What the user's pages were told, besides new alerts."""
    return [data for data in published(f"user:{user_id(user)}") if not data["type"].endswith("notification_created")]


def pass_time() -> None:
    """What was snoozed until tomorrow was snoozed until now."""
    NotificationState.objects.exclude(snoozed_until=None).update(snoozed_until=timezone.now() - timedelta(seconds=1))


def one_of_each(ann: User) -> list[int]:
    """An alert of each sort: to the person, to a group, a topic and everyone, and one that was distributed."""
    ops = Group.objects.create(name="ops")
    ann.groups.add(ops)
    topic = Topic.objects.create(name="deploys", title="Deployments")
    Follow.objects.create(topic=topic, user=ann)
    alerts = send(ann) + send(ops) + send(topic) + send("everyone") + send("members")
    drain_jobs()
    return alerts


@pytest.mark.slow
def test_alert_of_each_sort_goes_to_the_archive_and_comes_back_as_it_was(ann: User) -> None:
    alerts = one_of_each(ann)
    mark_read(user=ann, ids=alerts[:2])
    assert counts(ann) == (3, 0, 0)
    archived = archive(user=ann, ids=alerts)
    assert archived.ids == alerts[::-1]
    assert (ids(ann), ids(ann, "archived"), counts(ann)) == ([], alerts[::-1], (0, 5, 0))
    assert queries.latest_for(ann) == []
    unarchive(user=ann, ids=alerts)
    assert (ids(ann), ids(ann, "unread"), counts(ann)) == (alerts[::-1], alerts[:1:-1], (3, 0, 0))
    mark_read(user=ann, ids=alerts)
    assert counts(ann) == (0, 0, 0)
    assert not NotificationState.objects.exists()


def test_what_is_read_is_unread_again_on_demand(ann: User) -> None:
    alerts = one_of_each(ann)
    mark_all_read(user=ann, upto=LAST_ID)
    assert mark_unread(user=ann, ids=alerts).ids == alerts[::-1]
    assert (ids(ann, "unread"), ids(ann, "read"), counts(ann)) == (alerts[::-1], [], (5, 0, 0))
    assert not any(alert.read for alert in queries.latest_for(ann))
    assert mark_read(user=ann, ids=alerts[:1]).unread == 4
    assert mark_all_read(user=ann, upto=LAST_ID).unread == 0
    assert ids(ann, "read") == alerts[::-1]
    assert not NotificationState.objects.exists()


def test_snoozed_alert_comes_back_as_unread_with_its_text(ann: User) -> None:
    alerts = one_of_each(ann)
    mark_read(user=ann, ids=alerts[:3])
    until = timezone.now() + TOMORROW
    snooze(user=ann, ids=alerts, until=until)
    assert (ids(ann), ids(ann, "snoozed"), counts(ann)) == ([], alerts[::-1], (0, 0, 5))
    assert wake_snoozed() == 0
    pass_time()
    assert wake_snoozed() == 5
    assert (ids(ann), ids(ann, "unread"), counts(ann)) == (alerts[::-1], alerts[::-1], (5, 0, 0))
    returned = [data for data in told(ann) if data["type"] == "notifications.alert_returned"]
    assert [data["id"] for data in returned] == alerts
    assert returned[0]["message"] == "m"
    assert returned[0]["counts"] == {"unread": 5, "archived": 0, "snoozed": 0}
    assert wake_snoozed() == 0


def test_what_was_snoozed_comes_back_before_its_time_as_it_was(ann: User) -> None:
    read, unread = send(ann, 2)
    mark_read(user=ann, ids=[read])
    snooze(user=ann, ids=[read, unread], until=timezone.now() + TOMORROW)
    unsnooze(user=ann, ids=[read, unread])
    assert (ids(ann, "read"), ids(ann, "unread"), counts(ann)) == ([read], [unread], (1, 0, 0))


def test_alert_is_in_one_place_at_a_time(ann: User) -> None:
    (alert,) = send(ann)
    archive(user=ann, ids=[alert])
    snooze(user=ann, ids=[alert], until=timezone.now() + TOMORROW)
    assert (ids(ann, "archived"), ids(ann, "snoozed"), counts(ann)) == ([], [alert], (0, 0, 1))
    archive(user=ann, ids=[alert])
    assert (ids(ann, "archived"), ids(ann, "snoozed"), counts(ann)) == ([alert], [], (0, 1, 0))
    pass_time()
    assert wake() == 0
    unarchive(user=ann, ids=[alert])
    assert ids(ann, "unread") == [alert]


@pytest.mark.parametrize(
    "until",
    [
        datetime(2999, 1, 1, tzinfo=UTC),
        datetime(2020, 1, 1, tzinfo=UTC),
        datetime.min.replace(tzinfo=UTC),
        datetime.min.replace(tzinfo=timezone.get_fixed_timezone(14 * 60)),
        datetime.max.replace(tzinfo=timezone.get_fixed_timezone(-14 * 60)),
    ],
    ids=str,
)
def test_snooze_ends_at_some_time_within_a_year(ann: User, until: datetime) -> None:
    alerts = send(ann)
    with pytest.raises(BadTime):
        snooze(user=ann, ids=alerts, until=until)
    with pytest.raises(BadTime):
        organizing.change("snooze", user=ann, ids=alerts)
    assert counts(ann) == (1, 0, 0)


def test_seen_is_not_read(ann: User) -> None:
    alerts = one_of_each(ann)
    assert mark_seen(user=ann, ids=alerts[:2]).ids == alerts[1::-1]
    assert [alert.seen for alert in queries.inbox_for(ann, limit=10).alerts] == [False, False, False, True, True]
    assert counts(ann) == (5, 0, 0)
    mark_read(user=ann, ids=alerts[2:])
    assert mark_seen(user=ann, ids=alerts).ids == []
    assert all(alert.seen for alert in queries.inbox_for(ann, limit=10).alerts)


CHANGES: dict[str, Callable[[User, list[int]], organizing.Changed]] = {
    "read": lambda user, alerts: mark_read(user=user, ids=alerts),
    "archived": lambda user, alerts: archive(user=user, ids=alerts),
    "snoozed": lambda user, alerts: snooze(
        user=user, ids=alerts, until=timezone.now().replace(microsecond=0) + TOMORROW
    ),
    "seen": lambda user, alerts: mark_seen(user=user, ids=alerts),
}


def test_what_was_seen_is_told_to_no_page(ann: User) -> None:
    alerts = send(ann, 3)
    assert mark_seen(user=ann, ids=alerts).ids == alerts[::-1]
    assert told(ann) == []


@pytest.mark.parametrize("change", sorted(CHANGES.keys() - {"seen"}))
def test_each_change_is_told_once_with_the_counts_and_a_repeat_is_not(ann: User, change: str) -> None:
    alerts = send(ann, 3)
    until = timezone.now().replace(microsecond=0) + TOMORROW
    for _ in range(2):
        if change == "snoozed":
            snooze(user=ann, ids=alerts[:2], until=until)
        else:
            CHANGES[change](ann, alerts[:2])
    (event,) = told(ann)
    assert event["ids"] == alerts[:2]
    if change == "read":
        assert event["unread"] == 1
        return
    assert (event["type"], event["change"]) == ("notifications.alerts_changed", change)
    assert tuple(event["counts"].values()) == counts(ann)
    assert ("until" in event) == (change == "snoozed")


@pytest.mark.parametrize("change", CHANGES)
def test_nobody_changes_what_is_for_somebody_else(ann: User, change: str) -> None:
    bob = User.objects.create_user("bob")
    theirs = Group.objects.create(name="theirs")
    bob.groups.add(theirs)
    closed = Topic.objects.create(name="payroll", title="Payroll", is_open=False)
    Follow.objects.create(topic=closed, user=bob)
    others = send(bob) + send(theirs) + send(closed) + send([bob, *make_crowd("other", 101)])
    drain_jobs()
    everyones = send("everyone")
    before, told_before = counts(bob), told(bob)
    assert CHANGES[change](ann, others).ids == []
    assert not NotificationState.objects.exists()
    CHANGES[change](ann, everyones)
    assert counts(bob) == before == (5, 0, 0)
    assert ids(bob) == [*everyones, *others[::-1]]
    assert told(bob) == told_before


def test_what_the_person_may_not_read_any_more_is_in_no_list_and_no_count(ann: User) -> None:
    alerts = one_of_each(ann)
    mark_read(user=ann, ids=alerts)
    mark_unread(user=ann, ids=alerts)
    ann.groups.clear()
    following.unfollow(user=ann, name="deploys")
    InboxEntry.objects.all().delete()
    left = [alerts[3], alerts[0]]
    assert (ids(ann, "unread"), counts(ann)) == (left, (2, 0, 0))
    archive(user=ann, ids=alerts)
    assert ids(ann, "archived") == left
    snooze(user=ann, ids=left, until=timezone.now() + TOMORROW)
    assert ids(ann, "snoozed") == left


def test_snoozed_alert_of_a_group_that_was_left_comes_back_to_nobody(ann: User) -> None:
    ops = Group.objects.create(name="ops")
    ann.groups.add(ops)
    snooze(user=ann, ids=send(ops), until=timezone.now() + TOMORROW)
    ann.groups.clear()
    before = told(ann)
    pass_time()
    wake()
    assert (told(ann), counts(ann)) == (before, (0, 0, 0))


def test_archiving_all_that_is_read_leaves_what_is_unread_or_newer(ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(organizing, "MANY", 2)
    alerts = send(ann, 6)
    mark_read(user=ann, ids=alerts[1:])
    first = archive_all_read(user=ann, upto=alerts[4])
    assert (first.ids, first.more) == (alerts[4:2:-1], True)
    second = archive_all_read(user=ann, upto=alerts[4])
    assert (second.ids, second.more) == (alerts[2:0:-1], False)
    assert ids(ann) == [alerts[5], alerts[0]]
    unarchive(user=ann, ids=[*first.ids, *second.ids])
    assert ids(ann) == alerts[::-1]


def test_marking_all_says_which_that_were_so_that_it_can_be_undone(ann: User) -> None:
    alerts = one_of_each(ann)
    mark_read(user=ann, ids=alerts[:1])
    marked = mark_all_read(user=ann, upto=LAST_ID)
    assert marked.ids == alerts[:0:-1]
    mark_unread(user=ann, ids=marked.ids)
    assert (ids(ann, "unread"), ids(ann, "read")) == (alerts[:0:-1], alerts[:1])


def test_search_and_level_find_what_matches_in_any_state(ann: User) -> None:
    shipped = notify(to=ann, title="Заказ ОТПРАВЛЕН", message="ready for you", level="success")[0].pk
    failed = notify(to=ann, title="Payment", message="Failed for you", level="error")[0].pk
    assert ids(ann, text="заказ") == [shipped]
    assert ids(ann, text="YOU for") == [failed, shipped]
    assert ids(ann, level="error") == [failed]
    assert ids(ann, level="error", text="ready") == []
    archive(user=ann, ids=[failed])
    assert ids(ann, text="failed") == []
    assert ids(ann, "archived", text="failed") == [failed]


def test_search_looks_at_so_many_and_says_where_to_go_on(ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "SEARCHED", 4)
    monkeypatch.setattr(queries, "_STEP", 2)
    wanted = notify(to=ann, message="needle")[0].pk
    hay = send(ann, 9)
    part = queries.inbox_for(ann, text="needle", limit=5)
    assert (part.alerts, part.next) == ([], hay[5])
    rest = []
    while part.next:
        part = queries.inbox_for(ann, text="needle", limit=5, before=part.next)
        rest += [alert.pk for alert in part.alerts]
    assert rest == [wanted]


def test_parts_of_the_inbox_follow_each_other(ann: User) -> None:
    alerts = send(ann, 5)
    found, before = [], LAST_ID
    while before:
        part = queries.inbox_for(ann, before=before, limit=2)
        found += [alert.pk for alert in part.alerts]
        before = part.next
    assert found == alerts[::-1]


def test_read_ones_are_found_without_passing_over_the_unread(ann: User) -> None:
    alerts = send(ann, 4)
    mark_read(user=ann, ids=[alerts[0], alerts[2]])
    assert ids(ann, "read") == [alerts[2], alerts[0]]


def test_states_go_with_the_alert_the_withdrawal_and_the_person(ann: User) -> None:
    first, second, third = send(ann), send("everyone"), send("members")
    drain_jobs()
    archive(user=ann, ids=[*first, *second, *third])
    Notification.objects.get(pk=first[0]).delete()
    withdrawing.withdraw(Notification.objects.filter(pk=third[0]))
    assert (ids(ann, "archived"), counts(ann)) == (second, (0, 1, 0))
    assert NotificationState.objects.count() == 1
    ann.delete()
    assert not NotificationState.objects.exists()


def test_state_that_was_added_while_its_alert_was_deleted_goes_with_retention(ann: User) -> None:
    old, kept = send(ann, 2)
    archive(user=ann, ids=[old, kept])
    Notification.objects.filter(pk=old)._raw_delete("default")
    assert (ids(ann, "archived"), counts(ann)) == ([kept], (0, 1, 0))
    prune()
    assert list(NotificationState.objects.values_list("notification", flat=True)) == [kept]


def test_states_are_exported_and_erased(ann: User) -> None:
    archive(user=ann, ids=send(ann))
    (organised,) = export(ann)["alerts"]["organised"]
    assert (organised["message"], organised["snoozed_until"], organised["unread"]) == ("m", None, True)
    assert organised["archived"]
    erase(ann, account=False)
    assert not NotificationState.objects.exists()


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


@needs_several_writers
def test_two_devices_that_change_at_the_same_time_count_what_the_other_changed(ann: User) -> None:
    alerts = send(ann, 3)
    mark_read(user=ann, ids=alerts[:1])
    second = threading.Thread(target=_archive_in_a_thread, args=[ann, alerts[2:]])
    with transaction.atomic():
        archive(user=ann, ids=alerts[1:2])
        second.start()
        wait_for(somebody_waits, timeout=5, that="the other transaction waits for this one")
    second.join(5)
    assert [event["counts"]["archived"] for event in told(ann)[1:]] == [1, 2]
    assert counts(ann) == (0, 2, 0)


def _archive_in_a_thread(user: User, alerts: list[int]) -> None:
    try:
        archive(user=user, ids=alerts)
    finally:
        connection.close()


@pytest.mark.slow
def test_part_of_the_inbox_costs_the_same_queries_whatever_is_in_it(ann: User) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as captured:
            queries.inbox_for(ann, limit=20)
        return len(captured)

    one_of_each(ann)
    few = cost()
    alerts = send(ann, 30)
    archive(user=ann, ids=alerts[:5])
    snooze(user=ann, ids=alerts[5:10], until=timezone.now() + TOMORROW)
    mark_seen(user=ann, ids=alerts[10:])
    assert cost() <= few <= 7


class Device:
    """A page that shows the counts which it was told last."""

    def __init__(self, user: User) -> None:
        self._rows = Publication.objects.filter(channel=f"user:{user_id(user)}").order_by("pk")
        self._read = 0
        self.counts = counts(user)

    def catch_up(self) -> None:
        for text in self._rows.values_list("data", flat=True)[self._read :]:
            data = msgspec.json.decode(text)
            self._read += 1
            if data["type"] == "notifications.notification_created":
                self.counts = (self.counts[0] + 1, *self.counts[1:])
            elif data["type"] == "notifications.alerts_read":
                self.counts = (data["unread"], *self.counts[1:])
            else:
                self.counts = tuple(data["counts"].values())


class Person:
    """An inbox, and what one would say of it: where each alert is, and which are unread."""

    def __init__(self) -> None:
        self.user = User.objects.create_user("ann")
        self.place: dict[int, str] = {}
        self.unread: set[int] = set()

    def of(self, place: str) -> list[int]:
        return sorted((pk for pk, found in self.place.items() if found == place), reverse=True)

    @property
    def counts(self) -> tuple[int, int, int]:
        return len(set(self.of("inbox")) & self.unread), len(self.of("archive")), len(self.of("snoozed"))

    def do(self, step: str, alerts: list[int]) -> None:
        getattr(self, f"_{step}")(alerts)

    def _send(self, alerts: list[int]) -> None:
        (new,) = send(self.user)
        self.place[new] = "inbox"
        self.unread.add(new)

    def _mark_read(self, alerts: list[int]) -> None:
        mark_read(user=self.user, ids=alerts)
        self.unread -= set(alerts)

    def _mark_unread(self, alerts: list[int]) -> None:
        mark_unread(user=self.user, ids=alerts)
        self.unread |= set(alerts)

    def _archive(self, alerts: list[int]) -> None:
        archive(user=self.user, ids=alerts)
        self.place |= dict.fromkeys(alerts, "archive")

    def _unarchive(self, alerts: list[int]) -> None:
        unarchive(user=self.user, ids=alerts)
        self.place |= {pk: "inbox" for pk in alerts if self.place[pk] == "archive"}

    def _snooze(self, alerts: list[int]) -> None:
        snooze(user=self.user, ids=alerts, until=timezone.now() + TOMORROW)
        self.place |= dict.fromkeys(alerts, "snoozed")

    def _unsnooze(self, alerts: list[int]) -> None:
        unsnooze(user=self.user, ids=alerts)
        self.place |= {pk: "inbox" for pk in alerts if self.place[pk] == "snoozed"}

    def _mark_seen(self, alerts: list[int]) -> None:
        mark_seen(user=self.user, ids=alerts)

    def _mark_all_read(self, alerts: list[int]) -> None:
        upto = max(alerts, default=0)
        mark_all_read(user=self.user, upto=upto)
        self.unread -= {pk for pk in self.of("inbox") if pk <= upto}

    def _archive_all_read(self, alerts: list[int]) -> None:
        upto = max(alerts, default=0)
        archive_all_read(user=self.user, upto=upto)
        self.place |= {pk: "archive" for pk in self.of("inbox") if pk <= upto and pk not in self.unread}

    def _wake(self, alerts: list[int]) -> None:
        pass_time()
        wake()
        self.unread |= set(self.of("snoozed"))
        self.place |= dict.fromkeys(self.of("snoozed"), "inbox")


VERBS = [name.removeprefix("_") for name in vars(Person) if name[0] == "_" and name[1] != "_"]
STEPS = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.sampled_from([*VERBS, "send", "send"]),
        st.sets(st.integers(0, 6), min_size=1, max_size=4),
    ),
    min_size=6,
    max_size=20,
)


@pytest.mark.slow
@pytest.mark.django_db(transaction=False)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_three_devices_count_what_the_database_has(steps: list[tuple[int, str, set[int]]]) -> None:
    with transaction.atomic():
        _compare(steps)
        transaction.set_rollback(True)


def _compare(steps: list[tuple[int, str, set[int]]]) -> None:
    person = Person()
    devices = [Device(person.user) for _ in range(3)]
    for number, step, chosen in steps:
        known = sorted(person.place)
        person.do(step, [known[place] for place in sorted(chosen) if place < len(known)])
        devices[number].catch_up()
        assert devices[number].counts == person.counts
    assert counts(person.user) == person.counts
    inbox = person.of("inbox")
    assert ids(person.user) == inbox
    assert ids(person.user, "unread") == [pk for pk in inbox if pk in person.unread]
    assert ids(person.user, "read") == [pk for pk in inbox if pk not in person.unread]
    assert ids(person.user, "archived") == person.of("archive")
    assert ids(person.user, "snoozed") == person.of("snoozed")
    for device in devices:
        device.catch_up()
        assert device.counts == person.counts


def test_trail_of_very_many_is_in_rows_of_a_thousand(ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trail, "IDS_LIMIT", 3)
    sent = send(ann, 7)
    archive(user=ann, ids=sent)
    rows = InboxChange.objects.filter(user=ann, change="archived").order_by("pk")
    assert [len(row.ids) for row in rows] == [3, 3, 1]
    assert sorted(pk for row in rows for pk in row.ids) == sorted(sent)
