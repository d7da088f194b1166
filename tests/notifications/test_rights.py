"""Who may do what with the notifications of a person: each method, called by everybody who could.

A method that is not in these tables fails the first test: say there what it does for whom.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import Permission
from django.test import AsyncClient
from pytest_django.fixtures import Settings

import hub.asgi  # noqa: F401  # registers the methods
from hub.api import keys
from hub.api.method import methods as api_methods
from hub.session.methods import methods as rpc_methods
from hub.users import user_id
from notifications import Action, action, notify
from notifications.models import (
    ActionChoice,
    Choice,
    Distribution,
    Follow,
    InboxChange,
    Notification,
    Preferences,
    Topic,
)
from notifications.offers import declaring
from tests.api.calling import Api, key_for
from tests.connection.wire import wired
from tests.support.people import User

pytestmark = pytest.mark.django_db(transaction=True)

#: The call tells of the owner's own things, or changes them.
REACHES = "reaches"
#: It is answered, with nothing of the owner's.
ANSWERS = "answers"

#: What only the owner's own things have in them.
SECRET, CLOSED, ZONE = "a secret of ada", "payroll", "Pacific/Chatham"


@dataclass(frozen=True)
class World:
    """An owner with an alert, a closed topic that she follows, and what she has chosen; and the other people."""

    owner: User
    other: User
    staff: User
    permitted: User
    alert: int
    distributed: int

    @property
    def owner_id(self) -> str:
        return user_id(self.owner)

    def state(self) -> list[Any]:
        """All that a call could change of the owner's, and of what all people share."""
        return [
            [
                list(model._default_manager.filter(user=self.owner).order_by("pk").values())
                for model in (InboxChange, ActionChoice, Choice, Preferences, Follow, Notification)
            ],
            list(Topic.objects.order_by("pk").values()),
            list(Distribution.objects.order_by("pk").values("pk", "failure")),
        ]


def made() -> World:
    owner, other, staff, permitted = [User.objects.create_user(name) for name in ("ada", "bob", "eve", "pat")]
    staff.is_staff = True
    staff.save()
    permitted.user_permissions.add(Permission.objects.get(codename="add_notification"))
    Preferences.objects.create(user=owner, time_zone=ZONE)
    Topic.objects.create(name="deploys", title="Deployments")
    Follow.objects.create(topic=Topic.objects.create(name=CLOSED, title="Closed", is_open=False), user=owner)
    (alert,) = notify(to=owner, message=SECRET, group_by="order:7", actions=[Action("rights.approve", "Approve")])
    (distributed,) = notify(to="members", message="for all")
    Distribution.objects.update(failure="it broke")
    return World(owner, other, staff, permitted, alert.pk, distributed.pk)


@pytest.fixture
async def world(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> World:
    settings.HUB_CLIENT_BROADCAST = "staff"
    monkeypatch.setattr(declaring, "_registered", {})
    action("rights.approve", over_http=True)(lambda chosen: None)
    keys.forget()
    return await sync_to_async(made)()


#: The parameters of a call.
Params = Callable[[World], dict[str, Any]]

Outcome = str | int


class ByPerson(NamedTuple):
    """What a method of the client connection does for whom: an outcome, or the code of the error."""

    params: Params
    guest: Outcome = 401
    other: Outcome = ANSWERS
    owner: Outcome = REACHES
    staff: Outcome = ANSWERS
    permitted: Outcome = ANSWERS


def nothing(world: World) -> dict[str, Any]:
    return {}


RPC = {
    "alerts.broadcast": ByPerson(lambda world: {"message": "m"}, guest=403, other=403, owner=403),
    "alerts.choose": ByPerson(
        lambda world: {"id": world.alert, "action": "rights.approve"}, other=404, staff=404, permitted=404
    ),
    "alerts.list": ByPerson(nothing, guest=ANSWERS),
    "alerts.mark_all_read": ByPerson(lambda world: {"upto": world.distributed}),
    "alerts.mark_read": ByPerson(lambda world: {"ids": [world.alert]}),
    "inbox.bundle": ByPerson(lambda world: {"id": world.alert}, guest=ANSWERS),
    "inbox.categories": ByPerson(nothing, guest=ANSWERS, owner=ANSWERS),
    "inbox.change": ByPerson(lambda world: {"change": "archive", "ids": [world.alert]}),
    "inbox.change_all": ByPerson(lambda world: {"change": "read", "upto": world.distributed}),
    "inbox.counts": ByPerson(nothing, guest=ANSWERS),
    "inbox.list": ByPerson(nothing, guest=ANSWERS),
    "preferences.change": ByPerson(lambda world: {"language": "ru"}),
    "preferences.get": ByPerson(nothing),
    "preferences.heeded": ByPerson(nothing),
    # It names all time zones, that of the owner among them.
    "preferences.offered": ByPerson(nothing, other=REACHES, staff=REACHES, permitted=REACHES),
    "topics.follow": ByPerson(lambda world: {"name": CLOSED}, other=404, staff=404, permitted=404),
    "topics.list": ByPerson(nothing, guest=ANSWERS),
    "topics.unfollow": ByPerson(lambda world: {"name": CLOSED}, other=404, owner=403, staff=404, permitted=404),
}


class ByKey(NamedTuple):
    """What a method of the HTTP API does for whose key: one for another person, for the owner, and for all."""

    params: Params
    other: Outcome = 103
    owner: Outcome = 103
    all: Outcome = REACHES


def of_owner(**more: Any) -> Params:
    return lambda world: {"user": world.owner_id, **more}


API = {
    "alerts": ByKey(of_owner(), owner=REACHES),
    "audiences": ByKey(nothing, all=ANSWERS),
    "choose": ByKey(lambda world: of_owner(id=world.alert, action="rights.approve")(world), owner=REACHES),
    "distribution": ByKey(lambda world: {"id": world.distributed}, all=ANSWERS),
    "distribution_start": ByKey(lambda world: {"id": world.distributed}),
    "inbox": ByKey(of_owner(), owner=REACHES),
    "inbox_bundle": ByKey(lambda world: of_owner(id=world.alert)(world), owner=REACHES),
    "inbox_change": ByKey(lambda world: of_owner(change="archive", ids=[world.alert])(world), owner=REACHES),
    "inbox_change_all": ByKey(lambda world: of_owner(change="read", upto=world.distributed)(world), owner=REACHES),
    "mark_read": ByKey(lambda world: of_owner(ids=[world.alert])(world), owner=REACHES),
    "notification": ByKey(lambda world: {"id": world.alert}, owner=REACHES),
    "notifications": ByKey(of_owner(), owner=REACHES),
    "notify": ByKey(lambda world: {"to": world.owner_id, "message": "m"}, owner=REACHES),
    "preferences": ByKey(of_owner(), owner=REACHES),
    "preferences_change": ByKey(of_owner(language="ru"), owner=REACHES),
    "retract": ByKey(lambda world: {"id": world.alert}, other=ANSWERS, owner=REACHES),
    "topic_create": ByKey(lambda world: {"name": "new", "title": "New"}),
    "topic_delete": ByKey(lambda world: {"topic": CLOSED}),
    "topic_follow": ByKey(lambda world: {"topic": "deploys", "users": [world.owner_id]}),
    "topic_followers": ByKey(lambda world: {"topic": CLOSED}),
    "topic_unfollow": ByKey(lambda world: {"topic": CLOSED, "users": [world.owner_id]}),
    "topics": ByKey(nothing),
}


def test_each_method_of_notifications_is_in_the_tables() -> None:
    of_rpc = {name for name, one in rpc_methods().items() if one.method.__module__.startswith("notifications")}
    of_api = {one.name for one in api_methods() if one.request.__module__.startswith("notifications")}
    assert (of_rpc, of_api) == (set(RPC), set(API))


def outcome(answer: Any, world: World, before: list[Any], after: list[Any]) -> str:
    text = json.dumps(answer)
    told = any(one in text for one in (SECRET, CLOSED, ZONE, f'"{world.owner_id}"')) or _counts(answer)
    return REACHES if told or after != before else ANSWERS


def _counts(answer: Any) -> bool:
    """Whether these are counts with something in them: only the owner has an alert."""
    return isinstance(answer, dict) and bool(answer.get("unread"))


@pytest.mark.slow
@pytest.mark.parametrize("name", RPC)
async def test_a_person_reaches_their_own_notifications_alone(world: World, name: str) -> None:
    row = RPC[name]
    callers = {"guest": None, **{who: getattr(world, who) for who in ("other", "staff", "permitted", "owner")}}
    for who, user in callers.items():
        before = await sync_to_async(world.state)()
        async with wired(user) as wire:
            said = await wire.ask(rpc={"method": name, "data": row.params(world)})
        after = await sync_to_async(world.state)()
        if "error" in said:
            found: Outcome = said["error"]["code"]
            assert after == before, who
        else:
            found = outcome(said["rpc"].get("data"), world, before, after)
        assert found == getattr(row, who), who


@pytest.mark.slow
@pytest.mark.parametrize("name", API)
async def test_a_key_reaches_what_its_scope_names_and_nobody_without_one(world: World, name: str) -> None:
    row = API[name]
    request = row.params(world)
    session = AsyncClient()
    await session.aforce_login(world.staff)
    before = await sync_to_async(world.state)()
    for client in (AsyncClient(), session):
        answer = await client.post(f"/api/{name}", json.dumps(request), content_type="application/json")
        assert answer.status_code == 401
    without = Api(await sync_to_async(key_for)("publish"))
    assert await without.error(name, **request) == 103
    assert await sync_to_async(world.state)() == before
    assert await reached(world, name, f"user:{user_id(world.other)}") == row.other
    assert await reached(world, name, f"user:{world.owner_id}") == row.owner


@pytest.mark.parametrize("name", API)
async def test_a_key_for_all_channels_reaches_everything(world: World, name: str) -> None:
    assert await reached(world, name, "*") == API[name].all


async def reached(world: World, name: str, channel: str) -> Outcome:
    """What comes of a call with a key for this method and these channels."""
    key = Api(await sync_to_async(key_for)(name, channels=(channel,)))
    before = await sync_to_async(world.state)()
    said = await key(name, **API[name].params(world))
    after = await sync_to_async(world.state)()
    if "result" in said:
        return outcome(said["result"], world, before, after)
    assert after == before
    return int(said["error"]["code"])
