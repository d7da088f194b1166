"""Pages of the admin: what became of a notification, and of the notifications of a person; and writing one."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from django.contrib import messages
from django.core.exceptions import ObjectDoesNotExist, PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from hub.channels import LAST_ID
from hub.logs import get_logger
from hub.session import open_connections
from hub.users import User, Visitor, all_users, display_name, log_in_field, user_id, users_by_id
from hub.validation import is_storable
from hub.web.generics import ModelAdmin
from notifications import sources
from notifications.models import Notification
from notifications.oversight import labels, reports
from notifications.oversight.composing import ComposeForm, previews
from notifications.oversight.connections import reached
from notifications.oversight.looked_at import Look
from notifications.oversight.repeating import looked_at, recipients_of, send_again
from notifications.sending import actions, withdrawing
from notifications.sending.alerting import BadAlert
from notifications.sending.counting import people_of
from notifications.sending.named_audiences import BadAudience

log = get_logger(__name__)

#: Names a wish to send again.
_ONCE = re.compile(r"[0-9a-f]{32}")

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
    if request.method == "POST":
        if asked and person is None:
            raise Http404
        return _carry_out(admin, request, alert, person if asked else None)
    context = {
        **_context(admin, request, asked, person),
        "title": _("What became of it"),
        "alert": alert,
        "found": reports.of_notification(alert),
        "source": labels.source(alert.source),
        "for_person": None if person is None else _for_person(alert, person),
        "may_send": _may_send(request),
        "may_retract": _may_retract(request),
        "once": uuid4().hex,
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


def compose(admin: ModelAdmin[Notification], request: HttpRequest) -> HttpResponse:
    """Write a notification: look at what people will read and how many they are, send a test, and send it."""
    if not _may_send(request):
        raise PermissionDenied
    form = ComposeForm(request.POST or None, initial=_asked_for(request))
    preview = None
    if form.is_valid() and (preview := _preview(form, request.user)):
        if "_send" in request.POST:
            if objection := preview["look"].objection(request.POST.get("seen", "")):
                form.add_error(None, objection)
            elif sent := _send(admin, request, form):
                return sent
        if "_test" in request.POST:
            with _by(request) as me:
                actions.send([form.described_for(me)], sender=me)
            admin.message_user(request, _("The test was sent to you."), messages.SUCCESS)
    context = {
        **admin.admin_site.each_context(request),
        "opts": admin.opts,
        "title": _("Write a notification"),
        "form": form,
        "preview": preview,
    }
    return TemplateResponse(request, "admin/hub/notification/compose.html", context)


def _asked_for(request: HttpRequest) -> dict[str, str]:
    """What a link to the form may fill in; never its name."""
    return {name: request.GET[name] for name in ("audience", "people", "kind") if name in request.GET}


def _preview(form: ComposeForm, by: Visitor) -> dict[str, Any] | None:
    """What people will read and how many they are, and the look at that; None, with an error in the form, where an
    audience fails.
    """
    try:
        said, people = previews(form.described), people_of(form.described.to)
        return {"said": said, "people": people, "look": Look(str(by.pk), [form.written, said], people)}
    except Exception as error:  # whatever the audience of a product raises
        log.warning("audience_failed", exc_info=True)
        form.add_error(None, f"{type(error).__name__}: {error}")
        return None


def _send(admin: ModelAdmin[Notification], request: HttpRequest, form: ComposeForm) -> HttpResponse | None:
    """Send it; None, with an error in the form, where that is refused."""
    try:
        with _by(request) as me:
            rows, scheduled = actions.send_or_schedule([form.described], sender=me)
    except BadAlert as error:
        form.add_error(None, str(error))
        return None
    if scheduled:
        admin.message_user(request, _("It is stored, and is sent at its time."), messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:hub_notifications_scheduledalert_changelist"))
    if rows and not any(row.is_new for row in rows):
        admin.message_user(request, _("It was sent before. Nothing was sent again."), messages.WARNING)
    elif rows:
        admin.message_user(request, _("It is sent."), messages.SUCCESS)
    else:
        admin.message_user(request, _("Nobody gets it: all of these people have switched it off."), messages.WARNING)
    if len(rows) == 1:
        return HttpResponseRedirect(_address(rows[0]))
    return HttpResponseRedirect(reverse("admin:hub_notifications_notification_changelist"))


def _carry_out(
    admin: ModelAdmin[Notification], request: HttpRequest, alert: Notification, person: User | None
) -> HttpResponse:
    """What a button of the page about ``alert`` says."""
    wish = request.POST.get("do", "")
    if not (_may_retract(request) if wish == "retract" else _may_send(request)):
        raise PermissionDenied
    once = request.POST.get("once", "")
    if wish not in {"again", "retract"} or (wish == "again" and not _ONCE.fullmatch(once)):
        return HttpResponseBadRequest()
    if wish == "retract":
        person = None  # it is taken from all, whomever the page is about
    if (question := _question(admin, request, alert, person, wish=wish, once=once)) is not None:
        return question
    if wish == "retract":
        admin.log_change(request, alert, "retract")
        withdrawing.retract(id=alert.pk)
        admin.message_user(request, _("It is taken back."), messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:hub_notifications_notification_changelist"))
    try:
        with _by(request) as me:
            rows = send_again(alert, once=once, sender=me, person=person)
    except (BadAlert, BadAudience, LookupError, ObjectDoesNotExist) as error:
        admin.message_user(request, str(error), messages.ERROR)
        return HttpResponseRedirect(_address(alert))
    if not rows:
        admin.message_user(request, _("Nobody gets it: all of these people have switched it off."), messages.WARNING)
        return HttpResponseRedirect(_address(alert))
    admin.message_user(request, _("It is sent again; this is the new one."), messages.SUCCESS)
    return HttpResponseRedirect(_address(rows[0]))


def _question(
    admin: ModelAdmin[Notification],
    request: HttpRequest,
    alert: Notification,
    person: User | None,
    *,
    wish: str,
    once: str,
) -> HttpResponse | None:
    """The page that asks whether that is meant: what goes to how many people, or is taken from them.

    None where somebody has looked at it, as it is now, and means it.
    """
    try:
        number = people_of((person,) if person is not None else recipients_of(alert))
    except Exception as error:  # whatever the audience of a product raises; who has an alert loses it all the same
        if wish == "again":
            admin.message_user(request, f"{type(error).__name__}: {error}", messages.ERROR)
            return HttpResponseRedirect(_address(alert))
        log.warning("audience_failed", exc_info=True)
        number = None
    look = Look(str(request.user.pk), [wish, once, alert.pk, looked_at(alert, person)], number or 0)
    is_meant = "confirmed" in request.POST
    objection = look.objection(request.POST.get("seen", "")) if is_meant else ""
    if is_meant and not objection:
        return None
    context = {
        **_context(admin, request, "", person),
        "title": _("Take back") if wish == "retract" else _("Send again"),
        "alert": alert,
        "wish": wish,
        "once": once,
        "to": reports.recipient_of(alert),
        "number": number,
        "look": look,
        "objection": objection,
    }
    return TemplateResponse(request, "admin/hub/notification/confirm.html", context)


@contextmanager
def _by(request: HttpRequest) -> Iterator[User]:
    """The person whose request it is, as the source of what is sent inside."""
    me = request.user
    if not isinstance(me, User):
        raise PermissionDenied
    with sources.acting(sources.PERSON, user_id(me)):
        yield me


def _may_send(request: HttpRequest) -> bool:
    return bool(request.user.has_perm(actions.MAY_BROADCAST))


def _may_retract(request: HttpRequest) -> bool:
    return bool(request.user.has_perm("hub_notifications.delete_notification"))


def _address(row: Notification) -> str:
    return reverse("admin:hub_notifications_notification_report", args=[row.pk])


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
            (one.connection, labels.HAS[one.how])
            for one in reached(connections or [], found.sent or reports.PlaceInChannel(""))
        ],
    }
