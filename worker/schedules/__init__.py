"""Alerts that come back at their time: when they are due, what they say, and that each due time is sent once.

``schedule`` makes one, ``schedule_named`` finds one by its key. ``rules`` says when one is due and ``cron`` reads
expressions; ``contents`` is what is sent; ``running`` sends; ``changing`` has every other write.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from worker.schedules.declaring import OWN_ZONE, ScheduleHandle, schedule, schedule_named

__all__ = ["OWN_ZONE", "ScheduleHandle", "schedule", "schedule_named"]


def __getattr__(name: str) -> Any:
    # What makes them imports models, which must not happen while Django is still collecting its apps.
    if name not in __all__:
        raise AttributeError(f"module 'worker.schedules' has no attribute {name!r}")
    from worker.schedules import declaring

    return getattr(declaring, name)
