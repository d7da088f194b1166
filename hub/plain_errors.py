"""Errors that Django answers with nothing to read, or with a traceback in the log, get a page with a sentence."""

import structlog
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseNotAllowed
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string
from django.template.response import TemplateResponse

from hub.faults import is_too_big
from hub.limited_form import LimitedForm
from hub.limits import TooMany
from hub.middleware import Middleware

log = structlog.get_logger(__name__)


class PlainErrors(Middleware):
    """Middleware: writes ``405.html`` into the answer to a method that the page does not take, and answers
    ``429.html`` with ``Retry-After`` where a view raises :class:`hub.limits.TooMany`. A page with a form that was
    refused by a limit gets the same status and header.

    A number that no database can hold, such as an id of 23 digits in a query string, is answered with ``400.html``: it
    is the visitor's fault, and one line in the log. Stands after the middleware that chooses the language.
    """

    def finished(self, response: HttpResponseBase) -> HttpResponseBase:
        if isinstance(response, HttpResponseNotAllowed) and not response.content:
            response.content = render_to_string("405.html").encode()
        return response

    def process_template_response(self, request: HttpRequest, response: TemplateResponse) -> TemplateResponse:
        form = (response.context_data or {}).get("form")
        if isinstance(form, LimitedForm) and form.refusal is not None:
            response.status_code = 429
            response.headers["Retry-After"] = str(form.refusal.retry_after)
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Answer a limit that is passed, and what the database could not take; all else goes on to Django."""
        if isinstance(exception, TooMany):
            return too_many(request, exception)
        if not is_too_big(exception):
            return None
        log.warning("value_not_taken", path=request.path, error=str(exception))
        return HttpResponseBadRequest(render_to_string("400.html"))


def too_many(request: HttpRequest, refusal: TooMany) -> HttpResponse:
    """The page for somebody who is over a limit."""
    return HttpResponse(
        render_to_string("429.html", {"sentence": refusal.sentence}, request),
        status=429,
        headers={"Retry-After": str(refusal.retry_after)},
    )
