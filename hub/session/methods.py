"""RPC methods of client connections. The apps that own them register them in their ``rpc.py``.

    class MarkRead(msgspec.Struct):
        id: int

    @rpc("alerts.mark_read")
    def mark_read(call: RpcCall, params: MarkRead) -> dict[str, int]:
        return {"unread": actions.mark_read(user=call.user, alert_id=params.id)}

A plain function runs in a database thread, an async one on the event loop. What it returns is the JSON of the answer.
"""

import inspect
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Any, TypeVar, get_type_hints

import msgspec
from django.utils import translation
from msgspec import UNSET, Raw

from hub.access.reasons import Error, Failed
from hub.database.threads import in_database_thread
from hub.session.client_info import Json
from hub.users import Visitor
from hub.validation.refused import Refused


@dataclass(frozen=True, slots=True)
class RpcCall:
    """The caller.

    Args:
        user: as the database had it at the last revalidation.
        client: the id of the connection.
        language: of texts for people.
        channels: the current subscriptions of this connection; none over plain HTTP.
        device: names the log-in or the token of this connection, so that others of the same can be told; no secret.
    """

    user: Visitor
    client: str
    language: str
    channels: Collection[str] = ()
    device: str = ""


#: Given the call and its parameters.
Method = Callable[[RpcCall, Any], Any]
M = TypeVar("M", bound=Method)


class RpcError(Refused):
    """A method failed; the client gets ``code``, 400 to 1999, and ``message``.

    ``temporary`` says that the client may retry by itself. ``retry_after`` is the seconds before which the same call
    is refused again; 0 if waiting does not help. What several methods refuse is a subclass of ``Refused``.
    """

    def __init__(self, code: int, message: str, *, temporary: bool = False, retry_after: int = 0) -> None:
        super().__init__(message, code=code, temporary=temporary, retry_after=retry_after)


class StreamPosition(msgspec.Struct):
    """Where a channel stands: subscribe from it, or read its history from there on."""

    epoch: str
    offset: int


class Nothing(msgspec.Struct):
    """The empty result: ``{}``."""


class RegisteredMethod:
    """A method with the types of its parameters and result."""

    def __init__(self, method: Method) -> None:
        self.method = method
        hints = get_type_hints(method)
        self.params: type[Any] = hints[list(inspect.signature(method).parameters)[1]]
        #: None if the method does not declare it.
        self.answer: type[Any] | None = hints.get("return")
        self.decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(self.params)
        self.is_async = inspect.iscoroutinefunction(method)

    async def call(self, call: RpcCall, params: Any) -> Any:
        """Call it, in the language of the caller. Raises what the method raises."""
        if self.is_async:
            with translation.override(call.language):
                found: Awaitable[Any] = self.method(call, params)
                return await found
        return await in_database_thread(self._call_in_thread, call, params)

    def _call_in_thread(self, call: RpcCall, params: Any) -> Any:
        # Threads that asgiref does not manage do not inherit Django's language.
        with translation.override(call.language):
            return self.method(call, params)


_methods: dict[str, RegisteredMethod] = {}


def methods() -> dict[str, RegisteredMethod]:
    """All methods by name."""
    return {name: _methods[name] for name in sorted(_methods)}


def rpc(name: str) -> Callable[[M], M]:
    """Register a function as the method ``name``; its second parameter's type says what clients may send.

    Raises:
        ValueError: another function has this name.
    """

    def decorate(method: M) -> M:
        known = _methods.setdefault(name, RegisteredMethod(method))
        if known.method is not method:
            raise ValueError(f"The RPC method {name!r} is registered twice.")
        return method

    return decorate


async def call(name: str, call_: RpcCall, data: Json) -> Json:
    """Call a method with the JSON of a client; returns the JSON of the result.

    Raises:
        Failed: the method does not exist, or the data does not match its parameters.
        Refused: from the method.
    """
    method = _methods.get(name)
    if method is None:
        raise Failed(Error.METHOD_NOT_FOUND)
    try:
        params = method.decoder.decode(data or b"{}")
    except (msgspec.MsgspecError, RecursionError):
        raise Failed(Error.BAD_REQUEST) from None
    result = await method.call(call_, params)
    return UNSET if result is None else Raw(msgspec.json.encode(result))
