from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from hub.web import for_members


@never_cache
@require_safe
@for_members
def online(request: HttpRequest) -> HttpResponse:
    """How many people are online; the number comes over the socket that every page has."""
    return render(request, "hub/presence/online.html")
