"""What clients send without wanting an answer, taken by the apps that know it, in their ``rpc.py``.

    class PageLeft(msgspec.Struct):
        page: str
        seconds: int

    @receives("shop.page_left")
    def page_left(call: Call, message: PageLeft) -> None:
        actions.note_visit(user=call.user, page=message.page, seconds=message.seconds)

A client sends ``{"type": "shop.page_left", "page": "…", "seconds": 7}``. A plain function runs in a database thread,
an async one on the event loop; what one connection sends is taken in order, one after the other. The client never
learns what became of it: whatever somebody waits for is a method of :mod:`hub.session.methods`.
"""

from collections.abc import Callable

import msgspec

from hub.access.reasons import Error, Failed
from hub.session.client_info import Json
from hub.session.methods import M, RegisteredMethod, RpcCall


class _Typed(msgspec.Struct):
    type: str


_typed = msgspec.json.Decoder(_Typed)
_receivers: dict[str, RegisteredMethod] = {}


def receivers() -> dict[str, RegisteredMethod]:
    """All functions that take something, by the ``type`` of what they take."""
    return {name: _receivers[name] for name in sorted(_receivers)}


def receives(name: str) -> Callable[[M], M]:
    """Register a function that takes what clients send with the type ``name``; its second parameter's type says what
    they may send.

    Raises:
        ValueError: another function takes this.
    """

    def decorate(function: M) -> M:
        known = _receivers.setdefault(name, RegisteredMethod(function))
        if known.method is not function:
            raise ValueError(f"What clients send as {name!r} is taken twice.")
        return function

    return decorate


async def take(call: RpcCall, data: Json) -> None:
    """Hand on what a client sent.

    Raises:
        Failed: no app takes such, or it is not of its kind. Nothing was called.
        Refused: by the function.
    """
    try:
        receiver = _receivers.get(_typed.decode(data or b"").type)
        if receiver is None:
            raise Failed(Error.METHOD_NOT_FOUND)
        message = receiver.decoder.decode(data or b"")
    except (msgspec.MsgspecError, RecursionError):
        raise Failed(Error.BAD_REQUEST) from None
    await receiver.call(call, message)
