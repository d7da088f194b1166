"""Kinds that are quiet or off until a person switches them on."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, Group
from django.test import Client, override_settings

from hub.testing import drain_jobs
from hub.users import user_id
from notifications import MEMBERS, Category, Kind, delivery_method, following, kind_mistakes, notify, who_wants
from notifications.inbox import queries
from notifications.inbox.organizing import mark_read
from notifications.kinds import declaring as kinds
from notifications.models import Notification, ReadMark, ReadUpTo, Topic
from notifications.preferences import choosing, methods, subjects
from notifications.preferences import stored as preferences
from notifications.preferences.heeding import heeded_of
from notifications.preferences.methods import INBOX, LIVE
from notifications.preferences.stored import Wish
from tests.notifications.published import alerts_on
from tests.support.people import User

NEWS = Category("news", "News")

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def shop(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(kinds, "_declared", {})
    Kind("news.loud", label="Loud", category=NEWS, message="loud")
    Kind("news.quiet", label="Quiet", category=NEWS, message="quiet", defaults={"live": False})
    Kind("news.offer", label="Offer", category=NEWS, message="offer", defaults={"inbox": False})
    with override_settings(LANGUAGE_CODE="en"):
        yield


def choose(
    user: User, method: str = INBOX.name, *, is_on: bool | None = True, kind: str = "", category: str = ""
) -> None:
    preferences.change(user, wishes=[Wish(method, is_on, kind, category)])


def chosen(user: User) -> dict[str, tuple[list[bool], str]]:
    return {
        one.kind.name: ([state.is_on for state in one.states], one.sentence)
        for category in preferences.preferences_of(user).categories
        for one in category.kinds
    }


def told(user: User) -> list[tuple[str, bool]]:
    return [(data["message"], data.get("silent", False)) for data in alerts_on(f"user:{user_id(user)}")]


@pytest.mark.parametrize("many", [False, True])
def test_without_a_choice_the_kind_says_what_people_get(ann: User, many: bool) -> None:
    bob = User.objects.create_user("bob")
    choose(bob, kind="news.offer")
    choose(bob, LIVE.name, kind="news.quiet")
    for kind in ("news.loud", "news.quiet", "news.offer"):
        notify(to=MEMBERS if many else [ann, bob], kind=kind)
    drain_jobs()
    assert told(ann) == [("loud", False), ("quiet", True)]
    assert told(bob) == [("loud", False), ("quiet", False), ("offer", False)]


def test_what_holds_is_shown_and_said(ann: User) -> None:
    assert chosen(ann) == {
        "news.loud": ([True, True], "It is in your list and appears at once on open pages."),
        "news.quiet": ([True, False], "It is in your list."),
        "news.offer": ([False, False], "You do not get it."),
    }
    choose(ann, kind="news.offer")
    assert chosen(ann)["news.offer"] == ([True, True], "It is in your list and appears at once on open pages.")


def test_a_choice_for_the_category_goes_before_the_default_and_one_for_the_kind_before_both(ann: User) -> None:
    choose(ann, category="news")
    choose(ann, LIVE.name, category="news")
    assert {name: states for name, (states, _) in chosen(ann).items()} == {
        "news.loud": [True, True],
        "news.quiet": [True, True],
        "news.offer": [True, True],
    }
    choose(ann, LIVE.name, kind="news.quiet", is_on=False)
    notify(to=ann, kind="news.quiet")
    assert told(ann) == [("quiet", True)]
    choose(ann, LIVE.name, kind="news.quiet", is_on=None)
    choose(ann, category="news", is_on=None)
    assert chosen(ann)["news.quiet"][0] == [True, True]
    assert chosen(ann)["news.offer"][0] == [False, False]


def test_what_many_share_follows_the_defaults_in_lists_counts_and_clients(ann: User) -> None:
    ops, topic = Group.objects.create(name="ops"), Topic.objects.create(name="deploys", title="Deploys")
    ann.groups.add(ops)
    following.follow(user=ann, name="deploys")
    for to in (ops, topic, "everyone"):
        for kind in ("news.quiet", "news.offer"):
            notify(to=to, kind=kind)
    assert {alert.kind for alert in queries.latest_for(ann)} == {"news.quiet"}
    assert queries.unread_count(ann) == 3
    heeded = heeded_of(ann)
    assert (heeded.hidden, heeded.silent) == (["news.offer"], ["kind:news.quiet"])
    choose(ann, kind="news.offer")
    choose(ann, LIVE.name, kind="news.quiet")
    assert queries.unread_count(ann) == 6
    assert (heeded_of(ann).hidden, heeded_of(ann).silent) == ([], [])
    assert len(queries.latest_for(AnonymousUser())) == 2  # their client has nothing to heed either


def test_a_way_of_the_product_has_a_default_too(ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(methods, "_methods", dict(methods._methods))
    delivery_method("mail", label="By mail", said="comes by mail")
    bill = Kind("bill", label="Bill", message="bill", defaults={"mail": False})
    assert choosing.chosen_by(bill, "mail", [ann.pk]) == set()
    assert chosen(ann)["bill"][0] == [True, True, False]
    choose(ann, "mail", kind="bill")
    assert choosing.chosen_by(bill, "mail", [ann.pk]) == {ann.pk}


def test_who_wants_a_kind_by_mail(ann: User, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any) -> None:
    monkeypatch.setattr(methods, "_methods", dict(methods._methods))
    with pytest.raises(LookupError, match="no delivery method 'mail'"):
        who_wants("news.offer", by="mail", among=[ann])
    delivery_method("mail", label="By mail", said="comes by mail")
    with pytest.raises(LookupError, match="No app declares a kind 'nothing'"):
        who_wants("nothing", by="mail", among=[ann])
    bob = User.objects.create_user("bob")
    choose(ann, kind="news.offer")
    choose(bob, kind="news.offer")
    choose(ann, "mail", is_on=False, kind="news.offer")
    with django_assert_num_queries(1):
        assert who_wants("news.offer", by="mail", among=[ann, bob]) == [bob]


def test_defaults_cost_no_query(ann: User, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(2):  # as without: choices and quiet hours
        assert choosing.heard_by(Notification(kind="news.quiet"), [ann.pk]) == {ann.pk: True}
    with django_assert_num_queries(2):
        assert choosing.heard_by(Notification(kind="news.offer"), [ann.pk]) == {}


def test_who_has_read_all_keeps_no_marks_because_of_a_kind_that_is_off_by_default(ann: User) -> None:
    (alert,) = notify(to=ann, message="plain")
    Notification.objects.update(created_at="2026-01-01T00:00Z")
    mark_read(user=ann, ids=[alert.pk])
    assert not ReadMark.objects.exists()
    assert ReadUpTo.objects.get().upto == alert.pk


def test_the_page_switches_an_opt_in_kind_on(ann: User, client: Client) -> None:
    client.force_login(ann)
    page = client.get("/notifications/preferences/")
    assert "You do not get it." in page.content.decode()
    posted = {"shown": ["news.offer", "news.quiet"], "inbox:news.offer": "on", "inbox:news.quiet": "on"}
    client.post("/notifications/preferences/", posted)
    assert chosen(ann)["news.offer"][0] == [True, True]
    assert chosen(ann)["news.quiet"][0] == [True, False]


@pytest.mark.parametrize(
    ("options", "mistake"),
    [
        ({"defaults": {"live": False}, "critical": True}, "has the default False for 'live', and is critical."),
        (
            {"defaults": {"inbox": False}, "can_opt_out": False},
            "has the default False for 'inbox', and is not to be switched off (can_opt_out=False).",
        ),
        ({"defaults": {"pigeon": False}}, "has a default for 'pigeon', which is no delivery method: there are "),
        ({"defaults": {"live": "no"}}, "has the default 'no' for 'live': it is True or False."),
        ({"defaults": ["live"]}, 'has defaults that are no dict, such as {"live": False}.'),
    ],
)
def test_defaults_that_cannot_hold_are_a_mistake(options: dict[str, Any], mistake: str) -> None:
    (found,) = kind_mistakes.of(Kind("odd", label="Odd", message="odd", **options))
    assert found.startswith(mistake)


@pytest.mark.parametrize("options", [{"critical": True}, {"can_opt_out": False}])
def test_what_cannot_be_chosen_is_on_whatever_the_default_says(ann: User, options: dict[str, Any]) -> None:
    odd = Kind("odd", label="Odd", message="odd", defaults={"inbox": False}, **options)
    assert subjects.default_of(odd, INBOX.name)
    assert "odd" not in heeded_of(ann).hidden
    notify(to=ann, kind="odd")
    assert told(ann) == [("odd", False)]


def test_defaults_that_do_hold_are_no_mistake() -> None:
    fine = Kind("fine", label="Fine", message="fine", can_opt_out=False, defaults={"live": False, "inbox": True})
    assert not list(kind_mistakes.of(fine))
