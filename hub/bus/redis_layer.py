"""Channels-redis' pub/sub layer, which also sends and joins many at once, and receives without redis-py's ceremony.

On the wire it is the same as its base: processes with either can be mixed. It builds on parts of channels-redis and
redis-py that they do not declare public; ``tests/hub/test_redis_layer.py`` would tell of a change.
"""

import asyncio
import contextlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import hiredis
from channels_redis.pubsub import RedisPubSubChannelLayer, RedisPubSubLoopLayer, RedisSingleShardConnection
from channels_redis.utils import create_pool, decode_hosts
from redis.exceptions import RedisError

from hub.bus.redis_publisher import Publisher
from hub.concurrency.background import Background, backoff
from hub.config import hub_settings
from hub.logs import get_logger
from hub.ops import metrics

log = get_logger(__name__)

#: Seconds of silence after which the connection is pinged, and seconds that it has to answer.
SILENCE, PONG_TIMEOUT = 10.0, 5.0

#: Pieces of data that are read in one step of the loop that receives.
READS = 256

#: Seconds before the first and between later attempts to connect again.
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 2.0


class HubChannelLayer(RedisPubSubChannelLayer):  # type: ignore[misc]  # it has no types
    """The pub/sub layer with pipelines: one round trip for many messages or many groups."""

    def _get_layer(self) -> "_LoopLayer":
        loop = asyncio.get_running_loop()
        if loop not in self._layers:
            super()._get_layer()  # which sees to it that the loop closes what it has
            self._layers[loop] = _LoopLayer(*self._args, **self._kwargs, channel_layer=self)
        layer: _LoopLayer = self._layers[loop]
        return layer

    def waiting_for(self, channel: str) -> int:
        """How many messages have arrived for ``channel`` on the running loop and wait to be received."""
        queue = self._get_layer().channels.get(channel)
        return queue.qsize() if queue is not None else 0

    async def new_group_channel(self, prefix: str) -> str:
        """A channel whose messages are taken with :meth:`receive_with_group`, and with nothing else."""
        layer = self._get_layer()
        channel: str = await layer.new_channel(prefix)
        layer.named.add(channel)
        return channel

    async def receive_with_group(self, channel: str) -> tuple[str, bytes]:
        """The group that the next message for ``channel`` was sent to, and the message, for :meth:`deserialize`.

        As with ``receive``, whoever is cancelled while waiting gives the channel back.
        """
        received: tuple[str, bytes] = await self._get_layer().receive_with_group(channel)
        return received

    async def group_send_many(self, messages: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
        """``group_send`` for each ``(group, message)``, in this order, in one round trip for each Redis."""
        layer = self._get_layer()
        commands: dict[Any, list[tuple[str, bytes]]] = {}
        for group, message in messages:
            name = layer._get_group_channel_name(group)
            commands.setdefault(layer._get_shard(name), []).append((name, self.serialize(message)))
        for shard, publishes in commands.items():
            await shard.publisher.publish(publishes)

    async def group_send_counted(self, group: str, message: Mapping[str, Any]) -> int:
        """``group_send``; returns how many processes receive the message."""
        layer = self._get_layer()
        name = layer._get_group_channel_name(group)
        received: int = await layer._get_shard(name).publisher.publish([(name, self.serialize(message))])
        return received

    async def groups_joined(self, beginning: str) -> list[str]:
        """The groups with this beginning, of letters, digits and points, that some process has joined."""
        layer = self._get_layer()
        begins = layer._get_group_channel_name("")
        names: list[bytes] = []
        for shard in layer._shards:
            names += await shard.publisher.ask("PUBSUB", "CHANNELS", f"{begins}{beginning}*")
        return [name.decode().removeprefix(begins) for name in names]

    async def group_add_many(self, groups: Iterable[str], channel: str) -> None:
        """``group_add`` of ``channel`` to each of ``groups``, in one command for each Redis."""
        layer = self._get_layer()
        if channel not in layer.channels:
            raise RuntimeError("Only a channel of this process can join groups.")
        names = [layer._get_group_channel_name(group) for group in groups]
        for name in names:
            layer.groups.setdefault(name, set()).add(channel)
        await asyncio.gather(*(shard.subscribe_many(wanted) for shard, wanted in layer.by_shard(names).items()))

    async def group_discard_many(self, groups: Iterable[str], channel: str) -> None:
        """``group_discard`` of ``channel`` from each of ``groups``, in one command for each Redis."""
        layer = self._get_layer()
        left = []
        for name in map(layer._get_group_channel_name, groups):
            members = layer.groups.get(name, set())
            members.discard(channel)
            if not members:
                layer.groups.pop(name, None)
                left.append(name)
        for shard, names in layer.by_shard(left).items():
            shard.unsubscribe_many(names)


class _LoopLayer(RedisPubSubLoopLayer):  # type: ignore[misc]  # it has no types
    """The layer of one event loop."""

    def __init__(self, hosts: Any = None, **kwargs: Any) -> None:
        super().__init__(hosts, **kwargs)
        self._shards: list[_Shard] = [_Shard(host, self) for host in decode_hosts(hosts)]
        #: Channels whose queues have each message with the name it came by.
        self.named: set[str] = set()

    async def receive_with_group(self, channel: str) -> tuple[str, bytes]:
        try:
            name, data = await self.channels[channel].get()
        except asyncio.CancelledError:
            self._give_back(channel)
            raise
        return name.removeprefix(self._get_group_channel_name("")), data

    def by_shard(self, names: Iterable[str]) -> "dict[_Shard, list[str]]":
        found: dict[_Shard, list[str]] = {}
        for name in names:
            found.setdefault(self._get_shard(name), []).append(name)
        return found

    async def _subscribe_to_channel(self, channel: str) -> None:
        try:
            await super()._subscribe_to_channel(channel)
        except BaseException:
            # The caller never learns the name of a channel that it did not wait for, and tries again with another.
            self._give_back(channel)
            raise

    def _give_back(self, channel: str) -> None:
        self.channels.pop(channel, None)
        self.named.discard(channel)
        self._get_shard(channel).unsubscribe_many([channel])


class _Shard(RedisSingleShardConnection):  # type: ignore[misc]  # it has no types
    """One Redis: publishes on a connection of its own, subscribes and receives on another.

    redis-py takes about a hundred microseconds for each message it receives, and as long for each confirmation; here
    whatever has arrived is parsed at once, in C. ``subscribe`` returns when Redis has confirmed, so that nothing that
    is published afterwards is missed.
    """

    def __init__(self, host: Any, channel_layer: Any) -> None:
        super().__init__(host, channel_layer)
        self.publisher = Publisher(host)
        self._names: set[str] = set()
        self._confirmed: set[str] = set()
        self._waiting: dict[str, set[_Confirmations]] = {}
        #: The connection that receives, from when it is made and from when it is open.
        self._connecting: Any = None
        self._connection: Any = None
        self._replies: Any = None
        #: Whether it was pinged and has said nothing since.
        self._asked = False
        self._receiving = self._receiver()

    async def subscribe(self, channel: str) -> None:
        await self.subscribe_many([channel])

    async def unsubscribe(self, channel: str) -> None:
        self.unsubscribe_many([channel])

    async def subscribe_many(self, names: Iterable[str]) -> None:
        """Subscribe to ``names``; returns when Redis has confirmed all. They stay wanted while Redis is away."""
        new = set(names) - self._confirmed
        if not new:
            return
        self._names.update(new)
        confirmations = _Confirmations(len(new), asyncio.get_running_loop().create_future())
        for name in new:
            self._waiting.setdefault(name, set()).add(confirmations)
        if not self._receiving.is_running:
            self._receiving.wake()
        try:
            self._command("SUBSCRIBE", *new)
            await confirmations.all
        except BaseException:
            self._give_up(new, confirmations)
            raise

    def unsubscribe_many(self, names: Iterable[str]) -> None:
        """End subscriptions; does not wait. Who waits for the confirmation of one of them waits no longer."""
        gone = [name for name in names if name in self._names]
        self._names.difference_update(gone)
        self._confirmed.difference_update(gone)
        if gone:
            self._command("UNSUBSCRIBE", *gone)
        for name in gone:
            self._answer(name)

    async def flush(self) -> None:
        receiving, self._receiving = self._receiving, self._receiver()
        await receiving.close()
        await self._disconnect()  # which a loop that is ended between two steps has not done
        self._names.clear()
        for name in list(self._waiting):
            self._answer(name)
        await self.publisher.close()
        await super().flush()

    def _command(self, *words: Any) -> None:
        if self._connection is not None:
            self._connection._writer.write(hiredis.pack_command(words))

    def _receiver(self) -> Background:
        """Receives for ever, and connects again while Redis is unavailable."""
        return Background(
            "subscriptions",
            self._do_receiving,
            event="subscriptions_interrupted",
            expected=(RedisError, hiredis.HiredisError),
            retry=backoff(FIRST_PAUSE, LONGEST_PAUSE),
        )

    async def _do_receiving(self) -> float:
        try:
            if self._connection is None:
                await self._connect()
            else:
                await self._read(self._connection)
        except BaseException:
            await self._disconnect()
            raise
        return 0.0

    async def _connect(self) -> None:
        self._connecting = create_pool({**self.host, "protocol": 2}).make_connection()
        await self._connecting.connect()
        self._connection = self._connecting
        self._replies, self._asked = hiredis.Reader(notEnoughData=None), False
        if self._names:
            self._command("SUBSCRIBE", *self._names)

    async def _disconnect(self) -> None:
        connection, self._connecting, self._connection = self._connecting, None, None
        self._confirmed.clear()
        if connection is not None:
            with contextlib.suppress(OSError, RedisError):
                await connection.disconnect(nowait=True)

    async def _read(self, connection: Any) -> None:
        """Take what arrives; raises ``OSError`` when the connection has ended."""
        for _ in range(READS):
            try:
                async with asyncio.timeout(PONG_TIMEOUT if self._asked else SILENCE):
                    data = await connection._reader.read(65536)
            except TimeoutError:
                if self._asked:
                    raise ConnectionError("Redis is silent") from None
                self._command("PING")
                self._asked = True
                continue
            if not data:
                raise ConnectionError("Redis has closed the connection")
            self._asked = False
            self._replies.feed(data)
            while (reply := self._replies.gets()) is not None:
                self._take(reply)

    def _take(self, reply: Any) -> None:
        if not isinstance(reply, list) or len(reply) != 3:
            return  # a pong
        kind, name, data = reply
        if kind == b"message":
            self._receive(name.decode(), data)
        elif kind == b"subscribe" and (text := name.decode()) in self._names:
            self._confirmed.add(text)
            self._answer(text)

    def _receive(self, name: str, data: bytes) -> None:
        layer = self.channel_layer
        for channel in (name,) if name in layer.channels else layer.groups.get(name, ()):
            queue = layer.channels.get(channel)
            if queue is None:
                continue
            if queue.qsize() < hub_settings().layer_queue:
                queue.put_nowait((name, data) if channel in layer.named else data)
            else:
                metrics.LAYER_DROPPED.inc()

    def _give_up(self, names: Iterable[str], confirmations: "_Confirmations") -> None:
        """Forget who waits no longer: while Redis is away, whoever asks again and again would fill the memory."""
        for name in names:
            if waiting := self._waiting.get(name):
                waiting.discard(confirmations)
                if not waiting:
                    del self._waiting[name]

    def _answer(self, name: str) -> None:
        """Those who wait for ``name`` wait for one less."""
        for confirmations in self._waiting.pop(name, ()):
            confirmations.one_came()


class _Confirmations:
    """What one call of ``subscribe_many`` waits for."""

    __slots__ = ("_missing", "all")

    def __init__(self, count: int, everything: asyncio.Future[None]) -> None:
        self._missing = count
        #: Done when the last one has come. Cancelled where the caller has given up; the others are not concerned.
        self.all = everything

    def one_came(self) -> None:
        self._missing -= 1
        if not self._missing and not self.all.done():
            self.all.set_result(None)
