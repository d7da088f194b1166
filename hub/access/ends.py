"""Why the hub ends a connection: the code of each protocol, and one sentence. Code and documents take them from here.

The number says what a client does (:func:`comes_back`). A row is stable: clients act on it.
"""

from enum import Enum

#: Codes that a server may not send for an application (Daphne does not), and what stands for them there: on the simple
#: endpoints, and on the client connection.
_ELSEWHERE = {1009: (4413, 3501), 1012: (4012, 3001)}

#: What ``websocket.close`` may carry on any server.
_PORTABLE = range(3000, 5000)

#: For documents: the close codes of the client connection after which clients reconnect.
COMING_BACK = "3000-3499 and 4000-4499"


class End(Enum):
    """A reason.

    Args:
        simple: its close code on the simple endpoints; 0 where they do not have it.
        client: its code on the client connection; 0 where that does not have it.
        word: what the client connection's protocol calls it.
        sentence: for people, as the documents have it.
    """

    SLOW = 4008, 3008, "slow", "you read too slowly: more than `HUB_WRITE_BUFFER` (1 MiB) waited for you"
    NEW_HISTORY = (
        4009,
        3010,
        "insufficient state",
        "a channel that the hub subscribed you to has another history now, or you took what you missed too slowly",
    )
    SERVER_ERROR = 4011, 3004, "internal server error", "something failed in the hub, such as its database"
    RECONNECT = 4012, 0, "", "an administrator or a program of the hub asks you to connect again"
    TOO_MANY = 4013, 3504, "connection limit", "you, or your address, have too many connections open"
    BAD_TOKEN = (
        4401,
        3500,
        "invalid token",
        "the token or session is not valid (any more), or not of the user whose page you said you are",
    )
    FORBIDDEN = 4403, 0, "", "wrong `Host` or `Origin`; seen by clients as HTTP 403 before the handshake"
    NOT_FOUND = 4404, 0, "", "no such endpoint or no such room, or you may not be in that room (any more)"
    DISCONNECTED = 4410, 3503, "force disconnect", "an administrator or a program of the hub has disconnected you"
    SIGNED_OUT = (
        4411,
        3500,
        "invalid token",
        "what let you in no longer holds: logged out, new password, revoked token, account that is not active",
    )
    TOO_FAST = (
        4429,
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
        1009,
        "message size limit exceeded",
        (
            "your message was longer than 64 KiB (`HUB_MAX_FRAME`), or had more than 2,048 fragments; 4413, on the "
            "client connection 3501, from a server that may not send 1009"
        ),
    )
    SERVER_STOPS = 1012, 3001, "shutdown", "this server stops or restarts; 4012 from a server that may not send 1012"
    CLOSED = 0, 3000, "connection closed", "an event stream ended; it may come back"
    EXPIRED = 0, 3005, "connection expired", "the token ended and was not refreshed within 25 s"
    NO_PONG = 0, 3012, "no pong", "a ping was not answered within 10 s, or no `connect` came within 10 s"
    BAD_REQUEST = 0, 3501, "bad request", "what you sent is no command of the protocol, or not in this order"

    simple: int
    client: int
    word: str
    sentence: str

    def __init__(self, simple: int, client: int, word: str, sentence: str) -> None:
        self.simple, self.client, self.word, self.sentence = simple, client, word, sentence


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
