"""Publishes to NATS in its own protocol over TCP, as its client libraries do."""

import socket
import sys
import time

from lab.bench.frames import message
from lab.bench.processes import answer_commands

connection = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def ready() -> None:
    """Introduce ourselves."""
    _until_answered(b'CONNECT {"verbose":false,"pedantic":false}\r\n')


def burst(count: int, size: int) -> dict[str, int]:
    """``count`` messages; returns when the server has taken all."""
    text = message(size)
    began = time.monotonic_ns()
    _until_answered(f"PUB all {len(text)}\r\n{text}\r\n".encode() * count)
    return {"began": began, "ended": time.monotonic_ns()}


def one(size: int) -> dict[str, int]:
    """One message."""
    return burst(1, size)


def _until_answered(commands: bytes) -> None:
    connection.sendall(commands + b"PING\r\n")
    answered = b""
    while not answered.endswith(b"PONG\r\n"):
        received = connection.recv(1 << 16)
        if not received:
            raise ConnectionError("nats-server closed the connection")
        answered += received


if __name__ == "__main__":
    answer_commands({command.__name__: command for command in (ready, burst, one)})
