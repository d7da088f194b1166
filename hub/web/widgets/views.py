"""``/widgets.js`` and the texts of the widgets, for pages of other origins."""

import functools
import hashlib
from dataclasses import dataclass

import msgspec
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseNotFound, HttpResponseNotModified
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.utils.http import parse_etags
from django.utils.translation import get_supported_language_variant
from django.views.decorators.http import require_safe

from hub.access import origin
from hub.validation.text import MESSAGE_LIMIT
from hub.web.widgets import bundle
from hub.web.widgets.texts import texts
from hub.web.widgets.transports import transports

#: Of an address that always has the newest: a new version of the hub reaches pages within minutes.
NEWEST = "public, max-age=300, stale-while-revalidate=86400, stale-if-error=604800"

#: Of an address that has the same for ever.
FOR_EVER = "public, max-age=31536000, immutable"

_SCRIPT = "text/javascript; charset=utf-8"


@transaction.non_atomic_requests
@require_safe
def script(request: HttpRequest, version: str = "") -> HttpResponse:
    """The widgets as one module; with ``version`` that very one, or nothing.

    Any page may load it: it is the same for everybody, and browsers send no cookies for it. Without that a page whose
    origin is not allowed could not say so.
    """
    try:
        built = bundle.load()
    except bundle.NotBuilt as fault:
        return _readable_by_all(HttpResponse(f"// {fault}\n", content_type=_SCRIPT, status=503))
    if version and version != built.version:
        text = f"// This hub has another version of the widgets: {built.version}.\n"
        return _readable_by_all(HttpResponseNotFound(text, content_type=_SCRIPT))
    if _has(request, built.version):
        response: HttpResponse = HttpResponseNotModified()
    elif "gzip" in request.headers.get("Accept-Encoding", ""):
        response = HttpResponse(built.compressed, content_type=_SCRIPT, headers={"Content-Encoding": "gzip"})
    else:
        response = HttpResponse(built.code, content_type=_SCRIPT)
    response["Cache-Control"] = FOR_EVER if version else NEWEST
    response["ETag"] = f'W/"{built.version}"'
    patch_vary_headers(response, ["Accept-Encoding"])
    return _readable_by_all(response)


@transaction.non_atomic_requests
@require_safe
def texts_in(request: HttpRequest, language: str) -> HttpResponse:
    """What the widgets say in ``language``, or in the nearest one that the hub speaks; the answer names it.

    Only pages of allowed origins may read it, and none gets it with credentials.
    """
    said = _said_in(_nearest(language))
    if _has(request, said.version):
        response: HttpResponse = HttpResponseNotModified()
    else:
        response = HttpResponse(said.json, content_type="application/json")
    response["Cache-Control"] = NEWEST
    response["ETag"] = f'W/"{said.version}"'
    if origin.may_read(request):
        response["Access-Control-Allow-Origin"] = request.headers["Origin"]
    patch_vary_headers(response, ["Origin"])
    return response


@dataclass(frozen=True, slots=True)
class _Said:
    json: bytes
    version: str


@functools.cache
def _said_in(language: str) -> _Said:
    with translation.override(language):
        said = {"language": language, "messageLimit": MESSAGE_LIMIT, "texts": texts(), "transports": transports()}
    json = msgspec.json.encode(said)
    return _Said(json, hashlib.sha256(json).hexdigest()[:16])


def _nearest(language: str) -> str:
    try:
        return get_supported_language_variant(language)
    except LookupError:
        return str(settings.LANGUAGE_CODE)


def _has(request: HttpRequest, version: str) -> bool:
    return f'W/"{version}"' in parse_etags(request.headers.get("If-None-Match", ""))


def _readable_by_all(response: HttpResponse) -> HttpResponse:
    response["Access-Control-Allow-Origin"] = "*"
    response["Cross-Origin-Resource-Policy"] = "cross-origin"
    response["X-Content-Type-Options"] = "nosniff"
    return response
