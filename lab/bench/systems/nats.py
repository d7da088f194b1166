"""nats-server with its WebSocket listener: core NATS, nothing stored."""

import os
import shutil
import sys

from lab.bench.clients import Counter, Endpoint, Fleet
from lab.bench.frames import BINARY, client_frame, frame_end
from lab.bench.processes import Process, accepts, until
from lab.bench.systems.base import SERVER, System
from lab.harness.environment import BASE_DIR, free_port

SERVER_PROGRAM = shutil.which("nats-server") or shutil.which("nats-server", path="/usr/sbin")

CONFIGURATION = """
listen: 127.0.0.1:{port}
max_connections: 20000
websocket {{ listen: "127.0.0.1:{websocket_port}", no_tls: true }}
"""

_SUBSCRIBE = b'CONNECT {"verbose":false,"pedantic":false}\r\nSUB all 1\r\nPING\r\n'


class PackedCounter(Counter):
    """NATS packs many messages into one frame and may cut one between two: count in the payloads alone."""

    __slots__ = ("_header", "_left")

    def __init__(self, fleet: Fleet, number: int) -> None:
        super().__init__(fleet, number)
        #: A header that is not whole yet, and what is left of the payload that has begun.
        self._header, self._left = b"", 0

    def take(self, data: bytes) -> None:
        data, self._header = self._header + data, b""
        payload, start = [], 0
        while start < len(data):
            if not self._left:
                end = frame_end(data, start)
                if end is None:
                    self._header = data[start:]
                    break
                start, self._left = end[0], end[1] - end[0]
            piece = data[start : start + self._left]
            payload.append(piece)
            start += len(piece)
            self._left -= len(piece)
        if text := b"".join(payload):
            super().take(text)


class Nats(System):
    """Subscribers over WebSocket, the publisher over TCP."""

    name = "nats"
    counter = PackedCounter
    same_bytes = False

    @classmethod
    def missing(cls) -> str:
        return "" if SERVER_PROGRAM else "there is no nats-server"

    async def start(self) -> None:
        self.port, port = free_port(), free_port()
        configuration = self.folder / "nats.conf"
        configuration.write_text(CONFIGURATION.format(port=port, websocket_port=self.port))
        server = self.serve(
            Process(
                [str(SERVER_PROGRAM), "-c", str(configuration)],
                core=SERVER,
                log=self.folder / "nats.log",
                environment=os.environ,
            )
        )
        await until(lambda: accepts("127.0.0.1", port), server)
        await self.start_publisher(
            [sys.executable, "-m", "lab.bench.publishers.nats", str(port)], {**os.environ, "PYTHONPATH": str(BASE_DIR)}
        )

    def endpoints(self, count: int) -> list[Endpoint]:
        return [Endpoint(self.port, "/", hello=(client_frame(_SUBSCRIBE, BINARY),), ready=b"PONG\r\n")] * count
