"""Counting who is online, and telling everyone: at most once per ``HUB_COUNT_INTERVAL`` among all web processes."""

import asyncio

from hub import presence
from hub.concurrency import Background, Part
from hub.config import hub_settings
from hub.fanout import ProcessListener
from hub.logs import get_logger
from hub.publishing import publish_ephemeral
from hub.streams import Envelope
from presence import channels, events

log = get_logger(__name__)

#: Seconds between two looks whether the number that was last sent is still right. What is live only may be lost, and
#: the counts of two processes may overtake each other.
CHECK = 2.0

#: Seconds for which a number stays as it is before a lower one is sent, ``HUB_LEAVE_GRACE`` at most. Who loads a page
#: again is back by then, a guest as somebody new, perhaps on another web process.
REST = 2.0


class OnlineCounter:
    """Sends the number of people online whenever it is not the one last sent. Lives on one event loop.

    It works while this process has connections of people who are online, and rests once it has told that the last one
    left.
    """

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._connections = 0
        self._listener = ProcessListener(channels.online, _count_of, self._heard)
        #: The number that clients saw last, as far as this process knows.
        self._shown: int | None = None
        #: Whether some clients may have another number.
        self._differs = False
        #: Since when the right number is lower than the one that is shown.
        self._fell_at: float | None = None
        self._counting = Background("online_count", self._count, event="count_failed", retry=lambda _: CHECK)

    def arrived(self) -> None:
        """A connection came."""
        self._connections += 1
        self.changed()

    def departed(self) -> None:
        """A connection left."""
        self._connections -= 1
        self.changed()

    def told(self, count: int) -> None:
        """One client was told ``count`` when it came."""
        if count != self._shown:
            # Clients have different numbers now: the next one must be sent, whatever it is.
            self._differs = True
            self.changed()

    def changed(self) -> None:
        """Somebody came or left: count soon."""
        self._counting.wake()

    def count_again(self) -> None:
        """Somebody may have come or left elsewhere."""
        if self._connections:
            self.changed()

    async def close(self) -> None:
        """Stop counting."""
        await self._counting.close(hub_settings().redis_timeout)
        self._listener.stop()

    def _heard(self, count: str) -> None:
        """Clients see ``count`` now, whichever process sent it."""
        self._shown = int(count)
        self._differs, self._fell_at = False, None

    async def _count(self) -> float | None:
        await self._listener.start()
        if not await self._settled():
            await asyncio.sleep(hub_settings().count_interval)  # however many come meanwhile
            return 0.0
        if self._connections:
            return CHECK
        self._listener.stop()
        return None

    async def _settled(self) -> bool:
        """Whether clients see the right number; if not, and it is this process's turn, tell them."""
        count = await presence.current().count(channels.online)
        if count == self._shown and not self._differs:
            self._fell_at = None
            return True
        if self._is_to_rest(count):
            return False
        counted = events.OnlineCounted(count=count)
        if presence.current().is_apart:
            # Others count for themselves, and may know of a change a moment earlier or later.
            self._listener.tell_here(counted)
        elif await presence.current().take_turn(channels.online, hub_settings().count_interval):
            publish_ephemeral(channels.online, counted)
        return False

    def _is_to_rest(self, count: int) -> bool:
        """Whether ``count`` is lower than what clients see, and was not for long enough yet."""
        if self._shown is None or count >= self._shown:
            self._fell_at = None
            return False
        now = self.loop.time()
        if self._fell_at is None:
            self._fell_at = now
        return now - self._fell_at < min(REST, hub_settings().leave_grace)


def _count_of(item: Envelope) -> str | None:
    count = events.count_in(item)
    return None if count is None else str(count)


#: The counter of the running event loop.
current = Part(OnlineCounter, uses=[*ProcessListener.uses, presence.current])


def count_again() -> None:
    """The presence of other processes has changed: count again."""
    if current.made is not None:
        current.made.count_again()


async def recount(channel: str, people: list[str]) -> None:
    """``people`` were left behind by a web process that died."""
    log.info("people_departed", channel=channel, people=len(people))
    current().changed()
