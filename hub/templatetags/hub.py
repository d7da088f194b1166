"""The hub's widgets, for the templates of any app: ``{% load hub %}`` (docs/howto/put-widgets-on-your-pages.md)."""

from typing import Any

from django import template
from django.apps import apps
from django.http import HttpRequest
from django.template import Context
from django.templatetags.static import static
from django.urls import get_script_prefix
from django.utils.html import format_html, json_script
from django.utils.safestring import SafeString

from hub.templatetags.hub_pages import login_url
from hub.users import display_name, user_id
from hub.validation.text import MESSAGE_LIMIT
from hub.web import page_url
from hub.web.widgets.texts import texts
from hub.web.widgets.transports import transports

register = template.Library()

#: Says in the context of a page that its scripts are printed.
_PRINTED = "hub_scripts"

#: The apps that the widgets show.
_ALERTS, _CHAT, _PRESENCE, _JOBS = "notifications", "chat", "presence", "worker"


@register.simple_tag(takes_context=True)
def hub_scripts(context: Context) -> SafeString:
    """Print what the widgets need: their design tokens, their configuration as JSON, and their code.

    Use it in ``<head>``; on one page it prints once. The page's ``<html lang>`` decides how numbers and times are
    written. Without an endpoint that widgets connect to it prints nothing, and nor do the widgets.
    """
    page: Any = context.render_context.dicts[
        0
    ]  # of the whole page: templates that it includes have their own above it
    if _PRINTED in page or not transports():
        return SafeString()
    page[_PRINTED] = True
    return format_html(
        '<link rel="stylesheet" href="{}">\n{}\n<script type="module" src="{}"></script>',
        static("hub/css/tokens.css"),
        json_script(_config(context), "hub-config"),
        static("hub/js/widgets.js"),
    )


@register.simple_tag
def hub_bell(label: str = "", href: str | None = None) -> SafeString:
    """A bell with the number of unread alerts, and their list behind it.

    Args:
        label: what it is called for screen readers, and above the list; by default "Alerts".
        href: of the page with all alerts; by default the hub's, and no link where it is empty.
    """
    return _element(_ALERTS, "hub-bell", label=label or None, href=href)


@register.simple_tag
def hub_inbox(label: str = "", *, tabs: bool = False, address: str = "") -> SafeString:
    """The list of a person's alerts as a part of the page.

    Args:
        label: what it is called for screen readers.
        tabs: make it a whole inbox, with archive, snoozed alerts, search and keys, for a page that is there for it.
        address: with tabs, the parameter of the page's address that names the open one.
    """
    return _element(_ALERTS, "hub-inbox", label=label or None, tabs=tabs, address=address or None)


@register.simple_tag
def hub_chat(room: object) -> SafeString:
    """A chat room: ``room`` is a ``chat.models.Room``, or its name or address."""
    return _element(_CHAT, "hub-chat", room=str(getattr(room, "address", room)))


@register.simple_tag
def hub_online(channel: str = "", *, number: bool | str = False, live: bool = False) -> SafeString:
    """How many people are online.

    Args:
        channel: whose people to count; by default the hub's own count.
        number: show the bare number, and the words to screen readers only; with ``"narrow"`` only in narrow windows.
        live: tell screen readers of changes.
    """
    return _element(_PRESENCE, "hub-online", channel=channel or None, number=number, live=live)


@register.simple_tag
def hub_toasts(label: str = "") -> SafeString:
    """Alerts that arrive show for a while, at the edge of the window."""
    return _element(_ALERTS, "hub-toasts", label=label or None)


@register.simple_tag
def hub_jobs(label: str = "", *, all: bool = False) -> SafeString:  # noqa: A002  # as the attribute is called
    """The background jobs that a person has started, with their progress, results and buttons to cancel them.

    Args:
        label: what the list is called for screen readers.
        all: show the jobs of everybody, to staff with the permission.
    """
    return _element(_JOBS, "hub-jobs", label=label or None, all=all)


@register.simple_tag
def hub_preferences(label: str = "") -> SafeString:
    """What a person gets, in which way, and when it may interrupt them; each choice is saved at once.

    Args:
        label: what it is called for screen readers.
    """
    return _element(_ALERTS, "hub-preferences", label=label or None)


def _element(app: str, name: str, **attributes: str | bool | None) -> SafeString:
    """The element; nothing in a project that has left out the app, or the endpoints that widgets connect to."""
    written = SafeString()
    if not apps.is_installed(app) or not transports():
        return written
    for key, value in attributes.items():
        if value is True:
            written += format_html(" {}", key)
        elif value is not None and value is not False:
            written += format_html(' {}="{}"', key, value)
    return format_html("<{}{}></{}>", name, written, name)


def _config(context: Context) -> dict[str, Any]:
    request = context.get("request")
    user = getattr(request, "user", None) if isinstance(request, HttpRequest) else None
    person = None  # not known
    if user is not None:
        person = {"id": user_id(user), "name": display_name(user)}
    prefix = page_url("hub:root") or get_script_prefix()
    return {
        "endpoint": [{"transport": name, "endpoint": f"{prefix}connection/{name}"} for name in transports()],
        "emulation": f"{prefix}emulation",
        "user": person,
        "icons": static("hub/icons/icons.svg"),
        "urls": {"login": login_url(), "alerts": page_url("hub:notifications:list")},
        "messageLimit": MESSAGE_LIMIT,
        "texts": texts(),
    }
