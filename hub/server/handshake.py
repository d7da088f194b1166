"""Reading a client's handshake (RFC 6455, 4.2.1), if it is one without fault."""

import binascii
from dataclasses import dataclass, field

import httptools

#: Bytes of the head of a request, and headers in it, at most; of a handshake and of any other.
HEAD_LIMIT, MOST_HEADERS = 64 * 1024, 1000

#: Bytes of a client's key.
_KEY_LENGTH = 16

#: Headers of which a handshake has one at most, and those that it has not, because no body follows.
_ONCE = {b"connection", b"host", b"origin", b"sec-websocket-key", b"sec-websocket-version", b"upgrade"}
_NEVER = {b"content-length", b"expect", b"transfer-encoding"}


@dataclass(frozen=True, slots=True)
class Handshake:
    """A valid handshake: the target, the headers in their order (names in lower case) and the client's key."""

    url: bytes = field(repr=False)
    headers: list[tuple[bytes, bytes]] = field(repr=False)
    key: bytes


@dataclass(slots=True)
class _Head:
    """What httptools tells of a request."""

    url: bytes = field(default=b"", repr=False)
    headers: list[tuple[bytes, bytes]] = field(default_factory=list, repr=False)

    def on_url(self, part: bytes) -> None:
        self.url += part

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value.strip(b" \t")))


def handshake_in(data: bytes) -> Handshake | None:
    """The handshake that ``data`` is: the whole of it, and nothing after it.

    None says that this is something else, or that it has a fault, or may have one: then it is for a server to judge
    that knows how to refuse.
    """
    if len(data) > HEAD_LIMIT or not data.startswith(b"GET /") or not data.endswith(b"\r\n\r\n"):
        return None
    head = _Head()
    parser = httptools.HttpRequestParser(head)
    try:
        parser.feed_data(data)
    except httptools.HttpParserUpgrade as upgrade:
        if upgrade.args[0] != len(data):
            return None
    except httptools.HttpParserError:
        return None
    else:
        return None
    return checked(head.url, head.headers) if parser.get_http_version() == "1.1" else None


def checked(url: bytes, headers: list[tuple[bytes, bytes]]) -> Handshake | None:
    """The handshake that a GET by HTTP/1.1 is which has been read already; None as above.

    Args:
        headers: in their order, names in lower case, values without space around them.
    """
    if not url.startswith(b"/") or not url.isascii() or len(headers) > MOST_HEADERS:
        return None
    once: dict[bytes, bytes] = {}
    for name, value in headers:
        if name in _NEVER or name in once:
            return None
        if name in _ONCE:
            once[name] = value
    is_right = (
        once.get(b"upgrade", b"").lower() == b"websocket"
        and b"upgrade" in [token.strip() for token in once.get(b"connection", b"").lower().split(b",")]
        and once.get(b"sec-websocket-version") == b"13"
        and _is_key(once.get(b"sec-websocket-key", b""))
    )
    return Handshake(url, headers, once[b"sec-websocket-key"]) if is_right else None


def _is_key(key: bytes) -> bool:
    try:
        return len(binascii.a2b_base64(key, strict_mode=True)) == _KEY_LENGTH
    except binascii.Error:
        return False
