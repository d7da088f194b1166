"""Who sends an alert, or changes one in an inbox: noted around the call, and stored with what it causes.

A source is text, ``<what>:<name>``, such as ``rule:shop.alerts.tell_customer`` or ``api_key:7``; empty where nobody
says it. The innermost one counts: a rule that runs in a task is the source of what it sends.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar

#: What a source is. A device is a browser that is logged in, or a program with a token.
RULE, SAVED_RULE, TASK, API_KEY, PERSON, SCHEDULE, COMMAND, DEVICE = (
    "rule",
    "saved_rule",
    "task",
    "api_key",
    "person",
    "schedule",
    "command",
    "device",
)

#: Characters that are stored of a source.
SOURCE_LIMIT = 150

#: Asked where nothing around the call says it; returns a source, or nothing.
Find = Callable[[], str]

_around: ContextVar[str] = ContextVar("hub_notifications_source", default="")
_found_by: list[Find] = []


def found_by(find: Find) -> None:
    """Have ``find`` say the source of calls that nothing around them names. Called once, by what has tasks."""
    _found_by[:] = [find]


@contextmanager
def acting(what: str, name: object) -> Iterator[None]:
    """What is sent and changed inside comes from this source."""
    with acting_as(written(what, name)):
        yield


@contextmanager
def acting_as(source: str) -> Iterator[None]:
    """:func:`acting`, with a source as :func:`written` has made it; an empty one changes nothing."""
    if not source:
        yield
        return
    token = _around.set(source)
    try:
        yield
    finally:
        _around.reset(token)


def by_device(device: str) -> AbstractContextManager[None]:
    """:func:`acting`, with the device of a connection; an empty one changes nothing."""
    return acting_as(written(DEVICE, device) if device else "")


def written(what: str, name: object) -> str:
    """A source as text."""
    return f"{what}:{name}"[:SOURCE_LIMIT]


def current() -> str:
    """The source of what is sent or changed at this moment; empty where it is not known."""
    return _around.get() or next((source for find in _found_by if (source := find())), "")
