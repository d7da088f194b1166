"""Close codes and error codes of the plain doors. Stable: clients act on them (``docs/protocol.md`` lists them).

A close code of 4000-4399 means *come back* (after a back-off, with the cursor); 4400-4499 means *do not*: the same
attempt would fail again.
"""

from dataclasses import dataclass
from enum import IntEnum

from django.utils.functional import Promise


class Close(IntEnum):
    """Why the hub closes a socket."""

    TOO_SLOW = 4008
    RESTARTED = 4009
    SERVER_ERROR = 4011
    RECONNECT = 4012
    TOO_MANY = 4013
    BAD_TOKEN = 4401
    FORBIDDEN = 4403
    NOT_FOUND = 4404
    DISCONNECTED = 4410
    SIGNED_OUT = 4411
    TOO_FAST = 4429
    TOO_BIG = 1009
    SERVER_STOPS = 1012


@dataclass
class Refused(Exception):
    """A door does not let the client in: the socket is closed with ``code`` and ``reason`` (at most 123 bytes)."""

    code: Close
    reason: str


@dataclass
class BadMessage(Exception):
    """A client's message was not accepted. The client gets ``code`` and ``message`` and stays connected.

    Args:
        code: a stable word for programs, such as ``login_required``.
        message: a sentence for people, translated when it is sent.
        retry_after: seconds before which the same message is refused again; 0 where time changes nothing.
    """

    code: str
    message: str | Promise
    retry_after: int = 0
