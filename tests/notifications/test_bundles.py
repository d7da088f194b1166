"""Alerts with ``group_by``: what a person has not read of one kind and text is one row."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from threading import Barrier, BrokenBarrierError
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import Group
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.translation import ngettext_lazy
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pytest_django.fixtures import Settings

from hub.channels import LAST_ID
from hub.models import Publication
from hub.testing import assert_notified, capture_notifications, connected, drain_jobs
from hub.users import user_id
from notifications import MEMBERS, Action, Chosen, Kind, Link, action, alert, notify, retract
from notifications.action_choices import NoSuchAction, choose
from notifications.inbox import organizing, queries
from notifications.inbox.bundles import bundle_for
from notifications.inbox.organizing import archive, mark_all_read, mark_read, mark_unread, snooze, unarchive
from notifications.kinds import declaring
from notifications.models import Notification, ScheduledAlert, Topic, newest_alert
from notifications.offers import declaring as offers
from notifications.rules.coalescing import send_last
from notifications.sending import expiring, retention, scheduling, withdrawing
from notifications.sending.actions import send as send_all
from notifications.sending.alerting import BadAlert
from notifications.sending.expiring import sweep
from tests.notifications.published import published
from tests.support.people import User, make_crowd
from tests.support.writers import needs_several_writers

#: Calls at the same time. SQLite has one writer, and lets others wait for ten seconds.
AT_ONCE = 50 if connection.vendor == "postgresql" else 3

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def comment(monkeypatch: pytest.MonkeyPatch) -> Kind:
    monkeypatch.setattr(declaring, "_declared", dict(declaring._declared))
    return Kind(
        "photo.comment",
        label="Comments",
        message="{who} wrote on {photo}",
        many_message=ngettext_lazy("{count} new comment on {photo}", "{count} new comments on {photo}", "count"),
        fields={"who": str, "photo": str},
        group_by="{photo}",
    )


def say(to: Any, who: str, photo: str = "cat", **more: Any) -> Notification:
    (row,) = notify(to=to, kind="photo.comment", params={"who": who, "photo": photo}, **more)
    return row


def of(user: User) -> str:
    """The channel of a person."""
    return f"user:{user_id(user)}"


def shown(user: User) -> list[tuple[str, int, bool]]:
    """The inbox: what each row says, how many it stands for, and whether it is read."""
    return [(row.message, row.bundle_count, row.read) for row in queries.latest_for(user)]


def put(user: User, row: Notification, place: str) -> None:
    match place:
        case "read":
            mark_read(user=user, ids=[row.pk])
        case "all read":
            mark_all_read(user=user, upto=row.pk)
        case "archived":
            archive(user=user, ids=[row.pk])
        case "snoozed":
            snooze(user=user, ids=[row.pk], until=timezone.now() + timedelta(hours=1))


# --- joining ---------------------------------------------------------------------------------------------------------


def test_unread_ones_of_one_value_are_one_row(ann: User, comment: Kind) -> None:
    say(ann, "Ada")
    assert shown(ann) == [("Ada wrote on cat", 1, False)]
    say(ann, "Bob")
    say(ann, "Cem", photo="dog")
    say(ann, "Dan")
    assert shown(ann) == [("3 new comments on cat", 3, False), ("Cem wrote on dog", 1, False)]
    assert queries.unread_count(ann) == 2


def test_without_a_kind_the_newest_text_stands_for_all(ann: User) -> None:
    for text in "abc":
        notify(to=ann, message=text, group_by="x")
    notify(to=ann, message="d", group_by="y")
    notify(to=ann, message="e")
    assert shown(ann) == [("e", 1, False), ("d", 1, False), ("c", 3, False)]


def test_other_kinds_and_people_have_rows_of_their_own(ann: User, comment: Kind) -> None:
    bob = User.objects.create_user("bob")
    say(ann, "Ada")
    notify(to=ann, message="m", group_by="cat")
    notify(to=[ann, bob], message="n", group_by="cat")
    assert shown(ann) == [("n", 2, False), ("Ada wrote on cat", 1, False)]
    assert shown(bob) == [("n", 1, False)]


@pytest.mark.slow
def test_what_was_read_archived_or_snoozed_is_joined_by_nothing(ann: User, comment: Kind) -> None:
    for settle in ("read", "all read", "archived", "snoozed"):
        say(ann, "Ada")
        last = say(ann, "Bob")
        assert last.bundle_count == 2
        put(ann, last, settle)
    assert [(count, read) for _, count, read in shown(ann)] == [(2, True), (2, True)]
    assert queries.unread_count(ann) == 0


def test_what_is_unread_again_is_joined(ann: User, comment: Kind) -> None:
    say(ann, "Ada")
    row = say(ann, "Bob")
    mark_all_read(user=ann, upto=row.pk)
    mark_unread(user=ann, ids=[row.pk])
    say(ann, "Cem")
    assert shown(ann) == [("3 new comments on cat", 3, False)]


def test_open_pages_and_those_who_come_back_have_one_row(ann: User, comment: Kind) -> None:
    rows = [say(ann, who) for who in ("Ada", "Bob", "Cem")]
    told = published(of(ann))
    assert [one["ids"] for one in told if one["type"] == "notifications.alerts_withdrawn"][-1] == [rows[1].pk]
    created = [one for one in told if one["type"] == "notifications.notification_created"]
    assert [(one["id"], one["bundle"], one["message"]) for one in created] == [
        (rows[2].pk, {"id": rows[0].pk, "count": 3}, "3 new comments on cat")
    ]


def test_an_alert_that_stands_alone_is_told_as_ever(ann: User, comment: Kind) -> None:
    say(ann, "Ada")
    (one,) = published(of(ann))
    assert "bundle" not in one


def test_several_in_one_call_are_one_row_at_once(ann: User, comment: Kind) -> None:
    with transaction.atomic():
        rule = [
            alert(to=ann, kind="photo.comment", params={"who": who, "photo": "cat"}, key=f"k{who}")
            for who in ("Zoe", "Bob", "Ada")
        ]
        send_last("rule", rule)
    assert shown(ann) == [("3 new comments on cat", 3, False)]
    (told,) = published(of(ann))
    assert told["bundle"]["count"] == 3
    assert [row.params["who"] for row in queries.latest_for(ann)] == ["Ada"]


def test_without_group_by_the_database_is_asked_nothing_more(ann: User) -> None:
    with CaptureQueriesContext(connection) as asked:
        notify(to=ann, message="m")
    of_alerts = [one["sql"] for one in asked if "hub_notifications_" in one["sql"]]
    assert len(of_alerts) == 1
    assert of_alerts[0].startswith("INSERT")


def test_an_alert_for_later_joins_at_its_time(ann: User, comment: Kind) -> None:
    at = timezone.now() + timedelta(hours=1)
    say(ann, "Ada")
    notify(to=ann, kind="photo.comment", params={"who": "Bob", "photo": "cat"}, at=at)
    assert shown(ann) == [("Ada wrote on cat", 1, False)]
    drain_jobs(until=at)
    assert shown(ann) == [("2 new comments on cat", 2, False)]


def test_an_empty_group_by_stands_alone(ann: User, comment: Kind) -> None:
    say(ann, "Ada")
    say(ann, "Bob", group_by="")
    assert [count for _, count, _ in shown(ann)] == [1, 1]


# --- more people -----------------------------------------------------------------------------------------------------


def test_what_many_share_stands_alone_although_its_kind_is_bundled(ann: User, deploys: Topic, comment: Kind) -> None:
    for to in (Group.objects.create(name="ops"), deploys, "everyone", MEMBERS):
        say(to, "Ada")
        say(to, "Bob")
    assert set(Notification.objects.values_list("bundle_by", "bundle_count", "folded")) == {("", 1, False)}
    assert Notification.objects.count() == 8


def test_people_beside_a_group_have_theirs_joined(ann: User, comment: Kind) -> None:
    ops = Group.objects.create(name="ops")
    for who in ("Ada", "Bob"):
        notify(to=[ann, ops], kind=comment, params={"who": who, "photo": "cat"})
    assert [count for _, count, _ in shown(ann)] == [2]
    assert Notification.objects.filter(group=ops, bundle_by="", folded=False).count() == 2


def test_more_than_a_hundred_people_share_a_row_that_stands_alone(comment: Kind) -> None:
    people = make_crowd("crowd", 101)
    say(people, "Ada")
    assert Notification.objects.get().bundle_by == ""
    with pytest.raises(BadAlert, match="goes to people"):
        notify(to=people, message="m", group_by="backups")


# --- what is refused -------------------------------------------------------------------------------------------------


def test_a_call_that_wants_what_many_share_to_join_is_refused(ann: User, deploys: Topic) -> None:
    to: Any
    for to in (Group.objects.create(name="ops"), deploys, "everyone", MEMBERS, [ann, deploys]):
        with pytest.raises(BadAlert, match="goes to people, 100 in a call at most"):
            notify(to=to, message="m", group_by="backups")


@pytest.mark.parametrize("value", [7, "x" * 201, "\0"], ids=repr)
def test_what_is_no_text_to_group_by_is_refused(value: Any) -> None:
    with pytest.raises(BadAlert, match="group_by is text of at most 200"):
        notify(to="everyone", message="m", group_by=value)


# --- keys, taking back, replacing, expiring --------------------------------------------------------------------------


def test_a_key_joins_once(ann: User, comment: Kind) -> None:
    first = say(ann, "Ada", key="a")
    say(ann, "Bob", key="b")
    assert say(ann, "again", key="a") == first
    assert shown(ann) == [("2 new comments on cat", 2, False)]


@pytest.mark.slow
@pytest.mark.parametrize("read", ["unread", "read", "all read", "archived", "snoozed"])
def test_what_is_taken_back_leaves_the_others_as_they_were(ann: User, comment: Kind, read: str) -> None:
    row = [say(ann, key, key=key) for key in "abcd"][-1]
    put(ann, row, read)
    before = queries.counts_for(ann)
    place = {"archived": "archived", "snoozed": "snoozed"}.get(read, "all")
    sizes = []
    for key in "badc":
        assert retract(key=key) == 1
        assert retract(key=key) == 0
        part = queries.inbox_for(ann, state=place, limit=5)  # type: ignore[arg-type]  # one of them
        sizes.append([(one.message, one.bundle_count, one.read) for one in part.alerts])
        assert queries.counts_for(ann) == (before if part.alerts else type(before)(0, 0, 0))
    is_read = read in ("read", "all read")
    assert sizes == [
        [("3 new comments on cat", 3, is_read)],
        [("2 new comments on cat", 2, is_read)],
        [("c wrote on cat", 1, is_read)],
        [],
    ]
    assert not Notification.objects.exists()


def test_what_is_left_comes_out_of_the_archive_as_unread_as_it_went_in(ann: User, comment: Kind) -> None:
    say(ann, "Ada", key="a")
    row = say(ann, "Bob", key="b")
    archive(user=ann, ids=[row.pk])
    retract(key="b")
    (left,) = queries.inbox_for(ann, state="archived", limit=5).alerts
    unarchive(user=ann, ids=[left.pk])
    assert shown(ann) == [("Ada wrote on cat", 1, False)]


def test_what_was_passed_by_the_mark_is_unread_when_it_stands_again(ann: User, comment: Kind) -> None:
    say(ann, "Ada", key="a")
    other = notify(to=ann, message="other")[0]
    say(ann, "Bob", key="b")
    mark_all_read(user=ann, upto=other.pk)
    retract(key="b")
    assert shown(ann) == [("other", 1, True), ("Ada wrote on cat", 1, False)]
    assert queries.unread_count(ann) == 1


def test_open_pages_are_told_what_is_left(ann: User, comment: Kind) -> None:
    first = say(ann, "Ada", key="a")
    second = say(ann, "Bob", key="b")
    retract(key="b")
    *_, gone, back = published(of(ann))
    assert gone["ids"] == [second.pk]
    assert (back["id"], back["silent"], back["message"]) == (first.pk, True, "Ada wrote on cat")
    assert "Bob" not in str(list(Publication.objects.values_list("data", flat=True)))


def test_a_replacement_takes_its_place_in_the_row(ann: User, comment: Kind) -> None:
    say(ann, "Ada", key="a")
    say(ann, "Bob", key="b")
    say(ann, "Ann", key="a", replace=True)
    assert shown(ann) == [("2 new comments on cat", 2, False)]
    assert sorted(Notification.objects.values_list("params__who", flat=True)) == ["Ann", "Bob"]


def test_a_rule_that_says_something_else_leaves_no_trace(ann: User, comment: Kind) -> None:
    def said(who: str) -> Any:
        return alert(to=ann, kind="photo.comment", params={"who": who, "photo": "cat"})

    say(ann, "Ada")
    with transaction.atomic():
        send_last("rule", [said("Bob")])
        send_last("rule", [said("Cem")])
    assert shown(ann) == [("2 new comments on cat", 2, False)]
    with transaction.atomic():
        send_last("rule", [said("Dan")])
        send_last("rule", [])
    assert shown(ann) == [("2 new comments on cat", 2, False)]
    assert sorted(Notification.objects.values_list("params__who", flat=True)) == ["Ada", "Cem"]


def test_a_row_expires_as_a_whole_with_the_last_of_it(ann: User, comment: Kind) -> None:
    soon, later = timezone.now() + timedelta(hours=1), timezone.now() + timedelta(hours=2)
    say(ann, "Ada", expires=later)
    last = say(ann, "Bob", expires=soon)
    assert Notification.objects.get(pk=last.pk).expires_at == later
    Notification.objects.filter(pk=last.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    assert shown(ann) == []
    say(ann, "Cem")
    assert shown(ann) == [("Cem wrote on cat", 1, False)]
    assert sweep() == 2
    assert shown(ann) == [("Cem wrote on cat", 1, False)]


def test_a_large_row_that_expires_is_deleted_in_pieces(
    ann: User, comment: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expiring, "FOLDED_BATCH", 2)
    for number in range(6):
        say(ann, f"p{number}", expires=timedelta(minutes=5))
    say(ann, "other", "dog")
    Notification.objects.filter(expires_at__isnull=False).update(expires_at=timezone.now() - timedelta(minutes=1))
    before = len(published(of(ann)))
    assert [sweep(seconds=0) for _ in range(5)] == [2, 2, 1, 1, 0]
    assert shown(ann) == [("other wrote on dog", 1, False)]
    assert len(published(of(ann))) == before + 1  # of the row


def test_one_that_does_not_expire_keeps_the_row(ann: User, comment: Kind) -> None:
    say(ann, "Ada")
    last = say(ann, "Bob", expires=timedelta(hours=1))
    assert Notification.objects.get(pk=last.pk).expires_at is None


def test_what_is_folded_is_changed_by_nobody(ann: User, comment: Kind) -> None:
    folded = say(ann, "Ada")
    say(ann, "Bob")
    for verb in ("read", "unread", "archive", "seen"):
        assert organizing.change(verb, user=ann, ids=[folded.pk]).ids == []
    assert shown(ann) == [("2 new comments on cat", 2, False)]


def test_a_row_of_many_has_no_buttons(ann: User, comment: Kind) -> None:
    button = Link("open", "Open", "/photos/cat/")
    for who in ("Ada", "Bob"):
        say(ann, who, actions=[button])
    assert "actions" not in published(of(ann))[-1]


# --- a row that is opened -------------------------------------------------------------------------------------------


async def test_a_row_opens_to_each_of_its_alerts(ann: User, comment: Kind) -> None:
    rows = [await sync_to_async(say)(ann, who, actions=[Link("x", who, "/x/")]) for who in ("Ada", "Bob", "Cem")]
    async with connected(ann) as client:
        part = await client.call("inbox.bundle", {"id": rows[-1].pk, "limit": 2})
        more = await client.call("inbox.bundle", {"id": rows[-1].pk, "before": part["next"]})
        (listed,) = (await client.call("inbox.list", {}))["items"]
        assert await client.call("inbox.bundle", {"id": rows[-1].pk + 1}) == {"items": [], "next": 0}
    said = [(one["id"], one["message"], one["actions"][0]["label"]) for one in part["items"] + more["items"]]
    assert said == [(row.pk, f"{row.params['who']} wrote on cat", row.params["who"]) for row in reversed(rows)]
    assert (part["next"], more["next"]) == (rows[1].pk, 0)
    assert not any("bundle" in one or one["read"] for one in part["items"])
    assert listed["bundle"] == {"id": rows[0].pk, "count": 3}


def test_what_is_under_a_row_is_read_as_it_is_and_nobody_elses(ann: User, comment: Kind) -> None:
    folded, last = say(ann, "Ada"), say(ann, "Bob")
    mark_all_read(user=ann, upto=last.pk)
    for asked in (folded, last):
        part = bundle_for(ann, id=asked.pk, limit=5)
        assert [(row.pk, row.read) for row in part.alerts] == [(last.pk, True), (folded.pk, True)]
    assert bundle_for(User.objects.create_user("eve"), id=last.pk, limit=5).alerts == ()
    (alone,) = notify(to=ann, message="alone")
    assert [row.message for row in bundle_for(ann, id=alone.pk, limit=5).alerts] == ["alone"]


def test_an_action_of_a_folded_alert_can_be_chosen(ann: User, comment: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offers, "_registered", {})

    @action("thank")
    def thank(chosen: Chosen) -> None:
        say(chosen.user, "me")

    first = say(ann, "Ada", actions=[Action("thank", "Thank")])
    say(ann, "Bob")
    choose(user=ann, notification_id=first.pk, name="thank")
    part = bundle_for(ann, id=first.pk, limit=5)
    assert [row.chosen for row in part.alerts] == ["", "", "thank"]
    with pytest.raises(NoSuchAction):
        choose(user=User.objects.create_user("eve"), notification_id=first.pk, name="thank")


def test_test_helpers_find_each_call_and_the_row(ann: User, comment: Kind) -> None:
    with capture_notifications() as sent:
        for who in ("Ada", "Bob"):
            say(ann, who)
    assert [row.params["who"] for row in sent] == ["Ada", "Bob"]
    assert_notified(ann, "Ada wrote on cat")
    assert_notified(ann, bundle_count=2, times=1)
    with pytest.raises(AssertionError, match=r"group_by='cat' \(stands for 2\)"):
        assert_notified(ann, bundle_count=3)


# --- what is kept ----------------------------------------------------------------------------------------------------


def test_what_is_folded_pushes_nothing_out_of_the_inbox(ann: User, comment: Kind, settings: Settings) -> None:
    settings.HUB_ALERT_ITEMS = 3
    notify(to=ann, message="important")
    for number in range(8):
        say(ann, f"p{number}")
    retention.prune()
    assert shown(ann) == [("8 new comments on cat", 8, False), ("important", 1, False)]
    assert Notification.objects.filter(folded=True).count() == 3


# --- at the same time ------------------------------------------------------------------------------------------------


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


# --- whatever is done ------------------------------------------------------------------------------------------------

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
@hypothesis_settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
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


def test_search_finds_a_row_by_what_is_folded_under_it(ann: User, django_assert_max_num_queries: Any) -> None:
    for text in ("lunch today", "no", "Lunch tomorrow", "fine"):
        notify(to=ann, message=text, group_by="talk:1")
    notify(to=ann, message="lunch is ready")
    with django_assert_max_num_queries(12):
        found = queries.inbox_for(ann, text="LUNCH", limit=10).alerts
    assert [(row.message, row.found_under) for row in found] == [("lunch is ready", 0), ("fine", 2)]
    assert [(row.message, row.found_under) for row in queries.inbox_for(ann, text="fine", limit=10).alerts] == [
        ("fine", 1)
    ]
    assert queries.inbox_for(ann, text="breakfast", limit=10).alerts == []
    bob = User.objects.create_user("bob")
    assert queries.inbox_for(bob, text="lunch", limit=10).alerts == []


def test_search_looks_at_so_many_that_are_folded(ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "SEARCHED", 3)
    for text in ("first", "second", "third", "last"):
        notify(to=ann, message=text, group_by="talk:1")
    assert [row.found_under for row in queries.inbox_for(ann, text="second", limit=10).alerts] == [1]
    assert queries.inbox_for(ann, text="first", limit=10).alerts == []


def test_search_goes_on_behind_the_rows_whose_alerts_it_has_looked_at(
    ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "SEARCHED", 6)
    for talk in range(5):
        for text in ("needle" if talk == 1 else "hay", "hay", "hay"):
            notify(to=ann, message=f"{text} {talk}", group_by=f"talk:{talk}")
    found, before, parts = list[str](), LAST_ID, 0
    while before:
        part = queries.inbox_for(ann, text="needle", before=before, limit=10)
        found += [row.message for row in part.alerts]
        before, parts = part.next, parts + 1
    assert (found, parts) == (["hay 1"], 3)


def test_search_counts_those_of_the_level_that_is_asked_for(ann: User) -> None:
    for level in ("error", "info", "error"):
        notify(to=ann, message="disk full", level=level, group_by="disk")
    assert [row.found_under for row in queries.inbox_for(ann, text="disk", level="error", limit=10).alerts] == [2]
    assert [row.found_under for row in queries.inbox_for(ann, text="disk", limit=10).alerts] == [3]
