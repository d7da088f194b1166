"""Which ASGI applications this process has made with :func:`hub.mount`."""

from typing import TypeVar

Application = TypeVar("Application")

_made = False
_applications: list[object] = []


def note() -> None:
    """Remember that one is made."""
    global _made
    _made = True


def is_made() -> bool:
    """Whether one was made, wherever it went: what a project wraps around it hides it."""
    return _made


def keep(application: Application) -> Application:
    """Remember the one that was made, and return it."""
    _applications.append(application)
    return application


def has_made(application: object) -> bool:
    """Whether this is one that was made, with nothing around it."""
    return any(application is one for one in _applications)
