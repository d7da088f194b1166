"""Faults of kombu that cost a worker its life or its jobs half a minute, mended.

A worker that loses Redis while a task runs gives up its connection, and later acknowledges the task, or puts it back,
on a channel of that connection. kombu 5.7.0 then looks for the address in a connection that has none any more: an
``AttributeError``, which Celery takes for the end of the worker. Here it is as if Redis were not there, which Celery
lives through: the message stays with Redis, or in its file, and is given out again after the visibility timeout; the
task has the effect of one run all the same.

What waits in a queue may be no message: a value that was damaged, or put there by another program. kombu raises
whatever comes up while it takes that apart, and the worker ends, with each such value once more. Here it is dropped
and logged, and the next one is taken. What the callback of a consumer raises is raised as before: for that of Celery
see :mod:`worker.reading`.

A worker or beat whose broker is away tries again after a pause, which kombu lets grow to 30 seconds, and Celery has no
setting for it. So long after the broker's return nothing would run.
"""

from collections.abc import Callable
from typing import Any, Final

from celery import Celery
from kombu.transport import redis
from redis.exceptions import ConnectionError as NotConnected
from redis.exceptions import DataError

from hub.logs import get_logger

log = get_logger(__name__)

#: What comes up where a value is taken for a message that has another form. Never what a broker that is away raises.
NOT_ITS_FORM = (ValueError, TypeError, LookupError, AttributeError, RecursionError, DataError)

#: The longest pause in seconds between two tries to reach a broker that is away.
LONGEST_PAUSE: Final = 5


class CheckedMessage(redis.virtual.Message):  # type: ignore[name-defined]  # the stubs do not know it
    """A message of which all that kombu reads has the type that it should have.

    Raises:
        TypeError, LookupError, ValueError: it has not.
    """

    def __init__(self, payload: Any, channel: Any = None, **kwargs: Any) -> None:
        properties = payload["properties"]
        if not isinstance(properties["delivery_tag"], str) or not isinstance(properties["delivery_info"], dict):
            raise TypeError("a message without an address")
        if not isinstance(payload.get("headers") or {}, dict):
            raise TypeError("headers that are none")
        super().__init__(payload, channel, **kwargs)
        if not isinstance(self.body, str | bytes):
            raise TypeError("a body that is no text")


class _Surviving:
    """What a Redis channel of kombu does besides: it says that it is not connected where its connection was given up,
    and drops what is no message."""

    Message = CheckedMessage
    _is_read = False

    def _get_pool(self, asynchronous: bool = False) -> Any:
        if getattr(self.connection, "client", None) is None:  # type: ignore[attr-defined]  # the base of the class that is made below has it
            raise NotConnected("The connection of this channel was given up.")
        return super()._get_pool(asynchronous)  # type: ignore[misc]  # as above

    def _brpop_read(self, **options: Any) -> Any:
        self._is_read = False
        try:
            return super()._brpop_read(**options)  # type: ignore[misc]  # as above
        except NOT_ITS_FORM as error:
            if self._is_read:
                raise
            dropped(error)
            return True

    def basic_consume(
        self,
        queue: str,
        no_ack: bool,
        callback: Callable[..., Any] | None,
        consumer_tag: str | None,
        **kwargs: Any,
    ) -> str:
        def taken(message: Any) -> Any:
            self._is_read = True
            return callback(message) if callback is not None else None

        tag: str = super().basic_consume(queue, no_ack, taken, consumer_tag, **kwargs)  # type: ignore[misc]  # as above
        return tag


def dropped(error: Exception) -> None:
    """Log that what was in a queue is no message, without the text of the error, which may quote it."""
    log.error("message_unreadable", error=type(error).__name__)


def survive_loss() -> None:
    """Let the Redis channels that this process opens from now on survive the loss of Redis, and what is no message.

    Whatever class of channels stands there stays the base. Safe to call again.
    """
    transport: Any
    for transport in (redis.Transport, redis.SentinelTransport):
        if not issubclass(transport.Channel, _Surviving):
            transport.Channel = type("Channel", (_Surviving, transport.Channel), {})


class _Prompt:
    """What a connection of kombu does besides: it never pauses longer than ``LONGEST_PAUSE``."""

    def _ensure_connection(self, *args: Any, interval_max: float = LONGEST_PAUSE, **kwargs: Any) -> Any:
        return super()._ensure_connection(*args, interval_max=interval_max, **kwargs)  # type: ignore[misc]  # the base of the class that is made below has it


def return_promptly(app: Celery) -> None:
    """Let connections that ``app`` makes from now on find a broker that is back within ``LONGEST_PAUSE`` seconds.

    Whatever class of connections stands there stays the base. Safe to call again.
    """
    amqp: Any = app.amqp
    if not issubclass(amqp.Connection, _Prompt):
        amqp.Connection = type("Connection", (_Prompt, amqp.Connection), {})
