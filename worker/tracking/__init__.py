"""Tracked jobs: background jobs whose life people watch, live and after their end.

``declaring`` has the decorator, ``task`` the class of tasks, ``handle`` what their functions get; ``stored`` writes
the rows, ``publishing`` tells of them, ``reporter`` does both while a job runs; ``losses`` finds those that nobody
runs any more, ``cancelling`` ends them, ``queries`` lists them. ``watching`` does all that for plain tasks of
Celery, of which ``kept_calls`` keeps what they were called with.
"""

from worker.origins import started_by
from worker.tracking.declaring import job
from worker.tracking.handle import JobCancelled, JobHandle, JobTimedOut

__all__ = ["JobCancelled", "JobHandle", "JobTimedOut", "job", "started_by"]
