"""Muting for a time, the weekly plan, and choices about what many share, which lists and clients heed."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client, override_settings
from django.utils import timezone, translation

from hub.testing import drain_jobs
from hub.users import user_id
from lab.harness.waiting import wait_for
from notifications import MEMBERS, Category, Kind, notify
from notifications.events import InboxCounts
from notifications.following import follow, unfollow
from notifications.inbox import organizing, queries
from notifications.kinds import declaring as kinds
from notifications.models import Choice, Follow, Notification, Topic
from notifications.preferences import stored as preferences
from notifications.preferences.heeding import heeded_of
from notifications.preferences.methods import INBOX, LIVE
from notifications.preferences.quiet_hours import Hours, Times, in_quiet_hours
from notifications.preferences.stored import NotChosen, Wish
from tests.connection.wire import Wire, wired
from tests.notifications.locks import somebody_waits
from tests.notifications.published import alerts_on, published
from tests.support.people import User
from tests.support.writers import needs_several_writers

ORDERS = Category("orders", "Orders")
WORK = Hours(time(9), time(18), (1, 2, 3, 4, 5))
NIGHT_SHIFT = Hours(time(22), time(6), (6,))
PAGE = "/notifications/preferences/"

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def shop(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(kinds, "_declared", {})
    Kind("order.shipped", label="Order shipped", category=ORDERS, message="shipped")
    Kind("invoice", label="Invoice", message="invoice", can_opt_out=False)
    Kind("alarm", label="Alarm", message="alarm", critical=True)
    with override_settings(LANGUAGE_CODE="en", LANGUAGES=[("en", "English"), ("ru", "Russian")]):
        yield


@pytest.fixture
def crew(ann: User) -> Group:
    """A group and a topic that ``ann`` is in."""
    group = Group.objects.create(name="crew")
    ann.groups.add(group)
    Topic.objects.create(name="deploys", title="Deploys")
    follow(user=ann, name="deploys")
    return group


def wish(
    user: User, *, is_on: bool | None = False, method: str = LIVE.name, **named: Any
) -> preferences.ChosenPreferences:
    return preferences.change(user, wishes=[Wish(method, is_on, **named)])


def listed(user: User, **asked: Any) -> list[str]:
    return [alert.message for alert in queries.inbox_for(user, limit=50, **asked).alerts]


def in_an_hour() -> datetime:
    return timezone.now() + timedelta(hours=1)


def sent_to_all(crew: Group, **said: Any) -> None:
    for to in ("everyone", crew, "topic:deploys"):
        notify(to=to, **said)


# --- lists and counts ----------------------------------------------------------------------------------------------


def test_a_kind_that_is_off_is_in_no_list_and_no_count_whoever_it_was_sent_to(ann: User, crew: Group) -> None:
    wish(ann, method=INBOX.name, category="orders")
    sent_to_all(crew, kind="order.shipped")
    assert (listed(ann), queries.counts_for(ann).unread, queries.unread_count(ann)) == ([], 0, 0)
    assert queries.page_for(ann, limit=10).alerts == []
    bob = User.objects.create_user("bob")
    notify(to="everyone", kind="order.shipped")
    assert listed(bob)[0] == "shipped"
    # It is there again once the person wants it.
    wish(ann, is_on=True, method=INBOX.name, kind="order.shipped")
    assert (listed(ann), queries.counts_for(ann).unread) == (["shipped"] * 4, 4)


def test_what_is_of_no_kind_is_off_for_the_person_for_groups_and_for_audiences(ann: User, crew: Group) -> None:
    notify(to=ann, kind="invoice")
    sent_to_all(crew, message="plain")
    notify(to=[ann], message="plain")
    notify(to=MEMBERS, message="plain")
    drain_jobs()
    assert queries.counts_for(ann).unread == 6
    plain = [alert.pk for alert in queries.inbox_for(ann, limit=50).alerts if not alert.kind]
    organizing.mark_read(user=ann, ids=plain[:1])
    organizing.archive(user=ann, ids=plain[1:3])
    chosen = wish(ann, method=INBOX.name, plain=True)
    assert chosen.plain.sentence == "You do not get it."
    assert (listed(ann), queries.counts_for(ann)) == (["invoice"], InboxCounts(1, 0, 0))
    assert listed(ann, state="read") == listed(ann, state="archived") == []
    assert organizing.archive(user=ann, ids=plain).ids == []
    wish(ann, is_on=None, method=INBOX.name, plain=True)
    assert queries.counts_for(ann) == InboxCounts(3, 2, 0)


def test_what_is_hidden_is_as_unread_as_before_when_it_is_wanted_again(ann: User, crew: Group) -> None:
    notify(to=ann, message="plain")
    (shipped,) = notify(to=ann, kind="order.shipped")
    Notification.objects.update(created_at=timezone.now() - timedelta(hours=1))
    wish(ann, method=INBOX.name, plain=True)
    organizing.mark_read(user=ann, ids=[shipped.pk])
    wish(ann, is_on=True, method=INBOX.name, plain=True)
    assert queries.counts_for(ann).unread == 1


def test_what_is_critical_or_has_no_way_out_stays_in_lists_whatever_is_stored(ann: User, crew: Group) -> None:
    for subject in ("kind:alarm", "kind:invoice", "category:orders"):
        Choice.objects.create(user=ann, subject=subject, method=INBOX.name, is_on=False)
    for kind in ("alarm", "invoice", "order.shipped"):
        sent_to_all(crew, kind=kind)
    assert set(listed(ann)) == {"alarm", "invoice"}
    assert heeded_of(ann).hidden == ["order.shipped"]
    assert heeded_of(ann).always == ["alarm"]


def test_choices_cost_lists_and_sending_no_query(ann: User, crew: Group, django_assert_num_queries: Any) -> None:
    notify(to="everyone", message="plain")
    with django_assert_num_queries(3):  # who reads, what there is, and its categories
        queries.counts_for(ann)
    wish(ann, method=INBOX.name, kind="order.shipped")
    with django_assert_num_queries(3):
        queries.counts_for(ann)


# --- muting --------------------------------------------------------------------------------------------------------


def test_muted_kind_comes_silently_until_its_time_and_then_as_before(ann: User) -> None:
    wish(ann, kind="order.shipped", until=in_an_hour())
    notify(to=ann, kind="order.shipped")
    state = preferences.preferences_of(ann).categories[0].kinds[0]
    assert state.sentence.startswith("It is in your list. It is muted until ")
    Choice.objects.update(off_until=timezone.now())
    notify(to=ann, kind="order.shipped")
    assert [data.get("silent") for data in alerts_on(f"user:{user_id(ann)}")] == [True, None]
    assert preferences.preferences_of(ann).categories[0].kinds[0].states[1].is_on


def test_muted_category_leaves_what_was_chosen_for_its_kinds(ann: User) -> None:
    wish(ann, is_on=True, kind="order.shipped")
    chosen = wish(ann, category="orders", until=in_an_hour())
    assert chosen.categories[0].muted_until is not None
    notify(to=ann, kind="order.shipped")
    wish(ann, is_on=None, category="orders")
    notify(to=ann, kind="order.shipped")
    assert [data.get("silent") for data in alerts_on(f"user:{user_id(ann)}")] == [True, None]
    assert Choice.objects.get().is_on is True


def test_what_is_muted_no_more_is_as_it_was_chosen_before(ann: User) -> None:
    wish(ann, category="orders")
    wish(ann, category="orders", until=in_an_hour())
    wish(ann, is_on=None, category="orders")
    assert [(one.is_on, one.off_until) for one in Choice.objects.all()] == [(False, None)]
    wish(ann, is_on=None, category="orders")
    assert not Choice.objects.exists()


@needs_several_writers
def test_of_two_devices_that_choose_at_once_the_second_tells_what_the_first_has_chosen(
    ann: User, crew: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    preferences.change(ann, time_zone="Asia/Tokyo")
    begun, real = threading.Event(), heeded_of

    def in_the_middle(user: User) -> Any:
        heeded = real(user)
        if not begun.is_set():
            begun.set()
            wait_for(somebody_waits, that="the other device waits")
        return heeded

    def choose(channel: str) -> None:
        try:
            wish(ann, channel=channel)
        finally:
            connection.close()

    monkeypatch.setattr(preferences, "heeded_of", in_the_middle)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(choose, "topic:deploys")
        assert begun.wait(30)
        second = pool.submit(choose, f"group:{crew.pk}")
        first.result(20)
        second.result(20)
    told = [one for one in published(f"user:{user_id(ann)}") if one["type"] == "notifications.preferences_changed"]
    assert sorted(told[-1]["silent"]) == sorted(["topic:deploys", f"group:{crew.pk}"])


def test_zones_that_browsers_do_not_know_are_not_offered(ann: User) -> None:
    assert "Europe/Berlin" in preferences.time_zones()
    assert preferences.NO_PLACES.isdisjoint(preferences.time_zones())
    with pytest.raises(NotChosen):
        preferences.change(ann, time_zone="Factory")


def test_clients_are_told_what_is_muted_and_every_page_learns_of_a_change(ann: User, crew: Group) -> None:
    until = in_an_hour()
    wish(ann, channel="topic:deploys", until=until)
    wish(ann, channel=f"group:{crew.pk}")
    chosen = preferences.change(ann, quiet=NIGHT_SHIFT, plan=[WORK], time_zone="Asia/Tokyo")
    heeded = heeded_of(ann)
    assert heeded.silent == [f"group:{crew.pk}"]
    assert heeded.silent_until == {"topic:deploys": until}
    assert (heeded.time_zone, heeded.plan and heeded.plan[0].begin) == ("Asia/Tokyo", "09:00")
    assert [one.channel for one in chosen.channels] == ["everyone", f"group:{crew.pk}", "topic:deploys"]
    assert chosen.channels[1].sentence == "It does not interrupt you; it is in your list."
    told = [one for one in published(f"user:{user_id(ann)}") if one["type"] == "notifications.preferences_changed"]
    assert len(told) == 3
    assert told[-1]["silent"] == heeded.silent


@pytest.mark.parametrize(
    "wrong",
    [
        {"channel": "topic:nothing"},
        {"channel": "group:999"},
        {"channel": "everyone", "method": INBOX.name},
        {"channel": "everyone", "plain": True},
        {"plain": True, "method": "mail"},
        {"kind": "alarm", "until": timezone.now() + timedelta(hours=1)},
        {"plain": True, "until": timezone.now() - timedelta(seconds=1)},
        {"plain": True, "until": timezone.now() + timedelta(days=400)},
        {"plain": True, "is_on": True, "until": timezone.now() + timedelta(hours=1)},
        {"plain": True, "method": INBOX.name, "until": timezone.now() + timedelta(hours=1)},
    ],
)
def test_what_cannot_be_muted_is_refused(ann: User, wrong: dict[str, Any]) -> None:
    with pytest.raises(NotChosen):
        wish(ann, **wrong)
    assert not Choice.objects.exists()
    assert published(f"user:{user_id(ann)}") == []


async def test_a_client_mutes_and_asks_what_it_heeds(ann: User) -> None:
    until = in_an_hour().isoformat()
    async with wired(ann) as wire:
        change = {"method": "live", "on": False, "channel": "everyone", "until": until}
        changed = await asked(wire, "preferences.change", {"choices": [change], "plan": []})
        heeded = await asked(wire, "preferences.heeded", {})
        refused = await wire.ask(rpc={"method": "preferences.change", "data": {"plan": [{"begin": "9", "end": "1"}]}})
    assert changed["channels"][0]["state"]["on"] is False
    assert "No alert interrupts you at any time." in changed["summary"]
    assert (list(heeded["silent_until"]), heeded["plan"]) == (["everyone"], [])
    assert "error" in refused


async def asked(wire: Wire, method: str, data: dict[str, Any]) -> Any:
    return (await wire.ask(rpc={"method": method, "data": data}))["rpc"]["data"]


# --- the weekly plan -----------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25"])  # Sundays on which clocks go forward, and back
def test_plan_goes_by_the_persons_clock_on_days_on_which_clocks_change(ann: User, day: str) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    preferences.change(ann, time_zone="Europe/Berlin", plan=[NIGHT_SHIFT, Hours(time(12), time(13), (7,))])
    first = datetime.fromisoformat(f"{day}T00:00").replace(tzinfo=berlin).astimezone(UTC)
    for number in range(4 * 24):
        moment = first + timedelta(minutes=15 * number)
        hour = moment.astimezone(berlin).hour
        is_open = hour < 6 or hour == 12
        same_day = moment.astimezone(berlin).date().isoformat() == day
        assert not same_day or (in_quiet_hours([ann.pk], moment) == set()) is is_open


def test_quiet_hours_go_before_the_plan_and_an_empty_plan_is_always_quiet() -> None:
    monday = datetime(2026, 11, 30, 12, tzinfo=UTC)
    assert not Times(None, [WORK]).are_quiet_at(monday)
    assert Times(Hours(time(12), time(13), (1,)), [WORK]).are_quiet_at(monday)
    assert Times(None, [WORK]).are_quiet_at(monday - timedelta(days=1))
    assert Times(None, []).are_quiet_at(monday)
    assert not Times().are_quiet_at(monday)


def test_what_comes_outside_of_the_plan_is_silent_unless_it_is_critical(ann: User) -> None:
    preferences.change(ann, plan=[])
    for kind in ("order.shipped", "alarm"):
        notify(to=ann, kind=kind)
    assert [data.get("silent") for data in alerts_on(f"user:{user_id(ann)}")] == [True, None]
    with pytest.raises(NotChosen, match="at most 21"):
        preferences.change(ann, plan=[WORK] * 22)
    assert preferences.change(ann, plan=None).plan is None


# --- sentences, and the page ---------------------------------------------------------------------------------------


def test_what_a_person_will_get_is_said_in_their_language(ann: User, crew: Group) -> None:
    assert preferences.preferences_of(ann).summary == ["Alerts may interrupt you at any time."]
    wish(ann, channel="topic:deploys")
    chosen = preferences.change(ann, quiet=Hours(time(22), time(7), tuple(range(1, 8))), plan=[WORK])
    assert chosen.summary[:2] == [
        "Alerts interrupt you in these hours only: 9 a.m.–6 p.m. (Monday, Tuesday, Wednesday, Thursday and Friday).",
        "No alert interrupts you in these hours: 10 p.m.–7 a.m. every day.",
    ]
    assert chosen.summary[-1] == "Deploys is muted."
    with translation.override("ru"):
        assert "Понедельник" in preferences.preferences_of(ann).summary[0]


@pytest.mark.slow
def test_page_mutes_unmutes_and_stores_the_plan(ann: User, crew: Group, client: Client) -> None:
    client.force_login(ann)
    preferences.change(ann, time_zone="Asia/Tokyo")
    client.post(PAGE, {"mute:topic:deploys": "tomorrow", "mute:everyone": "always", "mute:category:orders": "hour"})
    tomorrow = Choice.objects.get(subject="topic:deploys").off_until
    assert tomorrow is not None and tomorrow.astimezone(ZoneInfo("Asia/Tokyo")).hour == 9
    assert heeded_of(ann).silent == ["everyone"]
    page = client.get(PAGE).content.decode()
    assert "Deploys is muted until" in page and "To everyone is muted." in page
    client.post(PAGE, {"mute:topic:deploys": "until", "mute:everyone": "on", "mute:category:orders": "on"})
    assert list(Choice.objects.values_list("subject", flat=True)) == ["topic:deploys"]
    plan = {"plan-TOTAL_FORMS": "2", "plan-INITIAL_FORMS": "0", "plan-0-begin": "09:00", "plan-0-end": "18:00"}
    days = {"plan-0-days": ["1", "2", "3", "4", "5"]}
    assert client.post(PAGE, plan).status_code == 400
    assert client.post(PAGE, plan | days).status_code == 302
    assert preferences.preferences_of(ann).plan == [WORK]
    assert 'value="09:00"' in client.get(PAGE).content.decode()
    empty = {"plan-TOTAL_FORMS": "1", "plan-INITIAL_FORMS": "1", "plan-0-begin": "", "plan-0-end": ""}
    client.post(PAGE, empty)
    assert preferences.preferences_of(ann).plan is None


@pytest.mark.slow
def test_new_hours_begin_on_every_day_unless_some_are_left_out(ann: User, client: Client) -> None:
    client.force_login(ann)
    page = client.get(PAGE).content.decode()
    for name in ("days", "plan-0-days", "plan-1-days"):
        assert page.count(f'name="{name}"') == 7
    assert page.count("checked") >= 3 * 7


def test_a_form_that_names_little_changes_no_more_than_that(ann: User, client: Client) -> None:
    client.force_login(ann)
    preferences.change(ann, language="ru", time_zone="Asia/Tokyo", quiet=NIGHT_SHIFT, plan=[WORK])
    wish(ann, is_on=True, kind="order.shipped")
    for posted in ({}, {"language": "en"}, {"shown": "invoice", "inbox:invoice": "on", "live:invoice": "on"}):
        client.post(PAGE, posted)
    chosen = preferences.preferences_of(ann)
    assert (chosen.language, chosen.time_zone, chosen.quiet, chosen.plan) == (
        "en",
        "Asia/Tokyo",
        NIGHT_SHIFT,
        [WORK],
    )
    assert Choice.objects.get().is_on is True
    client.post(PAGE, {"shown": ["", "order.shipped"], "inbox:": "on", "live:": "on"})
    assert heeded_of(ann).hidden == ["order.shipped"]


# --- channels that a person has left -------------------------------------------------------------------------------


def test_what_was_muted_and_left_is_shown_and_can_be_undone(ann: User, crew: Group, client: Client) -> None:
    for channel in ("topic:deploys", f"group:{crew.pk}"):
        wish(ann, channel=channel)
    unfollow(user=ann, name="deploys")
    ann.groups.remove(crew)
    left = {one.channel: one for one in preferences.preferences_of(ann).channels}
    for channel in ("topic:deploys", f"group:{crew.pk}"):
        assert left[channel].sentence == "You are not in it any more. If you come back, it does not interrupt you."
        assert not left[channel].state.is_on
    client.force_login(ann)
    assert "You are not in it any more." in client.get(PAGE).content.decode()
    client.post(PAGE, {"mute:topic:deploys": "on"})
    assert list(Choice.objects.values_list("subject", flat=True)) == [f"group:{crew.pk}"]
    # What is neither theirs nor muted is nothing to choose about, and what is gone is not named.
    with pytest.raises(NotChosen):
        wish(ann, channel="topic:deploys")
    wish(ann, is_on=None, channel="topic:deploys")  # again, as of a call whose answer was lost
    crew.delete()
    assert [one.channel for one in preferences.preferences_of(ann).channels] == ["everyone"]


def test_title_of_a_closed_topic_is_not_told_to_who_was_taken_off_it(ann: User, crew: Group) -> None:
    wish(ann, channel="topic:deploys")
    Topic.objects.update(is_open=False, title="Secret plans")
    Follow.objects.filter(user=ann).delete()
    assert "Secret plans" not in str(preferences.preferences_of(ann))
