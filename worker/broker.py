"""A fault of kombu's Redis transport that costs a worker its life, mended.

A worker that loses Redis while a task runs gives up its connection, and later acknowledges the task, or puts it back,
on a channel of that connection. kombu 5.7.0 then looks for the address in a connection that has none any more: an
``AttributeError``, which Celery takes for the end of the worker. Here it is as if Redis were not there, which Celery
lives through: the message stays with Redis, or in its file, and is given out again after the visibility timeout; the
task has the effect of one run all the same.
"""

from typing import Any

from kombu.transport import redis
from redis.exceptions import ConnectionError as NotConnected


class Channel(redis.Channel):
    """A channel that says that it is not connected where its connection was given up."""

    def _get_pool(self, asynchronous: bool = False) -> Any:
        if getattr(self.connection, "client", None) is None:
            raise NotConnected("The connection of this channel was given up.")
        return super()._get_pool(asynchronous)  # type: ignore[misc]  # the stubs do not know it


def survive_loss() -> None:
    """Let the Redis channels that this process opens from now on survive the loss of Redis."""
    redis.Transport.Channel = Channel
