"""Pages of the admin: what became of a notification, and of the notifications of a person."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from hub.channels import LAST_ID
from hub.session import open_connections
from hub.users import User, all_users, display_name, log_in_field, user_id, users_by_id
from hub.validation import is_storable
from hub.web.generics import ModelAdmin
from notifications.models import Notification
from notifications.oversight import labels, reports
from notifications.oversight.connections import reached

#: Notifications of one page.
PAGE = 50


def report(admin: ModelAdmin[Notification], request: HttpRequest, pk: int) -> HttpResponse:
    """What became of a notification and, with ``?person=``, what it is to them."""
    alert = Notification.objects.select_related("user", "topic", "group", "sender").filter(pk=pk).first()
    if not admin.has_view_permission(request, alert):
        raise PermissionDenied
    if alert is None:
        raise Http404
    asked = request.GET.get("person", "").strip()
    person = _person(asked) if asked else alert.user
    context = {
        **_context(admin, request, asked, person),
        "title": _("What became of it"),
        "alert": alert,
        "found": reports.of_notification(alert),
        "source": labels.source(alert.source),
        "for_person": None if person is None else _for_person(alert, person),
    }
    return TemplateResponse(request, "admin/hub/notification/report.html", context)


def person(admin: ModelAdmin[Notification], request: HttpRequest) -> HttpResponse:
    """The notifications of the person whom ``?person=`` names, wherever they are for them."""
    if not admin.has_view_permission(request):
        raise PermissionDenied
    asked = request.GET.get("person", "").strip()
    found = _person(asked) if asked else None
    rows = reports.notifications_of(found, before=_before(request), limit=PAGE) if found else []
    context = {
        **_context(admin, request, asked, found),
        "title": _("Notifications of a person"),
        "rows": [(row, labels.STATES[reports.state_of(row)], labels.source(row.source)) for row in rows],
        "next": rows[-1].pk if len(rows) == PAGE else None,
        "connections": open_connections(user_id(found), []) if found else None,
    }
    return TemplateResponse(request, "admin/hub/notification/person.html", context)


def _context(admin: ModelAdmin[Notification], request: HttpRequest, asked: str, found: User | None) -> dict[str, Any]:
    return {
        **admin.admin_site.each_context(request),
        "opts": admin.opts,
        "asked": asked,
        "person": found,
        "person_id": user_id(found) if found else "",
        "person_name": display_name(found) if found else "",
    }


def _person(text: str) -> User | None:
    """The person with this id, or this name for the log-in."""
    if not is_storable(text):
        return None
    by_id = users_by_id([text]).get(text)
    return by_id or all_users().filter(**{log_in_field(): text}).first()


def _before(request: HttpRequest) -> int:
    try:
        return min(max(int(request.GET["before"]), 1), LAST_ID)
    except (KeyError, ValueError):
        return LAST_ID


def _for_person(alert: Notification, user: User) -> dict[str, Any]:
    found = reports.of_person(alert, user)
    connections = open_connections(user_id(user), [found.sent.channel]) if found.sent else None
    return {
        "found": found,
        "state": labels.STATES[found.state],
        "steps": [
            (labels.STEPS.get(step.what, step.what), step.at, labels.source(step.source)) for step in found.steps
        ],
        "is_known": connections is not None,
        "connections": [
            (one.connection, labels.HAS[one.how]) for one in reached(connections or [], found.sent or reports.Sent(""))
        ],
    }
