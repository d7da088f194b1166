from typing import NoReturn

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache

from hub.web.members import for_members


@never_cache
@for_members
def home(request: HttpRequest) -> HttpResponse:
    """What the hub is and where its uses are."""
    return render(request, "hub/home.html")


def nothing(request: HttpRequest) -> NoReturn:
    """There is no page here."""
    raise Http404
