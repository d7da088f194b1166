"""Notifications to many people over HTTP: how they are named, who may, and where their progress is read."""

from typing import Any

import pytest
from asgiref.sync import sync_to_async

from hub.testing import adrain_jobs
from hub.users import user_id
from notifications import audience
from notifications.models import InboxEntry, Notification
from notifications.sending import distributing, named_audiences
from notifications.sending.named_audiences import SMALL
from tests.api.calling import DENIED, Api, key_for
from tests.support.people import User, make_crowd

CROWD = SMALL + 5


@pytest.fixture
async def crowd() -> list[User]:
    return await sync_to_async(make_crowd)("one", CROWD)


async def test_members_are_one_notification_whose_progress_is_read(api: Api, crowd: list[User]) -> None:
    result = await api.result("notify", to="members", message="We are back", key="back")
    (alert,) = [row async for row in Notification.objects.all()]
    assert result == {"ids": [alert.pk], "progress": [f"/api/distribution?id={alert.pk}"]}
    before = await api.result("distribution", id=alert.pk)
    assert before == {
        "id": alert.pk,
        "audience": "members",
        "reached": 0,
        "total": None,
        "finished_at": None,
        "failure": "",
    }
    await adrain_jobs()
    after = await api.result("distribution", id=alert.pk)
    assert after.pop("finished_at") is not None
    assert after == {"id": alert.pk, "audience": "members", "reached": CROWD, "total": CROWD, "failure": ""}
    assert await api.result("notify", to="members", message="We are back", key="back") == result


@pytest.mark.own_user_model
async def test_many_people_by_id_and_name_are_one_notification_also_in_several_calls(
    api: Api, crowd: list[User]
) -> None:
    rows = [user async for user in User.objects.order_by("pk")]
    to: list[Any] = [f"user:{user.get_username()}" if number % 2 else user.pk for number, user in enumerate(rows)]
    first = await api.result("notify", to=to, message="m", key="k")
    assert len(first["ids"]) == 1
    more = await sync_to_async(make_crowd)("more", CROWD)
    names = [f"user:{user.get_username()}" for user in more]
    assert await api.result("notify", to=names, message="m", key="k") == first
    await adrain_jobs()
    assert await InboxEntry.objects.acount() == 2 * CROWD


async def test_a_key_that_may_not_name_all_people_reaches_no_audience(api: Api, crowd: list[User]) -> None:
    for scope in (("everyone",), ("user:1",), ("group:*", "topic:*")):
        limited = Api(await sync_to_async(key_for)(channels=scope))
        assert await limited.error("notify", to="members", message="m") == 103
        assert await limited.error("distribution", id=1) == 103
    assert not await Notification.objects.aexists()


@pytest.mark.own_user_model
async def test_what_names_no_audience_is_refused(api: Api) -> None:
    for to in ("audience:nobody", "permission:shop.nothing", "audience:"):
        assert await api.error("notify", to=to, message="m") == 107
    assert await api.error("distribution", id=7) == 107
    await User.objects.acreate_user("members")
    assert await api.error("notify", to="members", message="m") == 107
    assert await api.result("notify", to="user:members", message="m")


@pytest.mark.parametrize("to", ["audience:{}", "permission:{}", "permission:hub_notifications.{}"])
async def test_a_narrow_key_does_not_learn_which_audiences_and_permissions_there_are(
    api: Api, monkeypatch: pytest.MonkeyPatch, to: str
) -> None:
    monkeypatch.setattr(named_audiences, "_declared", {})
    audience("vip-debtors")(User.objects.all)
    limited = Api(await sync_to_async(key_for)("notify", channels=("room:7", "user:9*")))
    names = ("vip-debtors", "add_notification", "nothing")
    answers = [await limited("notify", to=["group:nobody", to.format(name)], message="m") for name in names]
    answers += [await limited("notify", to=to.format(name), message="m") for name in names]
    assert answers == [DENIED] * len(answers)


async def test_a_key_for_some_people_names_a_thousand_as_it_names_a_hundred(api: Api, crowd: list[User]) -> None:
    ids = [user_id(user) for user in crowd]
    named = tuple(f"user:{one}" for one in ids)
    limited = Api(await sync_to_async(key_for)("notify", channels=named))
    for count in (SMALL, len(ids)):
        assert (await limited.result("notify", to=ids[:count], message="m"))["ids"]
    without_one = Api(await sync_to_async(key_for)("notify", channels=named[:-1]))
    assert await without_one.error("notify", to=ids, message="m") == 103


@pytest.mark.own_user_model
async def test_a_list_with_the_key_of_another_and_other_contents_is_refused_with_a_sentence(
    api: Api, crowd: list[User]
) -> None:
    more = await sync_to_async(make_crowd)("more", CROWD)
    to = [[f"user:{user.get_username()}" for user in users] for users in (crowd, more)]
    await api.result("notify", to=to[0], message="Team A", key="daily")
    reply = await api("notify", to=to[1], message="Team B", key="daily")
    assert reply["error"]["code"] == 107
    assert reply["error"]["message"].endswith("or take another key.")
    assert await Notification.objects.acount() == 1


@pytest.mark.slow
async def test_a_distribution_that_has_failed_is_started_again(api: Api, crowd: list[User]) -> None:
    (pk,) = (await api.result("notify", to="members", message="m"))["ids"]
    assert await api.result("distribution_start", id=pk) == {"started": False}
    await sync_to_async(distributing.fail)(pk, RuntimeError("no"))
    assert (await api.result("distribution", id=pk))["failure"]
    assert await api.result("distribution_start", id=pk) == {"started": True}
    assert await api.result("distribution_start", id=pk) == {"started": False}
    await adrain_jobs()
    assert (await api.result("distribution", id=pk))["reached"] == CROWD
    limited = Api(await sync_to_async(key_for)(channels=("user:1",)))
    assert await limited.error("distribution_start", id=pk) == 103
