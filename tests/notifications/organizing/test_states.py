"""What people do with their alerts: unread again, archived, snoozed, seen; and what their pages are told of it."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from hub.channels import LAST_ID
from hub.privacy import erase, export
from hub.testing import drain_jobs
from notifications import following, notify
from notifications.inbox import organizing, queries
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
from notifications.models import Follow, InboxEntry, Notification, NotificationState, Topic
from notifications.sending import withdrawing
from notifications.sending.retention import prune
from tests.notifications.organizing.inboxes import TOMORROW, counts, ids, one_of_each, pass_time, send, told
from tests.support.people import User, make_crowd
from worker.maintenance import wake_snoozed

pytestmark = pytest.mark.django_db(transaction=True)


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


@pytest.mark.whole_table
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
