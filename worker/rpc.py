"""RPC methods for client connections: the jobs that people watch."""

from typing import Annotated

import msgspec
from msgspec import Meta

from hub.session import RpcCall, RpcError, StreamPosition, rpc
from hub.streams import begin
from hub.users import User, may, user_id
from worker import events
from worker.events import JobItem, LogLine
from worker.models import TrackedJob
from worker.tracking import cancelling, queries

#: Jobs of a list.
LIST_LIMIT = 100

_Id = Annotated[str, Meta(min_length=1, max_length=255)]


class ListJobs(msgspec.Struct):
    """The caller's newest jobs; with ``all`` those of everybody, for staff with the permission."""

    all: bool = False


class JobList(msgspec.Struct):
    """Jobs, newest first. ``position``, of the channel that goes on, was read before them; null: it is live only."""

    items: list[JobItem]
    position: StreamPosition | None


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
    """The newest hundred."""
    if params.all:
        if not may(call.user, queries.SEE_ALL):
            raise RpcError(403, "You may not see the jobs of others")
        return JobList(events.items_of(list(queries.all_jobs().defer("log", "arguments")[:LIST_LIMIT])), None)
    person = _person(call)
    channel = events.channel_of(user_id(person))
    position = begin([channel])[channel]
    items = events.items_of(list(queries.jobs_of(person).defer("log", "arguments")[:LIST_LIMIT]))
    return JobList(items, StreamPosition(position.epoch, position.offset))


@rpc("jobs.get")
def get_job(call: RpcCall, params: NamedJob) -> JobDetails:
    """One's own job, or anybody's for staff with the permission."""
    row = _job(call, params.id, queries.SEE_ALL)
    (item,) = events.items_of([row])
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
    row = queries.visible_to(_person(call), job_id, permission)
    if row is None:
        raise RpcError(404, "There is no such job")
    return row
