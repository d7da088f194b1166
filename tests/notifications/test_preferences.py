"""What people choose: kinds and categories by method, language and time zone, and what they get then."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client, override_settings

from hub.testing import assert_not_notified, assert_notified, drain_jobs
from hub.users import user_id
from notifications import MEMBERS, Category, Kind, notify
from notifications.kinds import declaring as kinds
from notifications.models import Choice, Notification, Preferences
from notifications.preferences import choosing, methods
from notifications.preferences import stored as preferences
from notifications.preferences.methods import INBOX, LIVE, DeliveryMethod
from notifications.preferences.stored import NotChosen, Wish
from tests.connection.wire import Wire, wired
from tests.notifications.published import alerts_on
from tests.support.people import User

ORDERS = Category("orders", "Orders")

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def shop(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(kinds, "_declared", {})
    Kind("order.shipped", label="Order shipped", category=ORDERS, message="shipped")
    Kind("order.placed", label="Order placed", category=ORDERS, message="placed")
    Kind("invoice", label="Invoice", message="invoice", can_opt_out=False)
    Kind("alarm", label="Alarm", message="alarm", critical=True)
    with override_settings(LANGUAGE_CODE="en", LANGUAGES=[("en", "English"), ("ru", "Russian")]):
        yield


def off(user: User, *, kind: str = "", category: str = "", method: str = INBOX.name) -> None:
    preferences.change(user, wishes=[Wish(method, is_on=False, kind=kind, category=category)])


def states(user: User) -> dict[str, list[bool]]:
    return {
        chosen.kind.name: [state.is_on for state in chosen.states]
        for category in preferences.preferences_of(user).categories
        for chosen in category.kinds
    }


@pytest.mark.parametrize("many", [False, True])
def test_who_has_switched_a_kind_off_gets_none_of_it(ann: User, many: bool) -> None:
    bob = User.objects.create_user("bob")
    off(ann, kind="order.shipped")
    for kind in ("order.shipped", "order.placed"):
        notify(to=MEMBERS if many else [ann, bob], kind=kind)
    notify(to=ann, message="plain")
    drain_jobs()
    assert {data["message"] for data in alerts_on(f"user:{user_id(ann)}")} == {"plain", "placed"}
    assert {data["message"] for data in alerts_on(f"user:{user_id(bob)}")} == {"shipped", "placed"}
    if not many:
        assert_not_notified(ann, "shipped")
        assert_notified(ann, "placed")


@pytest.mark.parametrize("many", [False, True])
def test_what_is_off_at_once_comes_silently(ann: User, many: bool) -> None:
    bob = User.objects.create_user("bob")
    off(ann, kind="order.shipped", method=LIVE.name)
    notify(to=MEMBERS if many else [ann, bob], kind="order.shipped")
    drain_jobs()
    assert [data.get("silent") for data in alerts_on(f"user:{user_id(ann)}")] == [True]
    assert [data.get("silent") for data in alerts_on(f"user:{user_id(bob)}")] == [None]


def test_a_choice_for_a_category_is_for_all_its_kinds_and_one_for_a_kind_goes_before_it(ann: User) -> None:
    off(ann, kind="order.placed", method=LIVE.name)
    off(ann, category="orders")
    assert states(ann) == {
        "alarm": [True] * 2,
        "invoice": [True] * 2,
        "order.placed": [False] * 2,
        "order.shipped": [False] * 2,
    }
    preferences.change(ann, wishes=[Wish(INBOX.name, is_on=True, kind="order.placed")])
    assert states(ann)["order.placed"] == [True, False]
    Kind("order.late", label="Order late", category=ORDERS, message="late")
    for kind in ("order.late", "order.placed"):
        notify(to=ann, kind=kind)
    assert [data["message"] for data in alerts_on(f"user:{user_id(ann)}")] == ["placed"]
    preferences.change(ann, wishes=[Wish(INBOX.name, is_on=None, category="orders")])
    assert states(ann)["order.shipped"] == [True, True]


def test_a_critical_kind_cannot_be_switched_off_nor_silenced_whatever_is_stored(ann: User) -> None:
    for method in (INBOX.name, LIVE.name):
        with pytest.raises(NotChosen):
            off(ann, kind="alarm", method=method)
        for name in ("alarm", "invoice"):
            Choice.objects.create(user=ann, subject=f"kind:{name}", method=method, is_on=False)
        notify(to=ann, kind="alarm")
    notify(to=ann, kind="invoice")
    assert [data.get("silent") for data in alerts_on(f"user:{user_id(ann)}")] == [None, None, True]
    assert choosing.chosen_by(kinds.kind_named("alarm"), "mail", [ann.pk]) == {ann.pk}  # type: ignore[arg-type]  # not None


def test_queries_of_sending_do_not_grow_with_people(ann: User, django_assert_num_queries: Any) -> None:
    people = [User.objects.create_user(f"u{number}") for number in range(20)]
    row = Notification(kind="order.shipped")
    with django_assert_num_queries(2):  # what they have chosen of the kind, and their quiet hours
        assert len(choosing.heard_by(row, [user.pk for user in people])) == 20
    with django_assert_num_queries(0):
        choosing.mark_heard([Notification(user=ann, message="plain")])
        choosing.heard_by(Notification(message="plain"), [ann.pk])


def test_a_sentence_says_what_a_person_gets(ann: User) -> None:
    off(ann, kind="order.placed")
    off(ann, kind="order.shipped", method=LIVE.name)
    said = {
        chosen.kind.name: chosen.sentence
        for category in preferences.preferences_of(ann).categories
        for chosen in category.kinds
    }
    assert said == {
        "alarm": "It is in your list and appears at once on open pages, whatever you choose.",
        "invoice": "It is in your list and appears at once on open pages.",
        "order.placed": "You do not get it.",
        "order.shipped": "It is in your list.",
    }


def test_kinds_stand_in_their_categories_those_without_one_last(ann: User) -> None:
    found = preferences.preferences_of(ann).categories
    assert [(one.category and one.category.name, [kind.kind.name for kind in one.kinds]) for one in found] == [
        ("orders", ["order.placed", "order.shipped"]),
        (None, ["alarm", "invoice"]),
    ]


def test_language_and_time_zone_are_chosen_and_left(ann: User) -> None:
    preferences.change(ann, language="ru")
    preferences.change(ann, time_zone="Europe/Moscow")
    row = Preferences.objects.get(pk=ann.pk)
    assert (row.language, row.time_zone) == ("ru", "Europe/Moscow")
    assert preferences.change(ann, language="").language == ""


@pytest.mark.parametrize(
    "wrong",
    [
        {"language": "xx"},
        {"time_zone": "Mars/Olympus"},
        {"wishes": [Wish("inbox", is_on=False, kind="nothing")]},
        {"wishes": [Wish("inbox", is_on=False, kind="invoice")]},
        {"wishes": [Wish("inbox", is_on=False, category="nothing")]},
        {"wishes": [Wish("pigeon", is_on=False, kind="order.shipped")]},
        {"wishes": [Wish("inbox", is_on=False)]},
        {"wishes": [Wish("inbox", is_on=False, kind="order.shipped", category="orders")]},
    ],
)
def test_what_cannot_be_chosen_is_refused_and_nothing_is_stored(ann: User, wrong: dict[str, Any]) -> None:
    wishes = [Wish("inbox", is_on=False, kind="order.shipped"), *wrong.pop("wishes", [])]
    with pytest.raises(NotChosen):
        preferences.change(ann, wishes=wishes, **wrong)
    assert not Choice.objects.exists()
    assert not Preferences.objects.exists()


def test_what_the_product_knows_is_not_chosen_here(ann: User) -> None:
    with override_settings(HUB_LANGUAGE_OF="password"), pytest.raises(NotChosen, match="elsewhere"):
        preferences.change(ann, language="ru")


def test_a_method_more_can_be_chosen(ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(methods, "_methods", dict(methods._methods))
    methods.register(DeliveryMethod("mail", "By mail", "comes by mail"))
    with pytest.raises(ValueError, match="no room"):
        methods.register(DeliveryMethod("mail", "By mail", "comes by mail"))
    off(ann, kind="order.shipped", method="mail")
    shipped = kinds.kind_named("order.shipped")
    assert shipped is not None
    assert choosing.chosen_by(shipped, "mail", [ann.pk]) == set()
    preferences.change(ann, wishes=[Wish("mail", is_on=True, kind="order.shipped")])
    assert choosing.chosen_by(shipped, "mail", [ann.pk]) == {ann.pk}
    off(ann, category="orders")
    assert choosing.chosen_by(shipped, "mail", [ann.pk]) == set()
    assert states(ann)["order.shipped"] == [False, False, False]


# --- over HTTP, the client connection and on the page --------------------------------------------------------------

PAGE = "/notifications/preferences/"


async def test_a_client_reads_and_changes_its_own(ann: User) -> None:
    wish = {"method": "inbox", "on": False, "kind": "order.shipped"}
    async with wired(ann) as wire:
        changed = await asked(wire, "preferences.change", {"time_zone": "Europe/Moscow", "choices": [wish]})
        assert changed == await asked(wire, "preferences.get", {})
        refused = await wire.ask(rpc={"method": "preferences.change", "data": {"language": "xx"}})
    assert changed["time_zone"] == "Europe/Moscow"
    assert changed["methods"][0] == {"name": "inbox", "label": "In the list"}
    placed, shipped = changed["categories"][0]["kinds"]
    assert [state["on"] for state in placed["states"]] == [True, True]
    assert shipped["sentence"] == "You do not get it."
    assert refused["error"] == {"code": 400, "message": "There is no such language"}


async def test_a_client_has_the_sentences_in_the_language_of_its_page_and_what_can_be_chosen(ann: User) -> None:
    async with wired(ann) as wire:
        for said_in, sentence in (("ru-RU", "Оповещения"), ("xx", "Alerts"), ("", "Alerts")):
            found = await asked(wire, "preferences.get", {"said_in": said_in})
            assert found["summary"][0].startswith(sentence), said_in
        changed = await asked(wire, "preferences.change", {"said_in": "ru", "language": "en"})
        offered = await asked(wire, "preferences.offered", {"said_in": "ru"})
        with override_settings(HUB_LANGUAGE_OF="password", HUB_TIME_ZONE_OF="password"):
            elsewhere = await asked(wire, "preferences.offered", {})
    assert changed["summary"][0].startswith("Оповещения")
    assert (changed["language"], changed["clock"]) == ("en", "UTC")
    assert [one["code"] for one in offered["languages"]] == ["en", "ru"]
    assert {"Europe/Moscow", "UTC"} < set(offered["time_zones"])
    assert (offered["language"], offered["time_zone"]) == ("en", "UTC")
    assert (elsewhere["languages"], elsewhere["time_zones"]) == (None, None)


async def test_a_guest_has_none_to_read_nor_to_change(ann: User) -> None:
    async with wired() as wire:
        for method in ("preferences.get", "preferences.offered", "preferences.change"):
            assert (await wire.ask(rpc={"method": method, "data": {}}))["error"]["code"] == 401


async def asked(wire: Wire, method: str, data: dict[str, Any]) -> Any:
    return (await wire.ask(rpc={"method": method, "data": data}))["rpc"]["data"]


@pytest.mark.slow
def test_page_shows_what_holds_and_stores_what_differs(ann: User, client: Client) -> None:
    client.force_login(ann)
    off(ann, kind="order.placed")
    page = client.get(PAGE).content.decode()
    assert "Order shipped" in page and "You do not get it." in page
    shown = ["order.shipped", "order.placed", "invoice", "alarm"]
    posted = {"language": "ru", "shown": shown, "inbox:order.shipped": "on", "inbox:order.placed": "on"}
    assert client.post(PAGE, posted).headers["Location"] == PAGE
    # What was off as a whole says nothing of what comes at once.
    assert states(ann)["order.placed"] == [True, True]
    assert states(ann)["order.shipped"] == [True, False]
    assert states(ann)["invoice"] == [True, False]
    assert states(ann)["alarm"] == [True, True]
    assert Preferences.objects.get(pk=ann.pk).language == "ru"
    assert Choice.objects.count() == 3
    client.post(PAGE, {"all": "off:inbox:orders"})
    assert states(ann)["order.placed"] == [False, False]
    client.post(PAGE, {"all": "on:inbox:orders"})
    assert states(ann)["order.placed"] == [True, True]


@pytest.mark.slow
@pytest.mark.parametrize("posted", [{"all": "on:pigeon:orders"}, {"all": ""}, {"all": "off:inbox:nothing"}])
def test_page_says_what_cannot_be_chosen(ann: User, client: Client, posted: dict[str, str]) -> None:
    client.force_login(ann)
    assert "This cannot be chosen" in client.post(PAGE, posted, follow=True).content.decode()
    assert client.post(PAGE, {"language": "xx"}).status_code == 400
    assert not Choice.objects.exists()


def test_page_without_kinds_has_all_else_and_a_guest_logs_in(
    ann: User, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert client.get(PAGE).headers["Location"] == f"/accounts/login/?next={PAGE}"
    monkeypatch.setattr(kinds, "_declared", {})
    client.force_login(ann)
    with override_settings(HUB_LANGUAGE_OF="password", HUB_TIME_ZONE_OF="password"):
        page = client.get(PAGE).content.decode()
    assert "Everything else" in page
    assert 'name="language"' not in page.partition("<main")[2]


def test_who_does_not_want_what_replaces_an_alert_does_not_keep_the_old_one(ann: User) -> None:
    notify(to=ann, kind="order.placed", key="order:7")
    off(ann, kind="order.shipped")
    assert notify(to=ann, kind="order.shipped", key="order:7", replace=True) == []
    assert not Notification.objects.exists()
