"""Requests of Django: so many at a time, on threads that stay."""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from asgiref.sync import sync_to_async
from django.conf import settings as django_settings
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from pytest_django.fixtures import Settings

from hub.asgi import application
from hub.database import threads
from hub.server.request_slots import BoundedRequests
from lab.harness.waiting import await_for
from tests.hub.serving import serving
from tests.hub.test_heads_and_bodies import Connection
from tests.support.people import User

pytestmark = pytest.mark.django_db(transaction=True)

ON_A_SERVER = pytest.mark.skipif(
    django_settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"),
    reason="SQLite has no server that counts connections, or loses them",
)

ALL_OF_HEALTH = ("/health/live", "/health/ready", "/metrics")

HTML = {"Accept": "text/html,*/*"}


class Views:
    """Views that say what they saw."""

    def __init__(self) -> None:
        self.may_end = threading.Event()
        self.under_way = self.most = 0
        self.seen: set[tuple[int, int]] = set()
        self._lock = threading.Lock()

    def hold(self, request: HttpRequest) -> HttpResponse:
        """Takes until it is told to end, with a connection to the database."""
        with self._lock:
            self.under_way += 1
            self.most = max(self.most, self.under_way)
        User.objects.count()
        self.seen.add((threading.get_ident(), id(connection.connection)))
        self.may_end.wait(20)
        with self._lock:
            self.under_way -= 1
        return HttpResponse("held")

    def long(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse(b"x" * 100_000)


def lose_connection() -> None:
    """As where the server of the database is started again."""
    connection.connection.close()


@pytest.fixture
async def views(settings: Settings) -> AsyncIterator[Views]:
    made = Views()
    urls: Any = type("urls", (), {})()
    urls.urlpatterns = [path("hold/", made.hold), path("long/", made.long), path("", include("hub.urls"))]
    settings.ROOT_URLCONF = urls
    settings.HUB_REQUESTS, settings.HUB_REQUEST_WAIT = 3, 0.3
    yield made
    made.may_end.set()


def client(address: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=f"http://{address}", timeout=60, limits=httpx.Limits(max_connections=300))


@pytest.mark.slow
async def test_no_more_requests_than_slots_and_the_others_are_told_when_to_come_back(views: Views) -> None:
    async with serving() as address, client(address) as http:
        held = [asyncio.create_task(http.get("/hold/")) for _ in range(3)]
        await await_for(lambda: views.under_way == 3, that="all slots are taken")
        page, russian, program = await asyncio.gather(
            http.get("/", headers=HTML),
            http.get("/", headers={**HTML, "Accept-Language": "ru"}),
            http.get("/notifications/items/", headers={"Accept": "application/json"}),
        )
        for refused in (page, russian, program):
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        assert "<h1>" in page.text and page.headers["content-type"].startswith("text/html")
        assert 'lang="ru"' in russian.text
        assert program.json()["error"]["code"] == 503
        # Whoever looks after the process, and sockets, which take no slot, are served meanwhile.
        for url in ("/health/live", "/health/ready", "/metrics"):
            assert (await http.get(url)).status_code in (200, 503)
            assert "retry-after" not in (await http.get(url)).headers
        views.may_end.set()
        assert [(await answer).text for answer in held] == ["held"] * 3
        assert (await http.get("/", headers=HTML)).status_code == 200


@pytest.mark.slow
async def test_those_who_wait_have_their_turn_in_order(views: Views, settings: Settings) -> None:
    settings.HUB_REQUEST_WAIT = 20
    async with serving() as address, client(address) as http:
        answers = [asyncio.create_task(http.get("/hold/")) for _ in range(20)]
        await await_for(lambda: views.under_way == 3, that="all slots are taken")
        views.may_end.set()
        assert {answer.status_code for answer in await asyncio.gather(*answers)} == {200}
        assert views.most == 3
        assert len(views.seen) <= 3, "each thread keeps its connection"


@pytest.mark.slow
async def test_not_more_wait_than_could_be_answered(views: Views, settings: Settings) -> None:
    settings.HUB_REQUEST_WAIT = 20
    async with serving() as address, client(address) as http:
        answers = [asyncio.create_task(http.get("/hold/")) for _ in range(3 + 30 + 5)]
        await await_for(lambda: sum(answer.done() for answer in answers) == 5, that="those above are refused at once")
        views.may_end.set()
        statuses = [answer.status_code for answer in await asyncio.gather(*answers)]
        assert (statuses.count(200), statuses.count(503)) == (33, 5)


@pytest.mark.slow
async def test_clients_that_send_or_read_slowly_keep_nobody_out(views: Views) -> None:
    async with serving() as address, client(address) as http:
        slow = []
        for _ in range(6):
            host, _, port = address.partition(":")
            reader, writer = await asyncio.open_connection(host, int(port), limit=1024)
            slow.append(Connection(reader, writer))
        for one in slow[:3]:
            await one.send(b"POST /accounts/login/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nabc")
        for one in slow[3:]:
            await one.send(b"GET /long/ HTTP/1.1\r\nHost: localhost\r\n\r\n")  # and does not read
        for _ in range(5):
            assert (await http.get("/", headers=HTML)).status_code == 200
        for one in slow:
            one.writer.transport.abort()


@pytest.mark.slow
async def test_a_client_that_goes_away_while_it_waits_leaves_no_slot_taken(views: Views, settings: Settings) -> None:
    async with serving() as address, client(address) as http:
        held = [asyncio.create_task(http.get("/hold/")) for _ in range(3)]
        await await_for(lambda: views.under_way == 3, that="all slots are taken")
        for _ in range(3):
            async with Connection.to(address) as connection:
                await connection.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        for answer in held:
            answer.cancel()
        views.may_end.set()
        await await_for(lambda: views.under_way == 0, that="the views have ended")
        for _ in range(6):
            assert (await http.get("/", headers=HTML)).status_code == 200


@ON_A_SERVER
async def test_two_hundred_requests_at_once_take_few_connections(views: Views, settings: Settings) -> None:
    settings.HUB_REQUESTS, settings.HUB_REQUEST_WAIT = 20, 60
    views.may_end.set()

    def connections() -> int:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
            return int(cursor.fetchone()[0])

    most = 0

    async def look() -> None:
        nonlocal most
        while True:
            most = max(most, await sync_to_async(connections)())
            await asyncio.sleep(0.01)

    async with serving() as address, client(address) as http:
        looking = asyncio.create_task(look())
        began = time.monotonic()
        answers = await asyncio.gather(*(http.get("/hold/") for _ in range(200)))
        assert {answer.status_code for answer in answers} == {200}
        assert time.monotonic() - began < 60
        looking.cancel()
    assert 2 <= most <= 20 + 4, f"there were {most} connections"


@ON_A_SERVER
async def test_a_thread_whose_connection_was_lost_answers_the_next_request(views: Views, settings: Settings) -> None:
    settings.HUB_REQUESTS = 1
    views.may_end.set()
    async with serving() as address, client(address) as http:
        assert (await http.get("/hold/")).status_code == 200
        thread = threads.borrow()
        thread.submit(lose_connection).result()
        threads.give_back(thread)
        assert (await http.get("/hold/")).status_code == 200


async def test_the_application_without_the_hubs_server_is_bounded_too(views: Views) -> None:
    transport = httpx.ASGITransport(application)  # type: ignore[arg-type]  # ASGI's scope is a dict
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
        held = [asyncio.create_task(http.get("/hold/")) for _ in range(3)]
        await await_for(lambda: views.under_way == 3, that="all slots are taken")
        assert (await http.get("/", headers=HTML)).status_code == 503
        views.may_end.set()
        assert [(await answer).text for answer in held] == ["held"] * 3


class Held:
    """An application that answers when it is told to, for clients of whatever address."""

    def __init__(self) -> None:
        self.may_end = asyncio.Event()
        self.under_way: Counter[str] = Counter()
        self._bounded = BoundedRequests(self._answer)

    async def _answer(self, scope: Any, receive: Any, send: Any) -> None:
        self.under_way[scope["client"][0]] += 1
        await self.may_end.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def get(self, url: str, address: str) -> int:
        """The status of the answer."""
        statuses: list[int] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(event: dict[str, Any]) -> None:
            statuses.append(event.get("status", 0))

        scope = {"type": "http", "path": url, "client": (address, 1), "headers": []}
        await self._bounded(scope, receive, send)
        return statuses[0]


@pytest.fixture
async def held(settings: Settings) -> Held:
    settings.HUB_REQUESTS, settings.HUB_REQUEST_WAIT = 4, 20
    settings.HUB_OPERATOR_ADDRESSES, settings.HUB_OPERATOR_TOKEN = ["192.0.2.0/28"], ""
    return Held()


STRANGER, OPERATOR, VISITOR = "203.0.113.5", "192.0.2.3", "198.51.100.7"


@pytest.mark.parametrize("address", [STRANGER, "2001:db8::7"])
async def test_one_address_crowds_nobody_out(held: Held, address: str) -> None:
    flood = [asyncio.create_task(held.get("/chat/", address)) for _ in range(100)]
    # Two of four slots, and half of the forty places to wait.
    await await_for(lambda: sum(one.done() for one in flood) == 100 - 2 - 20, that="the rest is refused at once")
    assert held.under_way == {address: 2}
    visit = asyncio.create_task(held.get("/", VISITOR))
    await await_for(lambda: held.under_way[VISITOR] == 1, that="somebody else waits for none of them")
    held.may_end.set()
    assert await visit == 200
    assert Counter(await asyncio.gather(*flood)) == {200: 22, 503: 78}
    assert await held.get("/chat/", address) == 200, "nothing of it is kept"


@pytest.mark.parametrize("url", ["/health/live", "/health/ready", "/metrics"])
async def test_strangers_who_ask_how_the_hub_is_keep_no_operator_waiting(held: Held, url: str) -> None:
    flood = [
        asyncio.create_task(held.get(url, f"203.0.113.{number % 4}")) for url in ALL_OF_HEALTH for number in range(100)
    ]
    await await_for(lambda: held.under_way.total() == 4, that="strangers have all that they get")
    asked = asyncio.create_task(held.get(url, OPERATOR))
    await await_for(lambda: held.under_way[OPERATOR] == 1, that="the operator's request is under way")
    held.may_end.set()
    assert await asked == 200
    await asyncio.gather(*flood)


async def test_what_is_not_there_below_health_has_no_slots_of_its_own(held: Held) -> None:
    flood = [asyncio.create_task(held.get("/health/nothing", f"203.0.113.{number}")) for number in range(60)]
    await await_for(lambda: held.under_way.total() == 4, that="the slots of pages are taken")
    asked = asyncio.create_task(held.get("/health/live", STRANGER))
    await await_for(lambda: held.under_way[STRANGER] == 1, that="health is asked all the same")
    held.may_end.set()
    await asyncio.gather(asked, *flood)
