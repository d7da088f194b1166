"""The errors of the HTTP API. The codes are those of the Centrifuge protocol's server API; clients act on them."""

import msgspec

from hub.access.reasons import Error as Code

__all__ = ["DETAIL_LIMIT", "STATUS", "ApiError", "Code", "ErrorBody", "Problem"]

#: Characters of an error's detail.
DETAIL_LIMIT = 200


#: The detail of an error that is raised with none of its own. That of a key which is not for somebody is the same
#: whether they are there or not.
_DETAILS = {
    Code.UNAUTHORIZED: "X-API-Key has no key that is valid here",
    Code.PERMISSION_DENIED: "the key is not for whom or what the call names",
}


class ErrorBody(msgspec.Struct, frozen=True):
    """The ``error`` of a reply."""

    code: int
    message: str


#: The status of HTTP for a code, where a client takes problem details; 400 for the others.
STATUS: dict[int, int] = {
    Code.INTERNAL: 503,
    Code.UNAUTHORIZED: 401,
    Code.UNKNOWN_CHANNEL: 404,
    Code.PERMISSION_DENIED: 403,
    Code.METHOD_NOT_FOUND: 404,
    Code.TOO_MANY_REQUESTS: 429,
}


class Problem(msgspec.Struct, frozen=True):
    """An error as problem details (RFC 9457): ``code`` is that of an :class:`ErrorBody`."""

    type: str
    title: str
    status: int
    detail: str
    code: int


class ApiError(Exception):
    """A call is answered with an error.

    Args:
        code: one of :class:`Code`.
        detail: what exactly, for the developer who reads it; never what came in from outside at length.
        retry_after: seconds before which the same call is refused again; 0 where waiting changes nothing.
    """

    def __init__(self, code: Code, detail: str = "", *, retry_after: int = 0) -> None:
        detail = detail or _DETAILS.get(code, "")
        super().__init__(code, detail)
        self.retry_after = retry_after
        self.code = code
        self.error = ErrorBody(int(code), f"{code.text}: {detail}" if detail else code.text)

    def problem(self) -> Problem:
        """This error as problem details."""
        status = STATUS.get(self.code, 400)
        return Problem("about:blank", self.code.text, status, self.error.message, self.error.code)
