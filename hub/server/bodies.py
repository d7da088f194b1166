"""Bounds on what requests may bring: the hub reads the body of every request to its end before it looks at it."""

from collections import Counter
from typing import Any

from hub import limits
from hub.limits.connections import BODY_LIMIT, counted_address
from hub.server.short_answers import respond

#: Bytes of a body that always find room, as those of forms do.
LITTLE = 64 * 1024

#: Bytes of longer bodies that a process holds at once, and how much of that may be of one address.
ROOM = 64 * 1024 * 1024
ROOM_OF_ADDRESS = ROOM // 4

#: Seconds after which it is worth another try.
RETRY_AFTER = 5


class _Refused(Exception):
    def __init__(self, status: int, sentence: str, retry_after: int = 0) -> None:
        self.status, self.sentence, self.retry_after = status, sentence, retry_after


class BoundedBodies:
    """An ASGI application for HTTP: ``application``, with bounds on bodies, however they come.

    413 for one over :data:`BODY_LIMIT`, and 503 where longer ones of others take all the room, so that nobody fills
    the memory of the process with requests that never end.
    """

    def __init__(self, application: Any) -> None:
        self._application = application
        self._held = 0
        self._held_of: Counter[str] = Counter()

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        size, held, has_answered = 0, 0, False
        address = counted_address(scope.get("client"))

        async def bounded_receive() -> Any:
            nonlocal size, held
            event = await receive()
            size += len(event.get("body", b""))
            if size > BODY_LIMIT:
                raise _too_big()
            if size > LITTLE:
                self._hold(size - held, address)
                held = size
            return event

        async def noted_send(event: Any) -> None:
            nonlocal has_answered
            has_answered = True
            await send(event)

        try:
            if _announced(scope) > BODY_LIMIT:
                raise _too_big()
            await self._application(scope, bounded_receive, noted_send)
        except _Refused as refused:
            if not has_answered:
                await _answer(refused, send)
        finally:
            self._let_go(held, address)

    def _hold(self, size: int, address: str | None) -> None:
        if self._held + size > ROOM or (address is not None and self._held_of[address] + size > ROOM_OF_ADDRESS):
            limits.count_refusal("bodies")
            sentence = "The hub reads too many long requests at the moment. Please try again in a few seconds."
            raise _Refused(503, sentence, RETRY_AFTER)
        self._held += size
        if address is not None:
            self._held_of[address] += size

    def _let_go(self, size: int, address: str | None) -> None:
        self._held -= size
        if address is not None:
            self._held_of[address] -= size
            if not self._held_of[address]:
                del self._held_of[address]


def _too_big() -> _Refused:
    return _Refused(413, f"A request has {BODY_LIMIT} bytes at most.")


def _announced(scope: dict[str, Any]) -> int:
    values = [value for name, value in scope["headers"] if name == b"content-length"]
    return max((int(value) for value in values if value.isdigit()), default=0)


async def _answer(refused: _Refused, send: Any) -> None:
    # The connection cannot be used again: what is left of the body would be taken for the next request.
    headers = [(b"connection", b"close")]
    await respond(send, refused.status, f"{refused.sentence}\n", refused.retry_after, headers=headers)
