import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.server import ServerProtocol

from hub.server.handshake import HEAD_LIMIT, MOST_HEADERS, handshake_in

HEADERS = {
    "Host": "hub.example",
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
}


def request(*more: str, first: str = "GET /ws/?a=b HTTP/1.1", **changed: str | None) -> bytes:
    headers = {**HEADERS, **{name.replace("_", "-"): value for name, value in changed.items()}}
    lines = [first, *(f"{name}: {value}" for name, value in headers.items() if value is not None), *more]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def test_a_handshake_without_fault_is_read() -> None:
    found = handshake_in(request("Cookie: \t a=b ", "X-Empty:", Connection="keep-alive, UPGRADE", Upgrade="WebSocket"))
    assert found is not None
    assert (found.url, found.key) == (b"/ws/?a=b", b"dGhlIHNhbXBsZSBub25jZQ==")
    assert found.headers[-2:] == [(b"cookie", b"a=b"), (b"x-empty", b"")]
    assert found.headers[0] == (b"host", b"hub.example")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\r\n\r\n",
        request()[:-1],
        request()[:-4],
        request() + b"\x81\x80\0\0\0\0",
        request() + request(),
        request(first="GET / HTTP/1.0"),
        request(first="POST / HTTP/1.1"),
        request(first="GET http://hub.example/ HTTP/1.1"),
        request(first="GET /\xe9 HTTP/1.1"),
        request(first="get / HTTP/1.1"),
        request(Upgrade=None),
        request(Upgrade="h2c"),
        request(Upgrade="websocket, h2c"),
        request("Upgrade: websocket"),
        request(Connection=None),
        request(Connection="close"),
        request(Connection="not-upgrade"),
        request(Sec_WebSocket_Version=None),
        request(Sec_WebSocket_Version="8"),
        request(Sec_WebSocket_Version="13, 8"),
        request("Sec-WebSocket-Version: 13"),
        request(Sec_WebSocket_Key=None),
        request(Sec_WebSocket_Key=""),
        request(Sec_WebSocket_Key="dGhlIHNhbXBsZSBub25jZQ"),
        request(Sec_WebSocket_Key="dGhlIHNhbXBsZSBub25jZQ==dGhl"),
        request(Sec_WebSocket_Key="c2hvcnQ="),
        request(Sec_WebSocket_Key="*GhlIHNhbXBsZSBub25jZQ=="),
        request("sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ=="),
        request("Origin: https://a.example", "Origin: https://b.example"),
        request("Host: other.example"),
        request("Content-Length: 0"),
        request("Transfer-Encoding: chunked"),
        request("Expect: 100-continue"),
        request("No colon"),
        request("Bad name: x"),
        request("X: a\x00b"),
        request("X: a", " folded"),
        request("X: " + "x" * HEAD_LIMIT),
        request(*(f"X-{number}: x" for number in range(MOST_HEADERS))),
    ],
)
def test_what_is_no_handshake_or_has_a_fault_or_may_have_one_is_not(data: bytes) -> None:
    assert handshake_in(data) is None


@pytest.mark.slow
@given(
    st.lists(
        st.sampled_from(
            [
                "Upgrade: websocket",
                "Connection: Upgrade",
                "connection:keep-alive ,upgrade",
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
                "Sec-WebSocket-Version: 13",
                "Sec-WebSocket-Version: 14",
                "Sec-WebSocket-Extensions: permessage-deflate",
                "Sec-WebSocket-Protocol: a, b",
                "Host: x",
                "X: \xff",
            ]
        ),
        max_size=8,
    )
)
def test_what_is_taken_as_a_handshake_the_library_takes_too(lines: list[str]) -> None:
    data = "\r\n".join(["GET / HTTP/1.1", *lines, "", ""]).encode("latin-1")
    if handshake_in(data) is not None:
        protocol = ServerProtocol()
        protocol.receive_data(data)
        (event,) = protocol.events_received()
        assert protocol.accept(event).status_code == 101  # type: ignore[arg-type]  # the first event is the request
