"""People who are called outside by another field than their key, wherever an id comes in or goes out."""

import json
from io import StringIO
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django.fixtures import Settings

from chat.actions import post_message
from chat.models import Room
from hub.access import credentials, signed_tokens
from hub.api import keys
from hub.testing import capture_publications, drain_jobs
from hub.users import User, user_id, users_by_id
from hub.users.checks import user_model_works
from lab.harness.waiting import await_for
from notifications import MEMBERS, notify
from notifications.models import Notification, Topic
from tests.api.calling import Api, key_for
from tests.connection.wire import Wire, wired
from tests.support import people

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        settings.AUTH_USER_MODEL != "public_people.Customer",
        reason="needs --ds tests.projects.public_people.settings (make users-others)",
    ),
]

#: A key that can be found in whatever is said outside.
KEY = 7_318_540_962


@pytest.fixture
def ada() -> User:
    keys.forget()
    return people.User.objects.create_user("ada", pk=KEY)


@pytest.fixture
async def api(ada: User) -> Api:
    """A program whose key may do everything."""
    return Api(await sync_to_async(key_for)())


def is_told(wire: Wire, channel: str, **data: str) -> bool:
    """Whether there was a publication to the channel with these data."""
    told = (push["pub"]["data"] for push in wire.pushes if push["channel"] == channel and "pub" in push)
    return any(data.items() <= one.items() for one in told)


def test_check_has_nothing_to_say() -> None:
    assert user_model_works(None) == []
    call_command("check", "--fail-level", "WARNING")


def test_person_is_called_by_the_field(ada: User) -> None:
    assert user_id(ada) != str(KEY)
    assert users_by_id([user_id(ada), str(KEY), user_id(ada).upper()]) == {user_id(ada): ada}


def test_alerts_go_to_channels_of_ids(ada: User) -> None:
    bob = people.User.objects.create_user("bob")
    topic = Topic.objects.create(name="deploys", title="Deploys")
    topic.follows.create(user=ada)
    with capture_publications() as published:
        for to in (ada, user_id(ada), "user:ada", [ada, bob], MEMBERS, topic):
            notify(to=to, message="hello")
        drain_jobs()
    assert {one.channel for one in published} == {f"user:{user_id(ada)}", f"user:{user_id(bob)}", "topic:deploys"}
    assert Notification.objects.filter(user=ada).count() == 4


async def test_signed_token_names_a_person_by_the_id(ada: User, settings: Settings) -> None:
    settings.HUB_TOKEN_SECRET = ["a secret that is used by the tests only"]
    claims = signed_tokens.read(signed_tokens.connection_token(user_id(ada)))
    assert await credentials.whose(credentials.of_user(claims.sub)) == ada
    with pytest.raises(signed_tokens.BadToken, match="sub is no id"):
        signed_tokens.read(signed_tokens.connection_token(KEY))


async def test_programs_name_people_by_their_ids_only(ada: User, api: Api) -> None:
    known = user_id(ada)
    room = (await api.result("room_create", name="board", private=True, members=[known]))["id"]
    await api.result("room_post", room=room, user=known, text="hello")
    await api.result("notify", to=known, message="hello")
    replies = [
        await api.result("room_members", room=room),
        await api.result("room_messages", room=room),
        await api.result("inbox", user=known),
        await api.result("preferences_change", user=known, language="ru"),
    ]
    assert replies[0] == {"users": [known]}
    assert (len(replies[1]["messages"]), len(replies[2]["items"]), replies[3]["language"]) == (1, 1, "ru")
    assert str(KEY) not in json.dumps(replies)
    for method, others in (
        ("notify", {"to": str(KEY), "message": "m"}),
        ("inbox", {"user": str(KEY)}),
        ("preferences", {"user": str(KEY)}),
        ("room_add", {"room": room, "users": [str(KEY)]}),
        ("room_post", {"room": room, "user": str(KEY), "text": "m"}),
    ):
        assert await api.error(method, **others) == 107, method


async def test_others_see_the_id_and_never_the_key(ada: User, api: Api) -> None:
    bob, known = await people.User.objects.acreate_user("bob"), user_id(ada)
    room = await Room.objects.acreate(name="lobby")
    channel = f"room:{room.pk}"
    async with wired(bob) as other, wired(ada) as wire:
        for one in (other, wire):
            await one.ask(subscribe={"channel": channel, "join_leave": True})
        await sync_to_async(post_message)(room_id=room.pk, author_id=ada.pk, text="hello")
        there = await other.ask(presence={"channel": channel})
        named = await other.ask(rpc={"method": "chat.people", "data": {"room": room.pk}})
        await sync_to_async(notify)(to=ada, message="hello")
        await await_for(lambda: is_told(wire, f"user:{known}"), that="the alert is told")
        await await_for(lambda: is_told(other, channel, user_id=known, text="hello"), that="the message is told")
        listed = await api.result("presence", channel=channel)
        said = json.dumps([other.lines, wire.lines, there, named, listed])
    assert {info["user"] for info in there["presence"]["presence"].values()} == {known, user_id(bob)}
    assert {one["user_id"] for one in named["rpc"]["data"]["people"]} == {known, user_id(bob)}
    assert {info["user"] for info in listed["presence"].values()} == {known, user_id(bob)}
    assert str(KEY) not in said


def test_pages_have_the_id_and_never_the_key(ada: User) -> None:
    room = Room.objects.create(name="board", is_private=True)
    room.members.add(ada)
    post_message(room_id=room.pk, author_id=ada.pk, text="hello")
    notify(to=ada, message="hello")
    page = Client()
    page.force_login(ada)
    for address in ("/", "/notifications/", "/notifications/preferences/", "/jobs/", room.get_absolute_url()):
        answer = page.get(address)
        assert answer.status_code == 200
        assert str(KEY) not in answer.content.decode(), address
    assert user_id(ada) in page.get(room.get_absolute_url()).content.decode()


def test_data_are_told_and_erased_by_the_id(ada: User) -> None:
    notify(to=ada, message="hello")
    told = StringIO()
    call_command("export_user", user_id(ada), stdout=told)
    export: dict[str, Any] = json.loads(told.getvalue())
    assert (export["id"], len(export["alerts"]["received"])) == (user_id(ada), 1)
    for command in ("export_user", "erase_user"):
        with pytest.raises(CommandError, match="nobody with the id"):
            call_command(command, str(KEY), stdout=told)
    call_command("erase_user", user_id(ada), "--account", "--no-input", stderr=told)
    assert not people.User.objects.exists() and not Notification.objects.exists()
