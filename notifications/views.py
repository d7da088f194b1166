from collections.abc import Callable
from typing import Literal

import msgspec
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect, render, resolve_url
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from hub import session
from hub.access import device_of_session
from hub.channels import LAST_ID
from hub.users import User
from hub.web import for_members
from notifications import following, rpc, sources
from notifications.inbox import organizing, queries
from notifications.kinds.locales import clock_of
from notifications.models import Topic
from notifications.preferences import muting
from notifications.sending import actions


@never_cache
@require_safe
@for_members
def notification_list(request: HttpRequest) -> HttpResponse:
    """The latest 50 alerts for the visitor; the page goes on live from ``cursor``.

    Browsers without scripts get parts of the inbox by ``state`` and ``before``, and forms (:func:`organize`).
    """
    # The cursor first: an alert stored in between is then in both, and the page shows it once.
    cursor = queries.cursor_for(request.user)
    try:
        asked = msgspec.convert(request.GET.dict(), _Asked, strict=False)
    except msgspec.ValidationError:
        asked = _Asked()
    part = queries.inbox_for(request.user, state=asked.state, before=asked.before, limit=50)
    return render(
        request,
        "hub/notifications/notifications.html",
        {
            "cursor": cursor,
            "alerts": part.alerts,
            "next": part.next,
            "state": asked.state,
            "unread": part.counts.unread,
            "can_broadcast": actions.may_broadcast(request.user),
        },
    )


class _Asked(msgspec.Struct):
    """A part of the inbox, for browsers without scripts."""

    state: queries.State = "all"
    before: rpc.AlertId = LAST_ID


class _Organized(msgspec.Struct, kw_only=True):
    """What a form of the page does: with one alert, or with all up to ``upto``."""

    change: organizing.Verb | Literal["archive_read"]
    id: rpc.AlertId | None = None
    upto: rpc.AlertId | None = None
    state: queries.State = "all"


@require_POST
def organize(request: HttpRequest) -> HttpResponse:
    """Change alerts of the visitor: for browsers that run no scripts. The others call ``inbox.change``.

    What is snoozed comes back on the next morning, on the person's clock.
    """
    page = resolve_url("hub:notifications:list")
    user = request.user
    if not isinstance(user, User):
        return redirect_to_login(page)
    try:
        asked = msgspec.convert(request.POST.dict(), _Organized, strict=False)
    except msgspec.ValidationError as error:
        return HttpResponseBadRequest(str(error), content_type="text/plain")
    with sources.acting_as(_device(request)):
        if asked.id is not None and asked.change != "archive_read":
            until = muting.tomorrow(clock_of(user)) if asked.change == "snooze" else None
            organizing.change(asked.change, user=user, ids=[asked.id], until=until)
        elif asked.upto is not None and asked.change in ("read", "archive_read"):
            organizing.change_all(asked.change, user=user, upto=asked.upto)
        else:
            return HttpResponseBadRequest("Name an alert, or the newest one of all.", content_type="text/plain")
    return redirect(f"{page}?state={asked.state}")


def _device(request: HttpRequest) -> str:
    """What the change is noted to come from: the log-in of this browser, as its connections are named."""
    key = request.session.session_key
    return sources.written(sources.DEVICE, device_of_session(key)) if key else ""


@require_safe
def items(request: HttpRequest) -> HttpResponse:
    """What ``alerts.list`` answers, as JSON."""
    return session.answer(request, rpc.list_alerts, rpc.ListAlerts)


@never_cache
@require_safe
@for_members
def topic_list(request: HttpRequest) -> HttpResponse:
    """The topics that the visitor may know of, to follow and to leave."""
    return render(request, "hub/notifications/topics.html", {"topics": queries.topics_for(request.user)})


@require_POST
def follow_topic(request: HttpRequest, name: str) -> HttpResponse:
    """Follow a topic: for browsers that run no scripts. The others call ``topics.follow``."""
    return _change(request, name, following.follow)


@require_POST
def unfollow_topic(request: HttpRequest, name: str) -> HttpResponse:
    """Leave a topic, as :func:`follow_topic`."""
    return _change(request, name, following.unfollow)


def _change(request: HttpRequest, name: str, change: Callable[..., Topic]) -> HttpResponse:
    page = resolve_url("hub:topics:list")
    if not isinstance(request.user, User):
        return redirect_to_login(page)
    try:
        change(user=request.user, name=name)
    except following.NoSuchTopic:
        raise Http404(following.NoSuchTopic.sentence) from None
    except (following.ClosedTopic, following.TooManyTopics) as refused:
        messages.error(request, str(refused))
    return redirect(f"{page}#topic-{name}")
