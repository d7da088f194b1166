"""The shipped nginx configuration, run by a real nginx: in front of a hub, and of a server that shows what it gets."""

import asyncio
import re
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from hub.server.serve import config
from lab.harness.environment import BASE_DIR, free_port
from lab.harness.nginx import RESOLVES, SHIPPED, version
from lab.harness.waiting import wait_for
from tests.support.live import LiveHub
from tests.support.nginx import Nginx, needs_nginx, nginx_before
from tests.support.sockets import connect
from worker.tracking.event_stream import LOOK

CANARY = "canary-4f1c"

pytestmark = [needs_nginx, pytest.mark.any_database]

Proxy = Callable[[int], AbstractContextManager[Nginx]]


@pytest.fixture
def in_front_of(tmp_path: Path) -> Proxy:
    """Start nginx in front of a port. Only addresses and folders of the configuration are changed."""
    return lambda port: nginx_before(tmp_path, f"127.0.0.1:{port}")


class Mirror(BaseHTTPRequestHandler):
    """Answers with the request's headers, one per line."""

    status = 200

    def do_GET(self) -> None:
        body = "".join(f"{name.lower()}: {value}\n" for name, value in self.headers.items()).encode()
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # as its base names it
        pass


class Lacking(Mirror):
    """Has nothing of what it is asked for."""

    status = 404


@contextmanager
def answering(handler: type[BaseHTTPRequestHandler]) -> Iterator[int]:
    """The port of a server that answers by ``handler``."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever).start()
        yield server.server_port
        server.shutdown()


@pytest.fixture
def mirror() -> Iterator[int]:
    with answering(Mirror) as port:
        yield port


def test_nginx_is_the_first_to_close_an_idle_connection() -> None:
    """A request that meets the end of its connection is answered with 502, unless it may be sent twice."""
    for shown in (SHIPPED, BASE_DIR / "docs/howto/run-on-several-machines.md"):
        upstream = re.search(r"upstream web \{.*?\}", shown.read_text(), flags=re.DOTALL)
        seconds = upstream and re.search(r"keepalive_timeout (\d+)s;", upstream[0])
        assert seconds and int(seconds[1]) < config().timeout_keep_alive, shown.name


@pytest.mark.slow
def test_file_that_one_version_lacks_comes_from_the_other(mirror: int, tmp_path: Path) -> None:
    """Each container has the files of its own pages, and a page of one asks any."""
    with answering(Lacking) as lacking, nginx_before(tmp_path, f"127.0.0.1:{lacking}", f"127.0.0.1:{mirror}") as nginx:

        def statuses(path: str) -> set[int]:
            return {httpx.get(f"{nginx.url}{path}").status_code for _ in range(6)}

        assert statuses("/static/hub/js/widgets.9bed5f88fc3a.js") == statuses("/below/static/hub/a.js") == {200}
        assert statuses("/chat/") == {200, 404}  # what a page has not is for it to say


@pytest.mark.slow
def test_what_a_client_claims_about_itself_is_overwritten(in_front_of: Proxy, mirror: int) -> None:
    claims = {
        "X-Forwarded-For": "6.6.6.6",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Port": "1",
        "X-Real-IP": "6.6.6.6",
        "Forwarded": "for=6.6.6.6",
    }
    with in_front_of(mirror) as nginx:
        seen = httpx.get(f"{nginx.url}/anything", headers=claims).text.splitlines()
    assert "x-forwarded-for: 127.0.0.1" in seen
    assert "x-forwarded-proto: http" in seen
    assert f"host: {nginx.url.removeprefix('http://')}" in seen
    assert [line for line in seen if "6.6.6.6" in line or "evil" in line or line.endswith("-port: 1")] == []


async def test_sockets_pass_and_no_token_is_in_a_log(in_front_of: Proxy, hub: LiveHub) -> None:
    cookie = hub.create_user("nginx-ann", staff=True)
    with in_front_of(hub.port) as nginx:
        endpoint = f"{nginx.ws_url}/ws/notifications/"
        async with (
            connect(endpoint, session=cookie) as sender,
            connect(f"{endpoint}?token={hub.token('nginx-ann')}") as other,
        ):
            await sender.send_json({"message": "through nginx"})
            assert (await other.receive_type("notification"))["message"] == "through nginx"
        httpx.get(f"{nginx.url}/?token={CANARY}", headers={"Referer": f"{nginx.url}/?token={CANARY}"})
        wait_for(lambda: nginx.log.count("/ws/notifications/") == 2, that="both sockets are in the access log")
        assert CANARY not in nginx.log
        assert "token" not in nginx.log


def test_upstream_that_is_down_is_a_502_and_leaks_no_token(in_front_of: Proxy) -> None:
    with in_front_of(free_port()) as nginx:
        assert httpx.get(f"{nginx.url}/ws/online/?token={CANARY}").status_code == 502
        wait_for(lambda: " 502 " in nginx.log, that="the request is in the access log")
        assert CANARY not in nginx.log


def test_metrics_are_not_for_the_outside(in_front_of: Proxy, hub: LiveHub) -> None:
    assert httpx.get(f"{hub.url}/metrics").status_code == 200
    with in_front_of(hub.port) as nginx:
        for path in ("/metrics", "/hub/metrics", "//metrics", "/./metrics", "/%6detrics", "/metrics?x=1"):
            assert httpx.get(f"{nginx.url}{path}").status_code == 404, path
    # What nginx says of a client from elsewhere, and what the hub then does not tell.
    stranger = {"X-Forwarded-For": "192.0.2.1"}
    assert httpx.get(f"{hub.url}/metrics", headers=stranger).status_code == 403
    assert set(httpx.get(f"{hub.url}/health/ready", headers=stranger).json()) == {"status"}


def test_streams_are_not_held_back(in_front_of: Proxy, hub: LiveHub) -> None:
    with (
        in_front_of(hub.port) as nginx,
        httpx.stream("GET", f"{nginx.url}/events?channel=everyone", timeout=20) as stream,
    ):
        assert next(stream.iter_text())


async def test_nginx_passes_events_of_a_job_at_once_and_waits_for_nobody_when_it_stops(
    in_front_of: Proxy, hub: LiveHub
) -> None:
    key = hub.manage("api_key", "create", "nginx").stdout.splitlines()[-1].strip()
    with in_front_of(hub.port) as nginx:
        async with (
            connect(f"{nginx.ws_url}/ws/online/") as socket,
            httpx.AsyncClient(base_url=nginx.url, headers={"X-API-Key": key}, timeout=20) as program,
        ):
            await socket.receive_type("online_count")
            (await program.post("/api/jobs", json={"title": "Render", "id": "nginx:1"})).raise_for_status()
            async with program.stream("GET", "/api/jobs/nginx:1/events") as stream:
                texts = stream.aiter_text()
                assert '"title":"Render"' in await anext(texts)
                (await program.patch("/api/jobs", json={"id": "nginx:1", "done": 1})).raise_for_status()
                while '"done":1' not in await anext(texts):
                    pass
                nginx.process.send_signal(signal.SIGQUIT)
                # Without a limit it waits for as long as somebody holds the socket, or reads the stream.
                await asyncio.to_thread(wait_for, lambda: nginx.process.poll() is not None, that="nginx has ended")
                with pytest.raises(
                    httpx.RemoteProtocolError
                ):  # cut, without the event that ends it: it is opened again
                    async for _text in texts:
                        pass


def test_silence_of_an_event_stream_is_shorter_than_nginx_waits() -> None:
    waits = re.findall(r"proxy_read_timeout (\d+)s;", SHIPPED.read_text())
    assert [int(seconds) > 2 * LOOK for seconds in waits] == [True]


def test_names_of_web_containers_are_looked_up_while_nginx_runs(tmp_path: Path) -> None:
    servers = [line.strip() for line in SHIPPED.read_text().splitlines() if line.strip().startswith("server web-")]
    assert servers == [f"server web-{number}:8000 resolve max_fails=0;" for number in (1, 2)]
    if version() < RESOLVES:
        pytest.skip(f"nginx {'.'.join(map(str, version()))} looks names up at its start only")
    with nginx_before(tmp_path, "nobody.invalid:8000") as nginx:
        assert httpx.get(nginx.url).status_code == 502


@pytest.mark.slow
@pytest.mark.parametrize(
    "page",
    [
        "/accounts/login/",
        "/hub/accounts/login/",
        "/accounts/signup/",
        "/accounts/password_reset/",
        "/accounts/mail/",
        "/admin/login/?next=/admin/",
    ],
)
def test_flood_of_passwords_stays_outside_and_other_pages_go_on(in_front_of: Proxy, mirror: int, page: str) -> None:
    with in_front_of(mirror) as nginx, httpx.Client(base_url=nginx.url) as client:
        answers = [client.get(page) for _ in range(60)]
        assert [answer.status_code for answer in answers[:20]] == [200] * 20
        refused = next(answer for answer in answers if answer.status_code == 429)
        assert refused.headers["Retry-After"] == "15" and "try again in 15 seconds" in refused.text
        assert {client.get("/chat/").status_code for _ in range(60)} == {200}


def test_heads_may_be_as_long_as_the_hub_takes_them(in_front_of: Proxy, mirror: int) -> None:
    with in_front_of(mirror) as nginx:
        assert httpx.get(f"{nginx.url}/", headers={"Cookie": "a=" + "x" * 20_000}).status_code == 200
        assert httpx.get(f"{nginx.url}/?q=" + "x" * 20_000).status_code == 200
