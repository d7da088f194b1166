"""Real beats that are killed, that are two, and whose clock jumps: each due time is one run, and none is forgotten."""

import random
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone

from hub.models import Lease
from lab.harness.waiting import wait_for
from notifications.models import Notification
from tests.worker import beats
from tests.worker.running import end
from worker.maintenance import compare_schedules
from worker.schedules import schedule
from worker.schedules.models import RunStatus, Schedule, ScheduleRun

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)


def sent() -> int:
    return ScheduleRun.objects.filter(status=RunStatus.SENT).count()


def no_lease() -> None:
    """As when the time of whoever has it is over."""
    Lease.objects.all().delete()


def more_is_sent() -> None:
    before = sent()
    wait_for(lambda: sent() > before, timeout=60, that="it is sent")


def some_time_passes(pause: timedelta) -> None:
    over = timezone.now() + pause
    wait_for(lambda: timezone.now() >= over, timeout=60, that="any moment has come")


@contextmanager
def running_beat(data_dir: Path, log: Path, before: str = "") -> Iterator[None]:
    process = beats.beat(data_dir, before + beats.LOOKS + beats.FOR_EVER, log)
    try:
        yield
    finally:
        end(process)


def each_is_one_run(first: datetime, last: datetime, every: timedelta) -> None:
    """Each due time in between has a row, and what was sent was sent once."""
    rows = ScheduleRun.objects.filter(due_at__gte=first, due_at__lte=last).order_by("due_at")
    expected = [first + number * every for number in range((last - first) // every + 1)]
    assert [row.due_at for row in rows] == expected
    everything = ScheduleRun.objects.filter(status=RunStatus.SENT)
    told = [pk for row in everything for pk in row.notifications]
    assert len(told) == len(set(told)) == everything.count() == Notification.objects.count()


STEPS = [
    ("running", "decide"),
    ("QuerySet", "exists"),
    ("contents", "send"),
    ("ScheduleRun", "save"),
    ("running", "plan"),
    ("running", "_write"),
]


@pytest.mark.whole_table
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(("owner", "name"), STEPS, ids=[name for _owner, name in STEPS])
def test_beat_that_is_killed_at_a_step_leaves_all_or_nothing(
    data_dir: Path, tmp_path: Path, owner: str, name: str, when: str
) -> None:
    row = schedule(to="everyone", message="m", every=HOUR, missed="all").row
    began = timezone.now().replace(microsecond=0) - 3 * HOUR - SECOND
    times = {"starts_at": began, "handled_until": began, "next_at": began + HOUR}
    Schedule.objects.filter(pk=row.pk).update(**times, is_planned=True)
    dies = beats.DIES.format(owner=owner, name=name, when=when)
    killed = beats.beat(data_dir, beats.LOOKS + dies + beats.FOR_EVER, tmp_path / "log")
    assert killed.wait(60) == -signal.SIGKILL, (tmp_path / "log").read_text()
    no_lease()
    with running_beat(data_dir, tmp_path / "log"):
        wait_for(lambda: ScheduleRun.objects.count() >= 3, timeout=60, that="the next beat goes on")
    each_is_one_run(began + HOUR, began + 3 * HOUR, HOUR)
    assert sent() == 3


def test_two_beats_of_which_one_or_the_other_is_killed_at_any_moment(data_dir: Path, tmp_path: Path) -> None:
    """Whoever leads is killed, and nobody waits for the lease, so that both send at the same time now and then."""
    chance = random.Random(7)
    row = schedule(to="everyone", message="m", every=SECOND, missed="all", grace=HOUR).row
    first = row.next_at
    assert first is not None
    log = tmp_path / "log"
    code = beats.LOOKS + beats.FOR_EVER
    both = [beats.beat(data_dir, code, log) for _ in range(2)]
    try:
        for number in range(6):
            more_is_sent()
            some_time_passes(chance.random() * SECOND)
            end(both[number % 2])
            no_lease()
            both[number % 2] = beats.beat(data_dir, code, log)
        last = timezone.now().replace(microsecond=first.microsecond) - SECOND
        wait_for(lambda: ScheduleRun.objects.filter(due_at__gt=last).exists(), timeout=60, that="all of it is over")
    finally:
        for one in both:
            end(one)
    each_is_one_run(first, last, SECOND)
    assert not ScheduleRun.objects.exclude(status=RunStatus.SENT).exists()


def test_clock_that_jumps_an_hour_ahead_and_back_repeats_and_forgets_nothing(data_dir: Path, tmp_path: Path) -> None:
    """With SQLite the clock of the database jumps as well; that of PostgreSQL is another computer's, and does not."""
    clock, log = tmp_path / "clock", tmp_path / "log"

    def jump(seconds: int) -> None:
        draft = clock.with_suffix(".new")
        draft.write_text(str(seconds))
        draft.replace(clock)

    jump(0)
    row = schedule(to="everyone", message="m", every=2 * SECOND, missed="skip").row
    first = row.next_at
    assert first is not None
    with ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(running_beat(data_dir, log, beats.SHIFTED.format(clock=str(clock))))
        more_is_sent()
        jump(3600)
        jumped_at = timezone.now()
        if connection.vendor == "sqlite":
            ahead = ScheduleRun.objects.filter(status=RunStatus.SENT, due_at__gte=jumped_at + HOUR / 2)
            wait_for(ahead.exists, timeout=60, that="it is sent by the clock that is ahead")
        more_is_sent()
        jump(0)
        compare_schedules()  # a worker does once a minute
        back_at = timezone.now()
        again = ScheduleRun.objects.filter(status=RunStatus.SENT, due_at__gt=back_at, due_at__lt=back_at + HOUR / 2)
        wait_for(lambda: again.count() >= 2, timeout=60, that="it goes on without waiting for an hour")
    last = again.order_by("-due_at")[0].due_at
    each_is_one_run(first, last, 2 * SECOND)
