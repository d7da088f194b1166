"""Carrying out a call: from the bytes that came to the bytes that go, for one method and for ``batch``."""

import contextlib
from collections.abc import Awaitable, Callable, Iterator
from typing import Annotated, Any, TypeVar

import msgspec
from django.db import Error as DatabaseFault
from msgspec import Meta

from hub.api.errors import DETAIL_LIMIT, ApiError, Code
from hub.api.keys import Caller
from hub.api.method import ApiCall, Method, method_named
from hub.concurrency.faults import cause, may_be_done
from hub.logs import get_logger
from hub.logs.rare_log import RareLog
from hub.ops import metrics

_rare_log = RareLog(get_logger(__name__))

T = TypeVar("T")

#: Calls of one batch.
BATCH_LIMIT = 1000

#: Bytes of the replies to a batch: once there are so many, the calls that are left are not carried out.
REPLIES_LIMIT = 4 * 1024 * 1024


class BatchRequest(msgspec.Struct):
    """Several calls, carried out one after the other; one that fails does not stop the next."""

    commands: Annotated[
        list[dict[str, msgspec.Raw]],
        Meta(description=f'At most {BATCH_LIMIT}, each an object like `{{"publish": {{…}}}}`.'),
    ]


class BatchReply(msgspec.Struct):
    """One reply for each command: ``{"publish": {…}}`` with its result, or ``{"error": {…}}``."""

    replies: list[dict[str, Any]]


class Command(msgspec.Struct):
    """A call in the protocol's older form, in which every call goes to one URL and names its method."""

    method: str = ""
    params: msgspec.Raw = msgspec.Raw(b"{}")


_commands = msgspec.json.Decoder(Command)


#: Told of a refused call: the method, the number of the key, and the error. Raises nothing, and does not take long.
Listener = Callable[[str, int, str], Awaitable[None]]

_told_of_refused: list[Listener] = []


def on_refused(listener: Listener) -> None:
    """Have ``listener`` told of calls that are refused. Called once, while apps get ready."""
    if listener not in _told_of_refused:
        _told_of_refused.append(listener)


async def call(method: Method[Any], body: bytes | msgspec.Raw, caller: Caller) -> msgspec.Raw:
    """The ``result`` of one call, as JSON.

    Raises:
        ApiError: the reply is an error. Whatever else goes wrong is logged and becomes ``INTERNAL``.
    """
    try:
        caller.require(method.name)
        await caller.count()
        found = await method.run(ApiCall(decoded(body or b"{}", method.request), caller))
        # Here, where an error is that of this call: apps have methods, and say what is exported of a person.
        result = msgspec.Raw(msgspec.json.encode(found))
    except ApiError as refused:
        metrics.API_CALLS.labels(method.name, str(refused.error.code)).inc()
        for listener in _told_of_refused:
            await listener(method.name, caller.pk, refused.error.message)
        raise
    except Exception as error:
        kind = f"{method.name} {cause(error)}"
        if isinstance(error, DatabaseFault):
            name = type(error).__name__
            _rare_log.warning("api_call_failed", kind=kind, method=method.name, key=caller.pk, error=name)
        else:
            _rare_log.error("api_call_failed", kind=kind, method=method.name, key=caller.pk, exc_info=error)
        metrics.API_CALLS.labels(method.name, str(int(Code.INTERNAL))).inc()
        raise ApiError(Code.INTERNAL, "it may have been carried out" if may_be_done(error) else "") from error
    metrics.API_CALLS.labels(method.name, "0").inc()
    return result


async def batch(body: bytes, caller: Caller) -> BatchReply:
    """The replies to all commands of a batch, in their order.

    Raises:
        ApiError: it cannot be read, or has too many commands; nothing was carried out.
    """
    commands = decoded(body, BatchRequest).commands
    if len(commands) > BATCH_LIMIT:
        raise ApiError(Code.LIMIT_EXCEEDED, f"a batch has {BATCH_LIMIT} commands at most")
    replies = _Replies()
    for command in commands:
        replies.add({"error": _FULL.error} if replies.are_full else await _reply(command, caller))
    return BatchReply(replies.all)


class _Replies:
    """The replies to several calls. They are encoded one by one, because that tells how long they are."""

    def __init__(self) -> None:
        self.all: list[dict[str, Any]] = []
        self._bytes = 0

    @property
    def are_full(self) -> bool:
        return self._bytes >= REPLIES_LIMIT

    def add(self, reply: dict[str, Any]) -> None:
        encoded = {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in reply.items()}
        self._bytes += sum(len(bytes(value)) for value in encoded.values())
        self.all.append(encoded)


#: What the calls are answered with that come when the replies are full.
_FULL = ApiError(
    Code.LIMIT_EXCEEDED,
    f"the replies of this batch have {REPLIES_LIMIT >> 20} MiB, so this command was not carried out: send it again",
)


async def _reply(command: dict[str, msgspec.Raw], caller: Caller) -> dict[str, Any]:
    # Some libraries send all methods in each command, and null for those that are not meant.
    meant = {name: body for name, body in command.items() if bytes(body) != b"null"}
    name, body = next(iter(meant.items())) if len(meant) == 1 else ("", msgspec.Raw())
    method = method_named(name)
    if method is None:
        return {"error": ApiError(Code.METHOD_NOT_FOUND).error}
    try:
        return {name: await call(_for_batches(method), body, caller)}
    except ApiError as refused:
        return {"error": refused.error}


def _for_batches(method: Method[Any]) -> Method[Any]:
    if method.is_long:
        raise ApiError(Code.BAD_REQUEST, f"{method.name} is called by itself: post the request to /api/{method.name}")
    return method


async def commands(body: bytes, caller: Caller) -> list[dict[str, Any]]:
    """The replies to all calls in the older form, one object in a line each, in their order.

    Raises:
        ApiError: they cannot be read, or are too many; nothing was carried out.
    """
    with _readable():
        found = _commands.decode_lines(body)
    if len(found) > BATCH_LIMIT:
        raise ApiError(Code.LIMIT_EXCEEDED, f"a request has {BATCH_LIMIT} commands at most")
    replies = _Replies()
    for command in found or [Command()]:
        replies.add({"error": _FULL.error} if replies.are_full else await _reply_to(command, caller))
    return replies.all


async def _reply_to(command: Command, caller: Caller) -> dict[str, Any]:
    method = method_named(command.method)
    if method is None:
        hint = 'post the params to /api/<method>, or {"method": …, "params": {…}} to /api'
        return {"error": ApiError(Code.METHOD_NOT_FOUND, hint).error}
    try:
        return {"result": await call(_for_batches(method), command.params, caller)}
    except ApiError as refused:
        return {"error": refused.error}


def decoded(body: bytes | msgspec.Raw, request: type[T]) -> T:
    """The request in ``body``.

    Raises:
        ApiError: it is not JSON, or not of this kind.
    """
    with _readable():
        return msgspec.json.decode(body, type=request)


@contextlib.contextmanager
def _readable() -> Iterator[None]:
    """Raise ``ApiError`` for what cannot be decoded."""
    try:
        yield
    except msgspec.ValidationError as error:
        raise ApiError(Code.BAD_REQUEST, str(error)[:DETAIL_LIMIT]) from None
    except (ValueError, RecursionError):
        raise ApiError(Code.BAD_REQUEST, "this is not JSON") from None
