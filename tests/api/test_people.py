"""People and groups over HTTP."""

import asyncio
import json
import threading
from typing import Any
from unittest.mock import Mock

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import Group
from django.test import AsyncClient
from pytest_django import Settings

from hub import privacy
from hub.models import Publication
from hub.privacy import erasing
from hub.streams import personal
from hub.users import user_id
from notifications.models import Notification
from tests.api.calling import Api, key_for
from tests.support.people import User

pytestmark = pytest.mark.own_user_model


async def made(api: Api, *ids: str, **more: Any) -> None:
    await api.result("users", users=[{"id": one, **more} for one in ids])


async def test_people_are_made_changed_and_read(api: Api) -> None:
    described: dict[str, Any] = {
        "name": "Ada",
        "email": "ada@example.com",
        "language": "de",
        "time_zone": "Europe/Berlin",
    }
    rows: list[dict[str, Any]] = [{"id": "3", **described, "attributes": {"plan": 1}, "groups": ["ops"]}, {"id": "b"}]
    assert await api.result("users", users=rows) == {"ids": ["3", "b"]}
    await api.result("users", users=[{"id": "3", "name": "Ada L.", "active": False}])
    (ada, bob) = (await api.result("users_list", ids=["3", "nobody", "b"]))["users"]
    assert ada == {**rows[0], "name": "Ada L.", "active": False}
    assert (bob["name"], bob["groups"], bob["active"]) == ("", [], True)


async def test_people_are_read_page_by_page(api: Api) -> None:
    await made(api, *"abcde")
    await sync_to_async(User.objects.create_user)("somebody-of-the-hub")
    first = await api.result("users_list", limit=3)
    assert ([one["id"] for one in first["users"]], first["more"]) == (["a", "b", "c"], True)
    rest = await api.result("users_list", after="c")
    assert ([one["id"] for one in rest["users"]], rest["more"]) == (["d", "e"], False)
    assert await api.error("users_list", after="nobody") == 107


@pytest.mark.slow
async def test_verbs_of_http_do_the_same(api: Api) -> None:
    client, headers = AsyncClient(), {"X-API-Key": api.key}
    body = {"users": [{"id": "3", "name": "Ada"}, {"id": "4"}]}
    await client.post("/api/users", body, content_type="application/json", headers=headers)
    told = (await client.get("/api/users?ids=3&ids=4", headers=headers)).json()
    assert [one["id"] for one in told["result"]["users"]] == ["3", "4"]
    told = (await client.get("/api/users?limit=1", headers=headers)).json()
    assert ([one["id"] for one in told["result"]["users"]], told["result"]["more"]) == (["3"], True)
    assert (await client.get("/api/users?limit=many", headers=headers)).json()["error"]["code"] == 107
    erased = await client.delete("/api/users", '{"ids": ["3"]}', content_type="application/json", headers=headers)
    assert erased.json() == {"result": {"erased": ["3"]}}
    assert not await User.objects.filter(external_id="3").aexists()
    refused = await client.put("/api/users", headers=headers)
    assert (refused.status_code, refused["Allow"]) == (405, "POST, GET, DELETE")
    assert (await client.get("/api/users?ids=4")).status_code == 401
    assert (await client.delete("/api/users", '{"ids": ["4"]}', content_type="application/json")).status_code == 401


async def test_id_of_the_product_is_what_every_method_takes(api: Api) -> None:
    await made(api, "3")
    three = await User.objects.aget(external_id="3")
    namesake = await sync_to_async(User.objects.create_user)("3")
    for to in ("3", 3, ["3"]):
        await api.result("notify", to=to, message="Hello")
    assert {row.user_id async for row in Notification.objects.all()} == {three.pk}
    assert await Publication.objects.filter(channel="user:3").acount() == 3
    assert [one["message"] for one in (await api.result("alerts", user="3"))["alerts"]] == ["Hello"] * 3
    assert (await api.result("alerts", user=user_id(namesake)))["alerts"] == []


@pytest.mark.parametrize(
    ("rows", "code", "says"),
    [
        ([{"id": "a b"}], 107, "id of person 0"),
        ([{"id": "fine"}, {"id": "x", "email": "secret-value"}], 107, "email of person 1: it is no mail address"),
        ([{"name": "without an id"}], 107, "`id`"),
        ([{"id": 3}], 107, "int"),
        ([{"id": str(one)} for one in range(1001)], 106, "a call has 1000 people at most"),
    ],
)
async def test_bad_people_are_refused_with_a_sentence(api: Api, rows: Any, code: int, says: str) -> None:
    error = (await api("users", users=rows))["error"]
    assert error["code"] == code and says in error["message"] and "secret-value" not in error["message"]
    assert not await User.objects.aexists()


async def test_key_makes_and_erases_only_those_whom_its_channels_name(api: Api) -> None:
    await made(api, "3", "4")
    limited = Api(await sync_to_async(key_for)(channels=("user:3",)))
    assert await limited.result("users", users=[{"id": "3", "name": "Ada"}]) == {"ids": ["3"]}
    refused: dict[str, dict[str, Any]] = {
        "users": {"users": [{"id": "3"}, {"id": "4"}]},
        "users_list": {"ids": ["3", "4"]},
        "users_export": {"user": "4"},
        "users_erase": {"ids": ["3", "4"]},
    }
    for name, request in refused.items():
        assert await limited.error(name, **request) == 103, name
    assert await limited.error("users", users=[{"id": "3", "groups": ["ops"]}]) == 103  # for all groups, or none
    assert await limited.error("users_list") == 103
    assert await User.objects.acount() == 2


async def test_project_with_people_of_its_own_makes_them_itself(api: Api, settings: Settings) -> None:
    settings.AUTH_USER_MODEL = "auth.User"
    named: dict[str, dict[str, Any]] = {"users": {"users": [{"id": "3"}]}, "users_list": {}}
    for name, request in named.items():
        error = (await api(name, **request))["error"]
        assert error["code"] == 108 and "make and read them there" in error["message"]


async def test_too_many_are_not_erased_at_once(api: Api) -> None:
    error = (await api("users_erase", ids=[str(one) for one in range(101)]))["error"]
    assert (error["code"], error["message"]) == (106, "limit exceeded: a call erases 100 people at most")


async def test_staff_is_not_changed_over_http(api: Api) -> None:
    await sync_to_async(User.objects.create_superuser)("admin", "admin@example.com", external_id="boss")
    rows = [{"id": "3"}, {"id": "boss", "email": "evil@example.com", "active": False}]
    error = (await api("users", users=rows))["error"]
    assert error["message"] == "bad request: id of person 1: people of the staff are changed in the admin"
    admin = await User.objects.aget()  # and nobody else was made
    assert (admin.email, admin.is_active) == ("admin@example.com", True)


async def test_staff_is_not_erased_over_http(api: Api) -> None:
    await made(api, "3")
    admin = await sync_to_async(User.objects.create_superuser)("admin")
    error = (await api("users_erase", ids=["3", user_id(admin)]))["error"]
    assert error["message"] == "bad request: people of the staff are erased with manage.py erase_user"
    assert await User.objects.acount() == 2


async def test_staff_is_not_exported_over_http(api: Api) -> None:
    admin = await sync_to_async(User.objects.create_superuser)("admin")
    error = (await api("users_export", user=user_id(admin)))["error"]
    assert error["message"] == "bad request: people of the staff are exported with manage.py export_user"


async def test_key_deletes_no_users_of_a_project(api: Api, settings: Settings) -> None:
    settings.AUTH_USER_MODEL = "auth.User"
    error = (await api("users_erase", ids=["3"], account=True))["error"]
    assert error["message"].startswith("bad request: users of the project are deleted by the project")


@pytest.mark.slow
async def test_long_calls_are_few_at_once_and_hold_up_nobody(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    await made(api, "3", "4")
    begun, may_end = threading.Semaphore(0), threading.Event()

    def waiting(person: Any) -> dict[str, Any]:
        begun.release()
        assert may_end.wait(20)
        return {}

    monkeypatch.setattr(privacy, "export", waiting)
    try:
        calls = [asyncio.create_task(api.result("users_export", user=one)) for one in "34"]
        for _ in calls:
            assert await asyncio.to_thread(begun.acquire, timeout=20)
        status, reply = await api.raw("users_erase", '{"ids": ["3"]}')
        assert (status, reply["error"]["message"]) == (
            429,
            "too many requests: people are being erased or exported already",
        )
        assert len((await api.result("users_list"))["users"]) == 2
    finally:
        may_end.set()
    assert await asyncio.gather(*calls) == [{"data": {}}] * 2
    assert await api.result("users_erase", ids=["3"]) == {"erased": ["3"]}


async def test_long_calls_are_in_no_batch(api: Api) -> None:
    await made(api, "3")
    requests = {"users_erase": {"ids": ["3"]}, "users_export": {"user": "3"}}
    _, reply = await api.raw("batch", json.dumps({"commands": [{name: body} for name, body in requests.items()]}))
    assert [one["error"]["code"] for one in reply["replies"]] == [107, 107]
    assert "post the request to /api/users_erase" in reply["replies"][0]["error"]["message"]
    assert await User.objects.aexists()


@pytest.mark.slow
async def test_people_of_one_call_are_waited_for_and_looked_for_once(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    await made(api, "3", "4", "5")
    waited = Mock(return_value=True)
    monkeypatch.setattr(erasing, "wait_for_older", waited)
    looked = Mock(wraps=personal.published_by)
    monkeypatch.setattr(personal, "published_by", looked)
    assert await api.result("users_erase", ids=["3", "4", "5"]) == {"erased": ["3", "4", "5"]}
    assert waited.call_count == looked.call_count == 1
    assert not await User.objects.aexists()


async def test_export_is_what_the_hub_holds(api: Api) -> None:
    await made(api, "3", name="Ada")
    told = (await api.result("users_export", user="3"))["data"]
    assert (told["id"], told["name"], told["account"]["fields"]["external_id"]) == ("3", "Ada", "3")
    assert await api.error("users_export", user="nobody") == 107


@pytest.mark.slow
async def test_groups_are_filled_emptied_and_read(api: Api) -> None:
    await made(api, "3", "4", "5")
    assert await api.result("group_add", group="ops", users=["3", "4"]) == {"changed": 2}
    assert await api.result("group_add", group="ops", users=["4", "5"]) == {"changed": 1}
    assert await api.result("group_remove", group="ops", users=["3"]) == {"changed": 1}
    assert sorted((await api.result("group_members", group="ops"))["users"]) == ["4", "5"]
    group = await Group.objects.aget()
    assert (await api.result("groups"))["groups"] == [{"id": group.pk, "name": "ops", "members": 2}]
    assert await api.error("group_add", group="ops", users=["nobody"]) == 107
    assert await api.error("group_members", group="nowhere") == 107
    # Connections of those whose groups changed are looked at again.
    assert await Publication.objects.filter(channel="control").acount() == 4


async def test_members_of_a_group_are_read_page_by_page(api: Api) -> None:
    await made(api, *"abcde")
    await api.result("group_add", group="ops", users=list("abcd"))
    first = await api.result("group_members", group="ops", limit=3)
    assert first == {"users": ["a", "b", "c"], "more": True}
    assert await api.result("group_members", group="ops", after="c") == {"users": ["d"]}
    # Who is not in the list is as who is nowhere.
    assert await api("group_members", group="ops", after="e") == await api("group_members", group="ops", after="f")
    assert await api.error("group_members", group="ops", limit=1001) == 107


async def test_staff_is_not_listed_over_http(api: Api) -> None:
    await made(api, "3", "4", "5")
    await User.objects.filter(external_id="4").aupdate(is_staff=True)
    await User.objects.filter(external_id="5").aupdate(is_superuser=True)
    assert [one["id"] for one in (await api.result("users_list"))["users"]] == ["3"]
    assert [one["id"] for one in (await api.result("users_list", ids=["3", "4", "5"]))["users"]] == ["3"]


async def test_key_for_one_group_fills_that_one_and_makes_none(api: Api) -> None:
    await made(api, "3")
    group = await Group.objects.acreate(name="ops")
    limited = Api(await sync_to_async(key_for)(channels=(f"group:{group.pk}", "user:3")))
    assert await limited.result("group_add", group="ops", users=["3"]) == {"changed": 1}
    refused: dict[str, dict[str, Any]] = {
        "group_add": {"group": "new", "users": ["3"]},
        "group_members": {"group": "new"},
        "groups": {},
    }
    for name, request in refused.items():
        assert await limited.error(name, **request) == 103, name
    assert await Group.objects.acount() == 1
