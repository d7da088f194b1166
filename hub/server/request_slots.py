"""How many requests Django has under way: each takes a thread, and the thread a connection to the database.

Without a bound two hundred requests at once are two hundred connections, which PostgreSQL refuses. Here so many are
under way as there are slots; the others wait shortly, then they are told when to come back. A slot's thread stays, and
with it its connection, so that no request pays for a new one. One address gets half of everything at most, so that
whoever asks faster than the process answers is the one who waits.
"""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from typing import Any

import msgspec
from asgiref.sync import ThreadSensitiveContext
from django.http import parse_cookie
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext as _

from hub import limits
from hub.access.operators import is_operators
from hub.access.visitor import language_of
from hub.concurrency.node import Part
from hub.config import hub_settings
from hub.database import threads
from hub.limits.connections import counted_address
from hub.ops import gauges
from hub.server.request import DROP
from hub.server.short_answers import respond

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

#: Requests that may wait for each slot. More would be answered too late to be of use.
WAITING = 10

#: Slots for those who ask whether this process is well: operators wait for nobody else, and others, whom anybody can
#: crowd out, only for each other.
OPERATOR_SLOTS = 4
OPERATOR_PATHS = frozenset({"/health/live", "/health/ready", "/metrics"})

#: Seconds that a client may take for a piece of a long answer while its request has a slot.
TAKE_TIMEOUT = 20.0


class _Share:
    """What one address has of the slots."""

    def __init__(self, number: int) -> None:
        self.free = asyncio.Semaphore(number)
        self.waiting = self.inside = 0


class _Slots:
    """The slots of one kind. Lives on one event loop."""

    def __init__(self, number: int) -> None:
        self.loop = asyncio.get_running_loop()
        self._number = number
        self._free = asyncio.Semaphore(number)
        self._shares: dict[str, _Share] = {}
        self.waiting = 0

    async def enter(self, address: str | None) -> bool:
        """Take a slot for a client of ``address``, None where that is not counted; False where none becomes free in
        time. Each True needs a :meth:`leave` with the same address."""
        most = WAITING * self._number
        share = self._share_of(address)
        if self.waiting >= most or (share is not None and share.waiting >= (most + 1) // 2):
            return False
        self.waiting += 1
        if share is not None:
            share.waiting += 1
            share.inside += 1
        has_entered = False
        try:
            async with asyncio.timeout(hub_settings().request_wait):
                await self._acquire(share)
            has_entered = True
        except TimeoutError:
            pass
        finally:
            self.waiting -= 1
            if share is not None:
                share.waiting -= 1
            if not has_entered:
                self._forget(address)
        return has_entered

    def leave(self, address: str | None) -> None:
        """Give it back."""
        self._free.release()
        if address is not None:
            self._shares[address].free.release()
        self._forget(address)

    def _share_of(self, address: str | None) -> _Share | None:
        if address is None:
            return None
        return self._shares.setdefault(address, _Share((self._number + 1) // 2))

    async def _acquire(self, share: _Share | None) -> None:
        # Those of one address wait for each other first: few of them stand in the way of others.
        if share is None:
            await self._free.acquire()
            return
        await share.free.acquire()
        try:
            await self._free.acquire()
        except BaseException:  # that it is cancelled, above all
            share.free.release()
            raise

    def _forget(self, address: str | None) -> None:
        if address is None:
            return
        share = self._shares[address]
        share.inside -= 1
        if not share.inside:
            del self._shares[address]


def _slots() -> _Slots:
    return _Slots(hub_settings().requests)


def _operator_slots() -> _Slots:
    return _Slots(OPERATOR_SLOTS)


_of_everybody, _of_operators, _of_onlookers = Part(_slots), Part(_operator_slots), Part(_operator_slots)


def _waiting() -> int:
    return _of_everybody.made.waiting if _of_everybody.made is not None else 0


gauges.queue("requests", _waiting)


class BoundedRequests:
    """An ASGI application for HTTP: ``application``, for ``HUB_REQUESTS`` requests at a time.

    A request has a slot from when all of its body has come until all of its answer, or all but the last piece, is with
    the server: neither a client that sends slowly nor one that reads slowly keeps others out.
    """

    def __init__(self, application: Any) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await _body(receive)
        if body is None:
            return  # the client is gone
        slots, address = _slots_for(scope), counted_address(scope.get("client"))
        if not await slots.enter(address):
            limits.count_refusal("requests")
            await _refuse(scope, send)
            return
        thread = threads.borrow()
        try:
            last = await self._answer(scope, body, receive, send, thread)
        finally:
            threads.give_back(thread)
            slots.leave(address)
        if last is not None:
            await send(last)

    async def _answer(
        self, scope: Scope, body: bytes, receive: Receive, send: Send, thread: Executor
    ) -> dict[str, Any] | None:
        """Have the request answered; returns the last piece of the answer, which is still to be sent."""
        last: dict[str, Any] | None = None
        has_body = True

        async def receive_again() -> dict[str, Any]:
            nonlocal has_body
            if has_body:
                has_body = False
                return {"type": "http.request", "body": body, "more_body": False}
            return await receive()

        async def send_all_but_the_last(event: dict[str, Any]) -> None:
            nonlocal last
            if event["type"] == "http.response.body" and not event.get("more_body"):
                last = event
                return
            try:
                async with asyncio.timeout(TAKE_TIMEOUT):
                    await send(event)
            except TimeoutError:
                if connection := scope.get("extensions", {}).get(DROP, {}).get("connection"):
                    connection.abort()

        async with ThreadSensitiveContext(executor=thread):
            await self._application(scope, receive_again, send_all_but_the_last)
        return last


def _slots_for(scope: Scope) -> _Slots:
    if scope["path"].removeprefix(scope.get("root_path", "")) not in OPERATOR_PATHS:
        return _of_everybody()
    return _of_operators() if is_operators(scope) else _of_onlookers()


async def _body(receive: Receive) -> bytes | None:
    """All of a request's body; None where the client went away before."""
    parts = []
    while True:
        event = await receive()
        if event["type"] == "http.disconnect":
            return None
        parts.append(event.get("body", b""))
        if not event.get("more_body"):
            return b"".join(parts)


async def _refuse(scope: Scope, send: Send) -> None:
    headers = dict(scope["headers"])
    cookies = parse_cookie(headers.get(b"cookie", b"").decode("latin-1"))
    with translation.override(language_of(cookies, headers.get(b"accept-language", b""))):
        sentence = _("The hub is busy at the moment. Please try again in a few seconds.")
        if b"text/html" in headers.get(b"accept", b""):
            kind, body = b"text/html; charset=utf-8", render_to_string("hub/503.html", {"sentence": sentence}).encode()
        else:
            kind = b"application/json"
            body = msgspec.json.encode({"error": {"code": 503, "message": sentence}})
    retry_after = max(1, round(hub_settings().request_wait))
    no_store = [(b"cache-control", b"no-store")]
    await respond(send, 503, body, retry_after, content_type=kind, headers=no_store)
