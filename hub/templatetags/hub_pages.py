"""What the hub's own pages ask for: nothing here needs a context processor of the project."""

import sys
from pathlib import Path

from django import template
from django.conf import settings
from django.shortcuts import resolve_url
from django.template.base import Parser, Token
from django.template.context import Context
from django.template.loader_tags import ExtendsNode
from django.urls import NoReverseMatch
from django.utils.safestring import SafeString

from hub import users
from hub.config import BASE_DIR, hub_settings
from hub.web import languages

register = template.Library()

#: How ``manage.py`` is called in the hub's folder by somebody who has entered no environment; a container has its own
#: on the path.
_PYTHON = ".venv/bin/python" if Path(sys.prefix).resolve() == (BASE_DIR / ".venv").resolve() else "python"


class PageNode(ExtendsNode):
    """Extends the template that the settings name: as ``{% extends %}``, which takes no name from a tag."""

    must_be_first = False  # `{% load hub_pages %}` stands before it

    def render(self, context: Context) -> SafeString:
        with context.push(hub_base_template=hub_settings().base_template):
            return SafeString(super().render(context))


@register.tag
def hub_page(parser: Parser, token: Token) -> PageNode:
    """Put the page into ``HUB_BASE_TEMPLATE`` of the project, else into the hub's own base template.

    It stands where ``{% extends %}`` would. The page fills the blocks ``hub_title`` and ``hub_content``, and may fill
    ``hub_body_class`` and ``hub_toasts``: no block of a project's template has these names.
    """
    parent = parser.compile_filter('hub_base_template|yesno:"hub/inside.html,hub/base.html"')
    return PageNode(parser.parse(), parent)


@register.filter
def display_name(user: users.Visitor) -> str:
    """What others read of ``user``; empty for a guest."""
    return users.display_name(user)


@register.filter
def user_id(user: users.Visitor) -> str:
    """By what others know ``user``; empty for a guest."""
    return users.user_id(user)


@register.simple_tag
def other_languages() -> list[str]:
    """The codes of the languages that the page can be changed to."""
    return languages.others()


@register.simple_tag
def manage_command() -> str:
    """How commands of the project are called."""
    return f"{_PYTHON} manage.py"


@register.simple_tag
def login_url() -> str:
    """The address of the project's log-in page (``LOGIN_URL``); empty where there is none."""
    try:
        return resolve_url(settings.LOGIN_URL)
    except NoReverseMatch:
        return ""


@register.simple_tag
def signup_is_open() -> bool:
    """Whether people may make accounts of their own on the hub's pages."""
    return hub_settings().signup
