from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from hub.presence import count_if_known
from hub.web import for_members
from presence import channels


@never_cache
@require_safe
@for_members
def online(request: HttpRequest) -> HttpResponse:
    """How many people are online: now for browsers without scripts, and the others get it over their socket."""
    return render(request, "hub/presence/online.html", {"count": count_if_known(channels.online)})
