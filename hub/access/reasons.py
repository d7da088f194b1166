"""Why the hub ends a connection, refuses a command or ends a subscription: one table, from which all take the codes.

The number says what a client does (:func:`comes_back`). A row is stable: clients act on it.
"""

from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import Self

from hub.validation.refused import Refused

#: Codes that a server may not send for an application (Daphne does not), and what stands for them there: on the simple
#: endpoints, and on the client connection.
_ELSEWHERE = {1009: (4413, 3501), 1012: (4012, 3001)}

#: What ``websocket.close`` may carry on any server.
_PORTABLE = range(3000, 5000)

#: For documents: the close codes of the client connection after which clients reconnect.
COMING_BACK = "3000-3499 and 4000-4499"


class End(Enum):
    """Why a connection ends, or does not begin.

    Args:
        simple: its close code on the simple endpoints; 0 where they do not have it.
        text: what they say with it.
        client: its code on the client connection; 0 where that does not have it.
        word: what the client connection's protocol calls it.
        sentence: for people, as the documents have it.
        status: of the HTTP response to a request that it refuses, which says ``text``.
    """

    SLOW = 4008, "Too slow", 3008, "slow", "you read too slowly: more than `HUB_WRITE_BUFFER` (1 MiB) waited for you"
    NEW_HISTORY = (
        4009,
        "Come back",
        3010,
        "insufficient state",
        "a channel that the hub subscribed you to has another history now, or you took what you missed too slowly",
    )
    SERVER_ERROR = (
        4011,
        "Try again",
        3004,
        "internal server error",
        "something failed in the hub, such as its database",
        503,
    )
    RECONNECT = 4012, "Disconnected", 0, "", "an administrator or a program of the hub asks you to connect again"
    TOO_MANY = (
        4013,
        "Too many connections",
        3504,
        "connection limit",
        "you, or your address, have too many connections open",
        429,
    )
    BAD_TOKEN = (
        4401,
        "Bad token",
        3500,
        "invalid token",
        "the token or session is not valid (any more), or not of the user whose page you said you are",
        401,
    )
    NO_GUESTS = (
        4402,
        "Log in first",
        3507,
        "permission denied",
        "you are a guest, and this hub takes none (`HUB_GUESTS`): log in, or bring a token",
        401,
    )
    FORBIDDEN = (
        4403,
        "Origin not allowed",
        0,
        "",
        "wrong `Host` or `Origin`; seen by clients as HTTP 403 before the handshake",
        403,
    )
    NOT_FOUND = (
        4404,
        "No such socket",
        0,
        "",
        "no such endpoint or no such room, or you may not be in that room (any more)",
    )
    DISCONNECTED = (
        4410,
        "Disconnected",
        3503,
        "force disconnect",
        "an administrator or a program of the hub has disconnected you",
    )
    SIGNED_OUT = (
        4411,
        "Logged out",
        3500,
        "invalid token",
        "what let you in no longer holds: logged out, new password, revoked token, account that is not active",
    )
    TOO_FAST = (
        4429,
        "Too many messages",
        3013,
        "too many requests",
        (
            "you went on after you had been told twenty times that you send too fast, or sent more frames of any kind "
            "than `HUB_FRAME_BURST` and `HUB_FRAME_RATE` allow, or hundreds of what is never refused (`unsubscribe`, "
            "`refresh`, `sub_refresh`)"
        ),
    )
    TOO_BIG = (
        1009,
        "Frame too big",
        1009,
        "message size limit exceeded",
        (
            "your message was longer than 64 KiB (`HUB_MAX_FRAME`), or had more than 2,048 fragments; 4413, on the "
            "client connection 3501, from a server that may not send 1009"
        ),
    )
    SERVER_STOPS = (
        1012,
        "",
        3001,
        "shutdown",
        "this server stops or restarts; 4012 from a server that may not send 1012",
    )
    CLOSED = 0, "", 3000, "connection closed", "an event stream ended; it may come back"
    EXPIRED = (
        4010,
        "Token expired",
        3005,
        "connection expired",
        "the token is over; a client connection that does not refresh it within 25 s ends so",
        401,
    )
    NO_PONG = 0, "", 3012, "no pong", "a ping was not answered within 10 s, or no `connect` came within 10 s"
    BAD_REQUEST = 0, "", 3501, "bad request", "what you sent is no command of the protocol, or not in this order"
    #: Refused before it begins: no close code tells of it.
    TOO_OFTEN = 0, "You connect too often. Try again in a moment.", 0, "", "", 429

    simple: int
    text: str
    client: int
    word: str
    sentence: str
    status: int

    def __init__(self, simple: int, text: str, client: int, word: str, sentence: str, status: int = 0) -> None:
        self.simple, self.text, self.client, self.word, self.sentence = simple, text, client, word, sentence
        self.status = status

    @property
    def on_simple(self) -> tuple[int, str]:
        """Code and reason of the close frame on the simple endpoints."""
        return self.simple, self.text

    @property
    def on_client(self) -> tuple[int, str]:
        """Code and reason on the client connection."""
        return self.client, self.word


@dataclass
class Ended(Exception):
    """The connection ends with ``reason``, or does not begin.

    Args:
        text: what a simple endpoint says of it; by default that of the reason.
        retry_after: seconds before which another attempt is refused as well; 0 where that is not known.
    """

    reason: End
    text: str = ""
    retry_after: int = 0


def portable(code: int, *, is_simple: bool) -> int:
    """``code``, or what stands for it on a server that may not send it."""
    if code in _PORTABLE:
        return code
    simple, client = _ELSEWHERE.get(code, (End.SERVER_ERROR.simple, End.SERVER_ERROR.client))
    return simple if is_simple else client


def comes_back(code: int, *, is_simple: bool = False) -> bool:
    """Whether clients come back by themselves: of the client connection, or of the simple endpoints."""
    if is_simple:
        return 4000 <= code < 4400 or code == End.SERVER_STOPS.simple
    return 3000 <= code < 3500 or 4000 <= code < 4500


class Coded(IntEnum):
    """A code and the words that go with it on the wire of the Centrifuge protocol."""

    text: str

    def __new__(cls, code: int, text: str) -> Self:
        member = int.__new__(cls, code)
        member._value_ = code
        member.text = text
        return member


class Error(Coded):
    """Why a command of a client, or a call of a backend, is not carried out. Only backends are UNAUTHORIZED."""

    INTERNAL = 100, "internal server error"
    UNAUTHORIZED = 101, "unauthorized"
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


class Unsubscribed(Coded):
    """Why the hub ends a subscription. From 2500 on the client subscribes again by itself."""

    SERVER = 2000, "server unsubscribe"
    INSUFFICIENT_STATE = 2500, "insufficient state"
    EXPIRED = 2501, "subscription expired"


class Failed(Refused):
    """A command is answered with ``error``; the connection stays. ``sentence`` says more than its words do."""

    def __init__(self, error: Error, retry_after: int = 0, sentence: str = "") -> None:
        super().__init__(
            sentence or error.text, word=error.text.replace(" ", "_"), code=error, retry_after=retry_after
        )
        self.error = error
        self.temporary = error.temporary
