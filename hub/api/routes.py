"""The URLs of the HTTP API in Django: one for each method, ``batch``, and the page that documents them."""

from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.utils.module_loading import autodiscover_modules
from django.views.decorators.csrf import csrf_exempt
from ninja import Swagger

from hub.api import document, histories, nodes, orders, presences, publishing  # noqa: F401  # their methods
from hub.api.answering import BATCH, COMMANDS, KEY_HEADERS, answer
from hub.api.method import methods
from hub.api.readers import for_readers
from hub.version import VERSION


def build() -> document.DocumentedAPI:
    """The API with all methods that are registered: the hub's own, and those of the apps' ``api.py``."""
    autodiscover_modules("api")
    declared = list(methods())
    api = document.DocumentedAPI(
        title="Notification hub",
        version=VERSION,
        description="Publish and ask from a backend: each call is a POST, with a key in the header `X-API-Key`, or "
        "`Authorization: apikey …`.",
        urls_namespace="api",
        # A link in the button of each method is one that the keyboard cannot tell from it.
        docs_decorator=for_readers,
        docs=Swagger(settings={"defaultModelsExpandDepth": -1, "deepLinking": False}),
    )
    api.declared = declared
    for method in declared:
        api.post(
            f"/{method.name}",
            summary=method.summary,
            operation_id=method.name,
            url_name=method.name,
            openapi_extra=document.of_method(method),
        )(_operation(method.name))
    example = {"commands": [{method.name: method.example} for method in declared[:2]]}
    api.post(
        f"/{BATCH}",
        summary="Several calls in one request, carried out one after the other.",
        operation_id=BATCH,
        url_name=BATCH,
        openapi_extra=document.of_batch(example),
    )(_operation(BATCH))
    return api


def _operation(name: str) -> Callable[[HttpRequest], Awaitable[HttpResponse]]:
    async def operation(request: HttpRequest) -> HttpResponse:
        return await _answer(request, name)

    return operation


@transaction.non_atomic_requests
@csrf_exempt
async def unknown(request: HttpRequest, name: str) -> HttpResponse:
    """Any other URL below that of the API."""
    return await _answer(request, name)


@transaction.non_atomic_requests
@csrf_exempt
async def commands(request: HttpRequest) -> HttpResponse:
    """``POST /api``: calls in the protocol's older form, which name their method in the body."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    return await _answer(request, COMMANDS)


async def _answer(request: HttpRequest, name: str) -> HttpResponse:
    headers = [
        (key.encode(), value.encode("latin-1", "replace"))
        for key in KEY_HEADERS
        if (value := request.headers.get(key)) is not None
    ]
    reply = await answer(name, request.body, headers, request.META.get("REMOTE_ADDR", ""))
    return HttpResponse(reply.body, status=reply.status, headers=reply.headers)


api = build()


def urls() -> Any:
    """The URLs of :data:`api`, for ``path()``.

    Each call is a transaction where it needs one; Django refuses to put async views into one of its own
    (``ATOMIC_REQUESTS``).
    """
    patterns, application, namespace = api.urls
    for pattern in patterns:
        if iscoroutinefunction(pattern.callback):
            transaction.non_atomic_requests(pattern.callback)
    return patterns, application, namespace
