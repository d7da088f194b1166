"""Faults of kombu's Redis transport that cost a worker its life, mended.

A worker that loses Redis while a task runs gives up its connection, and later acknowledges the task, or puts it back,
on a channel of that connection. kombu 5.7.0 then looks for the address in a connection that has none any more: an
``AttributeError``, which Celery takes for the end of the worker. Here it is as if Redis were not there, which Celery
lives through: the message stays with Redis, or in its file, and is given out again after the visibility timeout; the
task has the effect of one run all the same.

What waits in a queue may be no message: a value that was damaged, or put there by another program. kombu and Celery
raise whatever comes up while they take it apart, and the worker ends, with each such value once more. Here it is
dropped and logged, and the next one is taken. The row of a durable job is still there, and it is sent again.
"""

from collections.abc import Callable
from typing import Any

from kombu.transport import redis
from redis.exceptions import ConnectionError as NotConnected
from redis.exceptions import DataError

from hub.logs import get_logger

log = get_logger(__name__)

#: What comes up where a value is taken for a message that has another form. Never what a broker that is away raises.
_NOT_ITS_FORM = (ValueError, TypeError, LookupError, AttributeError, RecursionError, DataError)


class Message(redis.virtual.Message):  # type: ignore[name-defined]  # the stubs do not know it
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


class Channel(redis.Channel):
    """A channel that says that it is not connected where its connection was given up, and drops what is no message."""

    Message = Message

    def _get_pool(self, asynchronous: bool = False) -> Any:
        if getattr(self.connection, "client", None) is None:
            raise NotConnected("The connection of this channel was given up.")
        return super()._get_pool(asynchronous)  # type: ignore[misc]  # the stubs do not know it

    def _brpop_read(self, **options: Any) -> Any:
        try:
            return super()._brpop_read(**options)  # type: ignore[misc]  # the stubs do not know it
        except _NOT_ITS_FORM as error:
            _dropped(error)
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
            try:
                return callback(message) if callback is not None else None
            except _NOT_ITS_FORM as error:
                _dropped(error)
                if not message.acknowledged:  # else Redis gives it out again after the visibility timeout
                    message.reject()
                return None

        tag: str = super().basic_consume(queue, no_ack, taken, consumer_tag, **kwargs)
        return tag


def _dropped(error: Exception) -> None:
    # Without its text, which may quote what was there.
    log.error("message_unreadable", error=type(error).__name__)


def survive_loss() -> None:
    """Let the Redis channels that this process opens from now on survive the loss of Redis, and what is no message."""
    redis.Transport.Channel = Channel
