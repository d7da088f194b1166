"""Catch-up: reads from the database what the layer did not bring, a gap at once and the newest about once a second."""

import asyncio
import random
import time
from collections.abc import Callable, Iterable, Mapping

from django.db import Error as DatabaseFault

from hub import streams
from hub.concurrency.background import Background
from hub.concurrency.tasks import Tasks
from hub.config import hub_settings
from hub.database.threads import in_database_thread
from hub.fanout.local_channel import LocalChannel
from hub.logs import get_logger
from hub.ops import metrics
from hub.publishing import sweeper
from hub.streams import Position, cursors

log = get_logger(__name__)

#: Seconds that an early envelope waits before the missing ones are read from the database: two publishers in different
#: threads often announce in the opposite order, and the missing envelope is on its way.
GAP_GRACE = 0.02

#: Publications read from the database at once.
CHUNK = 500

#: Channels that are read at a time. When thousands of people are told something, most of what they seem to miss is on
#: its way: a channel that waits for its turn has it by then, and is not read at all.
CHANNELS_AT_ONCE = 4

#: Catch-up pauses this many times as long as its last query took, and at most this many seconds.
SHARE, LONGEST_PAUSE = 10.0, 25.0


class CatchUp:
    """Keeps the local channels of a process up with the database. Lives on one event loop.

    Args:
        local_channels: the channels of this process by name, as its relay opens and closes them.
        after_offer: called after envelopes were offered to a local channel.
        each_time: called before each query for what has grown.
    """

    def __init__(
        self,
        local_channels: Mapping[str, LocalChannel],
        after_offer: Callable[[LocalChannel], None],
        each_time: Callable[[], None],
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self._local_channels = local_channels
        self._after_offer = after_offer
        self._each_time = each_time
        self._reading: set[str] = set()
        self._turns = asyncio.Semaphore(CHANNELS_AT_ONCE)
        self._tasks = Tasks()
        self._querying = Background(
            "catch-up",
            self._query,
            event="catch_up_failed",
            expected=(DatabaseFault,),
            retry=lambda failures: self._next_pause(),
        )
        #: When the last query began that succeeded, on the clock of the loop and on that of the host.
        self._asked_at = self._clock_said = 0.0
        #: What a query found and the subscribers have not received yet, and when that query began.
        self._owed: dict[str, Position] = {}
        self._owed_at = 0.0
        #: The channel behind which the outbox sweeper goes on.
        self._swept = ""
        #: Seconds that the last query took; None before the first one.
        self._took: float | None = None

    def start(self) -> None:
        """Query from now on what has grown, about every ``HUB_REPAIR_INTERVAL`` seconds."""
        self._asked_at = self._owed_at = self.loop.time()
        self._clock_said = time.time()
        cursors.mark_delivered(0.0)  # there are no subscriptions yet
        self._querying.wake()

    async def close(self) -> None:
        """Read nothing more."""
        await asyncio.gather(self._querying.close(), self._tasks.close())

    # --- one channel ------------------------------------------------------------------------------------------------

    def read(self, local_channel: LocalChannel, reason: str, delay: float = GAP_GRACE) -> None:
        """Read what ``local_channel`` misses, in ``delay`` seconds; ``reason`` is for the metrics."""
        if local_channel.channel not in self._reading:
            self._reading.add(local_channel.channel)
            self._tasks.start(self._read(local_channel, reason, delay))

    async def _read(self, local_channel: LocalChannel, reason: str, delay: float) -> None:
        try:
            await asyncio.sleep(delay)
            async with self._turns:
                await self._read_until_whole(local_channel, reason)
        except DatabaseFault as error:
            # The next query finds the channel behind again.
            metrics.FAILURES.labels("catch_up_failed").inc()
            log.warning("catch_up_failed", channel=local_channel.channel, error=type(error).__name__)
        except Exception:
            metrics.FAILURES.labels("catch_up_failed").inc()
            log.exception("catch_up_failed", channel=local_channel.channel)
        finally:
            self._reading.discard(local_channel.channel)

    async def _read_until_whole(self, local_channel: LocalChannel, reason: str) -> None:
        while self._local_channels.get(local_channel.channel) is local_channel and (
            local_channel.is_behind() or reason == "epoch"
        ):
            # The position is read first: what is stored between the two reads is then among the envelopes.
            position = (await in_database_thread(streams.begin, [local_channel.channel]))[local_channel.channel]
            envelopes = await in_database_thread(
                streams.read, local_channel.channel, after=local_channel.last, limit=CHUNK
            )
            if not envelopes or local_channel.has_other_history(envelopes[0].epoch):
                if local_channel.has_other_history(position.epoch) or position.offset > local_channel.last:
                    # The missing envelopes are no longer kept, or belong to another history: subscribers must reload.
                    local_channel.restart(position)
                else:
                    local_channel.reset()
                return
            for envelope in envelopes:
                local_channel.offer(envelope)
            metrics.REPAIRS.labels(reason).inc(len(envelopes))
            self._after_offer(local_channel)
            reason = "gap"

    # --- all channels -----------------------------------------------------------------------------------------------

    async def _query(self) -> float:
        """Query which channels have grown since the last time, and deliver the envelopes that did not arrive.

        Before each query the outbox sweeper numbers what a crash left without an offset, as a rule one query of an
        empty index. A slow database is queried less often. Once everything that a query found is delivered, the
        delivered-through mark moves on (:func:`hub.streams.cursors.mark_delivered`).
        """
        if self._took is None:
            self._took = 0.0
            return self._next_pause()
        self._each_time()
        now = self.loop.time()
        try:
            _, self._swept = await in_database_thread(sweeper.sweep_some, self._swept)
            # The query covers everything since the last one that succeeded. If the database's clock was set ahead
            # meanwhile, older changes seem older than they are; our own clock shows that where both are set together.
            clock_says = time.time()
            since = max(now - self._asked_at, clock_says - self._clock_said)
            heads = await in_database_thread(streams.touched, since)
            self._asked_at, self._clock_said = now, clock_says
            if not self._behind(self._owed.items()):
                cursors.mark_delivered(self.loop.time() - self._owed_at)
                self._owed, self._owed_at = self._behind(heads), now
            self._compare(heads)
        finally:
            self._took = self.loop.time() - now
        return self._next_pause()

    def _next_pause(self) -> float:
        seconds = pause(self._took or 0.0)
        metrics.REPAIR_PAUSE.set(seconds)
        return seconds * random.uniform(0.8, 1.2)

    def _behind(self, heads: Iterable[tuple[str, Position]]) -> dict[str, Position]:
        """Those of ``heads`` that the subscribers have not received yet."""
        return {
            channel: head
            for channel, head in heads
            if (local_channel := self._local_channels.get(channel)) is not None
            and local_channel.opened
            and (local_channel.has_other_history(head.epoch) or head.offset > local_channel.last)
        }

    def _compare(self, heads: Iterable[tuple[str, Position]]) -> None:
        for channel, head in heads:
            local_channel = self._local_channels.get(channel)
            if local_channel is None or not local_channel.opened:
                continue
            if local_channel.has_other_history(head.epoch):
                self.read(local_channel, "epoch", delay=0)
            elif head.offset > local_channel.last:
                local_channel.known = max(local_channel.known, head.offset)
                self.read(local_channel, "tail")  # the broadcast may be in flight, hence the delay


def pause(took: float) -> float:
    """Seconds until the next query, before jitter, when the last one took ``took`` seconds."""
    return min(max(hub_settings().repair_interval, took * SHARE), LONGEST_PAUSE)
