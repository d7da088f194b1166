"""What a kind is by default is said beside what a person has chosen, and a way leads back to it."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from notifications import Category, Kind
from notifications.kinds import declaring as kinds
from notifications.models import Choice
from notifications.preferences import stored as preferences
from notifications.preferences.messages import ChangeMessage, WishMessage, changed
from notifications.preferences.methods import INBOX, LIVE
from notifications.preferences.stored import MethodState, NotChosen, Wish
from tests.support.people import User

ORDERS = Category("orders", "Orders")
PAGE = "/notifications/preferences/"

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def shop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kinds, "_declared", {})
    Kind("order.shipped", label="Order shipped", category=ORDERS, message="m")
    Kind("order.news", label="Order news", category=ORDERS, message="m", defaults={"live": False})
    Kind("alarm", label="Alarm", category=ORDERS, message="m", critical=True)


def choose(user: User, *wishes: dict[str, Any]) -> None:
    preferences.change(user, wishes=[Wish(**{"method": LIVE.name, "is_on": None, **wish}) for wish in wishes])


def of_kind(user: User, name: str) -> dict[str, MethodState]:
    return {
        state.method: state
        for category in preferences.preferences_of(user).categories
        for kind in category.kinds
        if kind.kind.name == name
        for state in kind.states
    }


def test_each_state_has_its_default_and_whether_it_differs(ann: User) -> None:
    choose(ann, {"kind": "order.news", "is_on": True}, {"kind": "order.shipped", "is_on": False})
    news, shipped, alarm = (of_kind(ann, name)[LIVE.name] for name in ("order.news", "order.shipped", "alarm"))
    assert [(one.is_on, one.default, one.differs) for one in (news, shipped, alarm)] == [
        (True, False, True),
        (False, True, True),
        (True, True, False),
    ]
    assert not of_kind(ann, "order.shipped")[INBOX.name].differs


def test_what_is_off_for_a_time_does_not_differ(ann: User) -> None:
    choose(ann, {"category": "orders", "is_on": False, "until": timezone.now() + timedelta(hours=1)})
    shipped = of_kind(ann, "order.shipped")[LIVE.name]
    assert (shipped.is_on, shipped.differs) == (False, False)


@pytest.mark.parametrize("category_is_on", [None, True, False])
@pytest.mark.parametrize("name", ["order.news", "order.shipped"])
def test_a_kind_is_as_it_says_by_itself_whatever_its_category_is(
    ann: User, name: str, category_is_on: bool | None
) -> None:
    if category_is_on is not None:
        choose(ann, {"category": "orders", "is_on": category_is_on})
    default = of_kind(ann, name)[LIVE.name].default
    choose(ann, {"kind": name, "is_on": not default})
    choose(ann, {"kind": name, "default": True})
    assert of_kind(ann, name)[LIVE.name].is_on is default
    # A choice stays only where the category says otherwise.
    expected = 1 if category_is_on is (not default) else 0
    assert Choice.objects.filter(user=ann, subject=f"kind:{name}").count() == expected


def test_a_category_leads_back_with_all_its_kinds_and_stays_muted(ann: User) -> None:
    until = timezone.now() + timedelta(hours=1)
    choose(
        ann,
        {"category": "orders", "is_on": True},
        {"kind": "order.shipped", "is_on": False},
        {"category": "orders", "is_on": False, "until": until},
    )
    choose(ann, {"category": "orders", "default": True})
    assert list(Choice.objects.values_list("subject", "is_on", "off_until")) == [("category:orders", None, until)]
    choose(ann, {"category": "orders"})
    assert [of_kind(ann, name)[LIVE.name].is_on for name in ("order.news", "order.shipped")] == [False, True]


def test_what_is_of_no_kind_leads_back(ann: User) -> None:
    choose(ann, {"plain": True, "is_on": False}, {"plain": True, "default": True})
    assert not preferences.preferences_of(ann).plain.differs
    assert not Choice.objects.exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "alarm"},
        {"kind": "order.news", "is_on": True},
        {"channel": "everyone"},
        {"bundle": "x"},
        {"alert": 1},
        {"kind": "order.news", "until": timezone.now() + timedelta(hours=1)},
    ],
    ids=" ".join,
)
def test_a_way_back_is_for_kinds_that_can_be_chosen(ann: User, wrong: dict[str, Any]) -> None:
    with pytest.raises(NotChosen):
        choose(ann, {"default": True, **wrong})


def test_a_call_takes_the_way_back_and_is_told_the_default(ann: User) -> None:
    choose(ann, {"kind": "order.shipped", "is_on": False})
    wish = WishMessage(method=LIVE.name, on=None, kind="order.shipped", default=True)
    (orders,) = changed(ann, ChangeMessage(choices=[wish])).categories
    assert {
        (kind.name, state.method): (state.on, state.default) for kind in orders.kinds for state in kind.states
    }.items() >= {
        (("order.shipped", LIVE.name), (True, True)),
        (("order.news", LIVE.name), (False, False)),
    }


@pytest.mark.slow
def test_the_page_says_the_default_and_leads_back_to_it(ann: User, client: Client) -> None:
    client.force_login(ann)
    assert 'value="kind:' not in client.get(PAGE).text
    choose(ann, {"kind": "order.news", "is_on": True}, {"method": INBOX.name, "plain": True, "is_on": False})
    page = client.get(PAGE).text
    assert re.findall(r">\s+default: (\w+)\s+<", page) == ["off", "on", "on"]
    assert re.findall(r'name="default" value="(kind:[^"]*)"', page) == ["kind:order.news", "kind:"]
    for way in ("kind:order.news", "kind:"):
        assert client.post(PAGE, {"default": way}).status_code == 302
    assert not Choice.objects.exists()


def test_the_page_leads_a_category_back_and_refuses_what_is_none(ann: User, client: Client) -> None:
    client.force_login(ann)
    choose(ann, {"category": "orders", "is_on": False}, {"method": INBOX.name, "kind": "order.news", "is_on": False})
    for way in ("", "kind:alarm", "kind:nothing", "category:nothing", "x"):
        client.post(PAGE, {"default": way})
        assert Choice.objects.count() == 2, way
    client.post(PAGE, {"default": "category:orders"})
    assert not Choice.objects.exists()
