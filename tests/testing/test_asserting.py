"""Asserting who is notified: what a person is told counts, by whatever way, and a failure prints what was sent."""

import re
from collections.abc import Callable

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import Group
from django.db import transaction

from hub.testing import (
    aassert_not_notified,
    aassert_notified,
    assert_not_notified,
    assert_notified,
    capture_notifications,
)
from hub.testing.notifications import PRINTED, CapturedNotifications
from notifications import anotify, notify
from notifications.following import follow
from notifications.models import Topic
from notifications.sending.alerting import UnknownRecipient
from tests.support.people import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def ops(ada: User) -> Group:
    group = Group.objects.create(name="ops")
    ada.groups.add(group)
    return group


def test_alert_that_is_as_it_should_be_is_returned(ada: User) -> None:
    notify(to=ada, message="Order A1 is on its way", title="Shipped", level="success", url="/a1/", data={"a": 1})
    row = assert_notified(
        ada,
        "Order A1 is on its way",
        title=re.compile("^Ship"),
        level="success",
        url="/a1/",
        data={"a": 1},
        key=None,
        times=1,
    )
    assert row.message == "Order A1 is on its way"


@pytest.mark.parametrize(
    "wanted",
    [
        {"message": "Order"},
        {"message": re.compile("A2")},
        {"level": "error"},
        {"data": {}},
        {"key": "x"},
        {"times": 2},
    ],
    ids=str,
)
def test_alert_that_differs_does_not_count(ada: User, wanted: dict[str, object]) -> None:
    notify(to=ada, message="Order A1 is on its way")
    with pytest.raises(AssertionError, match=r"1 sent:\n  ada \(.*\): \[info\] Order A1 is on its way"):
        assert_notified(ada, **wanted)  # type: ignore[arg-type]  # each is of the type that its name asks for


@pytest.mark.parametrize(
    "send",
    [
        lambda ada: notify(to=ada, message="x"),
        lambda ada: notify(to="group:ops", message="x"),
        lambda ada: notify(to="topic:deploys", message="x"),
        lambda ada: notify(to="everyone", message="x"),
    ],
    ids=["user", "group", "topic", "everyone"],
)
def test_person_is_notified_by_whatever_reaches_them(
    ada: User, bob: User, ops: Group, send: Callable[[User], object]
) -> None:
    Topic.objects.create(name="deploys", title="Deployments")
    Topic.objects.create(name="other", title="Other")
    follow(user=ada, name="deploys")
    notify(to="topic:other", message="x")
    notify(to=bob, message="x")
    assert_not_notified(ada)
    send(ada)
    assert_notified(ada, "x", times=1)


def test_what_a_topic_said_before_somebody_followed_it_was_not_said_to_them(ada: User) -> None:
    Topic.objects.create(name="deploys", title="Deployments")
    notify(to="topic:deploys", message="x")
    follow(user=ada, name="deploys")
    assert_not_notified(ada)


def test_group_topic_and_everyone_are_asked_about_by_themselves(ada: User, ops: Group) -> None:
    topic = Topic.objects.create(name="deploys", title="Deployments")
    notify(to=[ada, ops, topic], message="x")
    assert_notified(ops, times=1)
    assert_notified("group:ops", times=1)
    assert_notified(topic, times=1)
    assert_not_notified("everyone")
    with pytest.raises(UnknownRecipient, match="no group named 'opps'"):
        assert_notified("group:opps")


def test_failure_says_who_was_notified_how_often_and_of_what(ada: User, bob: User, ops: Group) -> None:
    with pytest.raises(AssertionError, match=r"ada \(.*\) was never notified with message 'x'. Nothing was sent\."):
        assert_notified(ada, "x")
    notify(to=bob, message="for bob", key="k")
    notify(to="group:ops", message="for ops")
    with pytest.raises(AssertionError) as failure:
        assert_notified(ada, "x")
    assert "2 sent:" in str(failure.value)
    assert "bob (" in str(failure.value)
    assert "group ops: [info] for ops" in str(failure.value)
    assert "key='k'" in str(failure.value)
    with pytest.raises(AssertionError, match="once with message 'for ops', and should not have been"):
        assert_not_notified(ada, "for ops")
    with pytest.raises(AssertionError, match="was notified once, not twice"):
        assert_notified(ada, times=2)


def test_argument_that_there_is_not_is_named(ada: User) -> None:
    with pytest.raises(TypeError, match=r"assert_notified\(\) has no argument lvel\."):
        assert_notified(ada, lvel="info")  # type: ignore[call-arg]  # the mistake


def test_failure_prints_the_newest_alerts_and_counts_the_others(ada: User, bob: User) -> None:
    for number in range(PRINTED + 3):
        notify(to=bob, message=f"number {number}")
    with pytest.raises(AssertionError, match="… and 3 before") as failure:
        assert_notified(ada)
    assert f"number {PRINTED + 2}" in str(failure.value)


def test_alerts_of_a_block_may_be_looked_among(ada: User, hub_notifications: CapturedNotifications) -> None:
    notify(to=ada, message="x")
    assert_notified(ada, "x", sent=hub_notifications)
    with pytest.raises(AssertionError, match=r"Nothing was sent\."):
        assert_notified(ada, "x", sent=[])


def test_failure_tells_of_an_alert_that_was_sent_outside_of_the_block(ada: User, bob: User) -> None:
    notify(to=bob, message="x")
    with capture_notifications() as sent:
        pass
    with pytest.raises(AssertionError, match=r"Nothing was sent\.$"):
        assert_notified(ada, "x", sent=sent)
    notify(to=ada, message="x")
    with pytest.raises(AssertionError, match=r"sent\.\nSuch an alert was sent outside of the block of capture_notif"):
        assert_notified(ada, "x", sent=sent)


def test_failure_tells_of_functions_that_wait_for_the_commit(ada: User) -> None:
    transaction.on_commit(lambda: notify(to=ada, message="x"))
    with pytest.raises(AssertionError, match=r"transaction\.on_commit\): 1\. They run at the end of a block of"):
        assert_notified(ada, "x")


@pytest.mark.django_db(transaction=True)
async def test_async_tests_assert_too() -> None:
    ada = await sync_to_async(User.objects.create_user)("ada")
    await anotify(to=ada, message="x")
    assert (await aassert_notified(ada, "x")).message == "x"
    await aassert_not_notified(ada, "y")
