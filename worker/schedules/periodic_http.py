"""Periodic tasks of django-celery-beat over HTTP: to be read; the admin and code change them."""

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from hub.api import ApiCall, Method, register
from hub.channels import LAST_ID
from hub.database import in_database_thread
from worker.schedules import periodic

#: Periodic tasks of one answer.
PAGE = 500


class PeriodicTasksRequest(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Read which periodic tasks there are, in the order of their ids; `after` is the id of the last one read."""

    after: Annotated[int, Meta(ge=0, le=LAST_ID)] = 0


class ApiPeriodicTask(msgspec.Struct, kw_only=True):
    """A periodic task, without its arguments, which may have secrets.

    ``sentence``: in words when it is due. ``next``: null where it is not, or where only the scheduler knows when, as
    by the sun.
    """

    id: int
    name: str
    task: str
    sentence: str
    enabled: bool
    next: datetime | None


class PeriodicTasksResult(msgspec.Struct):
    """Periodic tasks; ``more``: there are others behind these."""

    periodic_tasks: list[ApiPeriodicTask]
    more: bool


async def read_all(call: ApiCall[PeriodicTasksRequest]) -> PeriodicTasksResult:
    """For keys of the whole hub."""
    call.whole_hub()
    return await in_database_thread(_read_all, call.request.after)


def _read_all(after: int) -> PeriodicTasksResult:
    found = periodic.periodic_tasks_after(after, limit=PAGE + 1)
    shown = [
        ApiPeriodicTask(
            id=one.pk, name=one.name, task=one.task, sentence=one.schedule, enabled=one.is_on, next=one.next_at
        )
        for one in found[:PAGE]
    ]
    return PeriodicTasksResult(shown, len(found) > PAGE)


register(
    Method(
        "periodic_tasks",
        PeriodicTasksRequest,
        PeriodicTasksResult,
        read_all,
        "Read which periodic tasks there are.",
        {},
        also=("GET", "periodic_tasks"),
    )
)
