"""A method of the HTTP API: how it is declared, and what it needs of the key that calls it."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec

from hub.api.errors import ApiError, Code
from hub.api.keys import Caller
from hub.channels import Namespace, UnknownChannel, find

Request = TypeVar("Request", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True)
class ApiCall(Generic[Request]):
    """One call: what was asked, and by whom."""

    request: Request
    caller: Caller

    def channel(self, name: str) -> Namespace:
        """The namespace of a channel that the call names, if its key may name it.

        Raises:
            ApiError: no name, a channel that no client can ever subscribe to (``user:ada`` instead of the id, or the
                hub's own), or the key is not for it.
        """
        if not name:
            raise ApiError(Code.BAD_REQUEST, "channel is missing")
        try:
            namespace, _ = find(name)
        except UnknownChannel:
            raise ApiError(Code.UNKNOWN_CHANNEL) from None
        if not self.caller.scope.has_channel(name):
            raise ApiError(Code.PERMISSION_DENIED)
        return namespace

    def user(self, user: str) -> None:
        """Raise ``ApiError`` where the key is not for the person with this id: it has to be for ``user:<id>``.

        A guest has no id: for an empty one the key has to be for all channels.
        """
        if not self.caller.scope.has_user(user):
            raise ApiError(Code.PERMISSION_DENIED)

    def whole_hub(self) -> None:
        """Raise ``ApiError`` where the key is not for all channels: for what is about no channel and no person."""
        if not self.caller.scope.has_all():
            raise ApiError(Code.PERMISSION_DENIED)


@dataclass(frozen=True, slots=True)
class Method(Generic[Request]):
    """What ``POST /api/<name>`` does.

    Args:
        name: of the method; also what a key's scope names.
        request: the JSON that it takes. It refuses fields that it does not know; only the methods of the protocol that
            other servers have too ignore them, as these do.
        result: the JSON of its ``result``.
        run: does it, on the event loop, and returns the ``result``. Raises ``ApiError`` for an error reply,
            ``django.db.Error`` where the database did not do it.
        summary: one line for ``/api/docs``.
        example: a request for ``/api/docs``.
        also: another verb and name under which it is called, such as ``GET /api/users``: with ``GET`` the request is
            in the query string.
        is_long: it may take minutes, or have an answer of many megabytes: it is called by itself, in no batch.
    """

    name: str
    request: type[Request]
    result: Any
    run: Callable[[ApiCall[Request]], Awaitable[Any]]
    summary: str
    example: dict[str, Any]
    also: tuple[str, str] | None = None
    is_long: bool = False


@dataclass(frozen=True, slots=True)
class StreamOperation:
    """An event stream beside the methods, for the documents; the app that has it answers its URL by itself.

    Args:
        path: below ``/api/``, with the one parameter ``{id}``.
        name: of its operation in the document.
        needs: the method that a key has to be for.
        summary: one line for ``/api/docs``.
    """

    path: str
    name: str
    needs: str
    summary: str


_methods: dict[str, Method[Any]] = {}
_streams: dict[str, StreamOperation] = {}


def register(method: Method[Any]) -> None:
    """Make a method known: to the routes, to ``batch``, to the documents and to the scopes of keys.

    Called once, when the module that declares it is loaded, which ``hub.urls`` does.

    Raises:
        ValueError: another method has this name.
    """
    if _methods.setdefault(method.name, method) is not method:
        raise ValueError(f"The API method {method.name!r} is declared twice.")


def register_stream(stream: StreamOperation) -> None:
    """Have the documents tell of an event stream. Called once, as :func:`register`."""
    _streams[stream.path] = stream


def event_streams() -> Iterable[StreamOperation]:
    """All of them, in the order in which they were registered."""
    return _streams.values()


def method_named(name: str) -> Method[Any] | None:
    """The method of this name, if there is one."""
    return _methods.get(name)


def methods_by_verb(name: str) -> dict[str, Method[Any]]:
    """The methods of this name, by the verb of HTTP with which they are called."""
    found = {method.also[0]: method for method in _methods.values() if method.also and method.also[1] == name}
    return {"POST": _methods[name], **found} if name in _methods else found


def methods() -> Iterable[Method[Any]]:
    """All methods, in the order in which they were registered."""
    return _methods.values()
