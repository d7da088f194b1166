"""Close codes and errors of the simple endpoints. Clients act on them; :mod:`hub.access.ends` explains each.

After a close code of 4000-4399 clients reconnect, with a back-off and their cursor; after 4400-4499 they do not,
because the same attempt would fail again.
"""

from dataclasses import dataclass
from enum import IntEnum

from django.utils.functional import Promise

from hub.access.ends import End


class Close(IntEnum):
    """Why the hub closes a connection."""

    TOO_SLOW = End.SLOW.simple
    RESTARTED = End.NEW_HISTORY.simple
    SERVER_ERROR = End.SERVER_ERROR.simple
    RECONNECT = End.RECONNECT.simple
    TOO_MANY = End.TOO_MANY.simple
    BAD_TOKEN = End.BAD_TOKEN.simple
    FORBIDDEN = End.FORBIDDEN.simple
    NOT_FOUND = End.NOT_FOUND.simple
    DISCONNECTED = End.DISCONNECTED.simple
    SIGNED_OUT = End.SIGNED_OUT.simple
    TOO_FAST = End.TOO_FAST.simple
    TOO_BIG = End.TOO_BIG.simple
    SERVER_STOPS = End.SERVER_STOPS.simple


@dataclass
class Rejected(Exception):
    """An endpoint rejects the client: the hub closes with ``code`` and ``reason`` (at most 123 bytes)."""

    code: Close
    reason: str


@dataclass
class BadMessage(Exception):
    """The hub does not accept a client's message. The client gets ``code`` and ``message`` and stays connected.

    Args:
        code: a stable word for programs, such as ``login_required``.
        message: a sentence for people, translated when it is sent.
        retry_after: seconds before which the same message is refused again; 0 if waiting does not help.
    """

    code: str
    message: str | Promise
    retry_after: int = 0
