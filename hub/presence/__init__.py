"""Presence: who is at a channel, over all web processes.

``tracker`` keeps it in Redis, ``database_presence`` in the database while Redis is away, and ``leaving`` delays the
leave of people who may come right back.
"""

from hub.presence.tracker import GUEST, close, current, on_changed, on_departed

__all__ = ["GUEST", "close", "current", "on_changed", "on_departed"]
