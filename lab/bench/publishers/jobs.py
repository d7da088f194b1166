"""Backend code that starts jobs, and plain tasks of Celery beside them."""

import time

from hub.users import user_id
from hub.users.model import all_users, log_in_field
from lab.bench.publishers import log_in_names
from lab.bench.publishers.job_tasks import ended_file, plain_steps, told_steps
from worker.events import channel_of
from worker.models import TrackedJob
from worker.origins import started_by


def jobs_channel() -> dict[str, str]:
    """The channel of the jobs of the first person."""
    return {"channel": channel_of(user_id(all_users().get(**{log_in_field(): log_in_names.of(0)})))}


def start_steps(first: int, count: int, told: bool) -> dict[str, int]:
    """Start ``count`` tasks with numbers from ``first`` on, as the first person where they are jobs; ``began`` is
    before the first call. From 0 on, the count of those that have ended begins again."""
    person = all_users().get(**{log_in_field(): log_in_names.of(0)})
    if not first:
        ended_file().unlink(missing_ok=True)
    began = time.monotonic_ns()
    with started_by(person):
        for number in range(first, first + count):
            (told_steps if told else plain_steps).delay(number)
    return {"began": began, "ended": time.monotonic_ns()}


def steps_ended() -> dict[str, int]:
    """How many tasks have done their steps, and how many jobs have not ended; ``at`` is after that was read."""
    done = ended_file().stat().st_size if ended_file().exists() else 0
    open_jobs = TrackedJob.objects.filter(ended_at=None).count()
    return {"done": done, "open": open_jobs, "at": time.monotonic_ns()}
