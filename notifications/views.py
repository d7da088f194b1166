from collections.abc import Callable

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from hub import session
from hub.users import User
from hub.web import for_members
from notifications import following, rpc
from notifications.inbox import queries
from notifications.models import Topic
from notifications.sending import actions


@never_cache
@require_safe
@for_members
def notification_list(request: HttpRequest) -> HttpResponse:
    """The latest 50 alerts for the visitor; the page goes on live from ``cursor``."""
    # The cursor first: an alert stored in between is then in both, and the page shows it once.
    cursor = queries.cursor_for(request.user)
    return render(
        request,
        "hub/notifications/notifications.html",
        {
            "cursor": cursor,
            "alerts": queries.latest_for(request.user),
            "unread": queries.unread_count(request.user),
            "can_broadcast": actions.may_broadcast(request.user),
        },
    )


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
