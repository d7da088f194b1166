"""Who may do what with jobs and schedules: each method, called by everybody who could.

A method that is not in these tables fails the first test: say there what it does for whom. The channels are in
``tests/access/test_channel_rights.py``.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import Permission
from django.test import AsyncClient

import hub.asgi  # noqa: F401  # registers the methods
from hub.api.method import methods as api_methods
from hub.session.methods import methods as rpc_methods
from hub.users import user_id
from notifications.models import Notification
from tests.api.calling import Api, key_for
from tests.connection.wire import wired
from tests.support.people import User
from worker.models import Job, JobSource, TrackedJob
from worker.schedules import schedule
from worker.schedules.models import Schedule, ScheduleRun

pytestmark = pytest.mark.django_db(transaction=True)

#: The call tells of the owner's own things, or changes them.
REACHES = "reaches"
#: It is answered, with nothing of the owner's.
ANSWERS = "answers"

Outcome = str | int

#: What the answers tell of the owner: the id of the job, its arguments, and what the schedule says.
JOB, REPORTED, SECRET, SAID = "job-of-ada", "work-of-ada", "a secret of ada", "to ada alone"

HOURLY = {"type": "every", "number": 1, "unit": "hours"}


@dataclass(frozen=True)
class World:
    """An owner with a job that waits, one that another program reports, and a schedule; and the other people."""

    owner: User
    other: User
    staff: User
    sees: User
    cancels: User
    schedule: int

    def state(self) -> list[Any]:
        """All that a call could change."""
        models = (TrackedJob, Job, Schedule, ScheduleRun, Notification)
        return [list(model._default_manager.order_by("pk").values()) for model in models]


def made() -> World:
    owner, other, staff, sees, cancels = [
        User.objects.create_user(name) for name in ("ada", "bob", "eve", "pat", "sue")
    ]
    staff.is_staff = True
    staff.save()
    for user, codename in [(sees, "view_trackedjob"), (cancels, "change_trackedjob")]:
        user.user_permissions.add(Permission.objects.get(codename=codename))
    Job.objects.create(pk=JOB, task="tests.import_customers", arguments="[[], {}]")
    for pk, day, more in [
        (JOB, 1, {"arguments": SECRET}),
        (REPORTED, 2, {"source": JobSource.API, "state": "running"}),
    ]:
        TrackedJob.objects.create(pk=pk, title="t", owner=owner, created_at=datetime(2026, 1, day, tzinfo=UTC), **more)
    row = schedule(to=owner, message=SAID, every=timedelta(hours=1)).row
    return World(owner, other, staff, sees, cancels, row.pk)


@pytest.fixture
async def world() -> World:
    return await sync_to_async(made)()


class ByPerson(NamedTuple):
    """What a method of the client connection does for whom: an outcome, or the code of the error."""

    method: str
    params: dict[str, Any]
    guest: Outcome = 401
    other: Outcome = ANSWERS
    owner: Outcome = REACHES
    staff: Outcome = ANSWERS
    sees: Outcome = REACHES
    cancels: Outcome = ANSWERS


RPC = {
    "one's own jobs": ByPerson("jobs.list", {}, sees=ANSWERS),
    "those behind one": ByPerson("jobs.list", {"before": REPORTED}, other=404, staff=404, sees=ANSWERS, cancels=404),
    "jobs of all": ByPerson("jobs.list", {"all": True}, guest=403, other=403, owner=403, staff=403, cancels=403),
    "those of all behind one": ByPerson(
        "jobs.list", {"all": True, "before": REPORTED}, guest=403, other=403, owner=403, staff=403, cancels=403
    ),
    "places": ByPerson("jobs.places", {"ids": [JOB]}),
    "one job": ByPerson("jobs.get", {"id": JOB}, other=404, staff=404, cancels=404),
    "cancelling": ByPerson("jobs.cancel", {"id": JOB}, other=404, staff=404, sees=404, cancels=REACHES),
}

#: The parameters of a call.
Params = Callable[[World], dict[str, Any]]


class ByKey(NamedTuple):
    """What a method of the HTTP API does for whose key: one for another person, for the owner, and for all."""

    params: Params
    other: Outcome = 103
    owner: Outcome = REACHES
    all: Outcome = REACHES


def job(**params: Any) -> Params:
    return lambda world: params


def of_owner(**params: Any) -> Params:
    return lambda world: {"user": user_id(world.owner), **params}


def of_schedule(**params: Any) -> Params:
    return lambda world: {"id": world.schedule, **params}


API = {
    "job": ByKey(job(id=JOB)),
    "job_cancel": ByKey(job(id=JOB)),
    "job_change": ByKey(job(id=REPORTED, done=1)),
    "jobs": ByKey(of_owner(title="More")),
    "jobs_list": ByKey(of_owner()),
    "periodic_tasks": ByKey(lambda world: {}, owner=103, all=ANSWERS),
    "schedule": ByKey(of_schedule()),
    "schedule_change": ByKey(of_schedule(name="n")),
    "schedule_create": ByKey(lambda world: {"to": user_id(world.owner), "message": "m", "when": HOURLY}),
    "schedule_delete": ByKey(of_schedule()),
    "schedule_next": ByKey(of_schedule()),
    "schedule_pause": ByKey(of_schedule()),
    "schedule_resume": ByKey(of_schedule()),
    "schedule_run": ByKey(of_schedule()),
    "schedule_runs": ByKey(of_schedule(), owner=ANSWERS, all=ANSWERS),
    "schedules": ByKey(lambda world: {}, owner=103),
}


def test_each_method_of_the_worker_is_in_the_tables() -> None:
    of_rpc = {name for name, one in rpc_methods().items() if one.method.__module__.startswith("worker")}
    of_api = {one.name for one in api_methods() if one.request.__module__.startswith("worker")}
    assert (of_rpc, of_api) == ({row.method for row in RPC.values()}, set(API))


def outcome(answer: Any, before: list[Any], after: list[Any]) -> str:
    text = json.dumps(answer)
    told = any(one in text for one in (JOB, REPORTED, SECRET, SAID)) or bool(answer.get("next"))
    return REACHES if told or after != before else ANSWERS


@pytest.mark.slow
@pytest.mark.parametrize("name", RPC)
async def test_a_person_reaches_their_own_jobs_alone(world: World, name: str) -> None:
    row = RPC[name]
    callers = {who: getattr(world, who, None) for who in ("guest", "other", "staff", "sees", "cancels", "owner")}
    if row.method == "jobs.cancel":
        del callers["cancels"], callers["owner"]  # each of them ends it: below
    for who, user in callers.items():
        assert await asked(world, user, row) == getattr(row, who), who


@pytest.mark.parametrize("who", ["owner", "cancels"])
async def test_a_job_is_cancelled_by_its_owner_and_by_whoever_may(world: World, who: str) -> None:
    row = RPC["cancelling"]
    assert await asked(world, getattr(world, who), row) == getattr(row, who)
    assert (await TrackedJob.objects.aget(pk=JOB)).state == "cancelled"


async def asked(world: World, user: User | None, row: ByPerson) -> Outcome:
    """What comes of the method when this person, or a guest, calls it."""
    before = await sync_to_async(world.state)()
    async with wired(user) as wire:
        said = await wire.ask(rpc={"method": row.method, "data": row.params})
    after = await sync_to_async(world.state)()
    if "error" in said:
        assert after == before
        return int(said["error"]["code"])
    return outcome(said["rpc"]["data"], before, after)


@pytest.mark.slow
@pytest.mark.parametrize("name", API)
async def test_a_key_reaches_what_its_scope_names_and_nobody_without_one(world: World, name: str) -> None:
    row = API[name]
    request = row.params(world)
    session = AsyncClient()
    await session.aforce_login(world.sees)
    before = await sync_to_async(world.state)()
    for client in (AsyncClient(), session):
        answer = await client.post(f"/api/{name}", json.dumps(request), content_type="application/json")
        assert answer.status_code == 401
    assert await Api(await sync_to_async(key_for)("publish")).error(name, **request) == 103
    assert await sync_to_async(world.state)() == before
    assert await reached(world, name, f"user:{user_id(world.other)}") == row.other
    assert await reached(world, name, f"user:{user_id(world.owner)}") == row.owner


@pytest.mark.slow
@pytest.mark.parametrize("name", API)
async def test_a_key_for_all_channels_reaches_everything(world: World, name: str) -> None:
    assert await reached(world, name, "*") == API[name].all


async def reached(world: World, name: str, channel: str) -> Outcome:
    """What comes of a call with a key for this method and these channels."""
    api = Api(await sync_to_async(key_for)(name, channels=(channel,)))
    before = await sync_to_async(world.state)()
    said = await api(name, **API[name].params(world))
    after = await sync_to_async(world.state)()
    if "result" in said:
        return outcome(said["result"], before, after)
    assert after == before
    return int(said["error"]["code"])
