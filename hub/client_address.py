"""The client's address in every line that is logged while a request is answered."""

from collections.abc import Awaitable, Callable
from typing import cast

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from structlog.contextvars import bound_contextvars

Handler = Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]]


class ClientAddress:
    """Middleware, for sync and async: whatever is logged meanwhile says ``address``, without being handed it."""

    sync_capable = async_capable = True

    def __init__(self, get_response: Handler) -> None:
        self._get_response = get_response
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if self._is_async:
            return self._answer(request)
        with bound_contextvars(address=request.META.get("REMOTE_ADDR", "")):
            return cast(HttpResponseBase, self._get_response(request))

    async def _answer(self, request: HttpRequest) -> HttpResponseBase:
        with bound_contextvars(address=request.META.get("REMOTE_ADDR", "")):
            return await cast(Awaitable[HttpResponseBase], self._get_response(request))
