"""The errors of the HTTP API. The codes are those of the Centrifuge protocol's server API; clients act on them."""

from enum import IntEnum

import msgspec

from hub.endpoints.centrifuge import codes


class Code(IntEnum):
    """What went wrong. Another try of the same call is worth it after ``INTERNAL`` and ``TOO_MANY_REQUESTS`` only."""

    INTERNAL = codes.Error.INTERNAL
    UNAUTHORIZED = 101
    UNKNOWN_CHANNEL = codes.Error.UNKNOWN_CHANNEL
    PERMISSION_DENIED = codes.Error.PERMISSION_DENIED
    METHOD_NOT_FOUND = codes.Error.METHOD_NOT_FOUND
    LIMIT_EXCEEDED = codes.Error.LIMIT_EXCEEDED
    BAD_REQUEST = codes.Error.BAD_REQUEST
    NOT_AVAILABLE = codes.Error.NOT_AVAILABLE
    TOO_MANY_REQUESTS = codes.Error.TOO_MANY_REQUESTS
    UNRECOVERABLE_POSITION = codes.Error.UNRECOVERABLE_POSITION


_CODES = set(map(int, Code))

#: The text of each in the protocol. Client connections never get the first.
TEXTS = {
    Code.UNAUTHORIZED: "unauthorized",
    **{Code(error): error.text for error in codes.Error if int(error) in _CODES},
}


#: Characters of an error's detail.
DETAIL_LIMIT = 200


class ErrorBody(msgspec.Struct, frozen=True):
    """The ``error`` of a reply."""

    code: int
    message: str


class ApiError(Exception):
    """A call is answered with an error.

    Args:
        code: one of :class:`Code`.
        detail: what exactly, for the developer who reads it; never what came in from outside at length.
        retry_after: seconds before which the same call is refused again; 0 where waiting changes nothing.
    """

    def __init__(self, code: Code, detail: str = "", *, retry_after: int = 0) -> None:
        super().__init__(code, detail)
        self.retry_after = retry_after
        self.error = ErrorBody(int(code), f"{TEXTS[code]}: {detail}" if detail else TEXTS[code])
