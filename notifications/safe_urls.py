"""Which addresses an alert may lead to."""

from urllib.parse import urlsplit

#: Characters of an address.
URL_LIMIT = 2000


def is_safe_url(url: str) -> bool:
    """Whether a browser that follows ``url`` stays with http: no ``javascript:``, ``//host`` or control characters."""
    if len(url) > URL_LIMIT or any(character <= " " or character == "\\" for character in url):
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    if parts.scheme:
        return parts.scheme in {"http", "https"} and bool(parts.netloc)
    return url.startswith("/") and not url.startswith("//")
