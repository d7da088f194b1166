"""Kinds: their declaration and what checks say of it, values for placeholders, and texts for each person."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core import checks as django_checks
from django.test import override_settings
from django.utils import translation
from django.utils.functional import lazy
from django.utils.translation import ngettext_lazy

from hub.config import hub_settings
from hub.session import RpcCall
from hub.testing import assert_notified, drain_jobs
from hub.users import user_id
from notifications import MEMBERS, Category, Kind, notify, rpc
from notifications.inbox import queries
from notifications.kinds import declaring as kinds
from notifications.kinds import params, wording
from notifications.kinds.locales import Locale, locales_of
from notifications.models import Distribution, Notification, Preferences
from notifications.sending.alerting import BadAlert, alert, refuse_unsendable
from notifications.sending.retention import prune
from notifications.sending.withdrawing import withdraw
from tests.notifications.published import published
from tests.support.people import User

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)

pytestmark = pytest.mark.django_db(transaction=True)


def in_languages(english: str, russian: str) -> Any:
    """A lazily translated text."""
    return lazy(lambda: russian if translation.get_language() == "ru" else english, str)()


@pytest.fixture(autouse=True)
def own_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kinds, "_declared", {})


@pytest.fixture(autouse=True)
def languages() -> Iterator[None]:
    with override_settings(LANGUAGE_CODE="en", TIME_ZONE="UTC", LANGUAGES=[("en", "English"), ("ru", "Russian")]):
        yield


def test_inbox_is_looked_through_by_category(shipped: Kind) -> None:
    ann = User.objects.create_user("ann")
    Kind("invoice.due", label="Invoice due", category=Category("bills", "Bills"), message="An invoice is due")
    call = RpcCall(ann, "", "en")
    offered = rpc.list_categories(call, rpc.ListCategories()).items
    assert [(one.name, one.label) for one in offered] == [("bills", "Bills"), ("orders", "Orders")]
    notify(to=ann, kind="invoice.due")
    (wanted,) = notify(to=ann, kind=shipped, params={"number": "7", "at": NOON})
    notify(to=ann, message="of no kind")
    found = rpc.list_inbox(call, rpc.ListInbox(category="orders"))
    assert [(item.id, item.title, item.category) for item in found.items] == [(wanted.pk, "Order 7", "orders")]


@pytest.fixture
def shipped() -> Kind:
    return Kind(
        "order.shipped",
        label="Order shipped",
        category=Category("orders", "Orders"),
        icon="truck",
        level="success",
        title=in_languages("Order {number}", "Заказ {number}"),
        message=in_languages("It arrives at {at}", "Он прибудет {at}"),
        url="/orders/{number}/",
        fields={"number": str, "at": datetime},
    )


PARAMS = {"number": "7/a", "at": NOON}


def reader(name: str, language: str = "", time_zone: str = "") -> User:
    user = User.objects.create_user(name)
    if language or time_zone:
        Preferences.objects.create(user=user, language=language, time_zone=time_zone)
    return user


def mistakes() -> list[str]:
    return [
        message.msg for message in django_checks.run_checks() if message.id in ("hub.E080", "hub.E081", "hub.E082")
    ]


def test_an_alert_of_a_kind_keeps_its_values_and_the_text_in_the_language_of_the_project(shipped: Kind) -> None:
    (row,) = notify(to=reader("ann", "ru"), kind="order.shipped", params=PARAMS)
    row.refresh_from_db()
    assert (row.kind, row.params) == ("order.shipped", {"number": "7/a", "at": "2026-11-29T12:00:00Z"})
    assert (row.title, row.message) == ("Order 7/a", "It arrives at Nov. 29, 2026, noon UTC")
    assert (row.level, row.url) == ("success", "/orders/7%2Fa/")


def test_each_person_gets_it_in_their_language_and_time_zone(shipped: Kind) -> None:
    ann, vera = reader("ann", "en", "Asia/Tokyo"), reader("vera", "ru_RU", "Europe/Moscow")
    notify(to=[ann, vera], kind=shipped, params=PARAMS)
    (of_ann,), (of_vera,) = published(f"user:{user_id(ann)}"), published(f"user:{user_id(vera)}")
    assert (of_ann["title"], of_ann["message"]) == ("Order 7/a", "It arrives at Nov. 29, 2026, 9 p.m.")
    assert (of_vera["title"], of_vera["message"]) == ("Заказ 7/a", "Он прибудет 29 ноября 2026 г. 15:00")
    assert (of_vera["kind"], of_vera["category"], of_vera["icon"]) == ("order.shipped", "orders", "truck")
    assert "texts" not in of_vera
    assert [row.title for row in queries.latest_for(vera)] == ["Заказ 7/a"]
    assert [row.message for row in queries.latest_for(ann)] == ["It arrives at Nov. 29, 2026, 9 p.m."]


@pytest.mark.parametrize("is_alone", [False, True])
def test_where_the_language_is_not_known_all_are_sent(shipped: Kind, is_alone: bool) -> None:
    guest = reader("guest")
    notify(to=guest if is_alone else "everyone", kind=shipped, params=PARAMS)
    (data,) = published(f"user:{user_id(guest)}" if is_alone else "everyone")
    assert data["message"] == "It arrives at Nov. 29, 2026, noon UTC"
    assert data["texts"] == {"ru": {"title": "Заказ 7/a", "message": "Он прибудет 29 ноября 2026 г. 12:00 UTC"}}
    with translation.override("ru"):
        assert [row.title for row in queries.latest_for(guest)] == ["Заказ 7/a"]


def test_people_of_an_audience_share_the_text_of_their_language_and_zone(shipped: Kind) -> None:
    people = [reader("a", "ru"), reader("b", "ru"), reader("c", "en", "Asia/Tokyo"), reader("d"), reader("e", "de")]
    notify(to=MEMBERS, kind=shipped, params=PARAMS)
    drain_jobs()
    said = [published(f"user:{user_id(user)}")[0]["message"] for user in people]
    assert said == [
        "Он прибудет 29 ноября 2026 г. 12:00 UTC",
        "Он прибудет 29 ноября 2026 г. 12:00 UTC",
        "It arrives at Nov. 29, 2026, 9 p.m.",
        "It arrives at Nov. 29, 2026, noon UTC",
        "It arrives at Nov. 29, 2026, noon UTC",
    ]
    assert set(Distribution.objects.get().variants) == {"ru|", "en|Asia/Tokyo"}
    withdraw(Notification.objects.all())
    drain_jobs()
    assert [published(f"user:{user_id(user)}")[0]["type"] for user in people] == ["notifications.alerts_withdrawn"] * 5


def test_an_audience_takes_one_query_more_for_locales(shipped: Kind, django_assert_max_num_queries: Any) -> None:
    for number in range(5):
        reader(f"u{number}", "ru")
    with django_assert_max_num_queries(2):
        row = Notification(kind=shipped.name, params=params.as_json(PARAMS))
        assert list(wording.by_locale(row, [user.pk for user in User.objects.all()])) == [Locale("ru", "")]


def test_an_alert_without_a_kind_reads_no_locale_and_says_nothing_of_kinds(django_assert_num_queries: Any) -> None:
    ann = reader("ann", "ru", "Europe/Moscow")
    (row,) = notify(to=ann, message="plain")
    with django_assert_num_queries(0):
        wording.localise([row], ann.pk)
        list(wording.publications([row]))
    (data,) = published(f"user:{user_id(ann)}")
    assert not data.keys() & {"kind", "category", "icon", "texts"}


def test_columns_of_the_project_say_the_language_in_place_of_preferences(shipped: Kind) -> None:
    ann = reader("ann", "ru")
    User.objects.filter(pk=ann.pk).update(password="en")
    with override_settings(HUB_LANGUAGE_OF="password"):
        notify(to=ann, kind=shipped, params=PARAMS)
    assert published(f"user:{user_id(ann)}")[0]["title"] == "Order 7/a"


@pytest.mark.own_user_model
def test_what_a_person_has_chosen_goes_before_what_a_product_has_said_of_them(shipped: Kind) -> None:
    ann = reader("ann", "ru")
    User.objects.filter(pk=ann.pk).update(language="en", time_zone="Asia/Tokyo")
    assert locales_of([ann.pk]) == {ann.pk: Locale("ru", "Asia/Tokyo")}


@pytest.mark.parametrize(("name", "found"), [("nothing", 1), ("password", 0)])
def test_checks_say_that_a_column_is_none(name: str, found: int) -> None:
    with override_settings(HUB_TIME_ZONE_OF=name):
        messages = [message for message in django_checks.run_checks() if message.id == "hub.E083"]
    assert len(messages) == found


def test_a_plural_has_the_form_of_its_number() -> None:
    Kind(
        "comments.new",
        label="Comments",
        message=ngettext_lazy("{count} comment by {people}", "{count} comments by {people}", "count"),
        fields={"count": int, "people": list[str]},
    )
    assert not mistakes()
    for count, people, said in (
        (1, ["Ada"], "1 comment by Ada"),
        (3, ["Ada", "Grace", "Linus"], "3 comments by Ada, Grace and Linus"),
    ):
        assert alert(to="everyone", kind="comments.new", params={"count": count, "people": people}).message == said


def test_numbers_are_written_as_the_language_does() -> None:
    kind = Kind("paid", label="Paid", message=in_languages("{sum}", "{sum} "), fields={"sum": Decimal})
    values = {"sum": Decimal("1.50")}
    assert [wording.write(kind, values, Locale(code))["message"] for code in ("en", "ru")] == ["1.50", "1,50 "]


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (None, r"needs params\['number'\], a text"),
        ({"number": "7"}, r"needs params\['at'\], a time with its zone"),
        ({"number": 7, "at": NOON}, r"params\['number'\] of the kind 'order.shipped' is a text, not 7"),
        ({"number": "7", "at": NOON.replace(tzinfo=None)}, "is a time with its zone"),
        ({"number": "7", "at": "soon"}, "is a time with its zone"),
        ({**PARAMS, "nummer": 7}, "has no placeholder 'nummer'; it has: number, at"),
        ({**PARAMS, "number": "a\0"}, "cannot be stored"),
        ({**PARAMS, "number": "x" * 4000}, "at most 200 characters"),
        ([], "params are values by the names"),
    ],
)
def test_values_that_do_not_fit_are_an_error_at_the_call(shipped: Kind, given: Any, sentence: str) -> None:
    with pytest.raises(BadAlert, match=sentence):
        notify(to="everyone", kind=shipped, params=given)
    with pytest.raises(BadAlert, match=sentence):
        refuse_unsendable(to="everyone", kind=shipped.name, params=given)
    assert not Notification.objects.exists()


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"kind": "order.lost"}, "There is no kind named 'order.lost'; .* There are: order.shipped"),
        ({"kind": 7}, "a Kind or the name of one, not int"),
        ({"kind": "order.shipped", "params": PARAMS, "message": "x"}, "has a message of its own: leave message= out"),
        ({"message": "x", "params": {}}, "it has no kind"),
    ],
)
def test_what_a_kind_does_not_take_is_refused(shipped: Kind, fields: dict[str, Any], sentence: str) -> None:
    with pytest.raises(BadAlert, match=sentence):
        notify(to="everyone", **fields)


def test_what_the_kind_leaves_out_is_given_at_the_call() -> None:
    Kind("note", label="Notes", title="A note", expires=timedelta(days=1))
    with pytest.raises(BadAlert, match="message"):
        alert(to="everyone", kind="note")
    found = alert(to="everyone", kind="note", message="hello", url="/x/", level="error")
    assert (found.title, found.message, found.url, found.level) == ("A note", "hello", "/x/", "error")
    assert found.expires == timedelta(days=1)
    assert alert(to="everyone", kind="note", message="x", expires=timedelta(hours=1)).expires == timedelta(hours=1)


def test_values_may_come_as_json_again(shipped: Kind) -> None:
    described = alert(to="everyone", kind=shipped, params=PARAMS)
    again = alert(to="everyone", kind=described.kind, params=described.params)
    assert again == described


@pytest.mark.parametrize("gone", ["kind", "placeholder"])
def test_an_alert_outlives_the_declaration_of_its_kind(
    shipped: Kind, gone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = reader("ann", "ru")
    notify(to=ann, kind=shipped, params=PARAMS)
    monkeypatch.setattr(kinds, "_declared", {})
    if gone == "placeholder":
        Kind(shipped.name, label="Order shipped", message="{other}", fields={"other": str})
    assert [row.message for row in queries.latest_for(ann)] == ["It arrives at Nov. 29, 2026, noon UTC"]


def test_a_translation_that_is_too_long_is_cut(shipped: Kind) -> None:
    Kind("long", label="Long", message=in_languages("short", "д" * 5000))
    ann = reader("ann", "ru")
    notify(to=ann, kind="long")
    assert len(published(f"user:{user_id(ann)}")[0]["message"]) == 4000


def test_a_translation_that_does_not_fit_beside_the_data_is_left_out() -> None:
    Kind("long", label="Long", message=in_languages("short", "д" * 4000))
    ann, guest = reader("ann", "ru"), reader("guest")
    notify(to=[ann, guest], kind="long", data="x" * 60_000)
    for user in (ann, guest):
        (data,) = published(f"user:{user_id(user)}")
        assert data["message"] == "short"
        assert "texts" not in data


def test_what_a_publication_has_of_its_kind_counts() -> None:
    Kind("k" * 100, label="Long", icon="🚚" * 100, category=Category("c" * 100, "Long"), message="m")
    limit = hub_settings().max_publication
    with pytest.raises(BadAlert, match="bytes of JSON"):  # and no PayloadTooBig before
        for size in range(limit - 2000, limit, 100):
            notify(to="everyone", kind="k" * 100, data="x" * size)


def test_a_kind_is_kept_as_long_as_it_says() -> None:
    Kind("brief", label="Brief", message="m", keep=timedelta(days=1))
    Kind("long", label="Long", message="m", keep=timedelta(days=1000))
    for kind, message in (("brief", ""), ("long", ""), (None, "plain")):
        notify(to="everyone", kind=kind, message=message)
    for days, left in ((2, ["long", ""]), (400, ["long"]), (1001, [])):
        Notification.objects.update(created_at=datetime.now(UTC) - timedelta(days=days))
        prune()
        assert [row.kind for row in Notification.objects.order_by("pk")] == left


def test_the_assertions_know_kinds(shipped: Kind) -> None:
    ann = reader("ann")
    notify(to=ann, kind=shipped, params=PARAMS)
    kept = {"number": "7/a", "at": "2026-11-29T12:00:00Z"}
    assert_notified(ann, kind="order.shipped", params=kept, times=1)
    with pytest.raises(AssertionError, match=r"kind='order.shipped' params="):
        assert_notified(ann, kind="order.lost")


BAD = [
    ({"name": "Order Shipped"}, "has no good name"),
    ({"label": ""}, "has no label"),
    ({"category": "orders"}, "write Category('orders', label=…)"),
    ({"category": Category("My Orders", "x")}, "has a category named 'My Orders'"),
    ({"level": "loud"}, "has the level 'loud'"),
    ({"icon": 7}, "has an icon that is no text"),
    ({"keep": 7}, "has an argument keep= that is no timedelta"),
    ({"throttle": timedelta(0)}, "has an argument throttle= that is no timedelta"),
    ({"expires": timedelta(0)}, "has an argument expires= that is no timedelta"),
    ({"fields": {"order": object}}, "has a field 'order' of the type <class 'object'>"),
    ({"fields": {"order": {}}}, "has a field 'order' of the type {}"),
    ({"fields": {"order number": int}}, "has a field 'order number'"),
    ({"message": 7}, "has a message that is no text"),
    ({"message": "{number}"}, "has a message with the placeholder {number} (en), not among its fields"),
    ({"message": in_languages("{n}", "{m}"), "fields": {"n": int}}, "with the placeholder {m} (ru)"),
    ({"message": "{n.real}", "fields": {"n": int}}, "is no name in braces"),
    ({"message": "{n:d}", "fields": {"n": int}}, "is no name in braces"),
    ({"message": "{"}, "cannot be read"),
    ({"message": ngettext_lazy("{n} day", "{n} days", "n"), "fields": {"n": str}}, "declare it with the type int"),
    ({"message": ngettext_lazy("{n} day", "{n} days", "n"), "fields": {}}, "declare it with the type int"),
    ({"message": ngettext_lazy("{n} day", "{m} days", "n"), "fields": {"n": int}}, "with the placeholder {m} (en)"),
    ({"url": "{link}", "fields": {"link": str}}, "has the url"),
    ({"title": "x" * 201}, "has a title of more than 200"),
    ({"group_by": 7}, "has a group_by that is no plain text"),
    ({"group_by": "{n.real}"}, "has a group_by that cannot be filled in"),
    ({"group_by": "{n}"}, "has a group_by with the placeholder {n}, not among its fields"),
    ({"many_message": "{count} by {n}"}, "has a many_message with the placeholder {n} (en)"),
    ({"many_title": "{count}" + "x" * 200}, "has a title of more than 200"),
    ({"many_message": "{count}", "fields": {"count": int}}, "has a field 'count'"),
    ({"many_message": ngettext_lazy("{n} day", "{n} days", "n"), "fields": {"n": str}}, "with the type int"),
    ({"message": "m", "fields": {"n": int}, "examples": {"n": "x"}}, "has examples that do not fit"),
]


@pytest.mark.parametrize(("changed", "sentence"), BAD, ids=[sentence for _, sentence in BAD])
def test_checks_say_what_is_wrong_with_a_kind(changed: dict[str, Any], sentence: str) -> None:
    Kind(**{"name": "odd", "label": "Odd", **changed})
    (found,) = mistakes()
    assert sentence in found
    assert f"({__name__})" in found


def test_checks_say_that_two_kinds_or_categories_have_one_name() -> None:
    for label in ("One", "Two"):
        Kind("same", label=label, message="m", category=Category("orders", label))
    two_kinds, two_categories = mistakes()
    assert two_kinds == f"Two kinds are named 'same': in {__name__} and in {__name__}."
    assert two_categories.startswith("Two categories are named 'orders'")


#: Values of placeholders that some reader's language or time zone has no way to write, or that fill the database.
UNFIT: list[tuple[Any, Any]] = [
    (datetime, datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
    (datetime, "9999-12-31T12:00:00-12:00"),
    (datetime, "9999-12-30T23:00:00-12:00"),
    (datetime, "0001-01-01T00:00:00Z"),
    (Decimal, "NaN"),
    (Decimal, "sNaN"),
    (Decimal, "-Infinity"),
    (Decimal, "1e100000"),
    (float, float("nan")),
    (float, float("inf")),
    (int, 10**5000),
    (int, "7" * 5000),
    (str, "x" * 100_000),
    (list[str], ["x" * 100] * 1000),
]


@pytest.mark.parametrize(("type_", "value"), UNFIT, ids=[str(number) for number in range(len(UNFIT))])
def test_values_that_cannot_be_written_everywhere_are_an_error_at_the_call(type_: Any, value: Any) -> None:
    kind = Kind("t.unfit", label="Unfit", message="Now", url="/{value}/", fields={"value": type_})
    with pytest.raises(BadAlert):
        notify(to="everyone", kind=kind, params={"value": value})
    assert not Notification.objects.exists()


def test_last_day_that_all_zones_have_is_read_in_each() -> None:
    ann = User.objects.create_user("ann")
    Preferences.objects.create(user=ann, time_zone="Pacific/Kiritimati")
    kind = Kind("t.ends", label="Ends", message="ends {at}", fields={"at": datetime})
    notify(to="everyone", kind=kind, params={"at": datetime(9999, 12, 30, 23, 59, tzinfo=UTC)})
    assert queries.latest_for(ann)[0].message.startswith("ends Dec. 31, 9999")


def test_date_is_a_type_of_its_own() -> None:
    Kind("due", label="Due", message="{day}", fields={"day": date})
    assert alert(to="everyone", kind="due", params={"day": date(2026, 11, 29)}).message == "Nov. 29, 2026"
