"""Whether this process has made an ASGI application with :func:`hub.mount`."""

_made = False


def note() -> None:
    """Remember that one was made."""
    global _made
    _made = True


def is_made() -> bool:
    """Whether one was made, wherever it went: what a project wraps around it hides it."""
    return _made
