"""Who is at a channel, over all processes: ``tracker`` in Redis, ``database_presence`` while that is away."""

from hub.presence.tracker import GUEST, close, current, on_changed, on_departed

__all__ = ["GUEST", "close", "current", "on_changed", "on_departed"]
