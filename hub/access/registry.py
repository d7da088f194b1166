"""The open connections of this web process, by user."""

import asyncio
from collections.abc import Iterable, Iterator
from typing import Protocol

from hub.access.control import ControlMessage
from hub.concurrency.node import Part
from hub.config import hub_settings
from hub.users import Key, Visitor, Written, ids_are_keys, key_of_id, user_id, written, written_key


class OpenSocket(Protocol):
    """One open connection: of a simple endpoint, an event stream, or a client connection."""

    #: The user, as the database had it at authentication or at the last revalidation.
    user: Visitor
    #: The credential, in the form of :mod:`hub.access.credentials`; empty for a guest.
    credential: str

    @property
    def client(self) -> str:
        """The unique id of this connection."""

    def receives(self, channel: str) -> bool:
        """Whether the connection is subscribed to ``channel``."""

    def handle(self, message: ControlMessage) -> None:
        """Handle a control message for this connection. Must not block or raise."""

    async def revalidate(self, user: Visitor | None) -> None:
        """Check the permissions of the connection again, and end what is no longer permitted.

        ``user`` comes fresh from the database; None means that the credential is no longer valid: the connection ends.
        """

    def stop(self) -> None:
        """This server stops: close with a code that tells the client to reconnect. Presence keeps the user.

        Must not block.
        """


class Registry:
    """Holds each connection from its authentication to its end."""

    def __init__(self) -> None:
        self._sockets: dict[OpenSocket, None] = {}
        #: Most users have one connection: it is stored without a container.
        self._of_users: dict[Written, OpenSocket | tuple[OpenSocket, ...]] = {}
        #: Of connected users whose ids do not tell their keys: these by ids, and ids by keys.
        self._keys: dict[str, Written] = {}
        self._ids: dict[Written, str] = {}
        #: Whether the server stops. Connections that are added from then on are stopped at once.
        self.is_closing = False

    def add(self, socket: OpenSocket) -> None:
        """Add a connection that has been authenticated."""
        if self.is_closing:
            asyncio.get_running_loop().call_soon(socket.stop)
        self._sockets[socket] = None
        key = written_key(socket.user)
        if key is not None:
            others = self._of(key)
            self._of_users[key] = (*others, socket) if others else socket
            if not others:
                self._index(socket.user, key)

    def remove(self, socket: OpenSocket) -> None:
        """Remove a connection that has ended; does nothing if it is not there."""
        if socket not in self._sockets:
            return
        del self._sockets[socket]
        key = written_key(socket.user)
        if key is None:
            return
        others = tuple(other for other in self._of(key) if other is not socket)
        if others:
            self._of_users[key] = others if len(others) > 1 else others[0]
        else:
            del self._of_users[key]
            self._keys.pop(self._ids.pop(key, ""), None)

    def of_user(self, key: Key) -> tuple[OpenSocket, ...]:
        """The connections of the user with this key."""
        return self._of(written(key))

    def _of(self, key: Written) -> tuple[OpenSocket, ...]:
        found = self._of_users.get(key, ())
        return found if isinstance(found, tuple) else (found,)

    def addressed(self, user: str, client: str) -> Iterable[OpenSocket]:
        """The connections that a control message addresses: of ``user`` (an id; empty for guests), or one of them.

        The id is the one that the person had when the first of these connections was made.
        """
        found: Iterable[OpenSocket]
        if user:
            key = self._keys.get(user)
            if key is None and (told := key_of_id(user)) is not None:
                key = written(told)
            found = () if key is None or self._ids.get(key, user) != user else self._of(key)
        else:
            found = [socket for socket in self._sockets if socket.user.pk is None] if client else ()
        return [socket for socket in found if client in ("", socket.client)]

    def _index(self, user: Visitor, key: Written) -> None:
        if ids_are_keys():
            return
        outside = user_id(user)
        if hub_settings().user_id or outside != str(key):
            self._keys[outside] = key
            self._ids[key] = outside

    def __contains__(self, socket: object) -> bool:
        return socket in self._sockets

    def __iter__(self) -> Iterator[OpenSocket]:
        return iter(list(self._sockets))

    def __len__(self) -> int:
        return len(self._sockets)


#: The registry of the running event loop.
current = Part(Registry)
