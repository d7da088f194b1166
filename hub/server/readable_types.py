"""Requests whose ``Content-Type`` makes no sense are refused before Django, which fails over them."""

from typing import Any

from django.template.loader import render_to_string
from django.utils.http import parse_header_parameters

from hub.server.short_answers import respond

FORMS = frozenset({"multipart/form-data", "application/x-www-form-urlencoded"})
UTF_8 = frozenset({"utf-8", "utf8"})


class ReadableTypes:
    """An ASGI application for HTTP: ``application``, for requests that say in a form that can be read what they bring.

    400 for the others, whatever the URL and the method: for a header that names no character set, and for a form in
    another one than UTF-8. In others Python reads texts that no database takes, or is no decoder at all.
    """

    def __init__(self, application: Any) -> None:
        self._application = application

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if _is_readable([value for name, value in scope["headers"] if name == b"content-type"]):
            await self._application(scope, receive, send)
            return
        headers = [(b"cache-control", b"no-store")]
        page = render_to_string("hub/400.html")
        await respond(send, 400, page, content_type=b"text/html; charset=utf-8", headers=headers)


def _is_readable(values: list[bytes]) -> bool:
    if not any(b";" in value for value in values):
        return True  # nearly all, and nothing to read
    try:
        # As Django joins several.
        kind, parameters = parse_header_parameters(",".join(value.decode("latin-1") for value in values))
    except ValueError:
        return False
    charset = parameters.get("charset", "utf-8")
    return charset.isascii() and "\0" not in charset and (kind not in FORMS or charset.strip().lower() in UTF_8)
