"""Keys: who may call what for which channels, how soon a revoked one is refused, and that none is kept or logged."""

import asyncio
import json
import logging
import time
from datetime import timedelta
from typing import Any, cast

import httpx
import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import Group
from django.db import OperationalError
from django.test import AsyncClient
from pytest_django.fixtures import Settings

from chat.models import Room
from hub.api import keys
from hub.api.method import methods
from hub.api.scope import BadScope, scope
from hub.asgi import application
from hub.models import ApiKey, Publication
from lab.harness.waiting import await_for
from notifications.models import Distribution, Notification, Topic
from notifications.offers import declaring as offers
from tests.api.calling import UNAUTHORIZED, Api, key_for
from tests.hub.listeners import Listener, follow
from tests.support.people import create_with_id, id_of_nobody
from worker.models import JobSource, TrackedJob
from worker.schedules import schedule
from worker.schedules.models import Schedule

offers.action("tests.approve_by_key")(lambda chosen: chosen.name)

#: The ids of somebody who is there, and of somebody who is not.
SEVEN, SEVENTY_SEVEN = id_of_nobody(7), id_of_nobody(77)

#: A request of each method that succeeds with a key that may do everything.
REQUESTS: dict[str, dict[str, Any]] = {
    "publish": {"channel": "kept:1", "data": 1},
    "broadcast": {"channels": ["kept:1"], "data": 1},
    "subscribe": {"user": SEVEN, "channel": "kept:1"},
    "unsubscribe": {"user": SEVEN, "channel": "kept:1"},
    "disconnect": {"user": SEVEN},
    "refresh": {"user": SEVEN, "expired": True},
    "presence": {"channel": "kept:1"},
    "presence_stats": {"channel": "kept:1"},
    "history": {"channel": "kept:1"},
    "history_remove": {"channel": "kept:1"},
    "channels": {},
    "info": {},
    "notify": {"to": "everyone", "message": "Hello"},
    "users": {"users": [{"id": "8"}]},
    "users_list": {"ids": [SEVEN]},
    "users_export": {"user": SEVEN},
    "log_in_link": {"user": SEVEN},
    "users_erase": {"ids": [SEVEN]},
    "groups": {},
    "group_members": {"group": "ops"},
    "group_add": {"group": "ops", "users": [SEVEN]},
    "group_remove": {"group": "ops", "users": [SEVEN]},
    "rooms": {},
    "room_create": {"name": "lobby"},
    "room_delete": {"room": 7},
    "room_members": {"room": 7},
    "room_add": {"room": 7, "users": [SEVEN]},
    "room_remove": {"room": 7, "users": [SEVEN]},
    "room_post": {"room": 7, "text": "Hello"},
    "room_messages": {"room": 7},
    "topics": {},
    "topic_create": {"name": "sales", "title": "Sales"},
    "topic_delete": {"topic": "deploys"},
    "topic_followers": {"topic": "deploys"},
    "topic_follow": {"topic": "deploys", "users": [SEVEN]},
    "topic_unfollow": {"topic": "deploys", "users": [SEVEN]},
    "alerts": {"user": SEVEN},
    "mark_read": {"user": SEVEN, "upto": 1},
    "inbox": {"user": SEVEN},
    "inbox_change": {"user": SEVEN, "change": "read", "ids": [1]},
    "inbox_change_all": {"user": SEVEN, "change": "read", "upto": 7},
    "inbox_bundle": {"user": SEVEN, "id": 7},
    "distribution": {"id": 7},
    "distribution_start": {"id": 7},
    "audiences": {},
    "notification": {"id": 7},
    "notifications": {"user": SEVEN},
    "retract": {"key": "k"},
    "preferences": {"user": SEVEN},
    "schedules": {},
    "periodic_tasks": {},
    "schedule": {"id": 7},
    "schedule_create": {"to": "everyone", "message": "m", "when": {"type": "every", "number": 1, "unit": "hours"}},
    "schedule_change": {"id": 7, "name": "n"},
    "schedule_delete": {"id": 7},
    "schedule_pause": {"id": 7},
    "schedule_resume": {"id": 7},
    "schedule_run": {"id": 7},
    "schedule_next": {"id": 7},
    "schedule_runs": {"id": 7},
    "preferences_change": {"user": SEVEN},
    "jobs": {"user": SEVEN, "title": "Render"},
    "job_change": {"id": "7"},
    "jobs_list": {"user": SEVEN},
    "job": {"id": "7"},
    "job_cancel": {"id": "7"},
    "choose": {"user": SEVEN, "id": 7, "action": "tests.approve_by_key"},
}
OFFERED = offers.written([offers.Action("tests.approve_by_key", "Approve")])
#: Methods that make and read people are for the hub's own ones.
ROWS = [
    pytest.param(name, marks=pytest.mark.own_user_model if name in {"users", "users_list"} else ())
    for name in REQUESTS
]
WITH_CHANNEL = [name for name, request in REQUESTS.items() if "channel" in request]


@pytest.fixture(autouse=True)
def what_they_name(transactional_db: None) -> None:
    """The rows that the requests are about."""
    seven = create_with_id(SEVEN, "seven")
    Group.objects.create(pk=7, name="ops")
    Room.objects.create(pk=7, name="board", is_private=True)
    Topic.objects.create(name="deploys", title="Deploys")
    Distribution.objects.create(
        notification=Notification.objects.create(pk=7, message="Hello", actions=OFFERED), shared=1
    )
    row = schedule(to="everyone", message="m", every=timedelta(hours=1)).row
    Schedule.objects.filter(id=row.id).update(id=7)
    TrackedJob.objects.create(pk="7", title="Render", source=JobSource.API, state="running", owner=seven)
    Publication.objects.all().delete()


@sync_to_async
def program(*allowed: str, channels: tuple[str, ...] = ("*",)) -> Api:
    return Api(key_for(*allowed, channels=channels))


@pytest.mark.slow
def test_every_method_is_tried_here() -> None:
    assert {method.name for method in methods()} == REQUESTS.keys()


@pytest.mark.any_database
@pytest.mark.parametrize("allowed", ROWS)
async def test_key_of_one_method_may_call_that_one_only(allowed: str) -> None:
    api = await program(allowed)
    assert "error" not in await api(allowed, **REQUESTS[allowed])
    others = [method for method in methods() if method.name != allowed]
    # Calls of a batch are judged one by one, in a fraction of the time of as many requests.
    commands = [{method.name: REQUESTS[method.name]} for method in others if not method.is_long]
    replies = (await api("batch", commands=commands))["replies"]
    refused = {
        name: reply["error"]["code"] for command, reply in zip(commands, replies, strict=True) for name in command
    }
    refused |= {
        method.name: await api.error(method.name, **REQUESTS[method.name]) for method in others if method.is_long
    }
    assert refused == dict.fromkeys(REQUESTS.keys() - {allowed}, 103)


async def test_key_that_is_not_for_a_method_is_told_which(api: Api) -> None:
    limited = await program("publish")
    assert (await limited("info"))["error"]["message"] == "permission denied: the key is not for the method info"
    (reply,) = (await limited("batch", commands=[{"info": {}}]))["replies"]
    assert reply["error"]["message"] == "permission denied: the key is not for the method info"


@pytest.mark.any_database
@pytest.mark.parametrize("name", WITH_CHANNEL)
@pytest.mark.parametrize(
    ("pattern", "allowed"),
    [
        ("*", True),
        ("kept:*", True),
        ("kept:1", True),
        ("kept:1*", True),
        ("kept:2", False),
        ("live:*", False),
        ("kept", False),
    ],
)
async def test_key_of_some_channels_may_name_those_only(name: str, pattern: str, allowed: bool) -> None:
    api = await program(channels=(pattern,))
    reply = await api(name, **REQUESTS[name])
    assert reply.get("error", {}).get("code") == (None if allowed else 103)


@pytest.mark.any_database
@pytest.mark.parametrize("name", ROWS)
async def test_no_method_does_or_tells_anything_outside_of_the_scope(name: str) -> None:
    api = await program(channels=("live:1",))
    await follow("kept:1", Listener())
    reply = await api(name, **REQUESTS[name])
    if name == "channels":
        assert reply == {"result": {"channels": {}}}
    elif name == "retract":
        assert reply == {"result": {"retracted": 0}}  # what is outside is as what is not there
    elif name == "broadcast":
        assert [one["error"]["code"] for one in reply["result"]["responses"]] == [103]
    else:
        assert reply["error"]["code"] == 103
    assert not await Publication.objects.aexists()


@pytest.mark.any_database
@pytest.mark.parametrize("name", ["disconnect", "refresh"])
@pytest.mark.parametrize(
    ("pattern", "whom", "allowed"),
    [
        (f"user:{SEVEN}", {"user": SEVEN}, True),
        ("user:*", {"user": SEVEN}, True),
        ("*", {"user": SEVEN}, True),
        (f"user:{SEVEN}", {"user": SEVEN, "client": "c"}, True),
        (f"user:{SEVEN}", {"user": SEVENTY_SEVEN}, False),
        (f"user:{SEVENTY_SEVEN}", {"user": SEVEN}, False),
        ("room:*", {"user": SEVEN}, False),
        ("user:*", {"client": "c"}, False),
        (f"user:{SEVEN}", {"client": "c", "user": ""}, False),
        ("*", {"client": "c"}, True),
    ],
)
async def test_order_about_a_person_needs_a_key_for_that_person(
    name: str, pattern: str, whom: dict[str, str], allowed: bool
) -> None:
    api = await program(channels=(pattern,))
    reply = await api(name, **{**REQUESTS[name], "user": "", **whom})
    assert reply.get("error", {}).get("code") == (None if allowed else 103)
    assert await Publication.objects.aexists() is allowed


async def test_broadcast_goes_to_the_channels_of_the_key_only() -> None:
    api = await program(channels=("kept:1", "live:*"))
    responses = (await api.result("broadcast", channels=["kept:1", "kept:2", "live:9"], data=1))["responses"]
    assert [reply.get("error", {}).get("code") for reply in responses] == [None, 103, None]
    assert [row.channel async for row in Publication.objects.all()] == ["kept:1"]


async def test_skip_history_does_not_pass_by_the_scope() -> None:
    api = await program(channels=("live:*",))
    assert await api.error("publish", channel="kept:1", data=1, skip_history=True) == 103


async def test_channels_lists_those_of_the_key_only(api: Api) -> None:
    await follow("kept:1", Listener())
    await follow("live:1", Listener())
    limited = await program("channels", channels=("live:*",))
    assert list((await limited.result("channels"))["channels"]) == ["live:1"]


async def test_batch_holds_each_command_to_the_scope() -> None:
    api = await program("publish", channels=("kept:1",))
    commands = [{"publish": REQUESTS["publish"]}, {"history": REQUESTS["history"]}, {"publish": {"channel": "kept:2"}}]
    _, reply = await api.raw("batch", json.dumps({"commands": commands}))
    assert [each.get("error", {}).get("code") for each in reply["replies"]] == [None, 103, 103]


@pytest.mark.parametrize(
    "text",
    ["", "hubkey_", "hubkey_" + "a" * 43, "hubkey_" + "a" * 44, "x" * 10_000, "hubkey_" + "é" * 43, "hub_" + "a" * 43],
)
@pytest.mark.parametrize("method", ["publish", "batch", "info"])
async def test_wrong_key_is_401(api: Api, text: str, method: str) -> None:
    status, reply = await Api(text).raw(method, "{}", **{"X-API-Key": text.encode().decode("latin-1")})
    assert (status, reply) == (401, UNAUTHORIZED)


@pytest.mark.parametrize("scheme", ["apikey", "ApiKey", "APIKEY "])
async def test_key_may_come_in_the_authorization_header(async_client: AsyncClient, api: Api, scheme: str) -> None:
    headers = {"Authorization": f"{scheme} {api.key}"}
    response = await async_client.post("/api/info", b"{}", content_type="application/json", headers=headers)
    assert response.status_code == 200 and "result" in response.json()


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({"Authorization": "KEY"}, "not of the form"),
        ({"Authorization": "Bearer KEY"}, "not of the form"),
        ({"Authorization": "Token KEY"}, "not of the form"),
        ({"Authorization": "apikey"}, "no credential"),
        ({"Authorization": ""}, "not of the form"),
        ({"Authorization": "apikey KEY KEY"}, "no credential"),
        ({"Authorization": "apikey KEY", "X-API-Key": "hubkey_" + "a" * 43}, "two different"),
        ({"Authorization": "apikey hubkey_" + "a" * 43}, "unknown"),
        ({"X-API-Key": "hubkey_short"}, "not of the form of one"),
        ({}, "none was sent"),
    ],
)
async def test_refused_key_is_logged_with_its_reason_and_the_address_and_without_the_key(
    async_client: AsyncClient, api: Api, headers: dict[str, str], reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    headers = {
        name: value.replace("KEY", api.key) if name != "X-API-Key" else value for name, value in headers.items()
    }
    response = await async_client.post("/api/info", b"{}", content_type="application/json", headers=headers)
    assert (response.status_code, response.json()["error"]["code"]) == (401, 101)
    (line,) = [record.getMessage() for record in caplog.records if "credential_refused" in record.getMessage()]
    assert reason in line and "127.0.0.1" in line and api.key not in line and "a" * 43 not in line


async def test_revoked_key_is_told_from_an_unknown_one_in_the_log_only(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    await sync_to_async(keys.revoke)(ApiKey.objects.all())
    assert await api.raw("info", "{}") == (401, UNAUTHORIZED)
    assert "revoked" in caplog.text


async def test_same_key_twice_is_one(async_client: AsyncClient, api: Api) -> None:
    headers = {"Authorization": f"apikey {api.key}", "X-API-Key": api.key}
    response = await async_client.post("/api/info", b"{}", content_type="application/json", headers=headers)
    assert response.status_code == 200


async def test_address_that_tries_keys_has_to_wait_and_programs_that_are_known_do_not(
    api: Api, settings: Settings
) -> None:
    settings.HUB_LIMIT_BAD_API_KEYS = "3/minute"

    async def call(key: str, host: str = "192.0.2.7") -> httpx.Response:
        transport = httpx.ASGITransport(app=cast(Any, application), client=(host, 50000))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as program:
            return await program.post("/api/info", headers={"X-API-Key": key})

    assert (await call(api.key)).status_code == 200
    bad = [await call(key) for key in ("", "nonsense", "hubkey_" + "a" * 43, "hubkey_" + "b" * 43, "x")]
    assert [reply.status_code for reply in bad] == [401, 401, 401, 429, 429]
    assert bad[-1].json()["error"]["code"] == 111 and 0 < int(bad[-1].headers["Retry-After"]) <= 120
    assert "Too many API keys from here were not valid. Try again in " in bad[-1].json()["error"]["message"]
    assert (await call(api.key)).status_code == 200
    another = await sync_to_async(key_for)()
    assert (await call(another)).status_code == 429
    assert (await call(another, "192.0.2.8")).status_code == 200


@pytest.mark.slow
async def test_key_calls_as_often_as_the_limit_says_and_others_pay_nothing(
    async_client: AsyncClient, api: Api, settings: Settings
) -> None:
    settings.HUB_LIMIT_API_CALLS = "3/minute"
    another = Api(await sync_to_async(key_for)("info"))

    async def call(api: Api, name: str = "info", body: str = "{}") -> Any:
        url, headers = f"/api/{name}".rstrip("/"), {"X-API-Key": api.key}
        return await async_client.post(url, body, content_type="application/json", headers=headers)

    assert [(await call(api)).status_code for _ in range(3)] == [200, 200, 200]
    refused = await call(api)
    assert refused.status_code == 429 and 0 < int(refused["Retry-After"]) <= 60
    error = refused.json()["error"]
    assert error["code"] == 111 and "This API key was used very often. Try again in " in error["message"]
    # Neither what the key is not for nor what nobody knows counts.
    for _ in range(5):
        assert (await another("publish", channel="kept:1", data=1))["error"]["code"] == 103
        assert (await call(another, "nonsense")).status_code == 404
    batch = await call(another, "batch", json.dumps({"commands": [{"info": {}}] * 5}))
    assert batch.status_code == 200
    assert [next(iter(reply)) for reply in batch.json()["replies"]] == ["info"] * 3 + ["error"] * 2
    lines = (await call(another, "", '{"method": "info"}\n{"method": "info"}')).content.split(b"\n")
    assert [b'"code":111' in line for line in lines] == [True, True]


@pytest.mark.slow
async def test_no_number_of_calls_is_refused_by_default(api: Api) -> None:
    for _ in range(200):
        await api.result("info")


async def test_missing_key_is_401(async_client: AsyncClient) -> None:
    response = await async_client.post("/api/publish", b"{}", content_type="application/json")
    assert response.status_code == 401


async def test_token_of_a_person_is_no_key(async_client: AsyncClient, api: Api) -> None:
    headers = {"Authorization": f"Bearer {api.key}"}
    response = await async_client.post("/api/info", b"{}", content_type="application/json", headers=headers)
    assert response.status_code == 401


@pytest.mark.slow
async def test_revoked_key_is_refused_within_five_seconds(api: Api) -> None:
    await api.result("info")
    await sync_to_async(keys.revoke)(ApiKey.objects.all())

    async def is_refused() -> bool:
        return (await api.raw("info", "{}"))[0] == 401

    await await_for(is_refused, that="the key is refused")


async def test_key_is_looked_up_once_for_many_calls(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    looked_up: list[str] = []
    real = keys._load

    def counted(digest: str) -> keys.Caller:
        looked_up.append(digest)
        return real(digest)

    monkeypatch.setattr(keys, "_load", counted)
    monkeypatch.setattr(keys, "TRUSTED", 60.0)  # on no machine it is too old by the last call
    for _ in range(5):
        await api.result("info")
    assert len(looked_up) == 1


async def test_time_of_use_is_noted_once_a_minute(api: Api) -> None:
    assert (await ApiKey.objects.aget()).last_used_at is None
    await api.result("info")
    first = (await ApiKey.objects.aget()).last_used_at
    assert first is not None and abs(first.timestamp() - time.time()) < 60
    keys.forget()
    await api.result("info")
    assert (await ApiKey.objects.aget()).last_used_at == first
    await ApiKey.objects.aupdate(last_used_at=first - 2 * keys.USE_INTERVAL)
    keys.forget()
    await api.result("info")
    assert (await ApiKey.objects.aget()).last_used_at != first - 2 * keys.USE_INTERVAL


async def test_database_that_cannot_be_asked_for_the_key_is_503(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(digest: str) -> None:
        raise OperationalError("gone")

    monkeypatch.setattr(keys, "_load", fail)
    status, reply = await api.raw("info", "{}")
    assert (status, reply["error"]["code"]) == (503, 100)


async def test_key_is_in_no_log_and_not_in_the_database(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    await api.raw("publish", b"[")
    await api.raw("nothing", b"{}")
    await api.result("info")
    secret = api.key.removeprefix(keys.SCHEME)
    assert secret not in caplog.text
    row = await ApiKey.objects.values().aget()
    assert secret not in str(row) and len(row["digest"]) == 64


@pytest.mark.slow
async def test_many_calls_at_once_are_all_answered(api: Api) -> None:
    replies = await asyncio.gather(*(api.result("publish", channel="kept:1", data=n) for n in range(40)))
    assert sorted(reply["offset"] for reply in replies) == list(range(1, 41))


@pytest.mark.parametrize(
    ("allowed", "channels"),
    [
        ([], ["*"]),
        (["info"], []),
        (["nothing"], ["*"]),
        (["*"], ["a b"]),
        (["*"], ["*:1"]),
        (["*"], [""]),
        (["*"], ["a"] * 0),
    ],
)
def test_scope_that_cannot_be_read_is_refused(allowed: list[str], channels: list[str]) -> None:
    with pytest.raises(BadScope):
        scope(allowed, channels, ["info"])
