"""The client's address in every line that is logged while a request is answered."""

from contextlib import AbstractContextManager

from django.http import HttpRequest
from structlog.contextvars import bound_contextvars

from hub.web.middleware import Middleware


class ClientAddress(Middleware):
    """Middleware: whatever is logged meanwhile says ``address``, without being handed it."""

    def around(self, request: HttpRequest) -> AbstractContextManager[object]:
        return bound_contextvars(address=request.META.get("REMOTE_ADDR", ""))
