"""The URLs of the HTTP API in Django: the calls, the document of its methods, and the page that shows it."""

import msgspec
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import render
from django.urls import path, reverse
from django.utils.module_loading import autodiscover_modules
from django.views.decorators.csrf import csrf_exempt

from hub.api import connections, groups, histories, nodes, people, presences, publishing  # noqa: F401  # their methods
from hub.api.answering import BATCH, COMMANDS, HEADERS_READ, answer
from hub.api.document import document
from hub.api.method import methods, methods_by_verb
from hub.api.query import query_as_body
from hub.api.readers import for_readers

autodiscover_modules("api")  # the methods of the apps


@transaction.non_atomic_requests
@csrf_exempt
async def call(request: HttpRequest, name: str = COMMANDS) -> HttpResponse:
    """``POST /api/<name>``: one method or ``batch``; without a name the protocol's older form, which has it in the
    body. Some methods have another verb as well, such as ``GET /api/users``.

    Each call is a transaction where it needs one; Django refuses to put async views into one of its own
    (``ATOMIC_REQUESTS``).
    """
    verbs = {"POST": name} if name in {BATCH, COMMANDS} else _names_by_verb(name)
    if verbs and request.method not in verbs:
        return HttpResponseNotAllowed(verbs)
    body = query_as_body(verbs["GET"], request.GET) if verbs and request.method == "GET" else request.body
    headers = [
        (key.encode(), value.encode("latin-1", "replace"))
        for key in HEADERS_READ
        if (value := request.headers.get(key)) is not None
    ]
    reply = await answer(verbs.get(request.method or "", name), body, headers, request.META.get("REMOTE_ADDR", ""))
    return HttpResponse(reply.body, status=reply.status, headers=reply.headers)


def _names_by_verb(name: str) -> dict[str, str]:
    return {verb: method.name for verb, method in methods_by_verb(name).items()}


@for_readers
def openapi(request: HttpRequest) -> HttpResponse:
    """``GET /api/openapi.json``: the document, for programs and for the page."""
    content = document(list(methods()), prefix=reverse("hub:api:commands"))
    return HttpResponse(msgspec.json.encode(content), content_type="application/json")


@for_readers
def docs(request: HttpRequest) -> HttpResponse:
    """``GET /api/docs``: the page that shows the document and tries calls."""
    return render(request, "hub/api.html")


app_name = "api"
urlpatterns = [
    path("", call, name="commands"),
    path("docs", docs, name="docs"),
    path("openapi.json", openapi, name="openapi"),
    path("<path:name>", call),
]
