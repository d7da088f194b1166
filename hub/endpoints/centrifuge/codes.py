"""Error, close and unsubscribe codes of the client connection, with the numbers and words of the Centrifuge protocol.

What a client does is in the number. Close codes 3000-3499 and 4000-4499: come back by yourself; 3500-3999 and
4500-4999: do not. Unsubscribe codes below 2500 end a subscription; from 2500 on the client subscribes again.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Self

from hub.access.ends import End


class Said(IntEnum):
    """A code and the words that go with it on the wire."""

    text: str

    def __new__(cls, code: int, text: str) -> Self:
        member = int.__new__(cls, code)
        member._value_ = code
        member.text = text
        return member


class Error(Said):
    """Why a command was not carried out."""

    INTERNAL = 100, "internal server error"
    UNKNOWN_CHANNEL = 102, "unknown channel"
    PERMISSION_DENIED = 103, "permission denied"
    METHOD_NOT_FOUND = 104, "method not found"
    ALREADY_SUBSCRIBED = 105, "already subscribed"
    LIMIT_EXCEEDED = 106, "limit exceeded"
    BAD_REQUEST = 107, "bad request"
    NOT_AVAILABLE = 108, "not available"
    TOKEN_EXPIRED = 109, "token expired"
    TOO_MANY_REQUESTS = 111, "too many requests"
    UNRECOVERABLE_POSITION = 112, "unrecoverable position"

    @property
    def temporary(self) -> bool:
        """Whether the same command may succeed later."""
        return self in {Error.INTERNAL, Error.TOO_MANY_REQUESTS}


class Disconnected(Said):
    """Why the hub ends a connection (:mod:`hub.access.ends`)."""

    CLOSED = End.CLOSED.client, End.CLOSED.word
    SHUTDOWN = End.SERVER_STOPS.client, End.SERVER_STOPS.word
    SERVER_ERROR = End.SERVER_ERROR.client, End.SERVER_ERROR.word
    EXPIRED = End.EXPIRED.client, End.EXPIRED.word
    SLOW = End.SLOW.client, End.SLOW.word
    INSUFFICIENT_STATE = End.NEW_HISTORY.client, End.NEW_HISTORY.word
    NO_PONG = End.NO_PONG.client, End.NO_PONG.word
    TOO_MANY_REQUESTS = End.TOO_FAST.client, End.TOO_FAST.word
    INVALID_TOKEN = End.BAD_TOKEN.client, End.BAD_TOKEN.word
    BAD_REQUEST = End.BAD_REQUEST.client, End.BAD_REQUEST.word
    FORCE_DISCONNECT = End.DISCONNECTED.client, End.DISCONNECTED.word
    CONNECTION_LIMIT = End.TOO_MANY.client, End.TOO_MANY.word
    TOO_BIG = End.TOO_BIG.client, End.TOO_BIG.word


class Unsubscribed(Said):
    """Why the hub ends a subscription."""

    SERVER = 2000, "server unsubscribe"
    INSUFFICIENT_STATE = 2500, "insufficient state"
    EXPIRED = 2501, "subscription expired"


@dataclass
class Failed(Exception):
    """A command is answered with ``error``; the connection stays.

    ``retry_after`` is the seconds before which the same command is refused again; 0 where waiting changes nothing.
    """

    error: Error
    retry_after: int = 0


@dataclass
class Ended(Exception):
    """The connection is ended with ``reason``."""

    reason: Disconnected
