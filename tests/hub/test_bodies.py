"""How much memory the bodies of requests may take, whoever sends them and however slowly."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from typing import Any

import pytest

from hub.limits.connections import BODY_LIMIT
from hub.server.bodies import LITTLE, ROOM, ROOM_OF_ADDRESS, BoundedBodies
from lab.harness.waiting import await_for

MIB = 1024 * 1024
PIECE = 64 * 1024


class Endpoint:
    """Reads bodies and keeps them until it is told to end."""

    def __init__(self) -> None:
        self.may_end = asyncio.Event()
        self.held: Counter[str] = Counter()
        self._bounded = BoundedBodies(self._read)

    async def _read(self, scope: Any, receive: Any, send: Any) -> None:
        more = True
        while more:
            event = await receive()
            self.held[scope["client"][0]] += len(event["body"])
            more = event["more_body"]
        await self.may_end.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    def post(self, size: int, address: str) -> "asyncio.Task[dict[str, Any]]":
        """Send a body that does not say how long it will be; the result is the start of the answer."""
        return asyncio.create_task(self._post(size, address))

    async def _post(self, size: int, address: str) -> dict[str, Any]:
        pieces = iter([PIECE] * (size // PIECE) + [size % PIECE])
        left = size // PIECE
        answers: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            nonlocal left
            left -= 1
            await asyncio.sleep(0)
            return {"type": "http.request", "body": b"x" * next(pieces), "more_body": left >= 0}

        async def send(event: dict[str, Any]) -> None:
            answers.append(event)

        await self._bounded({"type": "http", "client": (address, 1), "headers": []}, receive, send)
        return answers[0]


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    made = Endpoint()
    yield made
    made.may_end.set()


def statuses(answers: Iterable["asyncio.Task[dict[str, Any]]"]) -> Counter[int]:
    return Counter(answer.result()["status"] for answer in answers if answer.done())


async def test_long_bodies_of_one_address_take_a_part_of_the_room(endpoint: Endpoint) -> None:
    flood = [endpoint.post(MIB, "203.0.113.5") for _ in range(40)]
    fitting = ROOM_OF_ADDRESS // MIB
    await await_for(lambda: statuses(flood) == {503: 40 - fitting}, that="what has no room is refused")
    (refused, *_) = [answer.result() for answer in flood if answer.done()]
    assert dict(refused["headers"])[b"retry-after"] and dict(refused["headers"])[b"connection"] == b"close"
    others = endpoint.post(MIB, "203.0.113.6")
    await await_for(lambda: endpoint.held["203.0.113.6"] == MIB, that="another address has room")
    endpoint.may_end.set()
    assert (await others)["status"] == 200
    await asyncio.gather(*flood)
    assert statuses(flood) == {200: fitting, 503: 40 - fitting}
    assert (await endpoint.post(MIB, "203.0.113.5"))["status"] == 200, "what was held is free again"


@pytest.mark.parametrize("addresses", ["127.0.0.1", "203.0.113.{}"])
async def test_all_together_take_no_more_than_the_room_and_forms_go_on(endpoint: Endpoint, addresses: str) -> None:
    flood = [endpoint.post(MIB, addresses.format(number)) for number in range(90)]
    await await_for(lambda: statuses(flood) == {503: 90 - ROOM // MIB}, that="what has no room is refused")
    form = endpoint.post(LITTLE, "198.51.100.7")
    await await_for(lambda: endpoint.held["198.51.100.7"] == LITTLE, that="a short body is read")
    endpoint.may_end.set()
    assert (await form)["status"] == 200
    await asyncio.gather(*flood)


async def test_a_body_that_is_too_long_takes_no_room_when_it_is_refused(endpoint: Endpoint) -> None:
    endpoint.may_end.set()
    for _ in range(2 * ROOM_OF_ADDRESS // MIB):
        assert (await endpoint.post(BODY_LIMIT + 1, "203.0.113.5"))["status"] == 413
    assert (await endpoint.post(BODY_LIMIT, "203.0.113.5"))["status"] == 200
