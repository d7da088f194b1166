"""socket.io with its Redis adapter: ``lab/bench/peers/socketio``, one Node.js process and a private Redis."""

import os
import shutil
from pathlib import Path

from lab.bench.clients import Counter, Endpoint
from lab.bench.frames import client_frame
from lab.bench.processes import Process
from lab.bench.systems.base import SERVER, System
from lab.harness.environment import free_port

FOLDER = Path(__file__).parent.parent / "peers" / "socketio"

_PING, _PONG = b"\x81\x012", client_frame(b"3")


class SocketIoCounter(Counter):
    """Answers the pings of engine.io, which are messages of its own."""

    __slots__ = ()

    def take(self, data: bytes) -> None:
        if data.startswith(_PING):
            self.write(_PONG)
        super().take(data)


class SocketIo(System):
    """A process that emits, another that has the clients, Redis between them."""

    name = "socket.io"
    lets_in_slowly = True
    counter = SocketIoCounter

    @classmethod
    def missing(cls) -> str:
        if not shutil.which("node"):
            return "there is no node"
        return "" if (FOLDER / "node_modules").is_dir() else "its packages are not installed"

    async def start(self) -> None:
        socket = await self.start_redis()
        self.port = free_port()
        node = str(shutil.which("node"))
        environment = {**os.environ, "NODE_ENV": "production"}
        self.serve(
            Process(
                [node, str(FOLDER / "server.js"), str(self.port), str(socket)],
                core=SERVER,
                log=self.folder / "server.log",
                environment=environment,
            )
        )
        await self.start_publisher([node, str(FOLDER / "publisher.js"), str(socket)], environment)

    def endpoints(self, count: int) -> list[Endpoint]:
        path = "/socket.io/?EIO=4&transport=websocket"
        return [Endpoint(self.port, path, hello=(client_frame(b"40"),), ready=b'40{"sid"')] * count
