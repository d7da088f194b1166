"""Alerts with ``throttle``: the first at once, then one row for each window, which says how many came."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from hub.privacy import erase
from hub.testing import drain_jobs
from notifications import Kind, alert, notify, retract
from notifications.inbox import queries
from notifications.inbox.bundles import bundle_for
from notifications.inbox.organizing import mark_all_read
from notifications.kinds import declaring
from notifications.models import Notification, ScheduledAlert, ThrottleWindow, Topic, newest_alert
from notifications.rules.coalescing import send_last
from notifications.sending import actions, due, scheduling, throttling
from notifications.sending.alerting import BadAlert
from tests.support.people import User, make_crowd
from worker.maintenance import restart_distributions
from worker.models import Job

pytestmark = pytest.mark.django_db(transaction=True)

#: Calls at the same time. SQLite has one writer, and lets others wait for ten seconds.
AT_ONCE = 50 if connection.vendor == "postgresql" else 3

WINDOW = timedelta(minutes=10)


@pytest.fixture(autouse=True)
def failed(monkeypatch: pytest.MonkeyPatch) -> Kind:
    monkeypatch.setattr(declaring, "_declared", dict(declaring._declared))
    return Kind(
        "build.failed",
        label="Builds",
        message="{build} failed",
        many_message="{count} builds failed",
        fields={"build": str},
        throttle=WINDOW,
    )


def fail(to: Any, *builds: str, **more: Any) -> list[Notification]:
    return [row for build in builds for row in notify(to=to, kind="build.failed", params={"build": build}, **more)]


def shown(user: User) -> list[tuple[str, int]]:
    return [(row.message, row.bundle_count) for row in queries.latest_for(user)]


def end() -> None:
    """Let the window end, and what is held be sent."""
    for window in ThrottleWindow.objects.all():
        drain_jobs(until=window.ends_at)
    ThrottleWindow.objects.update(ends_at=F("ends_at") - WINDOW)


def test_the_first_comes_at_once_and_the_others_as_one_at_the_end(ann: User) -> None:
    (first,) = fail(ann, "a")
    assert fail(ann, "b", "c", "d") == []
    assert shown(ann) == [("a failed", 1)]
    assert queries.unread_count(ann) == 1
    end()
    assert shown(ann) == [("3 builds failed", 3), ("a failed", 1)]
    newest = queries.latest_for(ann)[0]
    assert [row.message for row in bundle_for(ann, id=newest.pk, limit=5).alerts] == [
        "d failed",
        "c failed",
        "b failed",
    ]
    assert queries.unread_count(ann) == 2
    assert not ScheduledAlert.objects.exists()
    assert not Job.objects.exists()
    assert first.pk < newest.pk


def test_what_was_sent_at_the_end_opens_the_next_window(ann: User) -> None:
    fail(ann, "a", "b")
    drain_jobs(until=ThrottleWindow.objects.get().ends_at)
    assert fail(ann, "c") == []
    assert shown(ann) == [("b failed", 1), ("a failed", 1)]
    end()
    assert shown(ann) == [("c failed", 1), ("b failed", 1), ("a failed", 1)]


def test_after_a_window_in_which_nothing_came_the_next_is_a_first_one(ann: User) -> None:
    fail(ann, "a")
    end()
    assert len(fail(ann, "b")) == 1
    assert shown(ann) == [("b failed", 1), ("a failed", 1)]


def test_people_kinds_and_group_by_have_windows_of_their_own(ann: User) -> None:
    bob = User.objects.create_user("bob")
    fail(ann, "a")
    assert len(fail([ann, bob], "b")) == 1
    for by in "xyx":
        notify(to=ann, message=by, group_by=by, throttle=WINDOW)
    notify(to=ann, message="plain")
    assert [said for said, _ in shown(ann)] == ["plain", "y", "x", "a failed"]
    end()
    assert [said for said in shown(ann) if said[1] == 2] == [("x", 2)]
    assert shown(bob) == [("b failed", 1)]


def test_with_group_by_all_that_is_unread_is_one_row(ann: User) -> None:
    for number in range(4):
        fail(ann, str(number), group_by="main")
    assert shown(ann) == [("0 failed", 1)]
    end()
    assert shown(ann) == [("4 builds failed", 4)]


def test_no_throttle_is_at_once(ann: User) -> None:
    for build in "ab":
        assert len(fail(ann, build, throttle=timedelta(0))) == 1
    assert not ThrottleWindow.objects.exists()


def test_a_rollback_opens_no_window(ann: User) -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        fail(ann, "a")
        raise ZeroDivisionError
    assert len(fail(ann, "b")) == 1


def test_what_is_for_later_is_held_at_its_time(ann: User) -> None:
    at = timezone.now() + timedelta(minutes=1)
    fail(ann, "later", at=at)
    fail(ann, "a")
    drain_jobs(until=at)
    assert shown(ann) == [("a failed", 1)]
    end()
    assert shown(ann) == [("later failed", 1), ("a failed", 1)]


def test_no_alert_is_held_for_longer_than_it_says_itself(ann: User) -> None:
    fail(ann, "a", "b", throttle=timedelta(days=7))
    wrong = ThrottleWindow.objects.get().ends_at
    fail(ann, "c")
    assert WINDOW - timedelta(minutes=1) < ThrottleWindow.objects.get().ends_at - timezone.now() <= WINDOW
    fail(ann, "d", throttle=timedelta(days=7))
    end()
    assert shown(ann) == [("3 builds failed", 3), ("a failed", 1)]
    drain_jobs(until=wrong)
    assert shown(ann) == [("3 builds failed", 3), ("a failed", 1)]


# --- very many -------------------------------------------------------------------------------------------------------


def test_of_very_many_the_newest_are_kept_and_the_others_counted(ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttling, "HELD", 3)
    fail(ann, "first", *"abcdefg")
    assert ScheduledAlert.objects.count() == 3
    end()
    assert shown(ann) == [("7 builds failed", 7), ("first failed", 1)]
    assert [row.message for row in bundle_for(ann, id=queries.latest_for(ann)[0].pk, limit=9).alerts] == [
        "g failed",
        "f failed",
        "a failed",
    ]
    fail(ann, "h")
    end()
    assert shown(ann)[0] == ("h failed", 1)


def test_what_is_counted_is_forgotten_with_all_that_was_held(ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttling, "HELD", 2)
    fail(ann, "first")
    for build in "abcd":
        fail(ann, build, key=build)
    assert [retract(key=build) for build in "abcd"] == [1, 0, 0, 1]
    end()
    fail(ann, "second", "e")
    end()
    assert shown(ann) == [("e failed", 1), ("second failed", 1), ("first failed", 1)]


def test_it_costs_no_query_more_to_send_what_was_held(ann: User) -> None:
    def cost(*builds: str) -> int:
        for build in builds:
            fail(ann, build, key=build)
        held = ScheduledAlert.objects.order_by("pk")[0]
        with CaptureQueriesContext(connection) as queries_of_it:
            due.send(held.pk, held.due_at)
        return len(queries_of_it)

    fail(ann, "first")
    assert cost(*"ab") == cost(*"cdefghijk")


# --- keys ------------------------------------------------------------------------------------------------------------


def test_a_key_is_held_and_sent_once(ann: User) -> None:
    (first,) = fail(ann, "a", key="a")
    assert fail(ann, "a", key="a") == [first]
    for _ in range(2):
        fail(ann, "b", key="b")
        fail(ann, "c", key="c")
    end()
    assert shown(ann) == [("2 builds failed", 2), ("a failed", 1)]
    assert [row.key for row in fail(ann, "b", key="b")] == ["b"]
    end()
    assert shown(ann) == [("2 builds failed", 2), ("a failed", 1)]


def test_what_is_held_is_cancelled_by_its_key_and_the_others_come_in_time(ann: User) -> None:
    fail(ann, "first")
    for build in "abc":
        fail(ann, build, key=build)
    assert retract(key="a") == 1  # whose job would have sent all
    end()
    assert shown(ann) == [("2 builds failed", 2), ("first failed", 1)]
    assert retract(key="c") == 1
    assert shown(ann) == [("b failed", 1), ("first failed", 1)]


def test_where_all_that_was_held_is_cancelled_nothing_comes(ann: User) -> None:
    fail(ann, "first")
    fail(ann, "a", key="a")
    retract(key="a")
    end()
    assert shown(ann) == [("first failed", 1)]
    assert len(fail(ann, "b")) == 1


# --- rules -----------------------------------------------------------------------------------------------------------


def test_a_rule_that_says_something_else_is_still_the_first(ann: User) -> None:
    def said(build: str) -> Any:
        return alert(to=ann, kind="build.failed", params={"build": build})

    with transaction.atomic():
        send_last("rule", [said("a")])
        send_last("rule", [said("b")])
    assert shown(ann) == [("b failed", 1)]
    with transaction.atomic():
        send_last("rule", [said("c")])
        send_last("rule", [])
    end()
    assert shown(ann) == [("b failed", 1)]


# --- what is refused -------------------------------------------------------------------------------------------------


def test_a_call_that_wants_what_many_share_to_be_held_is_refused(ann: User, deploys: Topic) -> None:
    for to in (deploys, "everyone", "members", [ann, deploys], make_crowd("crowd", 101)):
        with pytest.raises(BadAlert, match="An alert with throttle goes to people, 100 in a call at most"):
            fail(to, "a", throttle=WINDOW)


def test_what_many_share_comes_at_once_although_its_kind_is_held(deploys: Topic, ann: User) -> None:
    for to in (deploys, "everyone", "members", [ann, deploys]):
        fail(to, "a")
        fail(to, "b")
    assert ScheduledAlert.objects.count() == 1  # the second to ann
    assert Notification.objects.filter(user=None).count() == 8
    assert Notification.objects.filter(user=ann).count() == 1


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"throttle": 7}, "throttle is a timedelta"),
        ({"throttle": timedelta(-1)}, "throttle is a timedelta"),
        ({"throttle": timedelta(days=8)}, "throttle is a timedelta of at most 7 days"),
        ({"throttle": WINDOW}, "has a kind or a group_by"),
        ({"throttle": WINDOW, "group_by": "x", "key": "k", "replace": True}, "replaces another is not held"),
    ],
    ids=str,
)
def test_what_cannot_be_held_is_refused(ann: User, more: dict[str, Any], sentence: str) -> None:
    with pytest.raises(BadAlert, match=sentence):
        notify(to=ann, message="m", **more)


# --- crashes, and calls at the same time -----------------------------------------------------------------------------


@pytest.mark.slow
def test_of_fifty_at_the_same_time_one_comes_at_once_and_the_others_as_one(ann: User) -> None:
    def send(number: int) -> None:
        try:
            fail(ann, f"b{number}", key=f"k{number % 50}")
        finally:
            connection.close()

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(send, range(75)))
    assert [count for _, count in shown(ann)] == [1]
    assert ScheduledAlert.objects.count() == 49
    end()
    assert [count for _, count in shown(ann)] == [49, 1]


@pytest.mark.slow
def test_what_comes_while_the_window_ends_is_in_one_of_two(ann: User) -> None:
    fail(ann, "first", "second")
    held = ScheduledAlert.objects.get()

    def act(number: int) -> None:
        try:
            if number % 4 == 3:
                due.send(held.pk, held.due_at)
            else:
                fail(ann, f"b{number}", key=f"k{number}")
        finally:
            connection.close()

    with ThreadPoolExecutor(min(AT_ONCE, 12)) as pool:
        list(pool.map(act, range(24)))
    end()
    counts = [count for _, count in shown(ann)]
    assert sum(counts) == 20
    assert len(counts) == 3
    assert not ScheduledAlert.objects.exists()


def test_a_job_that_runs_twice_sends_what_was_held_once(ann: User) -> None:
    fail(ann, "a", "b", "c")
    held = ScheduledAlert.objects.order_by("pk")[0]
    for _ in range(2):
        due.send(held.pk, held.due_at)
    assert shown(ann) == [("2 builds failed", 2), ("a failed", 1)]


def test_a_job_that_was_lost_is_started_for_all_that_is_held(ann: User) -> None:
    fail(ann, "a", "b", "c")
    Job.objects.all().delete()
    ScheduledAlert.objects.update(due_at=timezone.now() - timedelta(minutes=5))
    assert restart_distributions() == 1
    drain_jobs()
    assert shown(ann) == [("2 builds failed", 2), ("a failed", 1)]


def test_one_that_cannot_be_sent_does_not_hold_the_others(ann: User) -> None:
    fail(ann, "a", "b")
    scheduling.fail(ScheduledAlert.objects.get().pk, LookupError("gone"))
    fail(ann, "c")
    end()
    assert shown(ann) == [("c failed", 1), ("a failed", 1)]


# --- what is left over -----------------------------------------------------------------------------------------------


def test_windows_that_are_over_are_deleted_but_where_something_is_held(ann: User) -> None:
    fail(ann, "a", "b")
    fail(User.objects.create_user("bob"), "a")
    ThrottleWindow.objects.update(ends_at=timezone.now() - 2 * throttling.KEPT)
    assert throttling.prune() == 1
    assert ThrottleWindow.objects.get().scope == ScheduledAlert.objects.get().scope


def test_what_is_held_for_somebody_who_is_erased_is_deleted(ann: User) -> None:
    fail(ann, "a", "b")
    erase(ann)
    assert not ScheduledAlert.objects.exists()


def test_reading_all_meanwhile_leaves_what_is_held_unread(ann: User) -> None:
    fail(ann, "a", "b")
    mark_all_read(user=ann, upto=newest_alert())
    end()
    assert queries.unread_count(ann) == 1
    assert actions.send([]) == []
