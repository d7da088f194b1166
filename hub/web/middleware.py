"""What middleware for sync and async views is made of, and where one stands in a project."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from typing import cast

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.module_loading import import_string

Handler = Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]]


class Middleware:
    """The base of middleware that does the same around sync and async views, and waits for nothing itself."""

    sync_capable = async_capable = True

    def __init__(self, get_response: Handler) -> None:
        self._get_response = get_response
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if self._is_async:
            return self._answer(request)
        with self.around(request):
            return self.finished(cast(HttpResponseBase, self._get_response(request)))

    async def _answer(self, request: HttpRequest) -> HttpResponseBase:
        with self.around(request):
            return self.finished(await cast(Awaitable[HttpResponseBase], self._get_response(request)))

    def around(self, request: HttpRequest) -> AbstractContextManager[object]:
        """What is entered while ``request`` is answered."""
        return nullcontext()

    def finished(self, response: HttpResponseBase) -> HttpResponseBase:
        """What becomes of the answer."""
        return response


def place(path: str) -> int | None:
    """Where the middleware at this path, or one that extends it, stands in ``MIDDLEWARE``; None where it does not."""
    kind = import_string(path)
    for number, named in enumerate(settings.MIDDLEWARE):
        try:
            found = import_string(named)
        except ImportError:
            continue  # Django says so when it loads them
        if isinstance(found, type) and issubclass(found, kind):
            return number
    return None
