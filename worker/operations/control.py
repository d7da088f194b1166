"""In each worker: reads no queue that is paused, begins nothing once it is drained, and reports what it does.

A thread writes to Redis, hears there whether something was paused or drained, and looks at the database then, and now
and then anyway; each may hang. What it has found is obeyed by the worker's own loop, which is the only one that may
touch the consumer.
"""

import os
import threading
import time
from contextlib import suppress
from secrets import token_hex
from typing import Any, Final

from celery import bootsteps
from celery.worker import state
from celery.worker.consumer import Tasks
from celery.worker.request import Request
from django.db import DatabaseError, InterfaceError, connections
from redis import RedisError

from hub.config.queues import DEFAULT, DELIVERIES
from hub.database import heartbeats
from hub.logs import get_logger
from worker import queues
from worker.operations import pausing, reports
from worker.operations.reports import RunningTask, WorkerReport
from worker.scheduling import REGULAR_TASKS

log = get_logger(__name__)

#: Seconds between two exchanges with Redis, between two turns of the worker's loop that obey, and between two
#: heartbeats. With a heartbeat the worker looks at the database whatever it has heard, without Redis each time.
INTERVAL: Final = 2.0
TICK: Final = 0.5
HEARTBEAT_INTERVAL: Final = 10.0

#: Held while the thread has connections: a child that is forked then would share them.
_exchanging = threading.Lock()
os.register_at_fork(
    before=_exchanging.acquire, after_in_parent=_exchanging.release, after_in_child=_exchanging.release
)


#: Tasks that the hub sends to itself every few seconds, and the seconds after which they are shown like any other.
_QUIET: Final = frozenset(task.name for task in REGULAR_TASKS)
_QUIET_SECONDS: Final = 5.0


def _is_defect(error: Exception) -> bool:
    """Whether it says anything else than that the database or Redis is away: that is logged with its traceback."""
    return not isinstance(error, (DatabaseError, InterfaceError, RedisError, OSError))


def _later(timer: Any) -> list[Request]:
    """The tasks that the worker holds until their time comes."""
    entries = (waiting.entry for waiting in list(timer.schedule.queue))
    return [entry.args[0] for entry in entries if entry.args and isinstance(entry.args[0], Request)]


def _is_worth_a_line(running: RunningTask) -> bool:
    return running.task not in _QUIET or time.time() - running.since > _QUIET_SECONDS


class Control(bootsteps.StartStopStep):
    """A part of the consumer, which is started again with each connection to the broker."""

    name = "HubControl"
    requires = (Tasks,)

    def __init__(self, consumer: Any, **options: Any) -> None:
        super().__init__(consumer, **options)
        self.run = f"{os.getpid()}-{token_hex(8)}"
        self.node = str(consumer.hostname)
        #: The queues that it was started for, whatever it reads now.
        self.reads = tuple(sorted(consumer.app.amqp.queues.consume_from))
        self.is_drained = False
        self._paused: set[str] = set()
        self._off: set[str] = set()
        self._running: dict[str, RunningTask] = {}
        self._held = 0
        self._started = time.time()
        self._concurrency = int(getattr(consumer.controller, "concurrency", 0) or 0)
        self._next_heartbeat = 0.0
        self._next_look = 0.0
        #: What Redis said at the last look.
        self._seen: bytes | None = None
        self._obeyed_at = float("-inf")
        self._timer: Any = None
        self._thread: threading.Thread | None = None
        self._ended = threading.Event()
        self._complained: set[str] = set()
        self._look()
        # Before the first message: a queue that is paused already is not begun.
        for queue in self._unwanted():
            consumer.app.amqp.queues.deselect(queue)
            self._off.add(queue)

    def start(self, consumer: Any) -> None:
        """The worker has a connection."""
        self._timer = consumer.timer.call_repeatedly(TICK, self.obey, (consumer,))
        if self._thread is None:
            self._thread = threading.Thread(target=self._exchange_for_ever, name="hub-control", daemon=True)
            self._thread.start()

    def stop(self, consumer: Any) -> None:
        """The worker ends, or has lost its connection."""
        if self._timer is not None:
            self._timer.cancel()

    def shutdown(self, consumer: Any) -> None:
        """The worker ends."""
        self.stop(consumer)
        self._ended.set()

    def obey(self, consumer: Any) -> None:
        """Read what is to be read and nothing else, and note what runs. On the worker's own loop.

        Sees children that were killed, too. Celery is woken when one ends, looks before the system says that it has
        ended, and again after five seconds: a task with a shorter time limit would have failed, and is only lost.
        """
        if consumer.hub is not None:  # without an event loop a thread of the pool looks, and two would make too many
            consumer.pool.maintain_pool()
        now = time.time()
        requests = {str(request.id): request for request in list(state.active_requests)}
        self._running = {
            task_id: self._running.get(task_id)
            or RunningTask(task_id, str(request.name), str((request.delivery_info or {}).get("routing_key", "")), now)
            for task_id, request in requests.items()
        }
        self._held = len(
            {str(one.id) for one in (*state.reserved_requests, *_later(consumer.timer))} - requests.keys()
        )
        if consumer.task_consumer is None:
            return
        self._obeyed_at = time.monotonic()
        unwanted = self._unwanted()
        for queue in unwanted - self._off:
            consumer.cancel_task_queue(queue)
            self._off.add(queue)
        for queue in self._off - unwanted:
            consumer.add_task_queue(queue)
            self._off.discard(queue)

    def report(self) -> WorkerReport:
        """What it does now."""
        return WorkerReport(
            run=self.run,
            name=self.node,
            reads=self.reads,
            off=tuple(sorted(self._off)),
            is_drained=self.is_drained,
            concurrency=self._concurrency,
            started=self._started,
            held=self._held,
            running=tuple(filter(_is_worth_a_line, self._running.values()))[: reports.RUNNING_LIMIT],
        )

    def _unwanted(self) -> set[str]:
        return set(self.reads) if self.is_drained else self._paused & set(self.reads)

    def _exchange_for_ever(self) -> None:
        while not self._ended.wait(INTERVAL):
            with _exchanging:
                self._exchange()
        with _exchanging, suppress(RedisError, OSError):  # it vanishes by itself
            reports.forget(self.run)

    def _exchange(self) -> None:
        """Tell what the worker does, and look at the database where there is news, or it is time."""
        is_there, heard = self._tell()
        if is_there and heard == self._seen and time.monotonic() < self._next_look:
            return
        self._look()
        self._seen = heard
        self._tell()

    def _look(self) -> None:
        """Without a database everything stays as it is."""
        try:
            self._paused = pausing.paused()
            self.is_drained = pausing.is_drained(self.run)
            self._show_life()
            self._next_look = time.monotonic() + HEARTBEAT_INTERVAL
        except Exception as error:  # whatever fails, the worker hears of the next pause
            self._next_look = 0.0
            if self._is_news("database"):
                log.warning("paused_queues_unknown", error=type(error).__name__, exc_info=_is_defect(error))
        else:
            self._complained.discard("database")
        finally:
            with suppress(DatabaseError, InterfaceError):
                connections.close_all()

    def _tell(self) -> tuple[bool, bytes | None]:
        """Whether Redis is there, and what it says of changes."""
        try:
            heard = reports.write(self.report())
        except Exception as error:  # whatever fails, the next report is written
            if self._is_news("redis"):
                log.warning("worker_not_reported", error=type(error).__name__, exc_info=_is_defect(error))
            return False, None
        self._complained.discard("redis")
        return True, heard

    def _show_life(self) -> None:
        kinds = self._kinds()
        if not kinds or time.monotonic() < self._next_heartbeat:
            return
        self._next_heartbeat = time.monotonic() + HEARTBEAT_INTERVAL
        for kind in kinds:
            heartbeats.beat(heartbeats.here(kind))

    def _kinds(self) -> set[str]:
        """The kinds of workers that this one is, while its loop turns with a connection and it takes work.

        Not that of the queue in which the heartbeat of workers is a task, which says more; unless it waits there
        because somebody has paused the queue: no fault of theirs.
        """
        if self.is_drained or time.monotonic() - self._obeyed_at > HEARTBEAT_INTERVAL:
            return set()
        kinds = {heartbeats.worker_of(one) for one in (DEFAULT, *queues.SEPARATE) if queues.actual(one) in self.reads}
        by_task = queues.actual(DELIVERIES) not in self._paused
        return kinds - {heartbeats.worker_of(DELIVERIES)} if by_task else kinds

    def _is_news(self, what: str) -> bool:
        """Whether this is not away since the last time: a line for each turn would drown the others."""
        is_news = what not in self._complained
        self._complained.add(what)
        return is_news
