"""Preferences over HTTP."""

from typing import Any

import pytest
from asgiref.sync import sync_to_async

from hub.users import user_id
from notifications import Kind
from notifications.kinds import declaring as kinds
from notifications.models import Choice, Preferences
from tests.api.calling import Api, key_for
from tests.support.people import User

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def shipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kinds, "_declared", {})
    Kind("order.shipped", label="Order shipped", message="shipped")


async def test_a_program_reads_and_changes_somebodys_preferences(api: Api) -> None:
    ada = await User.objects.acreate_user("ada")
    known = user_id(ada)
    wish: dict[str, Any] = {"method": "inbox", "on": False, "kind": "order.shipped"}
    changed = await api.result("preferences_change", user=known, time_zone="Europe/Moscow", choices=[wish])
    assert changed == await api.result("preferences", user=known)
    assert changed["time_zone"] == "Europe/Moscow"
    (category,) = changed["categories"]
    assert category["kinds"][0]["sentence"] == "You do not get it."
    for wrong in ({"language": "xx"}, {"choices": [wish | {"method": "pigeon"}]}, {"choices": [wish] * 201}):
        assert await api.error("preferences_change", user=known, **wrong) == 107
    await api.result("preferences_change", user=known, choices=[wish | {"on": None}])
    assert not await Choice.objects.aexists()


async def test_reading_changes_nothing_whatever_is_in_the_query(api: Api) -> None:
    ada = await User.objects.acreate_user("ada")
    assert await api.error("preferences", user=user_id(ada), language="ru") == 107
    assert not await Preferences.objects.aexists()


async def test_a_key_for_reading_does_not_change_them() -> None:
    ada = await User.objects.acreate_user("ada")
    reader = Api(await sync_to_async(key_for)("preferences"))
    assert (await reader.result("preferences", user=user_id(ada)))["plan"] is None
    assert await reader.error("preferences_change", user=user_id(ada), language="ru") == 103


async def test_a_key_for_other_people_neither_reads_nor_changes_them() -> None:
    ada, bob = await User.objects.acreate_user("ada"), await User.objects.acreate_user("bob")
    other = Api(await sync_to_async(key_for)(channels=(f"user:{user_id(bob)}",)))
    assert await other.error("preferences", user=user_id(ada)) == 103
    assert await other.error("preferences_change", user=user_id(ada), language="ru") == 103
    assert not await Preferences.objects.aexists()
