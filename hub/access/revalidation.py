"""Rights that end reach the sockets that are open: at once by an order, and by a look at every socket in turn.

An order (:mod:`hub.access.control`) says whose rights may have changed, never what they are: the database is asked.
What no order tells of, such as a session that expires or a row that was changed by hand, is found by the look at all
sockets, which takes ``HUB_RECHECK_INTERVAL`` for one round, in small pieces. Aliases of channels
(:mod:`hub.channels.aliases`) are read again on the same occasions.
"""

import asyncio
from collections.abc import Collection, Iterable, Sequence

import msgspec
import structlog
from django.contrib.auth.models import AnonymousUser
from django.db import Error as DatabaseFault

from hub.access import control, credentials
from hub.access.control import Revalidate
from hub.access.registry import OpenSocket
from hub.access.registry import current as registry
from hub.concurrency.cancellation import is_wanted
from hub.concurrency.faults import described
from hub.concurrency.per_loop import PerLoop
from hub.config import hub_settings
from hub.fanout import relay
from hub.fanout.frames import FrameBatch
from hub.fanout.local_channel import ProcessSubscriber
from hub.streams import Envelope

log = structlog.get_logger(__name__)

#: Sockets that are looked at together: one query for each kind of credential, and not long a busy event loop.
PIECE = 100

#: An order that names nobody is about everybody.
EVERYBODY = Revalidate()

#: Seconds for which an order is remembered: somebody may be coming in with what was read before it.
REMEMBERED = 60.0

#: Seconds before an order that could not be carried out, because the database did not answer, is tried again.
RETRY = 2.0


class Revalidation(ProcessSubscriber):
    """Follows the orders and looks at the sockets of this process. Lives on one event loop; see :func:`current`."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        #: Orders to look again, by when they came.
        self._changed: dict[Revalidate, float] = {}
        #: Those of them that name a channel: few, and each has to be compared with what a newcomer follows.
        self._changed_channels: list[Revalidate] = []
        self._waiting: set[Revalidate] = set()
        #: Sockets that could not be held to anything when they were looked at, to be looked at again.
        self._failed: set[OpenSocket] = set()
        self._work = asyncio.Event()
        self._tasks = [
            self.loop.create_task(run()) for run in (self._follow, self._recheck_changed, self._recheck_all_for_ever)
        ]

    def admitted(self, socket: OpenSocket) -> None:
        """Put a socket into the registry; if its user's rights changed while it was coming in, look again."""
        registry().add(socket)
        if (change := Revalidate(user=socket.user.pk or 0)) in self._changed:
            self._look_again(change)
        for change in self._changed_channels:
            if socket.follows(change.channel):
                self._look_again(change)

    async def close(self) -> None:
        """Stop following and looking."""
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks, timeout=hub_settings().redis_timeout)

    # --- orders: hub.fanout.local_channel.Subscriber -----------------------------------------------------------------

    async def _follow(self) -> None:
        while is_wanted():
            try:
                subscription = await relay.current().subscribe(control.CHANNEL, self, _text)
            except DatabaseFault as error:
                log.warning("orders_not_followed", error=type(error).__name__)
                await asyncio.sleep(RETRY)
            else:
                subscription.release()
                return

    def write(self, block: FrameBatch) -> None:
        """Take orders from the relay."""
        for text in block.texts:
            try:
                order = control.read(text)
            except msgspec.MsgspecError:
                log.warning("unknown_order")
                continue
            if isinstance(order, Revalidate):
                self._changed[order] = self.loop.time()
                if order.channel:
                    self._changed_channels.append(order)
                self._look_again(order)
            else:
                for socket in registry().addressed(order.user, order.client):
                    socket.obey(order)

    def restart(self) -> None:
        """Orders were lost: everybody is looked at again."""
        self._look_again(EVERYBODY)

    # --- looking again ----------------------------------------------------------------------------------------------

    def _look_again(self, change: Revalidate) -> None:
        self._waiting.add(change)
        self._work.set()

    async def _recheck_changed(self) -> None:
        while is_wanted():
            await self._work.wait()
            self._work.clear()
            too_old = self.loop.time() - REMEMBERED
            self._changed = {change: at for change, at in self._changed.items() if at > too_old}
            self._changed_channels = [change for change in self._changed if change.channel]
            changes, self._waiting = self._waiting, set()
            failed, self._failed = self._failed, set()
            channels = {change.channel for change in changes if change.channel}
            await _refresh_aliases(None if EVERYBODY in changes else channels)
            concerned = (socket for change in changes for socket in _concerned(change))
            again = (socket for socket in failed if socket in registry())
            sockets = list(dict.fromkeys((*concerned, *again)))
            for piece in _pieces(sockets):
                self._failed |= await revalidate(piece)
            if self._failed:
                # Those alone, and later: whoever is looked at next must not wait for them.
                self.loop.call_later(RETRY, self._work.set)

    async def _recheck_all_for_ever(self) -> None:
        while is_wanted():
            pieces = list(_pieces(list(registry())))
            await _refresh_aliases(None)
            for piece in pieces:
                await revalidate(socket for socket in piece if socket in registry())
                await asyncio.sleep(hub_settings().recheck_interval / len(pieces))
            if not pieces:
                await asyncio.sleep(hub_settings().recheck_interval)


async def _refresh_aliases(channels: Collection[str] | None) -> None:
    """:meth:`hub.fanout.relay.Relay.refresh_aliases`; a database that cannot be asked is asked in the next round."""
    try:
        await relay.current().refresh_aliases(channels)
    except Exception as error:  # noqa: BLE001  # whatever it was, those who look must not end with it
        log.warning("aliases_not_refreshed", error=type(error).__name__)


def _concerned(change: Revalidate) -> Iterable[OpenSocket]:
    if change == EVERYBODY:
        return registry()
    if change.channel:
        return [socket for socket in registry() if socket.follows(change.channel)]
    return registry().of_user(change.user)


async def revalidate(sockets: Iterable[OpenSocket]) -> set[OpenSocket]:
    """Hold ``sockets`` to what the database says of their users now; returns those where it could not be asked.

    One that cannot be asked about keeps none of the others from being held.
    """
    sockets = list(sockets)
    results = await asyncio.gather(*map(_hold, sockets), return_exceptions=True)
    failed = {socket: error for socket, error in zip(sockets, results, strict=True) if isinstance(error, Exception)}
    if failed:
        log.warning("recheck_failed", sockets=len(failed), **described(next(iter(failed.values()))))
    return set(failed)


async def _hold(socket: OpenSocket) -> None:
    # Those of a piece ask at the same time, so that they are looked up together.
    whose = await credentials.whose(socket.credential) if socket.credential else AnonymousUser()
    await socket.recheck(None if isinstance(whose, credentials.Invalid) else whose)


def _pieces(sockets: Sequence[OpenSocket]) -> Iterable[Sequence[OpenSocket]]:
    return (sockets[start : start + PIECE] for start in range(0, len(sockets), PIECE))


def _text(item: Envelope) -> str:
    return item.data


#: The one of the running event loop.
current = PerLoop(Revalidation)
