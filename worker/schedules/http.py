"""Schedules over HTTP. A key may read and change those that send to channels which it may name."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import msgspec
from django.conf import settings
from msgspec import UNSET, Meta, UnsetType

from hub.api import DETAIL_LIMIT, ApiCall, ApiError, Code, Method, register
from hub.channels import LAST_ID
from hub.database import in_database_thread
from notifications import events, sources
from notifications.api import button
from notifications.sending.alerting import LONGEST, LONGEST_THROTTLE, BadAlert
from worker.schedules import changing, makers, running, wording
from worker.schedules import contents as schedule_contents
from worker.schedules.changing import BadSchedule, WantedSchedule
from worker.schedules.declaring import OWN_ZONE
from worker.schedules.models import Missed, Schedule, ScheduleRun
from worker.schedules.rules import BadRule, Rule, Timing

#: Due times, and runs, of one answer.
NEXT_LIMIT, RUNS_LIMIT, PAGE = 100, 500, 500

_Seconds = Annotated[float, Meta(gt=0, le=LONGEST.total_seconds())]
_Grace = Annotated[float, Meta(gt=0, le=changing.LONGEST_GRACE.total_seconds())]
_Throttle = Annotated[float, Meta(ge=0, le=LONGEST_THROTTLE.total_seconds())]
_WHEN = Meta(
    description="One of five rules: `once`, `every` so many units, `weekly`, `monthly`, `cron`. Monday is 1. "
    "`or_last_day` takes the last day of a month that is too short."
)
_TO = Meta(
    description="`everyone`, `members`, the id of a user as text, `user:NAME`, `group:NAME`, `topic:NAME`, "
    f"`audience:NAME`, `permission:APP.CODENAME`, or up to "
    f"{schedule_contents.RECIPIENTS_LIMIT} of these; looked up at each due time."
)
_TZ = Meta(description=f"The time zone, `{OWN_ZONE}` for each person's own; without it that of the hub.")
_RUNS = Meta(description="So many due times are sent, and then it is over.")
_MISSED = Meta(description="What becomes of due times later than the grace: `skip`, `once` for all of them, or `all`.")
_GRACE = Meta(description="Seconds by which a due time may be late; without it until the next one, an hour at most.")
_KEY = Meta(description="Names the schedule: the same call with the same key makes one, and another one changes it.")


class _Said(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What a schedule is; see `worker.schedules.schedule`."""

    to: Annotated[str | list[str] | UnsetType, _TO] = UNSET
    when: Annotated[Rule | UnsetType, _WHEN] = UNSET
    message: str | UnsetType = UNSET
    title: str | UnsetType = UNSET
    level: str | UnsetType = UNSET
    url: str | UnsetType = UNSET
    data: Any = UNSET
    kind: str | UnsetType | None = UNSET
    params: dict[str, Any] | UnsetType | None = UNSET
    expires: _Seconds | UnsetType | None = UNSET
    actions: list[events.OfferedAction] | UnsetType = UNSET
    group_by: str | UnsetType | None = UNSET
    throttle: _Throttle | UnsetType | None = UNSET
    tz: Annotated[str | UnsetType, _TZ] = UNSET
    start: datetime | UnsetType | None = UNSET
    end: datetime | UnsetType | None = UNSET
    runs: Annotated[int | UnsetType | None, _RUNS] = UNSET
    missed: Annotated[str | UnsetType, _MISSED] = UNSET
    grace: Annotated[_Grace | UnsetType | None, _GRACE] = UNSET
    name: str | UnsetType = UNSET


class ScheduleCreateRequest(_Said, kw_only=True):
    """Make a schedule: `to`, `when`, and what it says. With a key, change the one that has it."""

    key: Annotated[str | None, _KEY] = None


class ScheduleChangeRequest(_Said, kw_only=True):
    """Change what is given of a schedule; the rest stays."""

    id: Annotated[int, Meta(ge=1, le=LAST_ID)]


class ScheduleRequest(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Something that concerns one schedule."""

    id: Annotated[int, Meta(ge=1, le=LAST_ID)]


class ScheduleRunRequest(ScheduleRequest, kw_only=True):
    """Send a schedule now. The same ``idempotency_key`` again sends nothing, and answers with the first run."""

    idempotency_key: str | None = None


class ScheduleNextRequest(ScheduleRequest, kw_only=True):
    """Read when a schedule is due next."""

    limit: Annotated[int, Meta(ge=1, le=NEXT_LIMIT)] = 10


class ScheduleRunsRequest(ScheduleRequest, kw_only=True):
    """Read what became of the due times of a schedule, newest first; `before` is the id of the last one read."""

    limit: Annotated[int, Meta(ge=1, le=RUNS_LIMIT)] = 50
    before: Annotated[int, Meta(ge=1, le=LAST_ID)] | None = None


class SchedulesRequest(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Read which schedules there are, in the order of their ids; `after` is the id of the last one read."""

    after: Annotated[int, Meta(ge=0, le=LAST_ID)] = 0


class ApiSchedule(msgspec.Struct, kw_only=True):
    """A schedule. ``sentence`` says in words when it is due; ``over``: it has no due time any more.

    ``made_by``: who made it or has changed it last: ``api_key:7``, ``person:42``, or empty: code. One of an API key
    that is revoked, or may not send so any more, stops at its next due time, and ``problem`` says so.

    ``warnings``: which recipients are not there now, in the answer to who makes or changes it, where there are such.
    """

    id: int
    key: str | None
    name: str
    contents: dict[str, Any]
    when: dict[str, Any]
    tz: str
    start: datetime | None
    end: datetime | None
    runs: int | None
    missed: str
    grace: float | None
    paused: bool
    over: bool
    next: datetime | None
    sentence: str
    problem: str
    made_by: str
    warnings: list[str] | UnsetType = UNSET


class ScheduleCreated(msgspec.Struct):
    """``created``: there was none with this key before."""

    schedule: ApiSchedule
    created: bool


class SchedulesResult(msgspec.Struct):
    """Schedules; ``more``: there are others behind these."""

    schedules: list[ApiSchedule]
    more: bool


class ScheduleDeleted(msgspec.Struct):
    """The schedule is gone, with its history."""


class ScheduleNextResult(msgspec.Struct):
    """The next due times, in UTC."""

    next: list[datetime]


class ApiScheduleRun(msgspec.Struct, kw_only=True):
    """A due time: ``status`` is ``sent``, ``missed`` or ``failed``; ``late_by`` is in seconds.

    ``recipients``: how many people it was for; ``received``: how many open connections it came to live, counted some
    seconds later. Null: not known, or not yet.
    """

    id: int
    due_at: datetime
    ran_at: datetime
    status: str
    late_by: float
    by_hand: bool
    notifications: list[int]
    recipients: int | None
    received: int | None
    error: str


class ScheduleRunsResult(msgspec.Struct):
    """Runs of a schedule, newest first."""

    runs: list[ApiScheduleRun]


def _shown(row: Schedule) -> ApiSchedule:
    return ApiSchedule(
        id=row.pk,
        key=row.key,
        name=row.name,
        contents=row.contents,
        when=row.rule,
        tz=row.zone or OWN_ZONE,
        start=row.starts_at,
        end=row.ends_at,
        runs=row.max_runs,
        missed=row.missed,
        grace=None if row.grace is None else row.grace.total_seconds(),
        paused=row.is_paused,
        over=row.is_over,
        next=None if row.is_paused else row.next_at,
        sentence=wording.sentence_of(row),
        problem=row.problem,
        made_by=row.made_by,
    )


def _shown_to_maker(row: Schedule) -> ApiSchedule:
    return msgspec.structs.replace(_shown(row), warnings=schedule_contents.missing(row.contents) or UNSET)


def _run_shown(run: ScheduleRun) -> ApiScheduleRun:
    return ApiScheduleRun(
        id=run.pk,
        due_at=run.due_at,
        ran_at=run.ran_at,
        status=run.status,
        late_by=run.late_by,
        by_hand=run.is_by_hand,
        notifications=run.notifications,
        recipients=run.recipients,
        received=run.received,
        error=run.error,
    )


def _row(call: ApiCall[Any]) -> Schedule:
    row = Schedule.objects.filter(pk=call.request.id).first()
    if row is None:
        call.whole_hub()  # to other keys it is as one that they may not name
        raise ApiError(Code.BAD_REQUEST, "there is no such schedule")
    makers.require_reach(call, row)
    return row


def _contents(said: _Said, before: dict[str, Any]) -> dict[str, Any]:
    given = {name: getattr(said, name) for name in ("to", *schedule_contents.NAMES)}
    if said.actions is not UNSET:
        given["actions"] = [button(one) for one in said.actions]
    wanted = before | {name: value for name, value in given.items() if value is not UNSET}
    if "to" not in wanted:
        raise ApiError(Code.BAD_REQUEST, "to is missing")
    return schedule_contents.as_json(wanted.pop("to"), wanted)


def _or(given: Any, before: Any) -> Any:
    return before if given is UNSET else given


def _wanted(said: _Said, before: WantedSchedule | None, made_by: str) -> WantedSchedule:
    if before is None and said.when is UNSET:
        raise ApiError(Code.BAD_REQUEST, "when is missing")
    zone = before.timing.zone if before else str(settings.TIME_ZONE)
    if isinstance(said.tz, str):
        zone = "" if said.tz == OWN_ZONE else said.tz
    timing = Timing(
        _or(said.when, before and before.timing.rule),
        zone,
        _or(_aware(said.start), before and before.timing.start),
        _or(_aware(said.end), before and before.timing.end),
    )
    grace = said.grace if said.grace is None or said.grace is UNSET else timedelta(seconds=said.grace)
    return WantedSchedule(
        contents=_contents(said, before.contents if before else {}),
        timing=timing,
        name=_or(said.name, before.name if before else ""),
        max_runs=_or(said.runs, before and before.max_runs),
        missed=_or(said.missed, before.missed if before else Missed.ONCE.value),
        grace=_or(grace, before and before.grace),
        made_by=made_by,
    )


def _source(call: ApiCall[Any]) -> str:
    return sources.written(sources.API_KEY, call.caller.pk)


def _aware(given: datetime | UnsetType | None) -> datetime | UnsetType | None:
    return given.replace(tzinfo=UTC) if isinstance(given, datetime) and given.tzinfo is None else given


def _refusing(change: Callable[[], Any]) -> Any:
    try:
        return change()
    except (BadSchedule, BadRule, BadAlert, OverflowError) as error:
        raise ApiError(Code.BAD_REQUEST, str(error)[:DETAIL_LIMIT]) from None


async def read_all(call: ApiCall[SchedulesRequest]) -> SchedulesResult:
    """For keys of the whole hub."""
    call.whole_hub()
    return await in_database_thread(_read_all, call.request.after)


def _read_all(after: int) -> SchedulesResult:
    rows = list(Schedule.objects.filter(pk__gt=after).order_by("pk")[: PAGE + 1])
    return SchedulesResult([_shown(row) for row in rows[:PAGE]], len(rows) > PAGE)


async def read(call: ApiCall[ScheduleRequest]) -> ApiSchedule:
    """With what it sends and when."""
    return await in_database_thread(lambda: _shown(_row(call)))


async def create(call: ApiCall[ScheduleCreateRequest]) -> ScheduleCreated:
    """It is due from now on."""
    return await in_database_thread(_create, call)


def _create(call: ApiCall[ScheduleCreateRequest]) -> ScheduleCreated:
    request = call.request
    to = request.to if isinstance(request.to, list) else [request.to] if isinstance(request.to, str) else []
    makers.require(call, to)  # before anything is said of what it is
    key = _refusing(lambda: changing.checked_key(request.key))
    if key is not None and (other := Schedule.objects.filter(key=key).first()) is not None:
        makers.require_reach(call, other)
    row, is_new = _refusing(lambda: changing.create(_wanted(request, None, _source(call)), key=key))
    return ScheduleCreated(_shown_to_maker(row), is_new)


async def change(call: ApiCall[ScheduleChangeRequest]) -> ApiSchedule:
    """In force at once."""
    return await in_database_thread(_change, call)


def _change(call: ApiCall[ScheduleChangeRequest]) -> ApiSchedule:
    row = _row(call)

    def run() -> Schedule:
        wanted = _wanted(call.request, changing.wanted_of(row), _source(call))
        makers.require(call, set(wanted.contents["to"]) - set(row.contents["to"]))
        return changing.change(row, wanted)

    return _shown_to_maker(_refusing(run))


async def delete(call: ApiCall[ScheduleRequest]) -> ScheduleDeleted:
    """With its history."""
    await in_database_thread(lambda: changing.delete([_row(call)]))
    return ScheduleDeleted()


async def pause(call: ApiCall[ScheduleRequest]) -> ApiSchedule:
    """Due times meanwhile are none."""
    return await in_database_thread(lambda: _shown(changing.pause(_row(call))))


async def resume(call: ApiCall[ScheduleRequest]) -> ApiSchedule:
    """With the due times from now on."""
    return await in_database_thread(lambda: _shown(changing.resume(_row(call))))


async def run(call: ApiCall[ScheduleRunRequest]) -> ApiScheduleRun:
    """Besides its due times."""
    return await in_database_thread(_run, call)


def _run(call: ApiCall[ScheduleRunRequest]) -> ApiScheduleRun:
    row = _row(call)
    key = _refusing(lambda: changing.checked_key(call.request.idempotency_key or None))
    return _run_shown(running.run_now(row, key=key))


async def read_next(call: ApiCall[ScheduleNextRequest]) -> ScheduleNextResult:
    """Fewer where it is over before, none while it is paused."""
    return await in_database_thread(lambda: ScheduleNextResult(_refusing(lambda: _row(call).next(call.request.limit))))


async def read_runs(call: ApiCall[ScheduleRunsRequest]) -> ScheduleRunsResult:
    """As far as the history is kept."""
    return await in_database_thread(_read_runs, call)


def _read_runs(call: ApiCall[ScheduleRunsRequest]) -> ScheduleRunsResult:
    rows = _row(call).runs.order_by("-pk")
    if call.request.before is not None:
        rows = rows.filter(pk__lt=call.request.before)
    return ScheduleRunsResult([_run_shown(run) for run in rows[: call.request.limit]])


_ONE = {"id": 7}
_NEW = {
    "to": "group:team",
    "message": "Stand-up in five minutes",
    "when": {"type": "weekly", "weekdays": [1, 2, 3, 4, 5], "times": ["09:25"]},
    "tz": "Europe/Berlin",
    "key": "stand-up",
}

for method in (
    Method(
        "schedules",
        SchedulesRequest,
        SchedulesResult,
        read_all,
        "Read which schedules there are.",
        {},
        also=("GET", "schedules"),
    ),
    Method("schedule", ScheduleRequest, ApiSchedule, read, "Read a schedule.", _ONE, also=("GET", "schedule")),
    Method(
        "schedule_create",
        ScheduleCreateRequest,
        ScheduleCreated,
        create,
        "Make a schedule.",
        _NEW,
        also=("PUT", "schedules"),
    ),
    Method(
        "schedule_change",
        ScheduleChangeRequest,
        ApiSchedule,
        change,
        "Change a schedule.",
        {**_ONE, "runs": 10},
        also=("PATCH", "schedules"),
    ),
    Method(
        "schedule_delete",
        ScheduleRequest,
        ScheduleDeleted,
        delete,
        "Delete a schedule.",
        _ONE,
        also=("DELETE", "schedules"),
    ),
    Method("schedule_pause", ScheduleRequest, ApiSchedule, pause, "Pause a schedule.", _ONE),
    Method("schedule_resume", ScheduleRequest, ApiSchedule, resume, "Go on with a schedule.", _ONE),
    Method(
        "schedule_run",
        ScheduleRunRequest,
        ApiScheduleRun,
        run,
        "Send a schedule now.",
        {**_ONE, "idempotency_key": "release:3.1"},
    ),
    Method("schedule_next", ScheduleNextRequest, ScheduleNextResult, read_next, "Read when it is due next.", _ONE),
    Method("schedule_runs", ScheduleRunsRequest, ScheduleRunsResult, read_runs, "Read its history.", _ONE),
):
    register(method)
