"""The errors of the HTTP API. The codes are those of the Centrifuge protocol's server API; clients act on them."""

from enum import IntEnum

import msgspec


class Code(IntEnum):
    """What went wrong. Only ``INTERNAL`` is worth another try of the same call."""

    INTERNAL = 100
    UNAUTHORIZED = 101
    UNKNOWN_CHANNEL = 102
    PERMISSION_DENIED = 103
    METHOD_NOT_FOUND = 104
    LIMIT_EXCEEDED = 106
    BAD_REQUEST = 107
    NOT_AVAILABLE = 108
    TOO_MANY_REQUESTS = 111
    UNRECOVERABLE_POSITION = 112


#: What each is called in the protocol.
TEXTS = {
    Code.INTERNAL: "internal server error",
    Code.UNAUTHORIZED: "unauthorized",
    Code.UNKNOWN_CHANNEL: "unknown channel",
    Code.PERMISSION_DENIED: "permission denied",
    Code.METHOD_NOT_FOUND: "method not found",
    Code.LIMIT_EXCEEDED: "limit exceeded",
    Code.BAD_REQUEST: "bad request",
    Code.NOT_AVAILABLE: "not available",
    Code.TOO_MANY_REQUESTS: "too many requests",
    Code.UNRECOVERABLE_POSITION: "unrecoverable position",
}


#: Characters of an error's detail.
DETAIL_LIMIT = 200


class Error(msgspec.Struct, frozen=True):
    """The ``error`` of a reply."""

    code: int
    message: str


class Refused(Exception):
    """A call is answered with an error.

    Args:
        code: one of :class:`Code`.
        detail: what exactly, for the developer who reads it; never what came in from outside at length.
    """

    def __init__(self, code: Code, detail: str = "") -> None:
        super().__init__(code, detail)
        self.error = Error(int(code), f"{TEXTS[code]}: {detail}" if detail else TEXTS[code])
