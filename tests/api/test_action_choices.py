"""Choosing an action of somebody's alert over HTTP."""

import pytest
from asgiref.sync import sync_to_async

from hub.users import user_id
from notifications import Chosen, action
from notifications.models import ActionChoice, Notification
from notifications.offers import declaring as offers
from tests.api.calling import Api, key_for
from tests.support.people import User


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offers, "_registered", {})

    def fail(_: Chosen) -> None:
        raise ZeroDivisionError

    action("approve", over_http=True)(lambda chosen: chosen.name)
    action("guarded", permission="hub_notifications.add_notification", over_http=True)(lambda chosen: chosen.name)
    action("broken", over_http=True)(fail)
    action("inside")(lambda chosen: chosen.name)


async def test_a_key_of_the_person_chooses_once(api: Api) -> None:
    ann = await User.objects.acreate_user("ann")
    own = {"name": "approve", "label": "Yes", "style": "primary"}
    offered = [own, {"name": "guarded", "label": "No"}, {"name": "open", "label": "Open", "url": "/a/"}]
    (pk,) = (await api.result("notify", to=f"user:{ann.get_username()}", message="m", actions=offered))["ids"]
    assert (await Notification.objects.aget(pk=pk)).actions == offered
    narrow = Api(await sync_to_async(key_for)(channels=(f"user:{user_id(ann)}",)))
    asked = {"user": user_id(ann), "id": pk}
    assert await narrow.error("choose", **asked, action="guarded") == 103
    for name in ("open", "nothing", ""):
        assert await narrow.error("choose", **asked, action=name) == 107
    chosen = await narrow.result("choose", **asked, action="approve")
    assert chosen["action"] == "approve"
    choice = await ActionChoice.objects.aget()
    assert choice.source.startswith("api_key:")
    (step,) = (await api.result("notification", id=pk, user=user_id(ann)))["person"]["steps"]
    assert (step["what"], step["source"]) == ("chosen", choice.source)
    other = Api(await sync_to_async(key_for)(channels=("user:0",)))
    assert await other.error("choose", **asked, action="approve") == 103


async def test_what_fails_is_an_error_and_nothing_is_chosen(api: Api) -> None:
    ann = await User.objects.acreate_user("ann")
    offered = [{"name": "broken", "label": "Yes"}]
    (pk,) = (await api.result("notify", to=f"user:{ann.get_username()}", message="m", actions=offered))["ids"]
    assert await api.error("choose", user=user_id(ann), id=pk, action="broken") == 100
    assert not await ActionChoice.objects.aexists()
    assert await api.error("notify", to="everyone", message="m", actions=[{"name": "nothing", "label": "m"}]) == 107
    assert await api.error("notify", to="everyone", message="m", actions=[{"name": "inside", "label": "m"}]) == 107
