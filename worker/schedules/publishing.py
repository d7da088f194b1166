"""Tells those who look at schedules that one has changed."""

from collections.abc import Iterable

from hub.database import run_safely_on_commit
from hub.publishing import publish_ephemeral
from worker import events


def publish_changed(schedules: Iterable[int]) -> None:
    """Say after the commit that these schedules, or their runs, are not what they were: pages load them again."""
    for pk in schedules:
        run_safely_on_commit(publish_ephemeral, events.SCHEDULES, events.ScheduleChanged(str(pk)))
