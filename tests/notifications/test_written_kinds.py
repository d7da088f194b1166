"""Kinds that ``HUB_KINDS`` declares without code."""

import json
import sys
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from hub.config import UnusableEnvironment, read_environment
from lab.harness import forking
from lab.harness.environment import BASE_DIR, clean_environment
from notifications import Category, kind_mistakes, notify
from notifications.kinds import declaring, params, wording, written
from notifications.kinds.declaring import Kind, kind_named
from notifications.kinds.locales import Locale
from notifications.models import Preferences
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
        "many_message": "The newest is {number}",
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
    assert alerts_on(f"user:{ann.pk}")[0]["message"] == "Ваш заказ 7 прибудет 1 декабря 2026 г."


@pytest.mark.slow
def test_a_hub_with_a_wrong_kind_does_not_start_and_says_why(tmp_path: Any) -> None:
    environment = clean_environment(
        HUB_DATA_DIR=str(tmp_path), HUB_KINDS=json.dumps({"order.shipped": {"label": "x", "levle": "info"}})
    )
    ended = forking.run([sys.executable, "manage.py", "up"], cwd=BASE_DIR, env=environment, capture_output=True)
    assert ended.returncode != 0
    assert "HUB_KINDS has a kind 'order.shipped' that cannot be read" in ended.stderr
    assert "Traceback" not in ended.stderr
