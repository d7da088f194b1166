"""Errors that Django answers with nothing to read, or with a traceback in the log, get a page with a sentence."""

from django.db import Error as DatabaseFault
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseNotAllowed
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from hub.concurrency.faults import described, is_everybodys, is_too_big
from hub.limits import TooMany
from hub.logs import get_logger
from hub.web.limited_form import LimitedForm
from hub.web.middleware import Middleware

log = get_logger(__name__)

#: Seconds after which it is worth another try where the database did not answer.
RETRY_AFTER = 5


class PlainErrors(Middleware):
    """Middleware: writes ``405.html`` into the answer to a method that the page does not take, and answers
    ``429.html`` with ``Retry-After`` where a view raises :class:`hub.limits.TooMany`. A page with a form that was
    refused by a limit gets the same status and header.

    Where the database is away, or its disk is full, the answer is ``503.html``, and one line in the log.

    A number that no database can hold, such as an id of 23 digits in a query string, is answered with ``400.html``: it
    is the visitor's fault, and one line in the log. Stands after the middleware that chooses the language.
    """

    def finished(self, response: HttpResponseBase) -> HttpResponseBase:
        if isinstance(response, HttpResponseNotAllowed) and not response.content:
            response.content = render_to_string("hub/405.html").encode()
        return response

    def process_template_response(self, request: HttpRequest, response: TemplateResponse) -> TemplateResponse:
        form = (response.context_data or {}).get("form")
        if isinstance(form, LimitedForm) and form.refusal is not None:
            response.status_code = 429
            response.headers["Retry-After"] = str(form.refusal.retry_after)
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Answer a limit that is passed, what the database could not take, and a database that does nothing for
        anybody, because it is away or its disk is full; all else goes on to Django."""
        if isinstance(exception, TooMany):
            return too_many(request, exception)
        if isinstance(exception, DatabaseFault) and is_everybodys(exception):
            log.error("page_without_database", path=request.path, **described(exception))
            return _try_again()
        if not is_too_big(exception):
            return None
        log.warning("value_not_taken", path=request.path, error=str(exception))
        return HttpResponseBadRequest(render_to_string("hub/400.html"))


def _try_again() -> HttpResponse:
    sentence = _("The hub is busy at the moment. Please try again in a few seconds.")
    page = render_to_string("hub/503.html", {"sentence": sentence})
    return HttpResponse(page, status=503, headers={"Retry-After": str(RETRY_AFTER), "Cache-Control": "no-store"})


def too_many(request: HttpRequest, refusal: TooMany) -> HttpResponse:
    """The page for somebody who is over a limit."""
    return HttpResponse(
        render_to_string("hub/429.html", {"sentence": refusal.sentence}, request),
        status=429,
        headers={"Retry-After": str(refusal.retry_after)},
    )
