"""Who started what runs here, and which job did: carried from the request through all that follows from it.

A context variable holds it. Messages to workers carry it in a header, and a worker takes it from there for the time in
which it runs the task. So it goes through chains, groups, retries, and tasks that call tasks, whatever their class.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

import msgspec
from celery import signals
from django.core.exceptions import SynchronousOnlyOperation

from hub.users import User, Visitor, key_of_text
from worker.sending import MARK

#: What carries the origin in a message, as JSON.
HEADER: Final = "hub_origin"


class Origin(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a call comes from. ``user`` is a key as text; ``parent`` and ``root`` are ids of tracked jobs."""

    user: str = ""
    parent: str = ""
    root: str = ""

    @property
    def owner_key(self) -> Any:
        """The key of the person; None where nobody has started it."""
        return key_of_text(self.user) if self.user else None


NOBODY: Final = Origin()

#: Attribute of a request: how to go back to the origin that was there before its task ran.
_ENTERED: Final = "hub_entered"

_decoder = msgspec.json.Decoder(Origin)

#: The origin, or what tells it when it is asked for: a request knows its person only then.
_origin: ContextVar[Origin | Callable[[], Origin]] = ContextVar("hub_origin", default=NOBODY)


@contextmanager
def started_by(user: User | None) -> Iterator[None]:
    """Jobs that are called in this block are those of ``user``; with None those of nobody.

    For code that no request reaches: commands, consumers, RPC methods. In a request it is the person who is logged in.
    """
    with acting(NOBODY if user is None else Origin(user=str(user.pk))):
        yield


@contextmanager
def acting(origin: Origin | Callable[[], Origin]) -> Iterator[None]:
    """What is called in this block comes from ``origin``."""
    token = _origin.set(origin)
    try:
        yield
    finally:
        _origin.reset(token)


def current() -> Origin:
    """The origin of what is called now. May ask the database who is logged in.

    Async code cannot, and is nobody then.
    """
    found = _origin.get()
    if isinstance(found, Origin):
        return found
    try:
        return found()
    except SynchronousOnlyOperation:
        return NOBODY


def of_visitor(user: Visitor) -> Origin:
    """The origin of what this person does; that of a guest is nobody."""
    return NOBODY if user.pk is None else Origin(user=str(user.pk))


def headers() -> dict[str, str]:
    """What a message has to carry now; nothing where nobody has started this."""
    origin = current()
    return {} if origin == NOBODY else {HEADER: msgspec.json.encode(origin).decode()}


def in_message(request: Mapping[str, Any]) -> Origin:
    """The origin that a message carries, or a call in this process that stands for one."""
    text = request.get(HEADER) or (request.get("headers") or {}).get(HEADER)
    try:
        return _decoder.decode(text) if isinstance(text, str) else NOBODY
    except msgspec.DecodeError:
        return NOBODY


def descend(job_id: str) -> None:
    """What the task that runs now calls from here on are children of this job, which it is itself."""
    above = current()
    _origin.set(Origin(above.user, parent=job_id, root=above.root or job_id))


@signals.before_task_publish.connect
def _add(**message: Any) -> None:
    """Have each message carry it. That of a job has it from its row: somebody else may send it than called it."""
    carried = message["headers"]
    if MARK not in carried and HEADER not in carried:
        carried.update(headers())


@signals.task_prerun.connect
def _enter(task: Any, **kwargs: Any) -> None:
    setattr(task.request, _ENTERED, _origin.set(in_message(task.request)))


@signals.task_postrun.connect
def _leave(task: Any, **kwargs: Any) -> None:
    if token := task.request.get(_ENTERED):
        _origin.reset(token)
