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


def is_allowed(scheme: str, headers: Mapping[bytes, bytes]) -> bool:
    """Whether a socket asked for over ``scheme`` with ``headers`` (lower-case names) may be opened.

    The host must be one of ``ALLOWED_HOSTS``. A client without ``Origin`` is no browser page and may come in; else the
    origin must be the socket's own (scheme, host and port) or one of ``CSRF_TRUSTED_ORIGINS`` to the letter.
    """
    host = headers.get(b"host", b"").decode("latin-1").lower()
    domain, _ = split_domain_port(host)
    if not domain or not validate_host(domain, settings.ALLOWED_HOSTS):
        return False
    origin = headers.get(b"origin")
    if origin is None:
        return True
    text = origin.decode("latin-1").lower()
    own = f"{_SECURE.get(scheme, scheme)}://{host}"
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
