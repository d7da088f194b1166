from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from hub.connection import over_http
from notifications import actions, queries, rpc


@never_cache
@require_safe
def notification_list(request: HttpRequest) -> HttpResponse:
    """The latest 50 alerts for the visitor; the page goes on live from ``cursor``."""
    # The cursor first: an alert stored in between is then in both, and the page shows it once.
    cursor = queries.cursor_for(request.user)
    return render(
        request,
        "notifications/notifications.html",
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
    return over_http.answer(request, rpc.list_alerts, rpc.ListAlerts)
