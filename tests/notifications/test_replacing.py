"""Alerts that take the place of others with their key: on every screen, unread, and one whatever happens at once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection, transaction
from django.utils import timezone

from hub import streams
from hub.models import Publication
from hub.testing import adrain_jobs, connected, drain_jobs
from hub.users import user_id
from lab.harness.waiting import wait_for
from notifications import MEMBERS, alert, anotify, notify
from notifications.inbox import queries
from notifications.inbox.organizing import mark_all_read
from notifications.models import Distribution, Follow, InboxEntry, Notification, ScheduledAlert, Topic
from notifications.rules.coalescing import send_last
from notifications.sending import alerting, distributing, named_audiences
from notifications.sending.actions import send
from notifications.sending.alerting import BadAlert
from tests.notifications.locks import somebody_waits
from tests.support.people import User, make_crowd
from tests.support.writers import needs_several_writers

pytestmark = pytest.mark.django_db(transaction=True)

SORTS = ["own", "group", "topic", "everyone", "members", "list"]


@pytest.fixture(autouse=True)
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distributing, "BATCH", 4)
    for module in (alerting, named_audiences):
        monkeypatch.setattr(module, "SMALL", 5)


@pytest.fixture
def crowd(ann: User) -> list[User]:
    make_crowd("one", 9)
    return list(User.objects.order_by("pk"))


@pytest.fixture
def recipients(ann: User, deploys: Topic, crowd: list[User]) -> dict[str, Any]:
    group = Group.objects.create(name="staff")
    ann.groups.add(group)
    Follow.objects.create(user=ann, topic=deploys)
    return {
        "own": ann,
        "group": group,
        "topic": deploys,
        "everyone": "everyone",
        "members": MEMBERS,
        "list": crowd,
    }


def shown(user: User) -> list[tuple[str, bool]]:
    return [(row.message, row.read) for row in queries.latest_for(user)]


@pytest.mark.whole_table
@pytest.mark.slow
@pytest.mark.parametrize("sort", SORTS)
def test_the_new_one_stands_unread_where_the_old_one_was(ann: User, recipients: dict[str, Any], sort: str) -> None:
    to = recipients[sort]
    (old,) = notify(to=to, message="packed", key="k", replace=True)
    (other,) = notify(to=to, message="other", key="l")
    drain_jobs()
    mark_all_read(user=ann, upto=other.pk)
    (new,) = notify(to=to, message="shipped", title="t", level="success", url="/a/", data=[1], key="k", replace=True)
    drain_jobs()
    assert shown(ann) == [("shipped", False), ("other", True)]
    assert queries.unread_count(ann) == 1
    assert not Notification.objects.filter(pk=old.pk).exists()
    assert new.pk not in (old.pk, other.pk)
    stored = Notification.objects.get(key="k")
    assert (stored.title, stored.level, stored.url, stored.data) == ("t", "success", "/a/", [1])
    assert "packed" not in str(list(Publication.objects.values_list("data", "shared__data")))


@pytest.mark.parametrize("sort", SORTS)
def test_a_call_that_says_the_same_changes_nothing(ann: User, recipients: dict[str, Any], sort: str) -> None:
    (row,) = notify(to=recipients[sort], message="m", data={"a": (1,)}, key="k", replace=True)
    drain_jobs()
    mark_all_read(user=ann, upto=row.pk)
    assert notify(to=recipients[sort], message="m", data={"a": (1,)}, key="k", replace=True) == [row]
    drain_jobs()
    assert shown(ann) == [("m", True)]


@pytest.mark.parametrize("sort", SORTS)
def test_what_says_the_same_expires_when_the_new_one_would(ann: User, recipients: dict[str, Any], sort: str) -> None:
    (row,) = notify(to=recipients[sort], message="m", key="k", replace=True, expires=timedelta(seconds=30))
    drain_jobs()
    mark_all_read(user=ann, upto=row.pk)
    end = timezone.now() + timedelta(hours=5)
    for _ in range(2):
        assert notify(to=recipients[sort], message="m", key="k", replace=True, expires=end) == [row]
    drain_jobs()
    assert Notification.objects.get().expires_at == end
    assert shown(ann) == [("m", True)]
    told = [text for text in map(str, Publication.objects.values_list("data", flat=True)) if '"silent":true' in text]
    assert len(told) == (0 if sort in ("members", "list") else 1)


def test_a_rule_that_takes_back_its_word_leaves_what_was_there(ann: User) -> None:
    notify(to=ann, message="old", key="k")
    with transaction.atomic():
        send_last("rule", [alert(to=ann, message="new", key="k", replace=True)])
        send_last("rule", [])
    assert shown(ann) == [("old", False)]
    with transaction.atomic():
        send_last("rule", [alert(to=ann, message="new", key="k", replace=True)])
        send_last("rule", [alert(to=ann, message="newer", key="k", replace=True)])
    assert shown(ann) == [("newer", False)]
    assert '"message":"new"' not in str(list(Publication.objects.values_list("data", flat=True)))


def test_recipients_who_have_none_get_it_and_others_keep_theirs(ann: User) -> None:
    bob, eve = User.objects.create_user("bob"), User.objects.create_user("eve")
    notify(to=[ann, bob], message="old", key="k")
    notify(to=[ann, eve], message="new", key="k", replace=True)
    assert [shown(user) for user in (ann, bob, eve)] == [[("new", False)], [("old", False)], [("new", False)]]


def test_one_person_of_many_is_told_something_else(crowd: list[User], ann: User) -> None:
    notify(to=MEMBERS, message="old", key="k")
    drain_jobs()
    notify(to=ann, message="new", key="k", replace=True)
    drain_jobs()
    assert shown(ann) == [("new", False)]
    assert shown(crowd[-1]) == [("old", False)]
    assert "old" not in str([one.data for one in streams.read(f"user:{user_id(ann)}", after=0, limit=50)])


@pytest.mark.slow
def test_many_are_told_something_else_than_some_of_them_alone(crowd: list[User], ann: User) -> None:
    outsider = User.objects.create_user("outsider", is_active=False)
    notify(to=[ann, outsider], message="old", key="k")
    notify(to=crowd, message="new", key="k", replace=True)
    drain_jobs()
    assert {tuple(shown(user)) for user in crowd} == {(("new", False),)}
    assert shown(outsider) == [("old", False)]
    notify(to=MEMBERS, message="newer", key="k", replace=True)
    drain_jobs()
    assert {tuple(shown(user)) for user in crowd} == {(("newer", False),)}


@pytest.mark.slow
@pytest.mark.parametrize("steps", [0, 1, 2])
def test_a_distribution_under_way_gives_the_old_one_to_nobody_else(crowd: list[User], steps: int) -> None:
    (old,) = notify(to=crowd, message="old", key="k")
    for _ in range(steps):
        distributing.step(old.pk)
    notify(to=crowd, message="new", key="k", replace=True)
    drain_jobs()
    assert {tuple(shown(user)) for user in crowd} == {(("new", False),)}
    assert InboxEntry.objects.count() == len(crowd)
    assert Distribution.objects.count() == 1
    for user in crowd:
        texts = [one.data for one in streams.read(f"user:{user_id(user)}", after=0, limit=50)]
        assert "old" not in str(texts)
        assert sum("new" in text for text in texts) == 1


@pytest.mark.slow
@pytest.mark.parametrize("sort", ["own", "members"])
def test_fifty_calls_at_once_leave_one_and_the_last_ones_contents(
    ann: User, recipients: dict[str, Any], sort: str
) -> None:
    def call(number: int) -> None:
        try:
            notify(to=recipients[sort], message=f"m{number}", key="k", replace=True)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(call, range(50)))
    drain_jobs()
    (row,) = Notification.objects.all()
    assert shown(ann) == [(row.message, False)]
    texts = [one.data for one in streams.read(f"user:{user_id(ann)}", after=0, limit=500)]
    created = [text for text in texts if "notification_created" in text]
    assert len(created) == 1
    assert f'"message":"{row.message}"' in created[0]
    assert created[0] == texts[-1] if sort == "own" else created[0] in texts


async def test_every_open_page_and_who_comes_back_has_the_last_one(ann: User) -> None:
    channel = f"user:{user_id(ann)}"
    async with connected(ann) as first, connected(ann) as second:
        await anotify(to=ann, message="packed", key="k", replace=True)
        await anotify(to=ann, message="shipped", key="k", replace=True)
        await adrain_jobs()
        for client in (first, second):
            told = [(await client.receive(channel)).data for _ in range(3)]
            assert [one.get("message", one.get("ids")) for one in told] == ["packed", [told[0]["id"]], "shipped"]
    async with connected(ann) as client:
        page = await client.ask("history", channel=channel, limit=10)
        assert [one["data"].get("message") for one in page["publications"]] == [None, None, "shipped"]
        assert [one["message"] for one in (await client.call("alerts.list", {}))["items"]] == ["shipped"]


def test_a_rollback_leaves_the_old_one(ann: User) -> None:
    notify(to=ann, message="old", key="k")
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        notify(to=ann, message="new", key="k", replace=True)
        raise ZeroDivisionError
    assert shown(ann) == [("old", False)]


def test_one_for_later_is_replaced_before_its_time_and_replaces_at_it(ann: User) -> None:
    at = timezone.now() + timedelta(hours=1)
    notify(to=ann, message="now", key="k")
    notify(to=ann, message="first", key="k", at=at)
    notify(to=ann, message="second", key="k", at=at + timedelta(hours=1), replace=True)
    assert ScheduledAlert.objects.count() == 1
    drain_jobs(until=at)
    assert shown(ann) == [("now", False)]
    drain_jobs(until=at + timedelta(hours=1))
    assert shown(ann) == [("second", False)]


def test_without_a_key_there_is_nothing_to_replace() -> None:
    with pytest.raises(BadAlert, match="it has none"):
        alert(to="everyone", message="m", replace=True)


@pytest.mark.parametrize("replace", [True, False])
@needs_several_writers
def test_calls_that_name_several_keys_never_wait_in_a_ring(ann: User, replace: bool) -> None:

    def send_both() -> None:
        described = [
            alert(to=ann, message="other", key=key, replace=whether) for key, whether in (("b", True), ("a", replace))
        ]
        try:
            send(described)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            notify(to=ann, message="m", key="a", replace=True)
            other = pool.submit(send_both)
            wait_for(somebody_waits, that="the other call waits for this one")
            notify(to=ann, message="m", key="b", replace=True)
        other.result(20)
    assert sorted(message for message, _ in shown(ann)) == sorted(["other", "other" if replace else "m"])
