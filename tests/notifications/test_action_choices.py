"""Buttons of alerts: chosen once by each person, whatever they click and wherever."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.db import connection, transaction
from django.utils.translation import gettext_lazy

from hub import streams
from hub.testing import CommandRefused, adrain_jobs, connected, drain_jobs
from hub.users import display_name, user_id
from hub.validation import Refused
from lab.harness.waiting import wait_for
from notifications import MEMBERS, Action, Chosen, Link, action, alert, anotify, events, notify, retract
from notifications.action_choices import ActionFailed, MayNotChoose, NoSuchAction, choose
from notifications.inbox import queries
from notifications.models import ActionChoice, Follow, Notification, NotificationState, ReadMark, Topic
from notifications.offers import declaring as offers
from notifications.offers.declaring import BadOffer
from notifications.sending import retention
from notifications.sending.alerting import BadAlert
from tests.notifications.locks import somebody_waits
from tests.support.people import User
from tests.support.writers import needs_several_writers

pytestmark = pytest.mark.django_db(transaction=True)

BUTTONS: list[Action | Link] = [
    Action("approve", "Approve", "primary"),
    Action("refuse", "Refuse"),
    Link("open", "Open", "/orders/7/"),
]


class Runs(list[tuple[str, str]]):
    """Who has chosen what, as the functions saw it, and what they raise."""

    error: Exception | None = None


@pytest.fixture(autouse=True)
def runs(monkeypatch: pytest.MonkeyPatch) -> Runs:
    monkeypatch.setattr(offers, "_registered", {})
    found = Runs()

    def run(chosen: Chosen) -> None:
        User.objects.create_user(f"made-by-{display_name(chosen.user)}-{chosen.notification.data}")
        if found.error is not None:
            raise found.error
        found.append((chosen.name, display_name(chosen.user)))

    for name in ("approve", "refuse"):
        action(name)(run)
    action("guarded", permission="hub_notifications.add_notification")(run)
    return found


def told(user: User) -> list[str]:
    texts = [one.data for one in streams.read(f"user:{user_id(user)}", after=0, limit=50)]
    return [text for text in texts if "action_chosen" in text]


def test_what_is_chosen_is_done_stored_and_told(ann: User, runs: Runs) -> None:
    (row,) = notify(to=ann, message="m", data=7, actions=BUTTONS)
    assert [one.chosen for one in queries.latest_for(ann)] == [""]
    choice = choose(user=ann, notification_id=row.pk, name="approve")
    assert runs == [("approve", "ann")]
    assert (choice.action, choice.user_id) == ("approve", ann.pk)
    assert "made-by-ann-7" in map(display_name, User.objects.all())
    (listed,) = queries.latest_for(ann)
    assert events.listed(listed).chosen == "approve"
    (text,) = told(ann)
    assert f'"id":{row.pk},"action":"approve"' in text


def test_publications_have_actions_only_where_there_are_some(ann: User) -> None:
    notify(to=ann, message="plain")
    notify(to=ann, message="offers", actions=BUTTONS)
    plain, offering = (one.data for one in streams.read(f"user:{user_id(ann)}", after=0, limit=5))
    assert "actions" not in plain
    assert (
        '"actions":[{"name":"approve","label":"Approve","style":"primary"},{"name":"refuse","label":"Refuse"},'
        '{"name":"open","label":"Open","url":"/orders/7/"}]'
    ) in offering
    assert Notification.objects.get(message="plain").actions is None


def test_a_second_choice_changes_nothing_and_is_told_the_first(ann: User, runs: Runs) -> None:
    (row,) = notify(to=ann, message="m", actions=BUTTONS)
    first = choose(user=ann, notification_id=row.pk, name="approve")
    for name in ("approve", "refuse"):
        assert choose(user=ann, notification_id=row.pk, name=name) == first
    assert runs == [("approve", "ann")]
    assert len(told(ann)) == 1


@pytest.mark.slow
def test_clicks_at_the_same_time_are_one_choice(ann: User, runs: Runs) -> None:
    (row,) = notify(to=ann, message="m", actions=BUTTONS)

    def click(number: int) -> str:
        try:
            return choose(user=ann, notification_id=row.pk, name=("approve", "refuse")[number % 2]).action
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        answers = set(pool.map(click, range(16)))
    assert len(answers) == len(runs) == len(told(ann)) == 1
    assert ActionChoice.objects.get().action in answers


@pytest.mark.parametrize("sort", ["group", "topic", "everyone", "members"])
def test_each_person_chooses_for_themselves(ann: User, deploys: Topic, runs: Runs, sort: str) -> None:
    bob, group = User.objects.create_user("bob"), Group.objects.create(name="staff")
    for user in (ann, bob):
        user.groups.add(group)
        Follow.objects.create(user=user, topic=deploys)
    to: Any = {"group": group, "topic": deploys, "everyone": "everyone", "members": MEMBERS}[sort]
    (row,) = notify(to=to, message="m", actions=BUTTONS)
    drain_jobs()
    choose(user=ann, notification_id=row.pk, name="approve")
    choose(user=bob, notification_id=row.pk, name="refuse")
    assert sorted(runs) == [("approve", "ann"), ("refuse", "bob")]
    assert [queries.latest_for(user)[0].chosen for user in (ann, bob)] == ["approve", "refuse"]


@pytest.mark.parametrize(
    "error", [ZeroDivisionError("7"), Refused("The order is gone", code=409)], ids=["own", "refused"]
)
def test_what_fails_counts_as_not_chosen(ann: User, runs: Runs, error: Exception) -> None:
    (row,) = notify(to=ann, message="m", data=7, actions=BUTTONS)
    runs.error = error
    with pytest.raises(ActionFailed if isinstance(error, ZeroDivisionError) else Refused) as raised:
        choose(user=ann, notification_id=row.pk, name="approve")
    assert ("The order is gone" in str(raised.value)) is isinstance(error, Refused)
    assert not ActionChoice.objects.exists()
    assert "made-by-ann-7" not in map(display_name, User.objects.all())
    assert told(ann) == []
    runs.error = None
    choose(user=ann, notification_id=row.pk, name="refuse")
    assert runs == [("refuse", "ann")]


def test_who_does_not_have_it_may_not_choose(ann: User, runs: Runs) -> None:
    bob = User.objects.create_user("bob")
    (row,) = notify(to=ann, message="m", key="k", actions=BUTTONS)
    for user, number, name in (
        (bob, row.pk, "approve"),
        (ann, row.pk + 1, "approve"),
        (ann, row.pk, "open"),
        (ann, row.pk, "guarded"),
        (ann, row.pk, "nothing"),
    ):
        with pytest.raises(NoSuchAction):
            choose(user=user, notification_id=number, name=name)
    retract(key="k")
    with pytest.raises(NoSuchAction):
        choose(user=ann, notification_id=row.pk, name="approve")
    assert runs == []


def test_who_has_left_the_group_may_not_choose(ann: User, runs: Runs) -> None:
    group = Group.objects.create(name="staff")
    ann.groups.add(group)
    (row,) = notify(to=group, message="m", actions=BUTTONS)
    ann.groups.clear()
    with pytest.raises(NoSuchAction):
        choose(user=ann, notification_id=row.pk, name="approve")


@pytest.mark.own_user_model
def test_a_permission_is_asked_of_the_database(ann: User, runs: Runs) -> None:
    (row,) = notify(to=ann, message="m", actions=[Action("guarded", "Do it")])
    assert not ann.has_perm("hub_notifications.add_notification")  # which the object remembers
    with pytest.raises(MayNotChoose):
        choose(user=ann, notification_id=row.pk, name="guarded")
    ann.user_permissions.add(
        Permission.objects.get(codename="add_notification", content_type__app_label="hub_notifications")
    )
    choose(user=ann, notification_id=row.pk, name="guarded")
    assert runs == [("guarded", "ann")]


@pytest.mark.parametrize("to_many", [False, True])
@needs_several_writers
def test_who_takes_it_back_waits_for_who_chooses_now(ann: User, runs: Runs, to_many: bool) -> None:
    begun, go_on = threading.Event(), threading.Event()

    @action("slow")
    def slow(chosen: Chosen) -> None:
        runs.append((chosen.name, display_name(chosen.user)))
        begun.set()
        go_on.wait(20)

    (row,) = notify(to=MEMBERS if to_many else ann, message="m", actions=[Action("slow", "Do it")])
    drain_jobs()
    with ThreadPoolExecutor(2) as pool:
        choosing = pool.submit(and_close, choose, user=ann, notification_id=row.pk, name="slow")
        try:
            assert begun.wait(20)
            retracting = pool.submit(and_close, retract, id=row.pk)
            wait_for(somebody_waits, that="who retracts waits for the choice")
        finally:
            go_on.set()
        choosing.result(20)
        assert retracting.result(20) == 1
    assert runs == [("slow", "ann")]
    assert not ActionChoice.objects.exists()


@needs_several_writers
def test_nothing_is_done_for_what_is_taken_back_meanwhile(ann: User, runs: Runs) -> None:
    (row,) = notify(to=ann, message="m", key="k", actions=BUTTONS)
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            retract(key="k")
            choosing = pool.submit(and_close, choose, user=ann, notification_id=row.pk, name="approve")
            wait_for(lambda: somebody_waits() or choosing.done(), that="who chooses waits")
        with pytest.raises(NoSuchAction):
            choosing.result(20)
    assert runs == []
    assert not ActionChoice.objects.exists()


@needs_several_writers
def test_a_function_may_take_the_alert_back_from_others_who_choose_now(ann: User, runs: Runs) -> None:

    @action("first")
    def first(chosen: Chosen) -> None:
        runs.append((chosen.name, display_name(chosen.user)))
        wait_for(somebody_waits, that="the other one waits")
        retract(key="k")

    (row,) = notify(to="everyone", message="m", key="k", actions=[Action("first", "Mine")])
    people = [ann, User.objects.create_user("bob")]
    with ThreadPoolExecutor(2) as pool:
        clicks = [pool.submit(and_close, choose, user=one, notification_id=row.pk, name="first") for one in people]
        errors = [click.exception(30) for click in clicks]
    assert sorted(type(error).__name__ for error in errors) == ["NoSuchAction", "NoneType"]
    assert len(runs) == 1
    assert not ActionChoice.objects.exists()


def and_close(function: Any, **arguments: Any) -> Any:
    """For a thread of its own."""
    try:
        return function(**arguments)
    finally:
        connection.close()


def test_pruning_forgets_what_was_done_with_alerts_that_are_gone(ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "SLICE", 2)
    rows = [notify(to=ann, message="m")[0].pk for _ in range(5)]
    gone = range(rows[-1] + 1, rows[-1] + 6)
    models: list[Any] = [ActionChoice, NotificationState, ReadMark]
    for model in models:
        for pair in zip(rows, gone, strict=True):
            for one in pair:
                model.objects.create(user=ann, notification_id=one)
    assert retention.prune() == 0
    for model in models:
        assert list(model.objects.order_by("pk").values_list("notification", flat=True)) == rows


def test_an_action_that_no_app_has_any_more_is_none(ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    (row,) = notify(to=ann, message="m", actions=BUTTONS)
    monkeypatch.setattr(offers, "_registered", {})
    with pytest.raises(NoSuchAction):
        choose(user=ann, notification_id=row.pk, name="approve")


@pytest.mark.parametrize(
    ("actions", "says"),
    [
        ([Action("unknown", "m")], "There is no action named 'unknown'"),
        ([Action("approve", "")], "label"),
        ([Action("approve", "x" * 61)], "label"),
        ([Action("approve", "m", "loud")], "style"),
        ([Action("", "m")], "name"),
        ([Link("a", "m", "javascript:alert(1)")], "url"),
        ([Link("a", "m", "//evil.example")], "url"),
        ([Link("a", "m", "")], "url"),
        ([Action("approve", "m"), Link("approve", "m", "/")], "name of its own"),
        ([Link(str(number), "m", "/") for number in range(6)], "5 actions at most"),
        (["approve"], "Action and Link"),
    ],
)
def test_buttons_that_cannot_be_are_refused(actions: Any, says: str) -> None:
    with pytest.raises(BadAlert, match=says):
        alert(to="everyone", message="m", actions=actions)


def test_a_label_is_translated_when_it_is_sent(ann: User) -> None:
    (row,) = notify(to=ann, message="m", actions=[Action("approve", gettext_lazy("Approve"))])
    assert row.actions == [{"name": "approve", "label": "Approve"}]


def test_names_of_actions_are_one_functions() -> None:
    def other(_: Chosen) -> None: ...

    with pytest.raises(BadOffer, match="Two actions are named 'approve'"):
        action("approve")(other)
    with pytest.raises(BadOffer, match="no name"):
        action("x" * 65)


async def test_every_device_is_told_and_rpc_answers(ann: User, runs: Runs) -> None:
    (row,) = await anotify(to=ann, message="m", actions=BUTTONS)
    async with connected(ann) as first, connected(ann) as second, connected() as guest:
        answer = await first.call("alerts.choose", {"id": row.pk, "action": "approve"})
        assert answer["action"] == "approve"
        assert (await ActionChoice.objects.aget()).source.startswith("device:")
        for client in (first, second):
            chosen = await client.receive(of_type="notifications.action_chosen")
            assert (chosen.data["id"], chosen.data["action"]) == (row.pk, "approve")
        assert await second.call("alerts.choose", {"id": row.pk, "action": "refuse"}) == answer
        (item,) = (await second.call("alerts.list", {}))["items"]
        assert item["chosen"] == "approve"
        for client, name, code in ((guest, "approve", 401), (first, "nothing", 404)):
            with pytest.raises(CommandRefused) as refused:
                await client.call("alerts.choose", {"id": row.pk, "action": name})
            assert refused.value.code == code
    await adrain_jobs()
    assert runs == [("approve", "ann")]
