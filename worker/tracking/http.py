"""``/api/jobs``: other programs list and cancel jobs, and report work of their own."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from hub.api import DETAIL_LIMIT, ApiCall, ApiError, Code, Method, all_of, person_named, register
from hub.api.method import StreamOperation, register_stream
from hub.database import in_database_thread
from hub.session import StreamPosition
from hub.streams import begin
from hub.users import User, user_id
from hub.validation import is_storable
from notifications import channels
from notifications.safe_urls import is_safe_url
from worker import events
from worker.events import JobItem, LogLine
from worker.models import JobSource, TrackedJob
from worker.tracking import cancelling, queries, reported

#: Jobs of one answer.
PAGE_LIMIT = 100

#: Lines of one call.
LINES_LIMIT = 100

_Id = Annotated[str, Meta(min_length=1, max_length=255)]
_Silence = Annotated[
    float, Meta(ge=5, le=86_400, description="Seconds without a call after which the job counts as lost.")
]
_State = Literal["", "queued", "running", "retrying", "lost", "succeeded", "failed", "cancelled"]


class JobsRequest(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Report that a program begins to work. The same ``id`` again is the same job: repeating the call is harmless."""

    title: Annotated[str, Meta(min_length=1, max_length=200)]
    user: str = ""
    id: Annotated[str, Meta(max_length=255)] = ""
    task: Annotated[str, Meta(max_length=255)] = ""
    parent: Annotated[str, Meta(max_length=255)] = ""
    silence: _Silence = 600.0


class ReportedJob(msgspec.Struct):
    """``cancel``: somebody wants the work to end; say so with the state ``cancelled`` when it has."""

    job: JobItem
    cancel: bool


class JobChangeRequest(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Report how far the work is, or its end. What is left out stays as it was; work that is over stays so."""

    id: _Id
    done: float | None = None
    total: float | None = None
    text: Annotated[str, Meta(max_length=200)] | None = None
    lines: Annotated[list[str], Meta(max_length=LINES_LIMIT)] = []
    state: Literal["running", "succeeded", "failed", "cancelled"] = "running"
    error: Annotated[str, Meta(max_length=1000)] = ""
    result_text: Annotated[str, Meta(max_length=1000)] = ""
    result_url: Annotated[str, Meta(max_length=2000)] = ""
    silence: _Silence = 600.0


class JobsListRequest(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """List jobs: those of a person, or, for keys that may name all people, of everybody."""

    user: str = ""
    state: _State = ""
    before: Annotated[str, Meta(max_length=255)] = ""
    limit: Annotated[int, Meta(ge=1, le=PAGE_LIMIT)] = 20


class JobsListResult(msgspec.Struct):
    """Jobs, newest first. ``next`` is the ``before`` of what follows, empty where nothing does.

    ``positions``, of the channel of the person's jobs, were read before them.
    """

    jobs: list[JobItem]
    next: str
    positions: dict[str, StreamPosition]


class JobRequest(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """One job."""

    id: _Id


class JobResult(msgspec.Struct):
    """A job with its arguments, secrets masked, and the newest lines of its log."""

    job: JobItem
    arguments: str
    log: list[LogLine]


class JobCancelResult(msgspec.Struct):
    """How many jobs were not over: this one, and those that it has called."""

    cancelled: int


async def create(call: ApiCall[JobsRequest]) -> ReportedJob:
    """It runs from then on, and its person sees it."""
    return await in_database_thread(_create, call)


def _create(call: ApiCall[JobsRequest]) -> ReportedJob:
    request = call.request
    owner = _owner(call, request.user)
    if not all(map(is_storable, (request.id, request.title, request.task))):
        raise ApiError(Code.BAD_REQUEST, "a text has characters that cannot be stored")
    parent = _job(call, request.parent) if request.parent else None
    try:
        row = reported.begin(
            title=request.title,
            owner=owner,
            job_id=request.id,
            task=request.task,
            parent=parent,
            silence=request.silence,
        )
    except reported.TakenId as error:
        raise ApiError(Code.BAD_REQUEST, str(error)[:DETAIL_LIMIT]) from None
    return _told(row)


async def change(call: ApiCall[JobChangeRequest]) -> ReportedJob:
    """For work that was reported with ``jobs``."""
    return await in_database_thread(_change, call)


def _change(call: ApiCall[JobChangeRequest]) -> ReportedJob:
    request = call.request
    row = _job(call, request.id)
    if row.source != JobSource.API:
        raise ApiError(Code.BAD_REQUEST, "this job reports by itself how far it is")
    if request.result_url and not is_safe_url(request.result_url):
        raise ApiError(Code.BAD_REQUEST, "result_url is a path or an address of http")
    said = reported.JobReport(
        done=request.done,
        total=request.total,
        text=request.text,
        lines=request.lines,
        ended=None if request.state == "running" else request.state,
        error=request.error,
        result_text=request.result_text,
        result_url=request.result_url,
    )
    return _told(reported.report(row, said, silence=request.silence))


async def read_all(call: ApiCall[JobsListRequest]) -> JobsListResult:
    """Go on live with a subscription to ``jobs:<user>`` from ``positions``."""
    return await in_database_thread(_read_all, call)


def _read_all(call: ApiCall[JobsListRequest]) -> JobsListResult:
    request = call.request
    person = _owner(call, request.user)
    positions: dict[str, StreamPosition] = {}
    rows = queries.all_jobs()
    if person is not None:
        channel = events.channel_of(user_id(person))
        positions = {name: StreamPosition(at.epoch, at.offset) for name, at in begin([channel]).items()}
        rows = queries.jobs_of(person)
    if request.state:
        rows = rows.filter(state=request.state)
    if request.before:
        rows = queries.older(rows, _job(call, request.before))
    found = list(rows.defer("log", "arguments", "call")[: request.limit + 1])
    following = found[request.limit - 1].pk if len(found) > request.limit else ""
    items = events.items_of(found[: request.limit], queries.places(found))
    return JobsListResult(items, following, positions)


async def read(call: ApiCall[JobRequest]) -> JobResult:
    """For keys that may name its person."""
    return await in_database_thread(_read, call)


def _read(call: ApiCall[JobRequest]) -> JobResult:
    row = _job(call, call.request.id)
    (item,) = events.items_of([row], queries.places([row]))
    return JobResult(item, row.arguments, [LogLine(at, text) for at, text in row.log])


async def cancel(call: ApiCall[JobRequest]) -> JobCancelResult:
    """Repeating it is harmless."""
    return JobCancelResult(await in_database_thread(_cancel, call))


def _cancel(call: ApiCall[JobRequest]) -> int:
    return cancelling.cancel(_job(call, call.request.id))


def _owner(call: ApiCall[Any], known: str) -> User | None:
    """The person with this id; of nobody's jobs are told those who may name all people."""
    if not known:
        all_of(call, channels.USER)
        return None
    return person_named(call, known)


def _job(call: ApiCall[Any], job_id: str) -> TrackedJob:
    """The job of this id. To keys that may not name all people one that is not there is as one that is another's."""
    row = TrackedJob.objects.filter(pk=job_id).first() if is_storable(job_id) else None
    if row is None or row.owner is None:
        all_of(call, channels.USER)
    if row is None:
        raise ApiError(Code.BAD_REQUEST, "there is no job with this id")
    if row.owner is not None:
        call.user(user_id(row.owner))
    return row


def _told(row: TrackedJob) -> ReportedJob:
    (item,) = events.items_of([row])
    return ReportedJob(item, item.cancelling)


register(
    Method(
        "jobs",
        JobsRequest,
        ReportedJob,
        create,
        "Report that a program begins to work.",
        {"title": "Render the film", "user": "42", "id": "render:7", "silence": 60},
    )
)
register(
    Method(
        "job_change",
        JobChangeRequest,
        ReportedJob,
        change,
        "Report how far reported work is, or its end.",
        {"id": "render:7", "done": 120, "total": 2400, "text": "frame 120"},
        also=("PATCH", "jobs"),
    )
)
register(
    Method(
        "jobs_list",
        JobsListRequest,
        JobsListResult,
        read_all,
        "List the jobs of a person, or of everybody.",
        {"user": "42", "state": "running"},
        also=("GET", "jobs"),
    )
)
register(
    Method("job", JobRequest, JobResult, read, "Read a job, with its log.", {"id": "render:7"}, also=("GET", "job"))
)
register(
    Method(
        "job_cancel",
        JobRequest,
        JobCancelResult,
        cancel,
        "Cancel a job, and those that it has called.",
        {"id": "render:7"},
        also=("DELETE", "jobs"),
    )
)
register_stream(
    StreamOperation(
        "jobs/{id}/events", "job_events", "job", "Follow a job: what it is, and each change until its end."
    )
)
