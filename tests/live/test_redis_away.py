"""Redis that hangs or is gone: pages, sockets, alerts, chat and counters go on, and all is whole when it is back."""

import asyncio
import contextlib
import os
import re
import signal
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack

import httpx
import pytest

from lab.harness.waiting import await_for, wait_for
from tests.live.parts import WEB, crowding, pid_of, tracebacks, web_urls
from tests.support.live import LiveHub
from tests.support.sockets import SocketClient, connect
from tests.support.stopwatch import delayed

pytestmark = pytest.mark.slow

NOTIFY = "from notifications import notify; notify(to='everyone', message=message)"

#: Seconds of the outage: longer than every timeout that has to do with Redis.
OUTAGE = 8.0

#: Seconds within which anything is live without Redis, with some for a machine that does other things as well.
LIVE = 2.0 + 1.0


class Visitor:
    """Somebody who asks for pages and sends forms, one after the other, and times each answer."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self.took: dict[str, list[float]] = {}

    async def get(self, path: str, status: int = 200) -> str:
        began = time.monotonic()
        answer = await self._client.get(path)
        self.took.setdefault(f"GET {path}", []).append(time.monotonic() - began)
        assert answer.status_code == status, (path, answer.status_code)
        return answer.text

    async def post(self, path: str, **fields: str) -> None:
        page = await self._client.get(path)
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
        assert token, path
        began = time.monotonic()
        answer = await self._client.post(path, data={"csrfmiddlewaretoken": token[1], **fields})
        self.took.setdefault(f"POST {path}", []).append(time.monotonic() - began)
        assert answer.status_code in {200, 302}, (path, answer.status_code)


async def ask_for_everything(visitor: Visitor, number: int, until: float) -> None:
    name = f"visitor-{number}"
    await visitor.post("/accounts/signup/", username=name, password1="a long word 1", password2="a long word 1")
    turn = 0
    while time.monotonic() < until:
        turn += 1
        for path in ("/", "/notifications/", "/chat/", "/chat/lobby/", "/online/", "/accounts/tokens/"):
            await visitor.get(path)
        await visitor.post("/chat/", name=f"room-{number}-{turn}")
        await visitor.post("/accounts/tokens/", name=f"token-{turn}")
        await visitor.get("/health/live")
        await visitor.get("/health/ready")


class Lateness:
    """How late an event loop is, by the time that a server takes to answer a ping, which its loop does by itself.

    The time in which it was ready to answer and other programs had all processors does not count.
    """

    def __init__(self) -> None:
        self.worst: list[float] = []

    async def measure(self, client: SocketClient, server: int | None, until: float) -> None:
        def now() -> float:
            return time.monotonic() - delayed() - delayed(str(server))

        while time.monotonic() < until:
            began = now()
            pong = await client.connection.ping()
            await asyncio.wait_for(pong, 20)
            self.worst.append(now() - began)
            await asyncio.sleep(0.02)


def quantile(times: list[float], part: float) -> float:
    return sorted(times)[int(len(times) * part)]


async def own_lateness(until: float) -> list[float]:
    """How late the loop of this test was: what the machine does to everybody."""
    found = []
    while time.monotonic() < until:
        began = time.monotonic()
        await asyncio.sleep(0.02)
        found.append(time.monotonic() - began - 0.02)
    return found


@contextlib.asynccontextmanager
async def people(hub: LiveHub) -> AsyncIterator["People"]:
    async with AsyncExitStack() as stack:

        async def enter(web: str, path: str, session: str | None = None) -> SocketClient:
            return await stack.enter_async_context(connect(web + path, session=session))

        webs = web_urls(hub)
        ann, bob = hub.create_user("ann"), hub.create_user("bob")
        yield People(
            [await enter(web, "/ws/notifications/", ann) for web in webs],
            [await enter(web, "/ws/chat/lobby/", session) for web, session in zip(webs, (ann, bob), strict=True)],
            [await enter(web, "/ws/online/", session) for web, session in zip(webs, (ann, bob), strict=True)],
        )


class People:
    """Two people with all endpoints open, each at a web process of their own."""

    def __init__(self, readers: list[SocketClient], talkers: list[SocketClient], counters: list[SocketClient]) -> None:
        self.readers, self.talkers, self.counters = readers, talkers, counters

    async def hear(self, hub: LiveHub, text: str, within: float) -> None:
        """An alert from the backend and a message of each person reach all within so many seconds."""
        await self._all(within, asyncio.to_thread(hub.shell, NOTIFY, message=text), self.readers, text)
        for number, talker in enumerate(self.talkers):
            said = f"{text} {number}"
            await self._all(within, talker.send_json({"message": said}), self.talkers, said)

    async def _all(self, within: float, act: Awaitable[object], clients: list[SocketClient], text: str) -> None:
        await act
        within *= crowding()
        began = time.monotonic()
        late = max(10.0, within)
        heard = (client.receive_until(lambda frame: frame.get("message") == text, late) for client in clients)
        await asyncio.gather(*heard)
        assert time.monotonic() - began < within

    async def count(self, hub: LiveHub, within: float) -> None:
        """A guest who comes and goes is counted by both processes within so many seconds; nobody else goes."""
        url = web_urls(hub)[0]
        within *= crowding()
        late = max(10.0, within)
        began = time.monotonic()
        async with connect(f"{url}/ws/online/") as guest:
            for counter in (guest, *self.counters):
                await counter.receive_until(lambda frame: frame["count"] == 3, late)
            assert time.monotonic() - began < within
        began = time.monotonic()
        for counter in self.counters:
            await counter.receive_until(lambda frame: frame["count"] == 2, late)
        assert time.monotonic() - began < within

    async def settle(self) -> None:
        for counter in self.counters:
            await counter.receive_until(lambda frame: frame["count"] == 2, 30)


async def test_pages_forms_and_sockets_go_on_while_redis_hangs(fragile_hub: LiveHub, redis_pid: int) -> None:
    before = tracebacks(fragile_hub)
    lateness = Lateness()
    async with (
        people(fragile_hub) as pair,
        httpx.AsyncClient(base_url=fragile_hub.url, timeout=30) as first,
        httpx.AsyncClient(base_url=fragile_hub.url, timeout=30) as second,
    ):
        await pair.settle()
        await pair.hear(fragile_hub, "before", LIVE)
        visitors = [Visitor(first), Visitor(second)]
        until = time.monotonic() + OUTAGE
        os.kill(redis_pid, signal.SIGSTOP)
        try:
            async with asyncio.TaskGroup() as group:
                for number, visitor in enumerate(visitors):
                    group.create_task(ask_for_everything(visitor, number, until))
                for reader, web in zip(pair.readers, WEB, strict=True):
                    group.create_task(lateness.measure(reader, pid_of(fragile_hub, web), until))
                machine = group.create_task(own_lateness(until))
                while time.monotonic() < until - LIVE:
                    await pair.hear(fragile_hub, f"during {until - time.monotonic():.1f}", LIVE)
            await pair.count(fragile_hub, LIVE)
        finally:
            os.kill(redis_pid, signal.SIGCONT)
        took = [seconds for visitor in visitors for times in visitor.took.values() for seconds in times]
        assert len(took) > 20
        assert quantile(took, 0.99) < 2.5 * crowding()
        # What blocks for want of an answer blocks for a second at least; what the machine does to this test is no
        # fault of the hub.
        ours, late = machine.result(), min(0.25 * crowding(), 0.75)
        assert quantile(lateness.worst, 0.99) < late + 2 * quantile(ours, 0.99)
        assert max(lateness.worst) < late + 2 * max(ours)
        await await_for(lambda: _is_ready(first), timeout=20, that="Redis is back")
        await pair.hear(fragile_hub, "after", LIVE)
        await pair.count(fragile_hub, LIVE)
    assert tracebacks(fragile_hub) == before


async def _is_ready(client: httpx.AsyncClient) -> bool:
    return bool((await client.get("/health/ready")).json()["status"] == "ready")


async def test_alerts_chat_and_counters_go_on_while_redis_is_gone(fragile_hub: LiveHub, redis_pid: int) -> None:
    async with people(fragile_hub) as pair:
        await pair.settle()
        os.kill(redis_pid, signal.SIGSTOP)  # so that the supervisor cannot start it again at once
        try:
            await pair.hear(fragile_hub, "alone", LIVE)
            await pair.count(fragile_hub, 2 * LIVE)
            await pair.count(fragile_hub, LIVE)
        finally:
            os.kill(redis_pid, signal.SIGKILL)
        again = "Redis is started again"
        wait_for(lambda: pid_of(fragile_hub, "redis") not in {None, redis_pid}, timeout=30, that=again)
        await pair.hear(fragile_hub, "together", LIVE)
        await pair.count(fragile_hub, 2 * LIVE)
        for client in (*pair.counters, *pair.talkers):
            await client.receive_nothing(1.0)  # nobody is shown as having come or gone
