"""The hub's pages in the base template of a project, and what the checks say about one that cannot take them."""

from collections.abc import Mapping
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core import checks
from django.template import Context, Library
from django.template.base import Node
from django.test import Client
from django.urls import reverse
from django.utils.translation import override
from pytest_django.fixtures import Settings

from hub.templatetags.hub import hub_scripts
from hub.users import user_id
from hub.web import languages
from hub.web.checks import base_template_takes_pages

pytestmark = pytest.mark.any_database

BASE = """<!DOCTYPE html><title>{% block title %}Shop{% endblock %}</title>
{% load hub %}{% hub_scripts %}{% block head %}<style>h1 { color: red }</style>{% endblock %}
<h1>The shop</h1><main>{% block content %}Of the shop alone{% endblock %}</main>"""


#: The tags of a project.
register = Library()


@register.simple_tag(takes_context=True)
def head_of_page(context: Context) -> str:
    return hub_scripts(context)


@register.inclusion_tag("hub/_icon.html")
def included() -> dict[str, Any]:
    return {}


@register.tag
def component(parser: Any, token: Any) -> Node:
    return Component()


class Component(Node):
    """Whatever it prints."""


@register.simple_tag
def year() -> str:
    return "2026"


def with_tags(tags: str) -> str:
    return BASE.replace("{% hub_scripts %}", tags)


def project_has(settings: Settings, templates: Mapping[str, str]) -> None:
    (engine,) = settings.TEMPLATES
    loaders = [
        ("django.template.loaders.locmem.Loader", dict(templates)),
        "django.template.loaders.filesystem.Loader",
        "django.template.loaders.app_directories.Loader",
    ]
    options = {**engine["OPTIONS"], "loaders": loaders, "libraries": {"own": __name__}}
    settings.TEMPLATES = [{**engine, "APP_DIRS": False, "OPTIONS": options}]


def said() -> list[checks.CheckMessage]:
    return list(base_template_takes_pages(None))


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["hub:home", "hub:notifications:list", "hub:topics:list", "hub:chat:rooms"])
def test_page_stands_in_the_base_template_of_the_project(name: str, settings: Settings) -> None:
    project_has(settings, {"shop.html": BASE})
    settings.HUB_BASE_TEMPLATE = "shop.html"
    assert said() == []
    text = Client().get(reverse(name)).content.decode()
    assert text.count("<h1>The shop</h1>") == text.count("<main") == text.count("<title>") == 1
    assert "Of the shop alone" not in text
    assert '<template shadowrootmode="open">' in text
    # The project's own styles stay, and those of the hub are in the shadow root only.
    head, _, page = text.partition("<main>")
    assert "color: red" in head
    assert "hub/css/base.css" not in head
    assert "hub/css/base.css" in page
    # The project's template has printed them already.
    assert text.count('id="hub-config"') == 1


@pytest.mark.django_db
def test_without_a_base_template_the_page_is_whole(settings: Settings) -> None:
    text = Client().get(reverse("hub:home")).content.decode()
    assert text.count("<html") == 1
    assert "<hub-page>" not in text


@pytest.mark.parametrize(
    ("templates", "sentences"),
    [
        ({}, ["there is no template 'shop.html'"]),
        ({"shop.html": "{% extends 'gone.html' %}"}, ["there is no template 'gone.html'"]),
        ({"shop.html": "{% nonsense %}"}, ["cannot be used: Invalid block tag"]),
        ({"shop.html": "<main></main>"}, ["no block 'content'", "no block 'head'"]),
        ({"shop.html": "{% block content %}{% endblock %}"}, ["no block 'head'"]),
        # Blocks that fill nothing of the template above are nowhere shown.
        (
            {"shop.html": "{% extends 'a.html' %}{% block head %}{% endblock %}", "a.html": BASE.replace("head", "x")},
            ["no block 'head'"],
        ),
    ],
)
def test_check_names_what_a_base_template_lacks(
    templates: Mapping[str, str], sentences: list[str], settings: Settings
) -> None:
    project_has(settings, templates)
    settings.HUB_BASE_TEMPLATE = "shop.html"
    found = said()
    assert [part in message.msg for part, message in zip(sentences, found, strict=True)] == [True] * len(sentences)


@pytest.mark.parametrize(
    "template",
    [
        "{% extends 'a.html' %}",
        "{% extends 'a.html' %}{% block x %}{% block head %}{% endblock %}{% endblock %}",
        "{% extends chosen_later %}",
    ],
)
def test_blocks_of_templates_above_count(template: str, settings: Settings) -> None:
    base = BASE if "block x" not in template else BASE.replace("block head", "block x")
    project_has(settings, {"shop.html": template, "a.html": base})
    settings.HUB_BASE_TEMPLATE = "shop.html"
    assert said() == []


@pytest.mark.parametrize(
    ("templates", "is_said"),
    [
        ({"shop.html": BASE.replace("{% hub_scripts %}", "{% if user %}{% hub_bell %}{% endif %}")}, True),
        (
            {"shop.html": "{% extends 'a.html' %}", "a.html": BASE.replace("{% hub_scripts %}", "{% hub_toasts %}")},
            True,
        ),
        (
            {"shop.html": BASE.replace("{% hub_scripts %}", "{% include 'a.html' %}{% hub_bell %}"), "a.html": ""},
            False,
        ),
        ({"shop.html": BASE.replace("{% hub_scripts %}", "")}, False),
        ({"shop.html": with_tags("{% load own %}{% head_of_page %}{% hub_bell %}")}, False),
        ({"shop.html": with_tags("{% load own %}{% included %}{% hub_bell %}")}, False),
        ({"shop.html": with_tags("{% load own %}{% component %}{% hub_bell %}")}, False),
        ({"shop.html": with_tags("{% load own static %}{% static 'a.css' %}{% year %}{% hub_bell %}")}, True),
        ({"shop.html": BASE.replace("{% hub_scripts %}", "{% hub_scripts %}{% hub_bell %}")}, False),
    ],
)
def test_widgets_without_their_scripts_are_named(
    templates: Mapping[str, str], is_said: bool, settings: Settings
) -> None:
    project_has(settings, templates)
    settings.HUB_BASE_TEMPLATE = "shop.html"
    assert [one.id for one in said()] == ["hub.W057"] * is_said


@pytest.mark.django_db
def test_header_calls_people_as_others_read_them(settings: Settings, client: Client) -> None:
    settings.HUB_DISPLAY_NAME = "tests.hub.test_base_template.shown"
    ada = get_user_model().objects.create_user("ada.l")
    client.force_login(ada)
    text = client.get(reverse("hub:home")).content.decode()
    assert f'data-avatar="{user_id(ada)}"' in text
    assert f"Account of Ada of {ada.get_username()}" in text


def shown(user: Any) -> str:
    return f"Ada of {user.get_username()}"


def test_languages_are_offered_that_there_are_texts_in(settings: Settings) -> None:
    settings.LANGUAGES = [("en", "English"), ("ru", "Russian"), ("de", "German"), ("en-gb", "British English")]
    with override("en"):
        assert languages.others() == ["ru", "en-gb"]
    with override("ru"):
        assert languages.others() == ["en", "en-gb"]
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "locale" not in name]
    assert languages.others() == []
