"""Pages that are for people with an account where there are no guests (``HUB_GUESTS``)."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse

from hub.config import hub_settings

View = Callable[..., HttpResponse]


def for_members(view: View) -> View:
    """``view`` for whoever may be here: without guests, visitors who are not logged in are sent to the log-in page."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.user.is_authenticated and not hub_settings().guests:
            return redirect_to_login(request.get_full_path())
        return view(request, *args, **kwargs)

    return guarded
