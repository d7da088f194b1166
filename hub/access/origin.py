"""Decides which pages may open connections. Browsers send cookies from any page, so the hub checks ``Origin``."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http.request import split_domain_port, validate_host

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
    origin must be the socket's own (scheme, host and port) or one of ``CSRF_TRUSTED_ORIGINS`` to the letter.
    """
    host = headers.get(b"host", b"").decode("latin-1").lower()
    if not is_own_host(host):
        return False
    origin = headers.get(b"origin")
    if origin is None:
        return True
    text = origin.decode("latin-1").lower()
    own = f"{'https' if is_secure(scheme, headers) else _SECURE.get(scheme, scheme)}://{host}"
    asking = _normal(text)
    return asking is not None and asking in map(_normal, (own, *settings.CSRF_TRUSTED_ORIGINS))


def _normal(origin: str) -> tuple[str, str, int | None] | None:
    """Scheme, host and port (the scheme's own where it is left out); None for what is no origin."""
    try:
        parts = urlsplit(origin.lower())
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path or parts.query or parts.username:
        return None
    return parts.scheme, parts.hostname, port or {"http": 80, "https": 443}[parts.scheme]
