"""Who has made the request: the jobs that it calls are theirs."""

from contextlib import AbstractContextManager

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest

from hub.web.middleware import Middleware
from worker.origins import Origin, acting, of_visitor


class StartedBy(Middleware):
    """Middleware, after Django's ``AuthenticationMiddleware``: jobs that a view calls belong to who is logged in.

    Asks nothing by itself: who that is is looked up when a job is called.
    """

    def around(self, request: HttpRequest) -> AbstractContextManager[object]:
        def origin() -> Origin:
            return of_visitor(getattr(request, "user", None) or AnonymousUser())

        return acting(origin)
