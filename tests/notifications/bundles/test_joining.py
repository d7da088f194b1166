"""Which notifications join what a person has not read, and which do not."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from hub.testing import drain_jobs
from notifications import MEMBERS, Kind, alert, notify
from notifications.inbox import queries
from notifications.inbox.organizing import mark_all_read, mark_unread
from notifications.models import Notification, Topic
from notifications.rules.coalescing import send_last
from notifications.sending.alerting import BadAlert
from tests.notifications.bundles.rows import of, put, say, shown
from tests.notifications.published import published
from tests.support.people import User, make_crowd

pytestmark = pytest.mark.django_db(transaction=True)


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
    notify(to=ann, message="makes her stream")
    with CaptureQueriesContext(connection) as asked:
        notify(to=ann, message="m")
    of_alerts = [one["sql"] for one in asked if "hub_notifications_" in one["sql"]]
    (stored,) = of_alerts
    assert "INSERT" in stored
    assert stored.count("hub_notifications_") == 1


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


def test_a_call_that_wants_what_many_share_to_join_is_refused(ann: User, deploys: Topic) -> None:
    to: Any
    for to in (Group.objects.create(name="ops"), deploys, "everyone", MEMBERS, [ann, deploys]):
        with pytest.raises(BadAlert, match="goes to people, 100 in a call at most"):
            notify(to=to, message="m", group_by="backups")


@pytest.mark.parametrize("value", [7, "x" * 201, "\0"], ids=repr)
def test_what_is_no_text_to_group_by_is_refused(value: Any) -> None:
    with pytest.raises(BadAlert, match="group_by is text of at most 200"):
        notify(to="everyone", message="m", group_by=value)
