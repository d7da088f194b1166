"""RPC methods for client connections: the jobs that people watch."""

from typing import Annotated

import msgspec
from msgspec import Meta

from hub.session import RpcCall, RpcError, StreamPosition, rpc
from hub.streams import begin
from hub.users import User, may, user_id
from hub.validation import is_storable
from worker import events
from worker.events import JobItem, LogLine
from worker.models import TrackedJob
from worker.tracking import cancelling, queries

#: Jobs of a list.
LIST_LIMIT = 100

_Id = Annotated[str, Meta(min_length=1, max_length=255)]


class ListJobs(msgspec.Struct):
    """The caller's newest jobs; with ``all`` those of everybody, for staff with the permission.

    ``before`` is the id of the last one read: those that stand behind it.
    """

    all: bool = False
    before: Annotated[str, Meta(max_length=255)] = ""


class JobList(msgspec.Struct):
    """Jobs, newest first; ``more``: there are older ones.

    ``position``, of the channel that goes on, was read before them; null: it is live only, or these are older ones.
    """

    items: list[JobItem]
    position: StreamPosition | None
    more: bool


class ListPlaces(msgspec.Struct):
    """Jobs that wait in a queue."""

    ids: Annotated[list[_Id], Meta(max_length=LIST_LIMIT)]


class JobPlaces(msgspec.Struct):
    """The place of each in its queue, the next one is 1; of a plain task an estimate.

    What does not wait, stands far behind, or was overtaken, has none.
    """

    places: dict[str, int]


class NamedJob(msgspec.Struct):
    """One job."""

    id: _Id


class JobDetails(msgspec.Struct):
    """A job with its arguments, secrets masked, and the newest lines of its log."""

    item: JobItem
    arguments: str
    log: list[LogLine]


class CancelledJobs(msgspec.Struct):
    """How many jobs were not over yet: this one, and those that it has called."""

    cancelled: int


@rpc("jobs.list")
def list_jobs(call: RpcCall, params: ListJobs) -> JobList:
    """A hundred at once."""
    position = None
    if params.all:
        if not may(call.user, queries.SEE_ALL):
            raise RpcError(403, "You may not see the jobs of others")
        rows = queries.all_jobs()
    else:
        person = _person(call)
        if not params.before:
            channel = events.channel_of(user_id(person))
            begins = begin([channel])[channel]
            position = StreamPosition(begins.epoch, begins.offset)
        rows = queries.jobs_of(person)
    if params.before:
        rows = queries.older(rows, _job(call, params.before, queries.SEE_ALL))
    found = list(rows.defer("log", "arguments", "call")[: LIST_LIMIT + 1])
    items = events.items_of(found[:LIST_LIMIT], queries.places(found))
    return JobList(items, position, len(found) > LIST_LIMIT)


@rpc("jobs.places")
def list_places(call: RpcCall, params: ListPlaces) -> JobPlaces:
    """Of one's own jobs, and of anybody's for staff with the permission; others have none."""
    person = _person(call)
    rows = TrackedJob.objects.filter(pk__in=[one for one in params.ids if is_storable(one)])
    if not may(person, queries.SEE_ALL):
        rows = rows.filter(owner=person)
    return JobPlaces(queries.places(rows.defer("log", "arguments", "call")))


@rpc("jobs.get")
def get_job(call: RpcCall, params: NamedJob) -> JobDetails:
    """One's own job, or anybody's for staff with the permission."""
    row = _job(call, params.id, queries.SEE_ALL)
    (item,) = events.items_of([row], queries.places([row]))
    return JobDetails(item, row.arguments, [LogLine(at, text) for at, text in row.log])


@rpc("jobs.cancel")
def cancel_job(call: RpcCall, params: NamedJob) -> CancelledJobs:
    """What waits is over at once; what runs ends within two seconds. Repeating it is harmless."""
    return CancelledJobs(cancelling.cancel(_job(call, params.id, queries.CANCEL_ALL)))


def _person(call: RpcCall) -> User:
    if not isinstance(call.user, User):
        raise RpcError(401, "Log in to see your jobs")
    return call.user


def _job(call: RpcCall, job_id: str, permission: str) -> TrackedJob:
    row = queries.visible_to(_person(call), job_id, permission) if is_storable(job_id) else None
    if row is None:
        raise RpcError(404, "There is no such job")
    return row
