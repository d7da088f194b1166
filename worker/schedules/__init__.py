"""Alerts that come back at their time: when they are due, what they say, and that each due time is sent once.

``schedule`` makes one, ``schedule_named`` finds one by its key. ``rules`` says when one is due and ``cron`` reads
expressions; ``contents`` is what is sent; ``running`` sends; ``changing`` has every other write.
"""

from typing import TYPE_CHECKING

from hub.faces import exported

if TYPE_CHECKING:
    from worker.schedules.declaring import OWN_ZONE, ScheduleHandle, schedule, schedule_named

__all__ = ["OWN_ZONE", "ScheduleHandle", "schedule", "schedule_named"]

__getattr__ = exported(__name__, dict.fromkeys(__all__, "declaring"))
