"""Receiving from the channel layer: what was sent to the groups that this process has joined, each with its group.

The layer gives a message without the group it was sent to, and an event of other code does not name one. The hub's own
layer tells (:meth:`hub.bus.redis_layer.HubChannelLayer.receive_with_group`), so that one layer channel serves all
groups. On any other layer each group gets a layer channel of its own.
"""

import asyncio
import functools
from collections.abc import Collection
from typing import Any, NamedTuple, Protocol

from redis.exceptions import RedisError

from hub.bus.layer import group_add_many, group_discard_many, layer, waiting_for
from hub.concurrency.background import Background
from hub.config import hub_settings
from hub.ops import metrics

#: What a layer channel of the hub is called.
PREFIX = "relay"

#: Seconds before the next message is taken after one that could not be read.
UNREADABLE_PAUSE = 0.01

#: Bytes that the layer adds to a message, at most.
ENVELOPE = 64 * 1024


class Received(NamedTuple):
    """A message and the group it was sent to. ``message`` is None for one that is too long or cannot be read."""

    group: str
    message: object


class Receiver(Protocol):
    """Receives what is sent to groups. Lives on one event loop, as long as the layer does not fail."""

    async def join(self, groups: Collection[str]) -> None:
        """Receive what is sent to ``groups`` from now on; raises what the layer raises."""

    async def leave(self, groups: Collection[str]) -> None:
        """Receive no more of ``groups``; raises what the layer raises."""

    async def receive(self) -> Received:
        """The next message. Raises what the layer raises: then another receiver has to be opened."""

    def waiting(self) -> int:
        """How many messages wait to be received."""

    def close(self) -> None:
        """Receive nothing more."""


async def open_receiver() -> Receiver:
    """The receiver for the layer of the settings, which has joined no group yet. Raises what the layer raises."""
    found = layer()
    if hasattr(type(found), "receive_with_group"):
        async with asyncio.timeout(hub_settings().redis_timeout):
            return _OneChannel(found, await found.new_group_channel(PREFIX))
    return _ChannelOfEachGroup(found)


class _OneChannel:
    """One layer channel for all groups."""

    def __init__(self, found: Any, channel: str) -> None:
        self._layer = found
        self._channel = channel

    async def join(self, groups: Collection[str]) -> None:
        await group_add_many(groups, self._channel)

    async def leave(self, groups: Collection[str]) -> None:
        await group_discard_many(groups, self._channel)

    async def receive(self) -> Received:
        group, data = await self._layer.receive_with_group(self._channel)
        return Received(group, _message_in(self._layer, data))

    def waiting(self) -> int:
        return waiting_for(self._channel)

    def close(self) -> None:
        """Whoever is cancelled while it receives leaves nothing behind."""


def _message_in(found: Any, data: bytes) -> object:
    # Looked at before it is taken apart, which could fill the memory. Nothing that the hub sends comes near.
    if len(data) > 4 * max(hub_settings().max_publication, hub_settings().max_frame) + ENVELOPE:
        return None
    try:
        return found.deserialize(data)
    except Exception:  # noqa: BLE001  # serialisers raise what they like about what somebody sent
        return None


class _ChannelOfEachGroup:
    """A layer channel and a task for each group: for layers that do not tell which group a message was sent to."""

    def __init__(self, found: Any) -> None:
        self._layer = found
        self._joined: dict[str, str] = {}
        self._loops: dict[str, Background] = {}
        self._arrived: asyncio.Queue[Received | Exception] = asyncio.Queue()

    async def join(self, groups: Collection[str]) -> None:
        await asyncio.gather(*(self._join(group) for group in groups if group not in self._joined))

    async def _join(self, group: str) -> None:
        channel = await self._layer.new_channel(PREFIX)
        await self._layer.group_add(group, channel)
        if group in self._joined:  # by another call meanwhile: nobody would take what comes for this channel
            await self._layer.group_discard(group, channel)
            return
        self._joined[group] = channel
        take = functools.partial(self._take, group, channel)
        self._loops[group] = Background("group of the layer", take, event="group_not_received")
        self._loops[group].wake()

    async def leave(self, groups: Collection[str]) -> None:
        # All are given up before the first await: a group that is wanted again meanwhile is joined on a new channel.
        left = {group: channel for group in groups if (channel := self._joined.pop(group, None)) is not None}
        for group in left:
            self._loops.pop(group).cancel()
        for group, channel in left.items():
            await self._layer.group_discard(group, channel)

    async def _take(self, group: str, channel: str) -> float | None:
        """Take the next message. Ends where the layer fails: then another receiver is opened."""
        message, pause = None, 0.0
        try:
            message = await self._layer.receive(channel)
        except (OSError, RedisError) as error:
            self._arrived.put_nowait(error)
            return None
        except Exception:  # noqa: BLE001  # serialisers raise what they like about what somebody sent
            # It is counted as an unknown event. The pause bounds that, should nothing be readable any more.
            pause = UNREADABLE_PAUSE
        if self._arrived.qsize() < hub_settings().layer_queue:
            self._arrived.put_nowait(Received(group, message))
        else:
            metrics.LAYER_DROPPED.inc()
        return pause

    async def receive(self) -> Received:
        arrived = await self._arrived.get()
        if isinstance(arrived, Exception):
            raise arrived
        return arrived

    def waiting(self) -> int:
        return self._arrived.qsize()

    def close(self) -> None:
        for loop in self._loops.values():
            loop.cancel()
