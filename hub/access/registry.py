"""The open sockets of this web process, by user: for whoever has to reach or to count them."""

import asyncio
from collections.abc import Iterable, Iterator
from typing import Protocol

from django.contrib.auth.models import AnonymousUser, User

from hub.access.control import ControlMessage


class OpenSocket(Protocol):
    """What a door, or a session of the hub socket, lets others do with it."""

    #: Who is at the other end, as the database had them when they came or were last looked at.
    user: User | AnonymousUser
    #: How they said so, in the form of :mod:`hub.access.credentials`; empty for a guest.
    credential: str

    @property
    def client(self) -> str:
        """The id of this connection, unlike that of any other."""

    def follows(self, channel: str) -> bool:
        """Whether the socket receives what is published in ``channel``."""

    def obey(self, order: ControlMessage) -> None:
        """Carry out an order that is for this socket. Must not block or raise."""

    async def recheck(self, user: User | AnonymousUser | None) -> None:
        """Hold the socket to what its user may do now.

        ``user`` is as the database has them; None where the credential is no longer valid, and the socket must end.
        """

    def stop(self) -> None:
        """This server stops: end with a code that tells the client to come back; nobody has left. Must not block."""


class Registry:
    """A socket is in it from its admission to its end."""

    def __init__(self) -> None:
        self._sockets: dict[OpenSocket, None] = {}
        #: Most people have one socket: it stands here without a container of its own.
        self._of_users: dict[int, OpenSocket | tuple[OpenSocket, ...]] = {}
        #: Whether the server stops. Who still comes, over a connection that was open before, is stopped at once.
        self.is_closing = False

    def add(self, socket: OpenSocket) -> None:
        """The socket has been admitted."""
        if self.is_closing:
            asyncio.get_running_loop().call_soon(socket.stop)
        self._sockets[socket] = None
        if socket.user.pk is not None:
            others = self.of_user(socket.user.pk)
            self._of_users[socket.user.pk] = (*others, socket) if others else socket

    def remove(self, socket: OpenSocket) -> None:
        """The socket has ended; harmless when it was not there."""
        if socket not in self._sockets:
            return
        del self._sockets[socket]
        if socket.user.pk is not None:
            others = tuple(other for other in self.of_user(socket.user.pk) if other is not socket)
            if others:
                self._of_users[socket.user.pk] = others if len(others) > 1 else others[0]
            else:
                del self._of_users[socket.user.pk]

    def of_user(self, user_id: int) -> tuple[OpenSocket, ...]:
        """The sockets of one user."""
        found = self._of_users.get(user_id, ())
        return found if isinstance(found, tuple) else (found,)

    def addressed(self, user: str, client: str) -> Iterable[OpenSocket]:
        """The sockets that an order names: those of ``user`` (an id in digits, empty for guests), or one of them."""
        if user:
            found: Iterable[OpenSocket] = self.of_user(int(user)) if user.isascii() and user.isdigit() else ()
        else:
            found = [socket for socket in self._sockets if socket.user.pk is None] if client else ()
        return [socket for socket in found if client in ("", socket.client)]

    def __iter__(self) -> Iterator[OpenSocket]:
        return iter(list(self._sockets))

    def __len__(self) -> int:
        return len(self._sockets)


_registry = Registry()


def current() -> Registry:
    """The registry of this process."""
    return _registry
