"""Kinds that ``HUB_KINDS`` declares without code."""

import json
import sys
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from hub.config import UnusableEnvironment, read_environment
from hub.users import user_id
from lab.harness import forking
from lab.harness.environment import BASE_DIR, clean_environment
from notifications import Category, kind_mistakes, notify
from notifications.kinds import declaring, params, plurals, wording, written
from notifications.kinds.declaring import Kind, kind_named
from notifications.kinds.locales import Locale
from notifications.models import Preferences
from notifications.sending.alerting import BadAlert
from tests.docs.documents import blocks
from tests.notifications.published import alerts_on
from tests.support.people import User

TEXTS: dict[str, Any] = {
    "label": {"en": "Order shipped", "ru": "Заказ отправлен"},
    "message": {"en": "Order {number} arrives on {day}", "ru": "Заказ {number} прибудет {day}"},
    "fields": {"number": "int", "day": "date"},
}


@pytest.fixture(autouse=True)
def own_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(declaring, "_declared", {})


def declared(**options: Any) -> Kind:
    """The one kind that the hub has when the setting gives these options."""
    written.declare({"shop.kind": options})
    (kind,) = declaring.made()
    return kind


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", "Order 7 arrives on Dec. 1, 2026"),
        ("ru", "Заказ 7 прибудет 1 декабря 2026 г."),
        ("ru-ru", "Заказ 7 прибудет 1 декабря 2026 г."),
        ("de", "Order 7 arrives on 1. Dezember 2026"),
    ],
)
def test_a_text_is_read_in_the_language_of_the_reader(settings: Any, language: str, expected: str) -> None:
    settings.LANGUAGE_CODE, settings.LANGUAGES = "en", [("en", "English"), ("ru", "Russian"), ("de", "German")]
    kind = declared(**TEXTS)
    values = params.checked(kind, {"number": 7, "day": "2026-12-01"})
    assert wording.write(kind, values, Locale(language))["message"] == expected


def test_a_text_without_the_language_of_the_project_is_the_first_one(settings: Any) -> None:
    settings.LANGUAGE_CODE = "de"
    kind = declared(label={"ru": "Заказ", "en": "Order"}, message="m")
    assert str(kind.label) == "Заказ"


def test_all_that_a_kind_takes_may_be_written() -> None:
    options = {
        **TEXTS,
        "category": {"name": "orders", "label": "Orders"},
        "icon": "truck",
        "level": "success",
        "title": "Order {number}",
        "url": "/orders/{number}/",
        "fields": {"number": "int", "day": "date", **{f"f{n}": type_ for n, type_ in enumerate(written.TYPES)}},
        "examples": {"day": "2026-12-01", "f3": "1.50"},
        "defaults": {"live": True},
        "past": True,
        "can_opt_out": False,
        "critical": True,
        "expires": "12h",
        "keep": "30d",
        "group_by": "{day}",
        "throttle": 90,
        "many_title": "{count} orders",
        "many_message": {"en": {"one": "One more than {number}", "other": "The newest is {number}"}},
        "plural": "number",
    }
    assert options.keys() == set(written.KindOptions.__struct_fields__)
    kind = declared(**options)
    assert list(kind_mistakes.of(kind)) == []
    assert (kind.expires, kind.keep) == (timedelta(hours=12), timedelta(days=30))
    assert kind.throttle == timedelta(seconds=90)
    assert kind.category is not None and (kind.category.name, kind.category.label) == ("orders", "Orders")
    assert kind.past
    assert kind.defaults == {"live": True}
    assert (kind.can_opt_out, kind.critical, kind.icon, kind.level) == (False, True, "truck", "success")
    assert kind.many.keys() == {"title", "message"} and kind.templates.keys() == {"title", "message", "url"}
    assert kind.home == "HUB_KINDS"


def test_kinds_that_write_one_category_alike_share_it() -> None:
    orders = {"name": "orders", "label": {"en": "Orders"}}
    written.declare({name: {**TEXTS, "category": orders} for name in ("a", "b")})
    first, second = declaring.made()
    assert isinstance(first.category, Category) and first.category is second.category
    assert list(kind_mistakes.of_categories(declaring.made())) == []


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({}, "'shop.kind' that cannot be read: Object missing required field `label`"),
        ({"label": "x", "lable": "x"}, "unknown field `lable`"),
        ({"label": 7}, r"Expected `str \| object`, got `int` - at `\$.label`"),
        ({"label": {}}, r"length >= 1 - at `\$.label`"),
        ({"label": {"Russian": "x"}}, r"`\$.label`"),
        ({"label": "x", "fields": {"number": "integer"}}, r"Invalid enum value 'integer' - at `\$.fields"),
        ({"label": "x", "keep": "soon"}, r"- at `\$.keep`"),
        ({"label": "x", "keep": -1}, r"- at `\$.keep`"),
        ({"label": "x", "category": "orders"}, r"- at `\$.category`"),
    ],
)
def test_what_is_no_kind_is_named_with_its_place(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=sentence):
        declared(**options)


def test_a_category_has_one_label() -> None:
    with pytest.raises(ImproperlyConfigured, match="gives the category 'orders' two labels"):
        written.declare({name: {"label": "x", "category": {"name": "orders", "label": name}} for name in ("a", "b")})


@pytest.mark.parametrize("name", ["", "k" * 101, "a\0b", "Order", "order shipped", "order."])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"HUB_KINDS has the name '.*': names are of small letters"):
        written.declare({name: {"label": "x"}})
    with pytest.raises(ImproperlyConfigured, match="HUB_KINDS has the name"):
        written.declare({"order": {"label": "x", "category": {"name": name, "label": "y"}}})
    assert list(declaring.made()) == []
    written.declare({"k" * 100: {"label": "x"}})


@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
def test_a_text_that_cannot_be_stored_is_refused(text: str) -> None:
    for options in ({"label": "x", "message": text}, {"label": {"en": "x", "ru": text}}):
        with pytest.raises(ImproperlyConfigured, match="HUB_KINDS has a text that no database takes"):
            declared(**options)


@pytest.mark.parametrize("text", ["[]", '{"a": 7}', "{", '"x"'])
def test_what_is_no_mapping_of_kinds_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("HUB_KINDS", text)
    with pytest.raises(UnusableEnvironment, match="HUB_KINDS must be JSON like"):
        read_environment()


@pytest.mark.django_db(transaction=True)
def test_the_file_of_the_page_gives_people_what_it_says(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (page,) = blocks("docs/howto/declare-kinds.md", "json")
    (tmp_path / "kinds.json").write_text(page)
    monkeypatch.setenv("HUB_KINDS_FILE", str(tmp_path / "kinds.json"))
    written.declare(read_environment().kinds)
    kind = kind_named("order.shipped")
    assert kind is not None and list(kind_mistakes.of(kind)) == []
    ann = User.objects.create_user("ann")
    Preferences.objects.create(user=ann, language="ru")
    notify(to=ann, kind="order.shipped", params={"number": 7, "day": "2026-12-01"})
    reviews = kind_named("order.reviews")
    assert reviews is not None and list(kind_mistakes.of(reviews)) == []
    notify(to=ann, kind="order.reviews", params={"reviews": 3, "people": ["Ada", "Grace"]})
    assert [data["message"] for data in alerts_on(f"user:{user_id(ann)}")] == [
        "Ваш заказ 7 прибудет 1 декабря 2026 г.",
        "3 новых отзыва: Ada и Grace",
    ]


@pytest.mark.slow
def test_a_hub_with_a_wrong_kind_does_not_start_and_says_why(tmp_path: Any) -> None:
    environment = clean_environment(
        HUB_DATA_DIR=str(tmp_path), HUB_KINDS=json.dumps({"order.shipped": {"label": "x", "levle": "info"}})
    )
    ended = forking.run([sys.executable, "manage.py", "up"], cwd=BASE_DIR, env=environment, capture_output=True)
    assert ended.returncode != 0
    assert "HUB_KINDS has a kind 'order.shipped' that cannot be read" in ended.stderr
    assert "Traceback" not in ended.stderr


REVIEWS: dict[str, Any] = {
    "label": "New reviews",
    "message": {
        "en": {"one": "{reviews} new review by {who}", "other": "{reviews} new reviews by {who}"},
        "ru": {
            "one": "{reviews} новый отзыв: {who}",
            "few": "{reviews} новых отзыва: {who}",
            "many": "{reviews} новых отзывов: {who}",
        },
        "de": "Neue Rezensionen ({reviews}): {who}",
    },
    "fields": {"reviews": "int", "who": "str"},
}


@pytest.fixture
def five_languages(settings: Any) -> None:
    settings.LANGUAGE_CODE = "en"
    settings.LANGUAGES = [(code, code) for code in ("en", "ru", "de", "fr", "ru-ru")]


@pytest.mark.usefixtures("five_languages")
@pytest.mark.parametrize(
    ("language", "number", "expected"),
    [
        ("en", 1, "1 new review by Ada"),
        ("en", 21, "21 new reviews by Ada"),
        ("ru", 1, "1 новый отзыв: Ada"),
        ("ru", 22, "22 новых отзыва: Ada"),
        ("ru-ru", 11, "11 новых отзывов: Ada"),
        ("de", 1, "Neue Rezensionen (1): Ada"),
        ("fr", 0, "0 new reviews by Ada"),  # an English text goes by the rule of English
    ],
)
def test_a_text_has_the_plural_form_of_its_language(language: str, number: int, expected: str) -> None:
    kind = declared(**REVIEWS)
    assert list(kind_mistakes.of(kind)) == []
    values = params.checked(kind, {"reviews": number, "who": "Ada"})
    assert wording.write(kind, values, Locale(language))["message"] == expected


@pytest.mark.usefixtures("five_languages")
def test_texts_for_many_go_by_how_many_there_are() -> None:
    many = {"en": {"one": "{count} order", "other": "{count} orders"}, "ru": {"few": "{count} заказа", "other": "?"}}
    kind = declared(label="x", message="m", group_by="all", many_message=many)
    assert wording.write(kind, {}, Locale("en"), 3)["message"] == "3 orders"
    assert wording.write(kind, {}, Locale("ru"), 3)["message"] == "3 заказа"


@pytest.mark.usefixtures("five_languages")
def test_of_several_numbers_one_is_named() -> None:
    two = {**REVIEWS, "fields": {"reviews": "int", "who": "str", "stars": "int"}}
    (mistake, *_others) = kind_mistakes.of(declared(**two))
    assert 'name the placeholder that chooses its form, "plural": "count"' in mistake
    declaring._declared.clear()
    kind = declared(**two, plural="reviews")
    assert list(kind_mistakes.of(kind)) == []
    values = params.checked(kind, {"reviews": 1, "who": "Ada", "stars": 5})
    assert wording.write(kind, values, Locale("en"))["message"] == "1 new review by Ada"


@pytest.mark.usefixtures("five_languages")
@pytest.mark.parametrize(
    ("forms", "sentence"),
    [
        ({"ru": {"one": "{n}", "many": "{n}"}}, "without the form 'few' (ru), in which 2 is said: one, few, many."),
        ({"en": {"other": "{n}"}}, "without the form 'one' (en), in which 1 is said: one, other."),
        ({"en": {"one": "1", "few": "2", "other": "{n}"}}, "with a form 'few' that no whole number has (en)"),
    ],
)
def test_forms_that_a_language_does_not_have_or_needs_are_named(forms: dict[str, Any], sentence: str) -> None:
    kind = declared(label="x", message={"en": "{n}", **forms}, fields={"n": "int"})
    assert any(f"has a message {sentence}" in mistake for mistake in kind_mistakes.of(kind))
    # It is read in another form, and sent.
    assert wording.write(kind, {"n": 2}, Locale(next(iter(forms))))["message"] == "2"


@pytest.mark.usefixtures("five_languages")
def test_placeholders_of_each_form_are_looked_at() -> None:
    kind = declared(label="x", message={"en": {"one": "{m}", "other": "{n}"}}, fields={"n": "int"})
    (mistake,) = kind_mistakes.of(kind)
    assert mistake == "has a message with the placeholder {m} (en), not among its fields."


def test_forms_have_known_names() -> None:
    with pytest.raises(ImproperlyConfigured, match=r"Invalid enum value 'several'"):
        declared(label="x", message={"en": {"several": "m"}})
    with pytest.raises(ImproperlyConfigured, match="a text that no database takes"):
        declared(label="x", message={"en": {"other": "\0"}})


@pytest.mark.usefixtures("five_languages")
def test_a_form_for_millions_may_be_left_out() -> None:
    kind = declared(label="x", message={"fr": {"one": "{n} avis", "other": "{n} avis"}}, fields={"n": "int"})
    assert list(kind_mistakes.of(kind)) == []
    assert wording.write(kind, {"n": 1_000_000}, Locale("fr"))["message"].endswith("avis")


#: What CLDR has for whole numbers, where Django's gettext has the same.
OF_CLDR = {
    "ar": {"zero": 0, "one": 1, "two": 2, "few": 3, "many": 11, "other": 100},
    "br": {"one": 1, "two": 2, "few": 3, "many": 1_000_000, "other": 0},
    "cs": {"one": 1, "few": 2, "other": 0},
    "en": {"one": 1, "other": 0},
    "fr": {"one": 0, "many": 1_000_000, "other": 2},
    "gd": {"one": 1, "two": 2, "few": 3, "other": 0},
    "he": {"one": 1, "two": 2, "other": 0},
    "hr": {"one": 1, "few": 2, "other": 0},
    "ja": {"other": 0},
    "lt": {"one": 1, "few": 2, "other": 0},
    "lv": {"zero": 0, "one": 1, "other": 2},
    "pl": {"one": 1, "few": 2, "many": 0},
    "ro": {"one": 1, "few": 0, "other": 20},
    "ru": {"one": 1, "few": 2, "many": 0},
    "sl": {"one": 1, "two": 2, "few": 3, "other": 0},
}


@pytest.mark.parametrize("language", OF_CLDR)
def test_forms_have_the_names_of_cldr(language: str) -> None:
    assert plurals.forms_of(language) == OF_CLDR[language]


@pytest.mark.django_db
def test_a_plural_without_its_number_is_refused_and_what_was_sent_before_is_read_as_it_was() -> None:
    ann = User.objects.create_user("ann")
    kind = declared(label="l", message="one form")
    (row,) = notify(to=ann, kind=kind)
    declaring._declared.clear()
    kind = declared(label="l", message={"en": {"one": "a file", "other": "files"}})
    with pytest.raises(BadAlert, match="no whole number"):
        notify(to=ann, kind=kind)
    assert wording.words_for(row, Locale("en")).message == "one form"
