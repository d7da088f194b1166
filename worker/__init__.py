"""Background work, and what happens at its time.

``DurableTask`` is the class of tasks that no crash loses; ``job`` makes a task that people watch, and ``started_by``
names the person who starts it. ``schedule`` makes an alert that comes back at its time, ``schedule_named`` finds it
again. They may be imported anywhere after Django's apps are configured.
"""

from typing import TYPE_CHECKING

from hub.faces import exported

if TYPE_CHECKING:
    from worker.durable import DurableTask
    from worker.origins import started_by
    from worker.schedules.declaring import OWN_ZONE, ScheduleHandle, schedule, schedule_named
    from worker.tracking.declaring import job
    from worker.tracking.handle import JobCancelled, JobHandle, JobTimedOut

__all__ = [
    "OWN_ZONE",
    "DurableTask",
    "JobCancelled",
    "JobHandle",
    "JobTimedOut",
    "ScheduleHandle",
    "job",
    "schedule",
    "schedule_named",
    "started_by",
]

__getattr__ = exported(
    __name__,
    {
        "OWN_ZONE": "schedules.declaring",
        "DurableTask": "durable",
        "JobCancelled": "tracking.handle",
        "JobHandle": "tracking.handle",
        "JobTimedOut": "tracking.handle",
        "ScheduleHandle": "schedules.declaring",
        "job": "tracking.declaring",
        "schedule": "schedules.declaring",
        "schedule_named": "schedules.declaring",
        "started_by": "origins",
    },
)
