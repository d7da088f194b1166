"""Who has made the request: the jobs that it calls are theirs."""

from contextlib import AbstractContextManager

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest

from hub.web.middleware import Middleware

try:
    from worker.origins import Origin, acting, of_visitor
except RuntimeError as error:  # which Django's checks of MIDDLEWARE do not expect, so that they would say nothing else
    raise ImportError(f'INSTALLED_APPS has no "worker": {error}') from error


class StartedBy(Middleware):
    """Middleware, anywhere in ``MIDDLEWARE``: jobs that a view calls belong to who is logged in.

    Asks nothing by itself: who that is is looked up when a job is called. ``manage.py check`` says if it is missing.
    """

    def around(self, request: HttpRequest) -> AbstractContextManager[object]:
        def origin() -> Origin:
            return of_visitor(getattr(request, "user", None) or AnonymousUser())

        return acting(origin)
