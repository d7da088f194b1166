"""Those who publish while things break: backend code, tasks, people in chat rooms, pages and the API over HTTP.

Each numbers what it publishes and says so in the ledger before it begins; what the hub then answers is written there
as well. An error is no finding: it is the answer that nothing is promised.
"""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable

import httpx

from lab.chaos.crowd import Crowd
from lab.chaos.ledger import Ledger
from lab.chaos.parts import Hub
from lab.chaos.people import GROUP, People
from lab.chaos.threads import in_thread
from lab.harness.environment import CSRF_COOKIE, SESSION_COOKIE

NOTIFY = "from notifications import notify; notify(to=to, message=message)"
START_TASK = "from worker.tasks import send_broadcast; send_broadcast.delay(message, to=to)"

#: Any text of the form that Django's own have, in cookie and form alike.
CSRF = "a" * 32

#: How often somebody marks alerts as read, for each publication.
MARKING = 0.15

#: Seconds that a page may take.
PAGE_TIMEOUT = 15.0

#: How often a program calls the API before it gives up, and the seconds before it calls again, at least and at most.
API_ATTEMPTS, API_PAUSE = 4, (0.2, 1.0)


class Publishers:
    """All of them. ``rate`` is how many publications each second all together make while nothing is slow; ``marking``
    is called beside them, by :data:`MARKING`."""

    def __init__(
        self,
        hub: Hub,
        people: People,
        crowd: Crowd,
        ledger: Ledger,
        chance: random.Random,
        rate: float = 16.0,
        *,
        marking: Callable[[], Awaitable[object]],
    ) -> None:
        self._hub = hub
        self._people = people
        self._crowd = crowd
        self._ledger = ledger
        self._chance = chance
        self._rate = rate
        self._marking = marking
        self._stopping = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Publish until :meth:`stop`."""
        self._http = httpx.AsyncClient(timeout=PAGE_TIMEOUT, trust_env=False)
        shares: list[tuple[Callable[[], Awaitable[object]], float]] = [
            (self.notify, 0.3),
            (self.write_in_a_room, 0.45),
            (self.open_a_room, 0.05),
            (self.call_the_api, 0.1),
            (self.start_a_task, 0.1),
            (self._marking, MARKING),
        ]
        self._tasks = [asyncio.create_task(self._go_on(publish, self._rate * share)) for publish, share in shares]

    async def stop(self) -> None:
        """End; returns when the last answers are in."""
        self._stopping.set()
        try:
            await asyncio.gather(*self._tasks)
        finally:
            await self._http.aclose()

    async def _go_on(self, publish: Callable[[], Awaitable[object]], rate: float) -> None:
        while not self._stopping.is_set():
            await publish()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._chance.expovariate(rate)):
                    await self._stopping.wait()

    # --- one publication ------------------------------------------------------------------------------------------

    async def notify(self, to: list[str] | None = None) -> int:
        """Backend code tells ``to``, by default somebody by chance; returns the number."""
        to = to or self._somebody()
        number = self._ledger.attempt("notify", copies=len(to))
        with contextlib.suppress(AssertionError):  # the traceback of whatever it raised
            await in_thread(self._hub.backend.run, NOTIFY, message=self._ledger.text(number), to=to)
            self._ledger.acknowledge(number)
        return number

    async def start_a_task(self, to: list[str] | None = None) -> int:
        """Backend code hands a task that tells ``to`` to the broker; returns the number."""
        to = to or self._somebody()
        number = self._ledger.attempt("task", copies=len(to))
        with contextlib.suppress(AssertionError):
            await in_thread(self._hub.tasks.run, START_TASK, message=self._ledger.text(number), to=to)
            self._ledger.hand_over(number)
        return number

    async def write_in_a_room(self) -> None:
        """Somebody writes in their chat room."""
        if writers := self._crowd.writers:
            await self._chance.choice(writers).say(self._ledger.attempt("chat"))

    async def open_a_room(self) -> None:
        """Somebody opens a chat room on its page, of which everyone is told."""
        number = self._ledger.attempt("page")
        url = self._hub.url
        with contextlib.suppress(httpx.HTTPError):
            answer = await self._http.post(
                f"{url}/chat/",
                data={"name": self._ledger.text(number), "csrfmiddlewaretoken": CSRF},
                headers={
                    "Cookie": f"{SESSION_COOKIE}={self._people.staff.session}; {CSRF_COOKIE}={CSRF}",
                    "Origin": url,
                },
            )
            if answer.status_code == httpx.codes.FOUND:
                self._ledger.acknowledge(number)

    async def call_the_api(self) -> None:
        """Another program sends an alert. Where it gets no answer it asks again, under the same key: stored once."""
        to = self._somebody()
        number = self._ledger.attempt("api", copies=len(to))
        text = self._ledger.text(number)
        for _ in range(API_ATTEMPTS):
            with contextlib.suppress(httpx.HTTPError, ValueError):
                answer = await self._http.post(
                    f"{self._hub.url}/api/notify",
                    json={"to": to, "message": text, "key": text},
                    headers={"X-API-Key": self._people.api_key},
                )
                if "result" in answer.json():
                    self._ledger.acknowledge(number)
                    return
            if self._stopping.is_set():
                return
            await asyncio.sleep(self._chance.uniform(*API_PAUSE))

    def _somebody(self) -> list[str]:
        names = [f"user:{person.name}" for person in self._people.people]
        choice = self._chance.random()
        if choice < 0.4:
            return ["everyone"]
        if choice < 0.5:
            return [f"group:{GROUP}"]
        return self._chance.sample(names, self._chance.choice((1, 1, 1, 5)))
