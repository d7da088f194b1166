"""Several devices of one person count the same."""

import threading

import msgspec
import pytest
from django.db import connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.models import Publication
from hub.users import user_id
from lab.harness.waiting import wait_for
from notifications.inbox import trail
from notifications.inbox.organizing import (
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
from notifications.models import InboxChange
from tests.notifications.locks import somebody_waits
from tests.notifications.organizing.inboxes import TOMORROW, counts, ids, pass_time, send, told
from tests.support.people import User
from tests.support.writers import needs_several_writers

pytestmark = pytest.mark.django_db(transaction=True)


@needs_several_writers
def test_two_devices_that_change_at_the_same_time_count_what_the_other_changed(ann: User) -> None:
    alerts = send(ann, 3)
    mark_read(user=ann, ids=alerts[:1])
    second = threading.Thread(target=_archive_in_a_thread, args=[ann, alerts[2:]])
    with transaction.atomic():
        archive(user=ann, ids=alerts[1:2])
        second.start()
        wait_for(somebody_waits, that="the other transaction waits for this one")
    second.join(30)
    assert [event["counts"]["archived"] for event in told(ann)[1:]] == [1, 2]
    assert counts(ann) == (0, 2, 0)


def _archive_in_a_thread(user: User, alerts: list[int]) -> None:
    try:
        archive(user=user, ids=alerts)
    finally:
        connection.close()


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
