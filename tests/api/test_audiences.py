"""Which audiences there are, over HTTP."""

from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.test import AsyncClient

from hub.users import user_id
from notifications import audience
from notifications.sending import named_audiences
from tests.api.calling import Api, key_for
from tests.support.people import User


@pytest.fixture(autouse=True)
def declared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(named_audiences, "_declared", {})
    audience("named-a")(lambda: get_user_model()._default_manager.filter(pk__in=_named()))
    audience("wrong")(Group.objects.all)


def _named() -> list[Any]:
    return [user.pk for user in User.objects.all() if str(user).startswith("a")]


async def test_audiences_are_told_with_their_sizes_and_whether_a_person_belongs(api: Api) -> None:
    ann, _bob = [await User.objects.acreate_user(name) for name in ("ann", "bob")]
    members, named, wrong = (await api.result("audiences", sizes=True, user=user_id(ann)))["audiences"]
    assert (members["name"], members["people"], members["belongs"]) == ("members", 2, True)
    assert (named["name"], named["people"], named["belongs"]) == ("audience:named-a", 1, True)
    assert (wrong["name"], wrong["people"], wrong["belongs"]) == ("audience:wrong", None, None)
    assert "has to return a queryset" in wrong["mistake"] and not named["mistake"]
    got = await AsyncClient().get("/api/audiences", headers={"X-API-Key": api.key})
    assert [(one["people"], one["belongs"]) for one in got.json()["result"]["audiences"]] == [(None, None)] * 3


async def test_a_key_for_some_people_learns_of_no_audience(api: Api) -> None:
    limited = Api(await sync_to_async(key_for)(channels=("user:1", "everyone")))
    assert await limited.error("audiences") == 103
    assert await api.error("audiences", user="nobody") == 107
