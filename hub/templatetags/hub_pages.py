"""What the hub's own pages ask for: nothing here needs a context processor of the project."""

import sys
from pathlib import Path

from django import template
from django.conf import settings
from django.shortcuts import resolve_url
from django.urls import NoReverseMatch

from hub.config import BASE_DIR, hub_settings

register = template.Library()

#: How ``manage.py`` is called in the hub's folder by somebody who has entered no environment; a container has its own
#: on the path.
_PYTHON = ".venv/bin/python" if Path(sys.prefix).resolve() == (BASE_DIR / ".venv").resolve() else "python"


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
