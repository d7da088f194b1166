"""The hub's widgets, for the templates of any app: ``{% load hub %}`` (docs/howto/put-widgets-on-your-pages.md)."""

from collections.abc import Callable
from typing import Any

from django import template
from django.apps import apps
from django.http import HttpRequest
from django.template import Context
from django.templatetags.static import static
from django.urls import get_script_prefix
from django.utils.html import format_html, json_script
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from hub.config import hub_settings
from hub.templatetags.hub_pages import login_url
from hub.users import display_name, user_id
from hub.validation.text import MESSAGE_LIMIT
from hub.web import page_url

register = template.Library()

#: In the order in which a browser tries them; each is at ``/connection/<name>``.
TRANSPORTS = ("websocket", "http_stream", "sse")

#: Says in the context of a page that its scripts are printed.
_PRINTED = "hub_scripts"

#: The apps that the widgets show.
_ALERTS, _CHAT, _PRESENCE = "notifications", "chat", "presence"


@register.simple_tag(takes_context=True)
def hub_scripts(context: Context) -> SafeString:
    """Print what the widgets need: their design tokens, their configuration as JSON, and their code.

    Use it in ``<head>``; on one page it prints once. The page's ``<html lang>`` decides how numbers and times are
    written. Without an endpoint that widgets connect to it prints nothing, and nor do the widgets.
    """
    page: Any = context.render_context.dicts[
        0
    ]  # of the whole page: templates that it includes have their own above it
    if _PRINTED in page or not _transports():
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
def hub_inbox(label: str = "") -> SafeString:
    """The list of a person's alerts as a part of the page."""
    return _element(_ALERTS, "hub-inbox", label=label or None)


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


def _element(app: str, name: str, **attributes: str | bool | None) -> SafeString:
    """The element; nothing in a project that has left out the app, or the endpoints that widgets connect to."""
    written = SafeString()
    if not apps.is_installed(app) or not _transports():
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
        "endpoint": [{"transport": name, "endpoint": f"{prefix}connection/{name}"} for name in _transports()],
        "emulation": f"{prefix}emulation",
        "user": person,
        "icons": static("hub/icons/icons.svg"),
        "urls": {"login": login_url(), "alerts": page_url("hub:notifications:list")},
        "messageLimit": MESSAGE_LIMIT,
        "texts": _texts(),
    }


def _transports() -> list[str]:
    return [name for name in TRANSPORTS if f"connection/{name}" in hub_settings().endpoints]


def _texts() -> dict[str, str]:
    return {
        "alerts": _("Alerts"),
        "new_alerts": _("New alerts"),
        "new_alert": _("New alert: {text}"),
        "no_alerts": _("No alerts yet"),
        "no_alerts_yet": _("The next one appears here by itself."),
        "unread": _("Unread"),
        "all_read": _("All read"),
        "mark": _("Mark as read"),
        "mark_all": _("Mark all as read"),
        "not_marked": _("That could not be marked as read. Try again."),
        "see_all": _("See all alerts"),
        "older": _("Older alerts"),
        "open": _("Open"),
        "dismiss": _("Dismiss"),
        "close": _("Close"),
        "loading": _("Loading"),
        "stale": _("This list may be incomplete."),
        "reload": _("Reload the page"),
        "level_info": _("Info"),
        "level_success": _("Success"),
        "level_warning": _("Warning"),
        "level_error": _("Error"),
        "level_debug": _("Debug"),
        "conversation": _("Conversation"),
        "messages": _("Messages"),
        "message": _("Message"),
        "write": _("Write a message"),
        "send": _("Send"),
        "enter_sends": _("Enter sends, Shift+Enter starts a new line."),
        "new_messages": _("New messages"),
        "quiet": _("It is quiet here"),
        "be_first": _("Be the first to say something."),
        "login_to_write": _("Only signed-in users can write messages"),
        "log_in": _("Log in"),
        "joined": _as_template(_("%(username)s joined the room"), "username"),
        "left": _as_template(_("%(username)s left the room"), "username"),
        "here": pgettext("people in a room", "Here: {names}"),
        "types_one": pgettext("one person", "{names} is typing"),
        "types_many": pgettext("several people", "{names} are typing"),
        "not_sent": _("This message was not sent."),
        "no_such_place": _("There is nothing of this name here."),
        "not_allowed": _("You are not allowed to do this."),
        "not_available": _("This is not available here."),
        "signed_out": _("You are logged out. Log in and try again."),
        "too_fast": _("That was too fast. Wait a moment and try again."),
        "too_many_pages": _("Too many of your pages are open. Close some of them and load this one again."),
        "ended": _("The hub has ended the connection. Load the page again."),
        "room_ended": _("This room no longer exists, or you may no longer be in it."),
        "sent_later": _("This message is sent when the connection is back."),
        "retry": _("Try again"),
        "take_back": _("Back into the box"),
        **_plurals(
            "too_long",
            lambda n: ngettext(
                "This message is %(number)s character too long.", "This message is %(number)s characters too long.", n
            ),
        ),
        **_plurals("online", lambda n: ngettext("%(number)s person online", "%(number)s people online", n)),
        **_plurals("unread", lambda n: ngettext("%(number)s unread alert", "%(number)s unread alerts", n)),
        **_plurals("unread_short", lambda n: ngettext("%(number)s unread", "%(number)s unread", n)),
        **_plurals("others", lambda n: ngettext("%(number)s other", "%(number)s others", n)),
    }


def _as_template(text: str, *names: str) -> str:
    """A text of the server as the browser's code fills it in."""
    return text % {name: f"{{{name}}}" for name in names}


def _plurals(name: str, form: Callable[[int], str]) -> dict[str, str]:
    """The forms by the categories of ``Intl.PluralRules``: 1, 2 and 5 stand for "one", "few" and "many"; "other" is
    any number but one in English, and fractions in Russian."""
    numbers = {"one": 1, "few": 2, "many": 5, "other": 5}
    return {f"{name}_{category}": _as_template(form(number), "number") for category, number in numbers.items()}
