"""A session of the client connection without a network: what a test says to it, and what it says."""

import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

from django.contrib.auth.models import AnonymousUser

from hub.access import credentials
from hub.access.authentication import Authenticated
from hub.concurrency import node
from hub.endpoints.centrifuge.client import Client
from hub.fanout.frames import FrameBatch
from hub.limits.connections import Counted
from hub.users import user_id, written_key
from lab.harness.waiting import await_for
from tests.support.people import User

CONNECT = '{"id":1,"connect":{}}'


class Wire:
    """A transport that keeps what is written."""

    emulated = False
    raw = None

    def __init__(self, user: User | None = None, address: str = "") -> None:
        self.lines: list[dict[str, Any]] = []
        self.closed: int | None = None
        who = user or AnonymousUser()
        credential = credentials.of_user(user_id(user)) if user is not None else ""
        self.counted = Counted(None, written_key(who))
        self.client = Client(self, Authenticated(who, credential, "", "en", address), self.counted)

    def write(self, block: FrameBatch) -> None:
        self.lines += [json.loads(line) for text in block.texts for line in text.split("\n")]

    async def answer(self, text: str, who: object) -> None:
        self.write(FrameBatch([text]))

    def close(self, code: int, reason: str) -> None:
        self.closed = code

    async def disconnected(self) -> None:
        """The connection is over."""
        self.counted.leave()
        await self.client.leave()

    async def settled(self) -> None:
        """The client has carried out what it began by itself."""
        await await_for(lambda: not self.client._tasks, that="the client has nothing to do")

    async def leaving(self) -> None:
        """The client has begun to leave."""
        await await_for(self.client._is_over, that="the client leaves")

    @property
    def pushes(self) -> list[dict[str, Any]]:
        """Everything that the hub said by itself, but pings."""
        return [line["push"] for line in self.lines if "push" in line]

    async def ask(self, number: int = 2, **request: Any) -> dict[str, Any]:
        """Send one command; returns its answer."""
        await self.client.receive(json.dumps({"id": number, **request}))
        answers = [line for line in self.lines if line.get("id") == number]
        assert answers, f"No answer to {request}; closed with {self.closed}, and said {self.lines}"
        return answers[-1]

    async def pushed(self, kind: str, number: int = 1) -> dict[str, Any]:
        """The ``number``-th push of a kind."""
        found: list[dict[str, Any]] = await await_for(
            lambda: len(kept := [push for push in self.pushes if kind in push]) >= number and kept, that=f"a {kind}"
        )
        return found[number - 1]


@contextlib.asynccontextmanager
async def wired(user: User | None = None, address: str = "") -> AsyncIterator[Wire]:
    """A client that has connected from ``address``, as a user or as a guest."""
    wire = Wire(user, address)
    try:
        await wire.client.receive(CONNECT)
        yield wire
    finally:
        await wire.disconnected()


async def played(*said: str | bytes) -> Wire:
    """What a guest gets that says this; everything ends with it."""
    wire = Wire()
    try:
        for frame in said:
            await wire.client.receive(frame)
    finally:
        await wire.disconnected()
        await node.close()
    return wire
