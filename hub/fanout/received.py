"""How many connections were sent publications as they came, counted without holding up the event loop.

A local channel knows where each of its subscriptions began and how far it has sent. What has an offset in between went
to that connection as it came, so nothing has to be counted while something is sent.
"""

import asyncio
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from operator import attrgetter

from hub.fanout.local_channel import LocalChannel, ProcessSubscriber, Subscription

#: Subscriptions that are looked at before other tasks of the event loop run again.
TURN = 5000

_START = attrgetter("start.offset")

#: Publications, as channels and offsets.
Places = Sequence[tuple[str, int]]


class _Turns:
    """Lets others run after every :data:`TURN` subscriptions."""

    def __init__(self) -> None:
        self._looked_at = 0

    async def spend(self, number: int) -> None:
        self._looked_at += number + 10  # a channel costs more than one of its subscriptions
        if self._looked_at >= TURN:
            self._looked_at = 0
            await asyncio.sleep(0)


class _Clients:
    """The clients of one channel in the order in which they began, and how far the channel has sent."""

    __slots__ = ("_clients", "_last", "_starts", "ids")

    def __init__(self, began: Sequence[Subscription], last: int) -> None:
        self._last = last
        self._starts = [one.start.offset for one in began]
        #: Held, so that nobody else gets the id of one that goes while it is counted.
        self._clients = [one.subscriber for one in began]
        self.ids = [id(client) for client in self._clients]

    def sent(self, offset: int) -> int:
        """How many of them, the first, were sent the publication with this offset."""
        return 0 if offset > self._last else bisect_left(self._starts, offset)


async def _clients_of(local_channel: LocalChannel, turns: _Turns) -> _Clients:
    subscriptions, last = local_channel.subscriptions(), local_channel.last
    began = list[Subscription]()
    for start in range(0, len(subscriptions), TURN):
        piece = subscriptions[start : start + TURN]
        began += [one for one in piece if not isinstance(one.subscriber, ProcessSubscriber)]
        await turns.spend(len(piece))
    began.sort(key=_START)
    return _Clients(began, last)


async def count_received(local_channels: Mapping[str, LocalChannel], several: Sequence[Places]) -> list[int]:
    """Of each of several: how many of the clients here were sent one of its publications as it came.

    A client that was sent several counts once. One that has gone by now does not count. One pass over each channel,
    however many are asked for; the event loop goes on meanwhile.
    """
    turns, channels = _Turns(), dict[str, _Clients]()
    for channel in dict.fromkeys(channel for places in several for channel, _ in places):
        if (local_channel := local_channels.get(channel)) is not None:
            channels[channel] = await _clients_of(local_channel, turns)
    known = dict[frozenset[tuple[str, int]], int]()
    found = []
    for places in several:
        sent = await _sent(channels, places, turns)
        if (those := frozenset(sent.items())) not in known:
            known[those] = await _union(channels, sent, turns)
        found.append(known[those])
    return found


async def _sent(channels: Mapping[str, _Clients], places: Places, turns: _Turns) -> dict[str, int]:
    """How many clients of each channel, the first, were sent one of these publications."""
    sent = dict[str, int]()
    for channel, offset in places:
        if (clients := channels.get(channel)) is not None:
            sent[channel] = max(sent.get(channel, 0), clients.sent(offset))
        await turns.spend(0)
    return sent


async def _union(channels: Mapping[str, _Clients], sent: Mapping[str, int], turns: _Turns) -> int:
    """How many clients these are, each counted once."""
    if len(sent) == 1:  # a client has one subscription of a channel
        return next(iter(sent.values()))
    found = set[int]()
    for channel, number in sent.items():
        for start in range(0, number, TURN):
            piece = channels[channel].ids[start : min(number, start + TURN)]
            found.update(piece)
            await turns.spend(len(piece))
    return len(found)
