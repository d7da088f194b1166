"""Posts messages to nchan over one connection that is kept; those of a burst all at once, without waiting between."""

import socket
import sys
import time

from lab.bench.frames import message
from lab.bench.processes import answer_commands

connection = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def ready() -> None:
    """Connected it is."""


def burst(count: int, size: int) -> dict[str, int]:
    """``count`` messages; returns when nginx has taken all."""
    text = message(size)
    request = f"POST /pub HTTP/1.1\r\nHost: bench\r\nContent-Length: {len(text)}\r\n\r\n{text}".encode()
    began = time.monotonic_ns()
    connection.sendall(request * count)
    answered = b""
    while answered.count(b"HTTP/1.1 20") < count:
        received = connection.recv(1 << 16)
        if not received:
            raise ConnectionError("nginx closed the connection")
        answered += received
    return {"began": began, "ended": time.monotonic_ns()}


def one(size: int) -> dict[str, int]:
    """One message."""
    return burst(1, size)


if __name__ == "__main__":
    answer_commands({command.__name__: command for command in (ready, burst, one)})
