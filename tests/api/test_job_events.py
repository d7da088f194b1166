"""``GET /api/jobs/<id>/events``: a program with a key follows a job."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from asgiref.sync import sync_to_async

from hub.access import registry
from hub.api import keys
from hub.models import ApiKey
from hub.users import user_id
from lab.harness.waiting import await_for
from tests.api.calling import Api, key_for
from tests.connection.test_eventsource import Event, events_of
from tests.hub.serving import serving
from tests.support.people import User
from worker.models import TrackedJob
from worker.tracking import event_stream

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.any_database]

#: Seconds within which what must come has come, however busy the machine is.
TIMEOUT = 30


@pytest.fixture
def ada() -> User:
    return User.objects.create_user("ada")


@pytest.fixture
async def address(transactional_db: None) -> AsyncIterator[str]:
    """Of a server in this process, as ``host:port``."""
    async with serving() as found:
        yield found


@pytest.fixture
def quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_stream, "LOOK", 0.05)
    monkeypatch.setattr(keys, "TRUSTED", 0.0)


@contextlib.asynccontextmanager
async def following(address: str, job_id: str, key: str) -> AsyncIterator[AsyncIterator[Event]]:
    async with (
        httpx.AsyncClient(timeout=TIMEOUT) as http,
        http.stream("GET", f"http://{address}/api/jobs/{job_id}/events", headers={"X-API-Key": key}) as response,
    ):
        assert response.status_code == 200, await response.aread()
        assert response.headers["content-type"] == "text/event-stream"
        yield events_of(response)


async def refused(address: str, job_id: str, key: str) -> tuple[int, dict[str, Any]]:
    async with httpx.AsyncClient(timeout=TIMEOUT) as http:
        answer = await http.get(f"http://{address}/api/jobs/{job_id}/events", headers={"X-API-Key": key})
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()


@pytest.mark.parametrize("has_owner", [True, False])
async def test_job_is_followed_from_what_it_is_to_its_end(address: str, api: Api, ada: User, has_owner: bool) -> None:
    whose = {"user": user_id(ada)} if has_owner else {}
    await api.result("jobs", title="Render", id="render/7", **whose)
    await api.result("jobs", title="Another", id="render/8", **whose)
    async with following(address, "render/7", api.key) as events:
        first = await anext(events)
        assert (first.data["type"], first.data["item"]["state"]) == ("worker.job_changed", "running")
        await api.result("job_change", id="render/8", done=1, state="succeeded")  # is not told here
        await api.result("job_change", id="render/7", done=1, total=4, text="frame 1", lines=["one"])
        told = await anext(events)
        assert (told.data["type"], told.data["id"], told.data["done"]) == ("worker.job_progressed", "render/7", 1)
        assert told.data["lines"][0]["text"] == "one"
        await api.result("job_change", id="render/7", state="failed", error="no disk")
        last = await anext(events)
        assert (last.data["item"]["state"], last.data["item"]["error"]) == ("failed", "no disk")
        assert (await anext(events)).name == "end"
        assert [event async for event in events] == []  # it is over


async def test_job_that_is_over_is_told_and_the_stream_ends(address: str, api: Api) -> None:
    await api.result("jobs", title="Render", id="r")
    await api.result("job_change", id="r", state="succeeded", result_text="film")
    async with following(address, "r", api.key) as events:
        told = [event async for event in events]
    assert [event.name for event in told] == ["message", "end"]
    assert told[0].data["item"]["result_text"] == "film"


async def test_key_is_for_reading_jobs_and_for_their_person(address: str, api: Api, ada: User) -> None:
    await api.result("jobs", title="Render", user=user_id(ada), id="r")
    issue = sync_to_async(key_for)
    assert (await refused(address, "r", await issue("jobs_list")))[0] == 403
    assert (await refused(address, "r", await issue("job", channels=("user:999999",))))[0] == 403
    assert (await refused(address, "r", "hubkey_" + "x" * 43))[0] == 401
    status, problem = await refused(address, "nothing", api.key)
    assert (status, problem["detail"]) == (400, "bad request: there is no job with this id")
    async with following(address, "r", await issue("job", channels=(f"user:{user_id(ada)}",))) as events:
        assert (await anext(events)).data["item"]["id"] == "r"


@pytest.mark.usefixtures("quick_looks")
@pytest.mark.parametrize("what", ["key is withdrawn", "job is erased"])
async def test_stream_ends_when_its(address: str, api: Api, ada: User, what: str) -> None:
    await api.result("jobs", title="Render", user=user_id(ada), id="r")
    key = await sync_to_async(key_for)("job")
    async with following(address, "r", key) as events:
        await anext(events)
        if what == "key is withdrawn":
            await sync_to_async(lambda: keys.revoke(ApiKey.objects.all()))()
        else:
            await TrackedJob.objects.all().adelete()
        async with asyncio.timeout(TIMEOUT):
            assert [event.name async for event in events] == ["end"]


@pytest.mark.usefixtures("quick_looks")
async def test_streams_of_a_withdrawn_key_do_not_have_the_next_one_refused(
    address: str, api: Api, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.HUB_LIMIT_BAD_API_KEYS = "1/minute"
    monkeypatch.setattr(event_stream, "address_of", lambda _: "203.0.113.7")
    await api.result("jobs", title="Render", id="r")
    withdrawn, issued = await sync_to_async(key_for)("job"), await sync_to_async(key_for)("job")
    async with following(address, "r", withdrawn) as one, following(address, "r", withdrawn) as other:
        await anext(one), await anext(other)
        last = await ApiKey.objects.alatest("pk")
        await sync_to_async(keys.revoke)(ApiKey.objects.exclude(pk=last.pk))
        async with asyncio.timeout(TIMEOUT):
            for events in (one, other):
                assert [event.name async for event in events] == ["end"]
    async with following(address, "r", issued) as events:
        assert (await anext(events)).name == "message"


@pytest.mark.usefixtures("quick_looks")
async def test_end_that_nobody_was_told_of_is_found(address: str, api: Api) -> None:
    await api.result("jobs", title="Render", id="r")
    async with following(address, "r", api.key) as events:
        await anext(events)
        await TrackedJob.objects.filter(pk="r").aupdate(state="failed", ended_at="2026-01-01T00:00Z")
        async with asyncio.timeout(TIMEOUT):
            assert [event.name async for event in events] == ["message", "end"]


async def test_key_has_so_many_streams_and_no_more(address: str, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_stream, "STREAMS_LIMIT", 1)
    await api.result("jobs", title="Render", id="r")
    async with following(address, "r", api.key) as events:
        await anext(events)
        assert (await refused(address, "r", api.key))[0] == 429
    await await_for(lambda: not len(registry.current()), timeout=TIMEOUT, that="the first one has left")
    async with following(address, "r", api.key) as events:
        await anext(events)


async def test_server_that_stops_ends_the_stream(address: str, api: Api) -> None:
    await api.result("jobs", title="Render", id="r")
    async with following(address, "r", api.key) as events:
        await anext(events)
        await await_for(lambda: len(registry.current()), timeout=TIMEOUT, that="it is in the registry")
        for socket in registry.current():
            socket.stop()
        async with asyncio.timeout(TIMEOUT):
            assert [event async for event in events] == []
