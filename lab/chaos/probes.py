"""Measuring from outside, while something is broken: how long pages take, and how late event loops are."""

import asyncio
import contextlib
import sys
import time
from collections import deque
from collections.abc import AsyncIterator, Coroutine, Sequence

import httpx
import websockets

from lab.chaos.parts import Web
from lab.chaos.people import Person
from lab.harness.environment import BASE_DIR, SESSION_COOKIE, ending_with_us

#: Seconds between two pages and between two pings of one probe.
PAGE_PAUSE, PING_PAUSE = 0.05, 0.04


def percentile(values: Sequence[float], share: float) -> float:
    """The value that ``share`` of ``values`` do not pass; 0 without any."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] if values else 0.0


@contextlib.asynccontextmanager
async def page_times(url: str, person: Person) -> AsyncIterator[list[float]]:
    """Seconds that each load of a person's list of alerts takes during the block; complete when the block has ended.

    A page that is not there is infinitely slow. Loaded by a process of its own, which a busy crowd does not hold up.
    """
    times: list[float] = []
    process = await asyncio.create_subprocess_exec(
        *ending_with_us([sys.executable, "-m", "lab.chaos.probes", f"{url}/notifications/", person.session]),
        cwd=BASE_DIR,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout
    try:
        times.append(float(await process.stdout.readline()))  # it takes its time to start, and is to see the fault
        yield times
    finally:
        process.terminate()
        output, _ = await process.communicate()
        times += map(float, output.split())


def load_for_ever(url: str, session: str) -> None:
    """Load a page again and again, and print a line with the seconds for each time."""
    with httpx.Client(timeout=10, trust_env=False) as client:
        while True:
            began = time.monotonic()
            try:
                there = (
                    client.get(url, headers={"Cookie": f"{SESSION_COOKIE}={session}"}).status_code == httpx.codes.OK
                )
            except httpx.HTTPError:
                there = False
            print(time.monotonic() - began if there else float("inf"), flush=True)
            time.sleep(PAGE_PAUSE)


@contextlib.asynccontextmanager
async def loop_lateness(webs: Sequence[Web]) -> AsyncIterator[list[float]]:
    """Seconds that a ping waited for its pong from each web process: its event loop answers them, and nothing else.

    What this process itself was late is taken off, so that a busy measurer does not accuse the hub.
    """
    late: list[float] = []
    own: deque[tuple[float, float]] = deque(maxlen=1000)

    async def watch_myself() -> None:
        while True:
            due = time.monotonic() + 0.01
            await asyncio.sleep(0.01)
            own.append((due, time.monotonic() - due))

    async def ping_for_ever(web: Web) -> None:
        while True:
            # Another fault may kill the process meanwhile: the crowd sees what becomes of its clients.
            with contextlib.suppress(OSError, websockets.WebSocketException):
                await ping_until_it_ends(web)
            await asyncio.sleep(PING_PAUSE)

    async def ping_until_it_ends(web: Web) -> None:
        async with websockets.connect(
            f"{web.ws_url}/ws/online/", compression=None, proxy=None, ping_interval=None
        ) as connection:
            while True:
                began = time.monotonic()
                await (await connection.ping())
                mine = sum(overrun for due, overrun in own if due >= began - 0.01 and overrun > 0.005)
                late.append(max(0.0, time.monotonic() - began - mine))
                await asyncio.sleep(PING_PAUSE)

    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(_while(watch_myself()))
        for web in webs:
            await stack.enter_async_context(_while(ping_for_ever(web)))
        yield late


@contextlib.asynccontextmanager
async def _while(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    task = asyncio.ensure_future(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled() and (error := task.exception()):
            raise error


if __name__ == "__main__":
    load_for_ever(*sys.argv[1:])
