"""Who may read the documents of the API (``HUB_API_DOCS``)."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache

from hub.config import hub_settings

View = Callable[..., HttpResponse]


def for_readers(view: View) -> View:
    """``view`` for those whom ``HUB_API_DOCS`` names: guests are sent to log in, others get 404. No
    cache keeps it."""

    @never_cache
    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        readers = hub_settings().api_docs
        if readers == "anyone" or (readers == "staff" and getattr(request.user, "is_staff", False)):
            return view(request, *args, **kwargs)
        if readers == "off" or request.user.is_authenticated:
            raise Http404
        return redirect_to_login(request.get_full_path())

    return guarded
