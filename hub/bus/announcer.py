"""Broadcasts envelopes to the web processes: from any thread to the channel layer, without waiting for it.

``async_to_sync(group_send)`` outside a running loop makes a thread, a loop and a Redis connection for every call. Here
each process has one loop that sends: the server's own where the relay has registered it, else one in a thread that is
started on first use. This is the only module that sends to the layer.

A broadcast is only a hint: when Redis is away, it is dropped and counted, and catch-up delivers the publication from
the database. Ephemeral publications are stored nowhere and are lost then, by definition.
"""

import asyncio
import atexit
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from hub.bus.envelope import pack
from hub.bus.layer import group_send_counted, group_send_many, groups_joined
from hub.channels import channel_of_group, group_name
from hub.config import hub_settings
from hub.logs import get_logger
from hub.ops import gauges, metrics
from hub.streams import Envelope

log = get_logger(__name__)

#: Seconds without sending after a failure, so that a dead Redis is not asked for every single event.
PAUSE_AFTER_FAILURE = 1.0

#: The most envelopes in one round trip.
ROUND_TRIP = 500

Deliver = Callable[[Envelope], None]


class Announcer:
    """Sends envelopes to their groups in the order given, on ``loop``.

    Args:
        loop: a running event loop; all of the announcer's state belongs to it.
        deliver: called on the loop with each durable envelope before the layer gets it. In a web process it is the
            relay, whose sockets then need no Redis; it drops the copy from the layer by its offset.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, deliver: Deliver | None = None) -> None:
        self.loop = loop
        self._deliver = deliver
        self._queue: deque[Envelope] = deque()
        self._task: asyncio.Task[None] | None = None
        self._paused_until = 0.0

    def send(self, envelopes: Sequence[Envelope]) -> None:
        """Queue ``envelopes``; from any thread. Returns at once and never raises for a layer that is away."""
        try:
            self.loop.call_soon_threadsafe(self._accept, envelopes)
        except RuntimeError:  # the server's loop has just been closed
            metrics.ANNOUNCEMENTS_DROPPED.labels("shutting_down").inc(len(envelopes))

    @property
    def waiting(self) -> int:
        """How many envelopes wait to be sent."""
        return len(self._queue)

    def flush(self, timeout: float) -> bool:
        """Wait until all that was sent has left, ``timeout`` seconds at most; from any thread but the loop's."""
        emptied = threading.Event()
        self.loop.call_soon_threadsafe(self._tell_when_empty, emptied)
        return emptied.wait(timeout)

    def _tell_when_empty(self, emptied: threading.Event) -> None:
        if self._task is None or self._task.done():
            emptied.set()
        else:
            self._task.add_done_callback(lambda _: emptied.set())

    def _accept(self, envelopes: Sequence[Envelope]) -> None:
        for envelope in envelopes:
            if self._deliver is not None and envelope.offset:
                self._deliver(envelope)
            if len(self._queue) < hub_settings().announce_queue:
                self._queue.append(envelope)
            else:
                self._drop([envelope], "queue_full")
        if self._queue and (self._task is None or self._task.done()):
            self._task = self.loop.create_task(self._drain())

    async def _drain(self) -> None:
        while self._queue:
            envelopes = [self._queue.popleft() for _ in range(min(len(self._queue), ROUND_TRIP))]
            if time.monotonic() < self._paused_until:
                self._drop(envelopes, "broker_unavailable")
            else:
                await self._send(envelopes)

    async def _send(self, envelopes: Sequence[Envelope]) -> None:
        try:
            async with asyncio.timeout(hub_settings().redis_timeout):
                await group_send_many([(group_name(envelope.channel), pack(envelope)) for envelope in envelopes])
        except Exception as error:  # noqa: BLE001  # each layer raises what it likes
            # Whatever the layer raises, the publications are stored: say so once per pause and let catch-up
            # deliver. Some may have left before the failure; a repeat of those does no harm.
            self._paused_until = time.monotonic() + PAUSE_AFTER_FAILURE
            self._drop(envelopes, "broker_unavailable")
            log.warning("announcement_failed", envelopes=len(envelopes), error=type(error).__name__)
        else:
            metrics.ANNOUNCEMENTS.inc(len(envelopes))

    def _drop(self, envelopes: Sequence[Envelope], reason: str) -> None:
        metrics.ANNOUNCEMENTS_DROPPED.labels(reason).inc(len(envelopes))
        for envelope in envelopes:
            # Nothing will repair an ephemeral one: the sockets of this process at least shall have it.
            if self._deliver is not None and not envelope.offset:
                self._deliver(envelope)


_announcer: Announcer | None = None
#: The one of the thread that is started on first use. It stays: in tests, loops of servers come and go.
_of_thread: Announcer | None = None
_guard = threading.Lock()
#: Hear what is broadcast, in tests.
_listeners: list[Callable[[Sequence[Envelope]], object]] = []


def announce(envelopes: Sequence[Envelope]) -> None:
    """Broadcast ``envelopes`` to all web processes, in order. Returns at once; the module says what that promises."""
    if envelopes:
        for hear in _listeners:
            hear(envelopes)
        _current().send(envelopes)


async def announce_counted(envelope: Envelope) -> int | None:
    """Broadcast an ephemeral envelope now, past those that wait, for whoever has to know how many take it.

    Returns the number of processes that receive it, or None where the layer cannot tell. Raises what the layer raises.
    """
    for hear in _listeners:
        hear([envelope])
    return await group_send_counted(group_name(envelope.channel), pack(envelope))


def subscribed(namespace: str) -> list[str]:
    """The channels ``namespace:…`` that some web process has subscribers of, in no order; for threads and jobs.

    A hint: none where the layer cannot tell or is away, and a process may keep one for a moment after the last
    subscriber.
    """
    current = _current()
    asked = asyncio.run_coroutine_threadsafe(
        asyncio.wait_for(groups_joined(group_name(f"{namespace}:")), hub_settings().redis_timeout), current.loop
    )
    try:
        groups = asked.result(2 * hub_settings().redis_timeout)
    except Exception as error:  # noqa: BLE001  # each layer raises what it likes
        metrics.FAILURES.labels("subscribed_unknown").inc()
        asked.cancel()
        log.warning("subscribed_unknown", error=type(error).__name__)
        return []
    return [channel for group in groups if (channel := channel_of_group(group)) is not None]


@contextmanager
def overheard(hear: Callable[[Sequence[Envelope]], object]) -> Iterator[None]:
    """For :mod:`hub.testing`: call ``hear`` with what this process broadcasts in the block, from any thread."""
    _listeners.append(hear)
    try:
        yield
    finally:
        _listeners.remove(hear)


def serve(loop: asyncio.AbstractEventLoop, deliver: Deliver) -> None:
    """Broadcast on ``loop`` from now on, after passing each durable envelope to ``deliver``; for web processes."""
    global _announcer
    with _guard:
        _announcer = Announcer(loop, deliver)


def flush(timeout: float = 2.0) -> bool:
    """Wait until what was announced so far is sent, ``timeout`` seconds at most; for processes that are to end."""
    return _announcer is None or not _announcer.loop.is_running() or _announcer.flush(timeout)


def _current() -> Announcer:
    global _announcer, _of_thread
    with _guard:
        if _announcer is None or not _announcer.loop.is_running():
            if _of_thread is None:
                _of_thread = Announcer(_loop_in_a_thread())
            _announcer = _of_thread
        return _announcer


def _loop_in_a_thread() -> asyncio.AbstractEventLoop:
    loop = _new_loop()
    running = threading.Event()
    loop.call_soon(running.set)
    threading.Thread(target=loop.run_forever, name="hub-announcer", daemon=True).start()
    running.wait()  # until then it looks like one that has ended
    return loop


def _new_loop() -> asyncio.AbstractEventLoop:
    """An event loop in C where there is one (not on Windows): a message waits a third less for it."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


def _forget_after_fork() -> None:
    """A child has neither the thread nor may it use the connection of its parent: it starts again on first use."""
    global _announcer, _of_thread, _guard
    _announcer = _of_thread = None
    _guard = threading.Lock()


def _waiting() -> int:
    return _announcer.waiting if _announcer is not None else 0


gauges.queue("announcements", _waiting)
os.register_at_fork(after_in_child=_forget_after_fork)
atexit.register(flush)
