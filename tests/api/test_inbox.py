"""Somebody's inbox over HTTP, with GET and PATCH, and errors as problem details."""

import json
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.test import AsyncClient
from django.utils import timezone

from hub.api import answering
from hub.users import user_id
from notifications import notify
from notifications.models import InboxChange
from tests.api.calling import Api, key_for
from tests.support.people import User

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
async def ada() -> Any:
    return await User.objects.acreate_user("ada")


async def test_inbox_is_read_in_parts_and_changed(api: Api, ada: User) -> None:
    known = user_id(ada)
    alerts = [(await sync_to_async(notify)(to=ada, message=f"number {number}"))[0].pk for number in range(3)]
    part = await api.result("inbox", user=known, limit=2)
    assert ([item["id"] for item in part["items"]], part["next"]) == (alerts[:0:-1], alerts[1])
    assert set(part["positions"]) == {"everyone", f"user:{known}"}
    changed = await api.result("inbox_change", user=known, change="archive", ids=alerts[:1])
    assert changed == {"ids": alerts[:1], "counts": {"unread": 2, "archived": 1, "snoozed": 0}}
    until = (timezone.now() + timedelta(hours=1)).isoformat()
    await api.result("inbox_change", user=known, change="snooze", ids=alerts[1:2], until=until)
    for state, found in (("all", alerts[2:]), ("archived", alerts[:1]), ("snoozed", alerts[1:2])):
        part = await api.result("inbox", user=known, state=state)
        assert [item["id"] for item in part["items"]] == found
    for over in ({}, {"until": "0001-01-01T00:00:00+14:00"}):
        assert await api.error("inbox_change", user=known, change="snooze", ids=alerts, **over) == 107


async def test_rows_of_several_open_to_each(api: Api, ada: User) -> None:
    sent = [(await api.result("notify", to=user_id(ada), message=text, group_by="x"))["ids"][0] for text in "abc"]
    (item,) = (await api.result("inbox", user=user_id(ada)))["items"]
    assert (item["id"], item["bundle"]) == (sent[2], {"id": sent[0], "count": 3})
    part = await api.result("inbox_bundle", user=user_id(ada), id=item["id"], limit=2)
    assert ([one["message"] for one in part["items"]], part["next"]) == (["c", "b"], sent[1])
    assert await api.error("notify", to="everyone", message="m", group_by="x") == 107


async def test_what_is_throttled_is_scheduled(api: Api, ada: User) -> None:
    call = {"to": user_id(ada), "message": "m", "group_by": "x", "throttle": 60}
    assert len((await api.result("notify", **call))["ids"]) == 1
    assert await api.result("notify", **call) == {"ids": [], "scheduled": True}


async def test_inbox_has_an_address_of_its_own(api: Api, ada: User) -> None:
    known, client = user_id(ada), AsyncClient()
    (alert,) = await sync_to_async(notify)(to=ada, message="needle", level="error")
    headers = {"X-API-Key": api.key}
    query = {"user": known, "state": "unread", "level": "error", "text": "needle", "limit": "5"}
    found = (await client.get("/api/inbox", query, headers=headers)).json()["result"]
    assert [item["id"] for item in found["items"]] == [alert.pk]
    body = json.dumps({"user": known, "change": "read", "ids": [alert.pk]})
    answer = await client.patch("/api/inbox", body, content_type="application/json", headers=headers)
    assert answer.json()["result"]["counts"]["unread"] == 0


async def test_keys_are_for_the_people_that_they_name(ada: User) -> None:
    bob = await User.objects.acreate_user("bob")
    (alert,) = await sync_to_async(notify)(to=ada, message="m")
    make = sync_to_async(key_for)
    bobs = Api(await make("inbox", "inbox_change", channels=(f"user:{user_id(bob)}",)))
    reader = Api(await make("inbox", channels=("user:*",)))
    for method, more in (("inbox", {}), ("inbox_change", {"change": "read", "ids": [alert.pk]})):
        assert await bobs.error(method, user=user_id(ada), **more) == 103
        assert "items" in (result := await bobs.result(method, user=user_id(bob), **more)) or result["ids"] == []
    assert await reader.error("inbox_change", user=user_id(ada), change="read", ids=[alert.pk]) == 103


@pytest.mark.parametrize(
    ("method", "request_", "status", "code"),
    [
        ("inbox", {"user": "nobody"}, 400, 107),
        ("inbox", {"user": "1", "state": "lost"}, 400, 107),
        ("publish", {"channel": "nothing:1", "data": 1}, 404, 102),
        ("no_such_method", {}, 404, 104),
    ],
)
async def test_error_is_told_as_problem_details_to_whoever_takes_them(
    api: Api, method: str, request_: dict[str, Any], status: int, code: int
) -> None:
    accept = {"Accept": "application/json, application/problem+json"}
    headers = [(b"x-api-key", api.key.encode()), (b"accept", accept["Accept"].encode())]
    response = await AsyncClient().post(
        f"/api/{method}",
        json.dumps(request_),
        content_type="application/json",
        headers={"X-API-Key": api.key, **accept},
    )
    assert response.headers["content-type"] == "application/problem+json"
    assert response.status_code == response.json()["status"] == status
    assert (response.json()["code"], response.json()["type"]) == (code, "about:blank")
    past_django = await answering.answer(method, json.dumps(request_).encode(), headers, "127.0.0.1")
    assert (past_django.status, json.loads(past_django.body)) == (status, response.json())


async def test_refused_key_is_a_problem_too() -> None:
    headers = {"X-API-Key": "hubkey_wrong", "Accept": "application/problem+json"}
    response = await AsyncClient().post("/api/info", "{}", content_type="application/json", headers=headers)
    assert (response.status_code, response.json()["code"]) == (401, 101)


async def test_all_of_an_inbox_is_read_and_archived_with_the_key_as_source(api: Api, ada: User) -> None:
    ids = [(await sync_to_async(notify)(to=ada, message=f"number {number}"))[0].pk for number in range(3)]
    known = user_id(ada)
    read = await api.result("inbox_change_all", user=known, change="read", upto=ids[1])
    assert (read["ids"], read["counts"]["unread"], read["more"]) == (ids[1::-1], 1, False)
    archived = await api.result("inbox_change_all", user=known, change="archive_read", upto=ids[2])
    assert (archived["ids"], archived["counts"]["archived"]) == (ids[1::-1], 2)
    assert (await api.result("inbox_change_all", user=known, change="read", upto=ids[1]))["ids"] == []
    sources = [row.source async for row in InboxChange.objects.all()]
    assert len(sources) == 2 and all(source.startswith("api_key:") for source in sources)
    limited = Api(await sync_to_async(key_for)(channels=("user:0",)))
    assert await limited.error("inbox_change_all", user=known, change="read", upto=ids[1]) == 103
