"""The errors of the HTTP API. The codes are those of the Centrifuge protocol's server API; clients act on them."""

import msgspec

from hub.access.reasons import Error as Code

__all__ = ["DETAIL_LIMIT", "ApiError", "Code", "ErrorBody"]

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
        self.error = ErrorBody(int(code), f"{code.text}: {detail}" if detail else code.text)
