"""Who may subscribe to which channel, read its history, publish there, and see who is there.

A namespace that is not in the table fails the first test, and so does an app with methods that has no table of its
own: say there what everybody may.
"""

from dataclasses import dataclass, field
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.apps import apps
from django.contrib.auth.models import Group, Permission
from pytest_django.fixtures import Settings

import hub.asgi  # noqa: F401  # registers namespaces and methods
from chat.models import Room
from hub.channels import namespaces
from hub.session.methods import methods
from hub.users import user_id
from notifications.models import Follow, Topic
from tests.connection.wire import Wire, wired
from tests.support.namespaces import OF_TESTS
from tests.support.people import User

pytestmark = pytest.mark.django_db(transaction=True)

#: People, by what they may; those with permissions have one each. ``owner`` is who the channels are about.
PERMISSIONS = ("view_trackedjob", "change_trackedjob", "view_schedule", "change_schedule", "see_operations", "operate")
PEOPLE = ("guest", "other", "owner", "staff", *PERMISSIONS)
MEMBERS = frozenset(PEOPLE) - {"guest"}
ALL = frozenset(PEOPLE)
NOBODY: frozenset[str] = frozenset()
OWNER = frozenset({"owner"})


@dataclass(frozen=True)
class Allowed:
    """Who may do what in a channel: its subscribers may read the history of a durable one."""

    subscribe: frozenset[str]
    publish: frozenset[str] = NOBODY
    see_presence: frozenset[str] = NOBODY
    history: frozenset[str] = field(default=NOBODY)


def _durable(who: frozenset[str], **more: Any) -> Allowed:
    return Allowed(who, history=who, **more)


#: Channel -> who may do what there. ``{owner}`` and the others are filled in with ids.
CHANNELS = {
    "everyone": _durable(ALL),
    "user:{owner}": _durable(OWNER),
    "group:{group}": _durable(OWNER),
    "topic:closed": _durable(OWNER),
    "topic:open": _durable(MEMBERS),
    "room:{lobby}": _durable(ALL, publish=MEMBERS, see_presence=ALL),
    "room:{den}": _durable(OWNER, publish=OWNER, see_presence=OWNER),
    "online": Allowed(ALL),
    "jobs:{owner}": _durable(OWNER),
    "all_jobs": Allowed(frozenset({"view_trackedjob"})),
    "schedules": Allowed(frozenset({"view_schedule", "change_schedule"})),
    "operations": Allowed(frozenset({"see_operations", "operate"})),
    "control": Allowed(NOBODY),
    "nobody": Allowed(NOBODY),
    "node:1": Allowed(NOBODY),
    "survey:1": Allowed(NOBODY),
    "not-registered": Allowed(NOBODY),
}


def test_each_namespace_is_in_the_table() -> None:
    registered = {namespace.name for namespace in namespaces()} - OF_TESTS
    assert {channel.partition(":")[0] for channel in CHANNELS} - {"not-registered"} == registered


def test_each_app_with_methods_has_a_table_of_who_may_call_them() -> None:
    """``test_rights.py`` of the tests of these; each says itself whether it has all methods."""
    installed = {config.name for config in apps.get_app_configs()}
    with_methods = {one.method.__module__.partition(".")[0] for one in methods().values()}
    assert with_methods & installed == {"chat", "notifications", "worker"}


def made() -> tuple[dict[str, User | None], dict[str, str]]:
    """The people, and the channels of the table by their names in it."""
    people = {name: User.objects.create_user(name) for name in PEOPLE[1:]}
    people["staff"].is_staff = True
    people["staff"].save()
    for name in PERMISSIONS:
        people[name].user_permissions.add(Permission.objects.get(codename=name))
    owner = people["owner"]
    group = Group.objects.create(name="team")
    owner.groups.add(group)
    lobby, den = Room.objects.create(name="lobby"), Room.objects.create(name="den", is_private=True)
    den.members.add(owner)
    Topic.objects.create(name="open", title="Open")
    Follow.objects.create(topic=Topic.objects.create(name="closed", title="Closed", is_open=False), user=owner)
    ids = {"owner": user_id(owner), "group": group.pk, "lobby": lobby.pk, "den": den.pk}
    return {"guest": None, **people}, {name: name.format(**ids) for name in CHANNELS}


@pytest.mark.slow
async def test_everybody_gets_at_a_channel_what_the_table_says(settings: Settings) -> None:
    settings.HUB_SOCKET_BURST = 1000.0  # one connection asks for everything
    people, channels = await sync_to_async(made)()
    found: dict[str, dict[str, set[str]]] = {
        name: {"subscribe": set(), "publish": set(), "see_presence": set(), "history": set()} for name in CHANNELS
    }
    for who, user in people.items():
        async with wired(user) as wire:
            for name, channel in channels.items():
                for what in await allowed(wire, channel):
                    found[name][what].add(who)
    rows = {name: Allowed(**{what: frozenset(who) for what, who in by.items()}) for name, by in found.items()}
    assert rows == CHANNELS


async def allowed(wire: Wire, channel: str) -> set[str]:
    """What this connection may do there."""
    commands: dict[str, dict[str, Any]] = {
        "subscribe": {"subscribe": {"channel": channel}},
        "publish": {"publish": {"channel": channel, "data": {"message": "m"}}},
        "see_presence": {"presence": {"channel": channel}},
        "history": {"history": {"channel": channel, "limit": 1}},
    }
    return {what for what, command in commands.items() if _is_done(await wire.ask(**command))}


def _is_done(reply: dict[str, Any]) -> bool:
    """105: the server has subscribed it by itself, when it connected."""
    code = reply.get("error", {}).get("code")
    assert code in {None, 102, 103, 105, 108}, reply
    return code in {None, 105}
