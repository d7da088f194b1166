"""Decides which pages may open connections. Browsers send cookies from any page, so the hub checks ``Origin``.

Pages of the hub's own origin and of ``CSRF_TRUSTED_ORIGINS`` act with the cookies of the browser. Those of
``HUB_TOKEN_ORIGINS`` act with tokens: what cookies the browser sends along counts for nothing.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.http.request import split_domain_port, validate_host

from hub.config import hub_settings, origins

_SECURE = {"ws": "http", "wss": "https", "http": "http", "https": "https"}


def may_open(scope: Mapping[str, Any]) -> bool:
    """Whether the page or program with the host and origin of this handshake or request may open a connection."""
    return is_allowed(scope.get("scheme", "http" if scope["type"] == "http" else "ws"), dict(scope["headers"]))


#: As Django has it: what counts while ``DEBUG`` is on and ``ALLOWED_HOSTS`` is empty.
_OF_DEBUG = (".localhost", "127.0.0.1", "[::1]")


def is_own_host(host: str) -> bool:
    """Whether a request for ``host``, which may have a port, is for this site, by Django's rule."""
    domain, _ = split_domain_port(host.lower())
    return bool(domain) and validate_host(domain, settings.ALLOWED_HOSTS or (_OF_DEBUG if settings.DEBUG else ()))


def is_secure(scheme: str, headers: Mapping[bytes, bytes]) -> bool:
    """Whether the client came over TLS: as the server says, or a proxy by ``SECURE_PROXY_SSL_HEADER``."""
    if settings.SECURE_PROXY_SSL_HEADER is not None:
        name, value = settings.SECURE_PROXY_SSL_HEADER
        if headers.get(name.removeprefix("HTTP_").replace("_", "-").lower().encode()) == value.encode():
            return True
    return scheme in {"https", "wss"}


def is_allowed(scheme: str, headers: Mapping[bytes, bytes]) -> bool:
    """Whether a socket asked for over ``scheme`` with ``headers`` (lower-case names) may be opened.

    The host must be one of ``ALLOWED_HOSTS``. A client without ``Origin`` is no browser page and may come in; else the
    origin must be the socket's own (scheme, host and port), or one of ``CSRF_TRUSTED_ORIGINS`` or
    ``HUB_TOKEN_ORIGINS`` to the letter.
    """
    return _is_one_of(scheme, headers, (*settings.CSRF_TRUSTED_ORIGINS, *hub_settings().token_origins))


def may_use_cookies(scheme: str, headers: Mapping[bytes, bytes]) -> bool:
    """Whether the cookies of an allowed page say who its person is: not those of ``HUB_TOKEN_ORIGINS``."""
    return not hub_settings().token_origins or _is_one_of(scheme, headers, settings.CSRF_TRUSTED_ORIGINS)


def may_read(request: HttpRequest) -> bool:
    """Whether the page that sends this request of Django's has another origin than the hub, and is an allowed one."""
    asking = request.headers.get("Origin")
    if asking is None:
        return False
    host, text = request.get_host(), asking.encode("latin-1", "replace")
    return is_allowed(request.scheme or "http", {b"host": host.encode("latin-1"), b"origin": text})


def _is_one_of(scheme: str, headers: Mapping[bytes, bytes], others: Iterable[str]) -> bool:
    host = headers.get(b"host", b"").decode("latin-1").lower()
    if not is_own_host(host):
        return False
    origin = headers.get(b"origin")
    if origin is None:
        return True
    text = origin.decode("latin-1").lower()
    own = f"{'https' if is_secure(scheme, headers) else _SECURE.get(scheme, scheme)}://{host}"
    asking = origins.parts(text)
    return asking is not None and asking in map(origins.parts, (own, *others))
