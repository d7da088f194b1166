"""Alerts that another program takes back: by which name, and with which key."""

import json

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import Group
from django.test import AsyncClient

from hub.testing import adrain_jobs
from hub.users import user_id
from notifications import MEMBERS, anotify
from notifications.models import Notification
from notifications.sending import alerting, named_audiences
from tests.api.calling import Api, key_for
from tests.support.people import User


@pytest.fixture
async def ann() -> User:
    return await User.objects.acreate_user("ann")


async def left() -> list[str]:
    return [row.message async for row in Notification.objects.order_by("pk")]


async def test_an_alert_is_taken_back_by_its_key_or_its_id_once(api: Api, ann: User) -> None:
    await anotify(to=[ann, MEMBERS], message="one", key="k")
    (row,) = await anotify(to="everyone", message="two")
    assert await api.result("retract", key="k") == {"retracted": 2}
    assert await api.result("retract", key="k") == {"retracted": 0}
    client, headers = AsyncClient(), {"X-API-Key": api.key}
    body = json.dumps({"id": row.pk})
    gone = await client.delete("/api/notifications", body, content_type="application/json", headers=headers)
    assert gone.json() == {"result": {"retracted": 1}}
    assert (await client.delete("/api/notifications", body, content_type="application/json")).status_code == 401
    await adrain_jobs()
    assert await left() == []


@pytest.mark.whole_table
@pytest.mark.parametrize("request_", [{}, {"key": "k", "id": 1}, {"key": ""}, {"key": "\0"}, {"id": 0}], ids=str)
async def test_what_names_no_alert_is_refused(api: Api, request_: dict[str, object]) -> None:
    assert await api.error("retract", **request_) == 107


@pytest.mark.slow
async def test_a_key_takes_back_what_it_may_send(ann: User) -> None:
    group = await Group.objects.acreate(name="ops")
    await anotify(to=[ann, group, MEMBERS], message="m", key="k")
    (foreign,) = await anotify(to="everyone", message="foreign", key="l")
    for channels, retracted in ((f"user:{user_id(ann)}", 1), (f"group:{group.pk}", 1), ("topic:*", 0), ("user:*", 1)):
        limited = Api(await sync_to_async(key_for)(channels=(channels,)))
        assert await limited.result("retract", key="k") == {"retracted": retracted}
        # What is there and not for the key is as what is not there.
        assert await limited.result("retract", id=foreign.pk) == await limited.result("retract", id=foreign.pk + 7)
    assert await left() == ["foreign"]
    sends_only = Api(await sync_to_async(key_for)("notify"))
    assert await sends_only.error("retract", key="l") == 103


async def test_a_key_for_some_people_replaces_nothing_of_a_list(ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (alerting, named_audiences):
        monkeypatch.setattr(module, "SMALL", 1)
    bob = await User.objects.acreate_user("bob")
    await anotify(to=MEMBERS, message="for all", key="k")
    own = [f"user:{user_id(user)}" for user in (ann, bob)]
    narrow = Api(await sync_to_async(key_for)(channels=tuple(own)))
    to = [user_id(user) for user in (ann, bob)]
    assert await narrow.error("notify", to=to, message="n", key="k", replace=True) == 103
    assert await narrow.result("notify", to=to, message="n", key="l")
    assert await left() == ["for all", "n"]
