"""A worker that is killed in the middle of its work: what it had to do is done once."""

import os
import random
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from django.db.models.functions import Now

from hub.models import Publication, Stream
from hub.publishing import sweeper
from lab.harness.waiting import wait_for
from notifications.models import InboxEntry, Notification
from tests.support.people import make_crowd
from tests.worker.running import children, end, running_worker, send_overdue_jobs
from worker.models import Job
from worker.tasks import send_broadcast

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

RECIPIENTS = 1000

#: Seconds of the workers' hard time limit: more than the work takes on a busy machine. What a dead one had is given to
#: another after twice that.
TIME_LIMIT = "8"


def has_received(log: Path, times: int) -> bool:
    """Whether workers have said so often that they got the broadcast."""
    return log.read_text().count("] received") >= times


@pytest.fixture
def recipients() -> list[str]:
    return [f"user:{user.get_username()}" for user in make_crowd("r", RECIPIENTS)]


def everybody_has_it_once() -> bool:
    """Whether all have an entry and a publication with an offset; fails where anybody has two."""
    sweeper.sweep()  # as web processes do: the kill may have come between commit and numbering
    rows = list(InboxEntry.objects.values_list("user", flat=True))
    sent = list(Publication.objects.filter(channel__startswith="user:").values_list("channel", "offset"))
    assert len(set(rows)) == len(rows)
    assert len({channel for channel, _ in sent}) == len(sent)
    return len(rows) == len(sent) == RECIPIENTS and all(offset == 1 for _, offset in sent)


def is_received_or_done(log: Path, times: int) -> bool:
    return has_received(log, times) or everybody_has_it_once()


def test_a_child_that_is_killed_again_and_again_stores_a_thousand_alerts_once(
    data_dir: Path, tmp_path: Path, recipients: list[str]
) -> None:
    log = tmp_path / "log"
    chance = random.Random(7)
    with running_worker(data_dir, log, HUB_TASK_TIME_LIMIT=TIME_LIMIT) as worker:
        send_broadcast.delay("m", to=recipients)
        for kill in range(1, 6):
            # A child that had not begun yet is followed by another, which gets the same message from its parent.
            wait_for(partial(is_received_or_done, log, kill), timeout=90, that=f"it is received {kill} times, or done")
            time.sleep(chance.uniform(0, 0.4))  # somewhere in it: that is what is tried
            for pid in children(worker):
                os.kill(pid, signal.SIGKILL)
            if everybody_has_it_once():
                break
        wait_for(everybody_has_it_once, timeout=60, that="everybody has it")


def kill_in_the_middle(
    data_dir: Path, log: Path, recipients: list[str], has_begun: Callable[[], bool], **variables: str
) -> None:
    """Give a worker the broadcast, and kill it when ``has_begun()`` holds; once more, where it was done by then."""
    for _ in range(5):
        log.write_text("")
        with running_worker(data_dir, log, **variables) as worker:
            send_broadcast.delay("m", to=recipients)
            wait_for(has_begun, timeout=90, that="it is begun")
            end(worker)
        if not everybody_has_it_once():
            return
        for model in (Notification, Publication, Stream, Job):
            model._default_manager.all().delete()
    raise AssertionError("Each of the workers was done before it was killed")


def test_a_worker_that_is_killed_is_followed_by_another_that_completes_its_work(
    data_dir: Path, tmp_path: Path, recipients: list[str]
) -> None:
    log = tmp_path / "log"
    kill_in_the_middle(data_dir, log, recipients, partial(has_received, log, 1), HUB_TASK_TIME_LIMIT=TIME_LIMIT)
    with running_worker(data_dir, log, HUB_TASK_TIME_LIMIT=TIME_LIMIT):
        wait_for(everybody_has_it_once, timeout=60, that="everybody has it")


def test_what_a_worker_had_when_it_was_killed_is_run_by_another_once_its_heartbeat_is_old(
    data_dir: Path, tmp_path: Path, recipients: list[str]
) -> None:
    log = tmp_path / "log"
    kill_in_the_middle(data_dir, log, recipients, lambda: not Job.objects.filter(starts=0).exists())
    # The broadcast, the distribution of what it has stored, or, for a moment between the two, both.
    owed = Job.objects.count()
    assert owed in {1, 2}
    Job.objects.update(send_at=Now())  # half a minute later
    # Redis would give it out again after ten minutes, which are twice the time limit.
    assert send_overdue_jobs() == owed
    with running_worker(data_dir, log):
        wait_for(everybody_has_it_once, timeout=60, that="everybody has it")
        wait_for(lambda: not Job.objects.exists(), that="nothing is owed")
