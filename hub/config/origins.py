"""What an origin is: a scheme, a host and a port, as browsers send it in ``Origin``."""

from urllib.parse import urlsplit

_PORTS = {"http": 80, "https": 443}


def parts(origin: str) -> tuple[str, str, int] | None:
    """Scheme, host and port (the scheme's own where it is left out); None for what is no origin of a page."""
    try:
        found = urlsplit(origin.lower())
        port = found.port
    except ValueError:
        return None
    if found.scheme not in _PORTS or not found.hostname or found.username:
        return None
    if found.path or found.query or found.fragment:
        return None
    return found.scheme, found.hostname, port or _PORTS[found.scheme]


def is_exact(origin: str) -> bool:
    """Whether ``origin`` names one origin, and no pattern of several."""
    return parts(origin) is not None and "*" not in origin
