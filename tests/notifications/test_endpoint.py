"""The endpoint of alerts in this process: who may send to everyone, and what changes while a socket is open."""

import contextlib
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import Group
from pytest_django.fixtures import Settings

from notifications import anotify
from notifications.models import Notification
from tests.support.people import User
from tests.support.sockets import Endpoint, open_endpoint, session_cookie

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.any_database]

PATH = "/ws/notifications/"


async def login(name: str, *, staff: bool = False) -> tuple[User, str]:
    user = await User.objects.acreate_user(name, is_staff=staff)
    await Notification.objects.all().adelete()
    return user, await sync_to_async(session_cookie)(user)


async def answer(endpoint: Endpoint, frame: object) -> dict[str, Any]:
    await endpoint.send_json(frame)
    return await endpoint.receive_json()


@pytest.mark.parametrize(
    ("allowed", "may"),
    [
        ("staff", {"guest": False, "member": False, "staff": True}),
        ("authenticated", {"guest": False, "member": True, "staff": True}),
        ("anyone", {"guest": True, "member": True, "staff": True}),
    ],
)
async def test_the_setting_says_who_may_send_alerts_to_everyone(
    settings: Settings, allowed: str, may: dict[str, bool]
) -> None:
    settings.HUB_CLIENT_BROADCAST = allowed
    for who, expected in may.items():
        user, session = (None, None) if who == "guest" else await login(who, staff=who == "staff")
        async with open_endpoint(PATH, session=session) as endpoint:
            frame = await answer(endpoint, {"message": f"from {who}"})
            if expected:
                assert (frame["type"], frame["message"]) == ("notification", f"from {who}")
                assert (await Notification.objects.select_related("sender").aget()).sender == user
            else:
                assert (frame["type"], frame["code"]) == ("error", "permission_denied")
                assert not await Notification.objects.aexists()
        await Notification.objects.all().adelete()


@pytest.mark.parametrize("change", [{"is_staff": False}, {"is_active": False}, None], ids=str)
async def test_rights_that_are_taken_away_count_for_sockets_that_are_open(change: dict[str, bool] | None) -> None:
    user, session = await login("boss", staff=True)
    async with open_endpoint(PATH, session=session) as endpoint:
        assert (await answer(endpoint, {"message": "before"}))["type"] == "notification"
        await sync_to_async(User.objects.filter(pk=user.pk).update)(**change) if change else await user.adelete()
        await Notification.objects.all().adelete()
        await endpoint.send_json({"message": "after"})
        # Something may tell the socket why, or close it; nothing may be sent.
        with contextlib.suppress(AssertionError):
            assert (await endpoint.receive_json())["type"] == "error"
    assert not await Notification.objects.filter(message="after").aexists()


async def test_rights_that_are_given_count_for_sockets_that_are_open() -> None:
    user, session = await login("member")
    async with open_endpoint(PATH, session=session) as endpoint:
        assert (await answer(endpoint, {"message": "before"}))["code"] == "permission_denied"
        await User.objects.filter(pk=user.pk).aupdate(is_staff=True)
        assert (await answer(endpoint, {"message": "after"}))["message"] == "after"


async def test_an_alert_comes_to_its_person_their_group_and_everyone_and_to_nobody_else() -> None:
    ann, session = await login("ann")
    group, other = await Group.objects.acreate(name="ops"), await Group.objects.acreate(name="other")
    await ann.groups.aadd(group)
    bob, _ = await login("bob")
    async with open_endpoint(PATH, session=session) as endpoint, open_endpoint(PATH) as guest:
        for to in (other, bob, ann, group, "everyone"):
            await anotify(to=to, message=str(to))
        assert [(await endpoint.receive_json())["message"] for _ in range(3)] == [str(ann), "ops", "everyone"]
        assert (await guest.receive_json())["message"] == "everyone"
        await endpoint.receive_nothing()


async def test_a_publication_of_another_kind_is_not_shown() -> None:
    from hub.publishing import apublish

    async with open_endpoint(PATH) as endpoint:
        await apublish("everyone", {"type": "somebody.else_did"})
        await anotify(to="everyone", message="shown")
        assert (await endpoint.receive_json())["message"] == "shown"
