"""One fault of kombu's Redis transport that costs a worker its life, mended.

A worker that loses Redis closes its connection twice. At the second time what it has not acknowledged is to be put back
over a connection that knows no address any more: an ``AttributeError``, which Celery takes for the end of the worker
(kombu 5.7.0; ``tests/worker/test_broker.py`` tells when that is over). There is nothing to put back to at that moment,
and nothing needs it: Redis, or its file, still has the messages and gives them out after the visibility timeout.
"""

from typing import Any

from kombu.transport import redis


class QoS(redis.Channel.QoS):
    """What a channel has taken and not acknowledged."""

    def restore_unacked(self, client: Any = None) -> Any:
        """Put all of it back into its queues; nothing where the connection has been given up."""
        if self.channel.connection.client is None:
            return []
        return super().restore_unacked(client)


def survive_loss() -> None:
    """Let every Redis channel that this process opens from now on survive the loss of Redis."""
    redis.Channel.QoS = QoS
