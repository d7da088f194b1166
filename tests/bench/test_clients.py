import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from http import HTTPStatus

import pytest
import websockets
from websockets.asyncio.server import ServerConnection, broadcast, serve

from lab.bench import clients
from lab.bench.clients import Counter, Endpoint, Fleet, NotOpened, Reader, TooFew, Weigher
from lab.bench.frames import BINARY, PING, PONG, frame_end, message, pong
from lab.bench.systems.nats import PackedCounter
from tests.bench.test_frames import server_frame

MESSAGE = message(100)


class Server:
    """A real WebSocket server to which the fleets of these tests connect."""

    def __init__(self) -> None:
        self.connections: list[ServerConnection] = []
        self.port = 0

    async def __call__(self, connection: ServerConnection) -> None:
        self.connections.append(connection)
        await connection.wait_closed()

    def endpoints(self, count: int) -> list[Endpoint]:
        return [Endpoint(self.port, "/")] * count


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    running = Server()
    async with serve(running, "127.0.0.1", 0, compression=None, ping_interval=None) as listening:
        running.port = next(iter(listening.sockets)).getsockname()[1]
        yield running


@pytest.fixture
async def open_fleet(server: Server) -> AsyncIterator[Callable[..., Awaitable[Fleet]]]:
    fleet = Fleet()

    async def opened(count: int, *kinds: type[clients.Socket]) -> Fleet:
        for kind in kinds or (Counter,):
            await fleet.connect(server.endpoints(count), kind)
        while len(server.connections) < len(fleet.sockets):
            await asyncio.sleep(0)
        return fleet

    yield opened
    await fleet.close()


class WritesTo(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self, written: list[bytes]) -> None:
        super().__init__()
        self._written = written

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._written.append(bytes(data))


def test_a_mark_that_two_chunks_share_is_counted_once() -> None:
    stream = server_frame(MESSAGE.encode()) * 3
    for cut in range(1, len(stream)):
        fleet = Fleet()
        socket = Counter(fleet, 0)
        socket.take(stream[:cut])
        socket.take(stream[cut:])
        assert fleet.received == 3, f"cut at {cut}"
        assert socket.weight == len(stream)


def test_marks_are_counted_byte_by_byte() -> None:
    fleet = Fleet()
    socket = Counter(fleet, 0)
    for byte in server_frame(MESSAGE.encode()) * 2:
        socket.take(bytes([byte]))
    assert fleet.received == 2


def test_marks_that_a_frame_border_cuts_are_counted() -> None:
    # As NATS sends: its messages are a stream, and frames may end anywhere in it.
    text = MESSAGE.encode() * 3
    inside = len(MESSAGE) + 1  # between the two characters of the second mark
    stream = server_frame(text[:inside], BINARY) + server_frame(text[inside:], BINARY)
    for cut in range(1, len(stream)):
        fleet = Fleet()
        socket = PackedCounter(fleet, 0)
        socket.take(stream[:cut])
        socket.take(stream[cut:])
        assert fleet.received == 3, f"cut at {cut}"


def test_a_length_that_looks_like_a_mark_is_none_in_packed_frames() -> None:
    fleet = Fleet()
    socket = PackedCounter(fleet, 0)
    socket.take(server_frame(b"x" * 0x5E7E, BINARY))
    assert fleet.received == 0


async def test_every_socket_of_a_fleet_counts(server: Server, open_fleet: Callable[..., Awaitable[Fleet]]) -> None:
    fleet = await open_fleet(20)
    fleet.stamps = []
    for _ in range(3):
        broadcast(server.connections, MESSAGE)
    await fleet.all_of(60)
    assert fleet.received == len(fleet.stamps) == 60
    assert fleet.last_at == max(fleet.stamps)


async def test_what_does_not_arrive_is_an_error(server: Server, open_fleet: Callable[..., Awaitable[Fleet]]) -> None:
    fleet = await open_fleet(2)
    broadcast(server.connections[:1], MESSAGE)
    with pytest.raises(TooFew, match="1 of 2 arrived"):
        await fleet.all_of(2, quiet=0.2)


async def test_sockets_weigh_what_the_first_weighs(
    server: Server, open_fleet: Callable[..., Awaitable[Fleet]]
) -> None:
    fleet = await open_fleet(1)
    await open_fleet(10, Weigher)
    for _ in range(5):
        broadcast(server.connections, MESSAGE)
    await fleet.all_weigh_like_the_first(5)
    assert {socket.weight for socket in fleet.sockets} == {5 * 102}


@pytest.mark.parametrize(("first", "others"), [(5, 4), (4, 5)])
async def test_a_socket_that_does_not_weigh_what_the_first_weighs_is_an_error(
    server: Server,
    open_fleet: Callable[..., Awaitable[Fleet]],
    monkeypatch: pytest.MonkeyPatch,
    first: int,
    others: int,
) -> None:
    monkeypatch.setattr(clients, "QUIET", 0.2)
    fleet = await open_fleet(1)
    await open_fleet(3, Weigher)
    for _ in range(others):
        broadcast(server.connections[1:], MESSAGE)
    for connection in server.connections:
        await (await connection.ping())  # all that came before it has been read
    for _ in range(first):
        broadcast(server.connections[:1], MESSAGE)
    with pytest.raises(TooFew, match="A socket has"):
        await fleet.all_weigh_like_the_first(first)


@pytest.mark.parametrize("kind", [Counter, Weigher])
async def test_a_ping_is_answered_and_weighs_nothing(
    server: Server, open_fleet: Callable[..., Awaitable[Fleet]], kind: type[clients.Socket]
) -> None:
    fleet = await open_fleet(1, kind)
    async with asyncio.timeout(20):
        await (await server.connections[0].ping(b"1234"))
    assert fleet.sockets[0].weight == 0


@pytest.mark.parametrize("kind", [Counter, Weigher])
def test_pings_among_frames_are_answered_and_weigh_nothing(kind: type[clients.Socket]) -> None:
    text = b'{"message":"' + MESSAGE.encode() + b'"}'
    ping = server_frame(b"1234", PING)
    written: list[bytes] = []
    socket = kind(Fleet(), 0)
    socket.transport = WritesTo(written)
    for parts in ([ping], [ping, text], [text, ping], [text, ping, text, ping, ping, text]):
        socket.take(b"".join(part if part is ping else server_frame(part) for part in parts))
    assert socket.weight == 5 * len(server_frame(text))
    assert written == [pong(b"1234")] * 6


@pytest.mark.parametrize("size", [0x89, 0x189, 0x8900])
def test_a_length_that_looks_like_a_ping_is_none(size: int) -> None:
    frames = server_frame(b'{"message":"' + b"x" * (size - 14) + b'"}') * 3
    written: list[bytes] = []
    socket = Weigher(Fleet(), 0)
    socket.transport = WritesTo(written)
    for cut in range(1, len(frames), 1 if size < 1000 else 997):
        socket.weight = 0
        socket.take(frames[:cut])
        socket.take(frames[cut:])
        assert socket.weight == len(frames), f"cut at {cut}"
    assert not written


async def test_what_a_socket_sends_is_read_by_a_real_server(
    server: Server, open_fleet: Callable[..., Awaitable[Fleet]]
) -> None:
    fleet = await open_fleet(1)
    sent = b"\xd0\x9f" * 40_000
    fleet.sockets[0].send(sent)
    async with asyncio.timeout(20):
        assert await server.connections[0].recv() == sent.decode()


async def test_a_reader_gets_texts_whole_and_in_order(server: Server) -> None:
    fleet = Fleet()
    texts: list[bytes] = []
    await fleet.connect(
        server.endpoints(1), lambda fleet, number: Reader(fleet, number, lambda _n, text, _at: texts.append(text))
    )
    sent = [f"{number}" * 1000 for number in range(50)]
    while not server.connections:
        await asyncio.sleep(0)
    for text in sent:
        await server.connections[0].send(text)
    async with asyncio.timeout(20):
        await (await server.connections[0].ping())
    assert [text.decode() for text in texts] == sent
    await fleet.close()


async def test_a_refused_handshake_is_an_error_with_the_status() -> None:
    def refuse(connection: ServerConnection, request: websockets.Request) -> websockets.Response:
        return connection.respond(HTTPStatus.FORBIDDEN, "no")

    async with serve(Server(), "127.0.0.1", 0, process_request=refuse) as listening:
        port = next(iter(listening.sockets)).getsockname()[1]
        fleet = Fleet()
        with pytest.raises(NotOpened, match="403"):
            await fleet.connect([Endpoint(port, "/")] * 3)
        await fleet.close()


@pytest.mark.slow
async def test_sockets_that_the_server_closes_are_lost(
    server: Server, open_fleet: Callable[..., Awaitable[Fleet]]
) -> None:
    fleet = await open_fleet(3)
    await server.connections[0].close()
    async with asyncio.timeout(20):
        while not fleet.lost:
            await asyncio.sleep(0.01)
    await fleet.close()
    assert fleet.lost == 1


def test_a_pong_carries_the_ping() -> None:
    frame = pong(b"abcd")
    assert frame[0] & 0x0F == PONG
    end = frame_end(frame, 0)
    assert end is not None and frame[-4:] == b"abcd"
