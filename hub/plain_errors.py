"""Errors that Django answers with nothing to read get a page with a sentence, as the others have."""

from collections.abc import Awaitable, Callable
from typing import cast

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string

from hub.limits import TooMany

Handler = Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]]


class PlainErrors:
    """Middleware, for sync and async: writes ``405.html`` into the answer to a method that the page does not take, and
    answers ``429.html`` with ``Retry-After`` where a view raises :class:`hub.limits.TooMany`.

    Stands after the middleware that chooses the language.
    """

    sync_capable = async_capable = True

    def __init__(self, get_response: Handler) -> None:
        self._get_response = get_response
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if self._is_async:
            return self._answer(request)
        return _explained(cast(HttpResponseBase, self._get_response(request)))

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        return too_many(request, error) if isinstance(error, TooMany) else None

    async def _answer(self, request: HttpRequest) -> HttpResponseBase:
        return _explained(await cast(Awaitable[HttpResponseBase], self._get_response(request)))


def _explained(response: HttpResponseBase) -> HttpResponseBase:
    if isinstance(response, HttpResponseNotAllowed) and not response.content:
        response.content = render_to_string("405.html").encode()
    return response


def too_many(request: HttpRequest, refusal: TooMany) -> HttpResponse:
    """The page for somebody who is over a limit."""
    return HttpResponse(
        render_to_string("429.html", {"sentence": refusal.sentence}, request),
        status=429,
        headers={"Retry-After": str(refusal.retry_after)},
    )
