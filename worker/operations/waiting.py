"""How many messages wait in a queue, and for how long the oldest has."""

import json
import time
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from worker.application import application
from worker.operations.joining import SENT_AT


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits in a queue. ``since`` is when the oldest was sent, in seconds since 1970; None: nothing says so."""

    length: int
    since: float | None = None

    @property
    def age(self) -> float:
        """Seconds since then; 0 where nothing waits, or nothing says since when."""
        return max(0.0, time.time() - self.since) if self.since is not None else 0.0


def look(queues: Collection[str]) -> dict[str, Waiting]:
    """What waits in these queues now. Raises what the broker's library raises.

    Of brokers other than Redis only the length is known.
    """
    with application().connection_for_read() as connection:
        channel: Any = connection.default_channel
        if hasattr(channel, "_q_for_pri"):
            return {name: _in_redis(channel, name) for name in queues}
        return {name: Waiting(_length(connection, name)) for name in queues}


def _in_redis(channel: Any, name: str) -> Waiting:
    """A list for each priority; the oldest message is the last."""
    lists = [channel._q_for_pri(name, priority) for priority in channel.priority_steps]
    with channel.conn_or_acquire() as client:
        lengths = [int(client.llen(key)) for key in lists]
        full = [channel.global_keyprefix + key for key, length in zip(lists, lengths, strict=True) if length]
        oldest = [client.lindex(key, -1) for key in full]  # the client puts the prefix before keys of LLEN only
    times = [at for text in oldest if (at := _sent_at(text)) is not None]
    return Waiting(sum(lengths), min(times, default=None))


def _length(connection: Any, name: str) -> int:
    with suppress(connection.channel_errors), connection.channel() as channel:
        return int(channel.queue_declare(name, passive=True).message_count)
    return 0  # nobody has made it yet


def _sent_at(text: Any) -> float | None:
    try:
        at = json.loads(text)["headers"][SENT_AT]
        return float(at)
    except (ValueError, TypeError, KeyError):
        return None
