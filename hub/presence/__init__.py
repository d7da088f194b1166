"""Presence: who is at a channel, over all web processes.

``tracker`` answers, ``contract`` says what a backend does, and ``redis_backend``, ``database_backend`` and
``memory_backend`` are the three there are. ``leaving`` delays the leave of people who may come right back.
"""

from hub.presence.contract import GUEST
from hub.presence.tracker import count_if_known, current, on_changed, on_departed

__all__ = ["GUEST", "count_if_known", "current", "on_changed", "on_departed"]
