"""What clients are told of tracked jobs and of schedules, and on which channels."""

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Final

import msgspec
from django.contrib.auth import get_user_model

from hub.channels import of_person
from hub.database.finding import find_row
from hub.users import Key, User, ids_are_keys, ids_of_keys, user_id
from worker.models import JobSource, TrackedJob

#: The channel of a person's own jobs begins so; the other one has those of everybody.
OWN: Final = "jobs"
ALL: Final = "all_jobs"

#: The channel of those who look at schedules.
OPERATIONS: Final = "operations"
SCHEDULES: Final = "schedules"

#: The largest number that browsers do not round.
_LARGEST: Final = float(2**53 - 1)


class LogLine(msgspec.Struct):
    """A line of a job's log."""

    at: str
    text: str


class JobItem(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A job as lists have it. Times are of the server; ``runs`` counts how often it began."""

    id: str
    title: str
    task: str
    state: str
    user: str
    created_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
    done: float | int | None = None
    total: float | int | None = None
    text: str = ""
    result_text: str = ""
    result_url: str = ""
    error: str = ""
    parent: str = ""
    root: str = ""
    runs: int = 0
    cancelling: bool = False
    cancellable: bool = False
    #: In its queue, of a job that waits; left out where it is not known, and in publications.
    place: int | None = None
    #: A task of Celery that nobody has changed: its place is an estimate.
    plain: bool = False


class JobChanged(msgspec.Struct, tag="worker.job_changed"):
    """A job is in another state."""

    item: JobItem


class JobProgressed(msgspec.Struct, tag="worker.job_progressed", omit_defaults=True):
    """How far a running job is, with its newest lines. Not stored: what is missed comes with the next one."""

    id: str
    done: float | int | None = None
    total: float | int | None = None
    text: str = ""
    lines: list[LogLine] = []


class ScheduleChanged(msgspec.Struct, tag="worker.schedule_changed"):
    """A schedule or its history is not what it was; it may be gone. Not stored: who was away loads it again."""

    id: str


class PeriodicTaskChanged(msgspec.Struct, tag="worker.periodic_task_changed"):
    """The history of a periodic task is not what it was. Not stored: who was away loads it again."""

    id: str


class OperationsChanged(msgspec.Struct, tag="worker.operations_changed"):
    """Queues, workers or failed jobs are not what they were. Not stored: the page loads them again."""


def channel_of(user_id: str) -> str:
    """The channel of the jobs of one person."""
    return of_person(OWN, user_id)


def items_of(rows: list[TrackedJob], places: Mapping[str, int] | None = None) -> list[JobItem]:
    """Rows as clients get them, with their places by id. One query more where the ids of people are not their keys."""
    ids = ids_of_keys({row.owner_id for row in rows if row.owner_id is not None})
    return [item_of(row, ids.get(row.owner_id, ""), (places or {}).get(row.pk)) for row in rows]


def owner_id_of(row: TrackedJob) -> str:
    """The id of the person whose job it is; empty where it is nobody's. A query where the ids of people are not their
    keys.
    """
    if row.owner_id is None or ids_are_keys():
        return "" if row.owner_id is None else str(row.owner_id)
    owner = person_of(row.owner_id)
    return "" if owner is None else user_id(owner)


def person_of(key: Key) -> User | None:
    """The person with this key; None where they are gone. One query."""
    model = get_user_model()
    return find_row(model, model._meta.pk.name, key)


def bounded(value: float | None) -> float | None:
    """A number that rows, JSON and browsers take as it is; None where it is none."""
    if value is None or not math.isfinite(value):
        return None
    return max(-_LARGEST, min(float(value), _LARGEST))


def number(value: float | None) -> float | int | None:
    """A number as JSON has it: whole ones without a point."""
    value = bounded(value)
    return int(value) if value is not None and value.is_integer() else value


def item_of(row: TrackedJob, user: str, place: int | None = None) -> JobItem:
    """A row as clients get it, with the id of its owner, which is empty where there is none."""
    return JobItem(
        id=row.pk,
        title=row.title,
        task=row.task,
        state=row.state,
        user=user,
        created_at=row.created_at,
        started_at=row.started_at,
        ended_at=row.ended_at,
        done=number(row.done),
        total=number(row.total),
        text=row.text,
        result_text=row.result_text,
        result_url=row.result_url,
        error=row.error,
        parent=row.parent,
        root=row.root,
        runs=row.runs,
        cancelling=row.cancel_requested_at is not None and row.ended_at is None,
        cancellable=row.is_cancellable,
        place=place,
        plain=row.source == JobSource.CELERY,
    )
