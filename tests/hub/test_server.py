"""The web server's configuration, and how it is told where to listen."""

import asyncio
import contextlib
import itertools
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NoReturn

import httpx
import pytest
import uvicorn
from pytest_django.fixtures import Settings

from hub.config import UnusableEnvironment
from hub.server import serve
from lab.harness import forking
from lab.harness.environment import BASE_DIR, clean_environment, ending_with_us, free_port
from lab.harness.migrated import copy_sqlite
from lab.harness.waiting import wait_for
from tests.hub.serving import RawClient, handshake
from tests.support.sockets import SocketClient, connect

pytestmark = pytest.mark.xdist_group("server")


@pytest.fixture(scope="module")
def data_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the tables of the hub, and no Redis."""
    folder = tmp_path_factory.mktemp("server")
    copy_sqlite(folder / "hub.sqlite3")
    return folder


@contextmanager
def running(
    command: list[str], data_folder: Path, descriptors: tuple[int, ...] = ()
) -> Iterator[subprocess.Popen[bytes]]:
    """A server on the data folder, with its output in ``server.log`` there."""
    with (data_folder / "server.log").open("wb") as log:
        process: subprocess.Popen[bytes] = forking.Popen(
            ending_with_us([sys.executable, *command]),
            cwd=BASE_DIR,
            env=clean_environment(HUB_DATA_DIR=str(data_folder)),
            pass_fds=descriptors,
            stdout=log,
            stderr=log,
        )
        try:
            yield process
        finally:
            process.terminate()
            process.wait(30)


def is_live(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health/live").status_code == 200
    except httpx.TransportError:
        return False


def test_configuration_is_the_hubs() -> None:
    config = serve.config(port=1)
    assert config.ws_max_size == 64 * 1024
    assert config.ws_per_message_deflate is False
    assert config.server_header is False and config.access_log is False
    assert config.lifespan == "on"
    assert config.timeout_graceful_shutdown == 10
    assert config.forwarded_allow_ips == ["127.0.0.1"]
    assert (config.workers, config.port) == (1, 1)


def test_trusted_proxies_are_those_of_the_settings(settings: Settings) -> None:
    settings.HUB_TRUSTED_PROXIES = ["10.0.0.0/8", "172.16.0.1"]
    assert serve.config().forwarded_allow_ips == ["10.0.0.0/8", "172.16.0.1"]


def test_whoever_comes_over_a_unix_socket_is_believed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made = []

    def server(config: uvicorn.Config) -> NoReturn:
        made.append(config)
        raise InterruptedError

    monkeypatch.setattr(serve, "HubServer", server)
    for where in (["--uds", str(tmp_path / "hub.sock")], ["--port", "8000"]):
        with pytest.raises(InterruptedError):
            serve.main([serve.APPLICATION, *where])
    assert [config.forwarded_allow_ips for config in made] == ["*", ["127.0.0.1"]]


@pytest.mark.slow
async def test_server_at_a_port_answers_and_ends_in_order(data_folder: Path) -> None:
    port = free_port()
    with running(["-m", "hub.server", "--port", str(port)], data_folder) as process:
        wait_for(lambda: is_live(port), timeout=60, that="the server answers")
        response = httpx.get(f"http://127.0.0.1:{port}/health/live")
        assert "server" not in response.headers
        async with connect(f"ws://127.0.0.1:{port}/ws/notifications/", compression="deflate") as client:
            assert client.connection.protocol.extensions == []
            await client.send("x" * (64 * 1024 + 1))
            assert await client.close_code() == 1009
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0


RUN = """
from datetime import timedelta
from worker.schedules import schedule
schedule(to="everyone", message="m", every=timedelta(days=1)).run_now()
"""


@pytest.mark.slow
async def test_a_server_that_stops_counts_who_got_a_schedule_before_it_closes_their_sockets(data_folder: Path) -> None:
    port = free_port()
    with running(["-m", "hub.server", "--port", str(port)], data_folder) as process:
        wait_for(lambda: is_live(port), timeout=60, that="the server answers")
        async with connect(f"ws://127.0.0.1:{port}/ws/notifications/") as client:
            shell = [sys.executable, "manage.py", "shell", "--no-imports", "-c", RUN]
            environment = clean_environment(HUB_DATA_DIR=str(data_folder))
            await asyncio.to_thread(subprocess.run, shell, cwd=BASE_DIR, env=environment, check=True)
            await client.receive_until(lambda frame: "notification" in frame.get("type", ""))
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0
    with contextlib.closing(sqlite3.connect(data_folder / "hub.sqlite3")) as database:
        assert database.execute("SELECT received FROM hub_worker_schedulerun").fetchall() == [(1,)]


@pytest.mark.slow
async def test_a_server_that_stops_closes_its_sockets_in_waves_whoever_is_stuck(
    data_folder: Path,
) -> None:
    port = free_port()
    ends: list[tuple[float, int | None]] = []

    async def stay(client: SocketClient) -> None:
        code = await client.close_code()
        ends.append((time.monotonic(), code))

    with running(["-m", "hub.server", "--port", str(port)], data_folder) as process:
        wait_for(lambda: is_live(port), timeout=60, that="the server answers")
        async with contextlib.AsyncExitStack() as stack:
            stuck = RawClient.connected(f"127.0.0.1:{port}", "/ws/notifications/")
            await stack.enter_async_context(stuck)  # it answers nothing, not even a close frame
            clients = [
                await stack.enter_async_context(connect(f"ws://127.0.0.1:{port}/ws/notifications/")) for _ in range(40)
            ]
            staying = [asyncio.create_task(stay(client)) for client in clients]
            told_at = time.monotonic()
            process.send_signal(signal.SIGTERM)
            await asyncio.gather(*staying)
            assert {code for _, code in ends} == {1012}
            moments = sorted(at - told_at for at, _ in ends)
            gaps = [later - earlier for earlier, later in itertools.pairwise(moments)]
            # Thirty waves in three seconds; where the machine is busy, those of a second or two are seen as one.
            assert moments[-1] - moments[0] > 1, "all came at once"
            assert sum(gap > 0.03 for gap in gaps) > 6, "the waves were too high"
            assert await asyncio.to_thread(process.wait, 15) == 0
            assert time.monotonic() - told_at < 15


#: Publishes more than the kernel holds for a client, and prints the cursor before that.
PUBLISH = """
import django
django.setup()
from hub import streams
from notifications import alert
from notifications.sending.actions import send
send([alert(to="everyone", message="first")])
position = streams.positions(["everyone"])["everyone"]
send([alert(to="everyone", message="x" * 3900) for _ in range(100)])
print(f"everyone@{position.epoch}.{position.offset}")
"""


@pytest.mark.slow
def test_a_server_ends_in_order_though_one_who_sent_a_close_frame_does_not_read(data_folder: Path) -> None:
    environment = clean_environment(HUB_DATA_DIR=str(data_folder), DJANGO_SETTINGS_MODULE="hub.settings")
    published = forking.run(
        [sys.executable, "-c", PUBLISH], cwd=BASE_DIR, env=environment, check=True, stdout=subprocess.PIPE, text=True
    )
    cursor = published.stdout.split()[-1]

    def has_a_socket(port: int) -> bool:
        return 'hub_sockets{endpoint="notifications"} 1.0' in httpx.get(f"http://127.0.0.1:{port}/metrics").text

    with socket.socket() as listener, socket.socket() as client:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16 * 1024)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(30)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        with running(
            ["-m", "hub.server", "--fd", str(listener.fileno())], data_folder, (listener.fileno(),)
        ) as process:
            wait_for(lambda: is_live(port), timeout=60, that="the server answers")
            client.connect(("127.0.0.1", port))
            client.sendall(handshake(f"127.0.0.1:{port}", f"/ws/notifications/?since={cursor}"))
            answer = b""
            while not answer.endswith(b"\r\n\r\n"):
                answer += client.recv(1)
            client.recv(1)  # the first of what it missed; all of that is written together
            assert has_a_socket(port)
            client.sendall(b"\x88\x82\0\0\0\0\x03\xe8")
            wait_for(lambda: not has_a_socket(port), that="the close frame was read")
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0
    output = (data_folder / "server.log").read_text()
    assert "Traceback" not in output
    assert "Application shutdown complete" in output


@pytest.mark.slow
async def test_a_stream_that_comes_to_a_server_that_stops_ends_at_once(data_folder: Path) -> None:
    port = free_port()
    output = data_folder / "server.log"
    with running(["-m", "hub.server", "--port", str(port)], data_folder) as process:
        wait_for(lambda: is_live(port), timeout=60, that="the server answers")
        # Over a connection that was open before, as a proxy has some.
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        url = f"ws://127.0.0.1:{port}/ws/notifications/"
        async with connect(url) as first_wave, connect(url):
            process.send_signal(signal.SIGTERM)
            assert await first_wave.close_code() == 1012
            writer.write(f"GET /events?channel=everyone HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
            answer = await asyncio.wait_for(reader.readuntil(b"0\r\n\r\n"), 20)
            assert answer.startswith(b"HTTP/1.1 200 ")
            writer.close()
        assert await asyncio.to_thread(process.wait, 15) == 0
    assert "Traceback" not in output.read_text()


@pytest.mark.slow
def test_server_at_inherited_sockets_answers_at_each(data_folder: Path) -> None:
    listeners = [socket.socket() for _ in range(2)]
    for listener in listeners:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
    descriptors = tuple(listener.fileno() for listener in listeners)
    options = [option for descriptor in descriptors for option in ("--fd", str(descriptor))]
    with running(["-m", "hub.server", *options], data_folder, descriptors):
        for listener in listeners:
            port = listener.getsockname()[1]
            wait_for(partial(is_live, port), timeout=60, that="the server answers")
    for listener in listeners:
        listener.close()


@pytest.mark.slow
async def test_runserver_serves_websockets(data_folder: Path) -> None:
    port = free_port()
    with running(["manage.py", "runserver", str(port), "--skip-checks"], data_folder):
        wait_for(lambda: is_live(port), timeout=60, that="the server answers")
        async with connect(f"ws://127.0.0.1:{port}/ws/notifications/") as client:
            await client.send("no JSON")
            assert (await client.receive_json())["type"] == "error"
    log = (data_folder / "server.log").read_text()
    assert f"Serving pages and WebSockets through uvicorn at http://127.0.0.1:{port}/" in log
    assert "Redis does not answer: live delivery works within this process only" in log


def test_what_is_served_is_what_the_settings_name(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "shop.settings")
    settings.ASGI_APPLICATION = "shop.web.asgi.application"
    assert serve.usual_application() == "shop.web.asgi:application"
    settings.ASGI_APPLICATION = None
    with pytest.raises(UnusableEnvironment, match="set ASGI_APPLICATION"):
        serve.usual_application()
    monkeypatch.delenv("DJANGO_SETTINGS_MODULE")
    assert serve.usual_application() == serve.APPLICATION
