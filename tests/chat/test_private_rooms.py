"""A private room: nothing about it, not even its name, leaves its members."""

import json
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import Group
from django.db import transaction
from django.test import Client
from pytest_django.fixtures import Settings

from chat import actions, queries
from chat.models import Room
from hub.access import registry, revalidation
from hub.models import Publication
from hub.streams import history
from lab.harness.waiting import await_for
from notifications import notify
from notifications.models import Notification, Topic
from tests.connection.wire import wired
from tests.support.people import User
from tests.support.sockets import open_endpoint, session_cookie

pytestmark = pytest.mark.django_db(transaction=True)

NAME = "layoffs-2027"


@pytest.fixture(autouse=True)
def all_rules(settings: Settings) -> None:
    settings.HUB_SHIPPED_RULES = ("room_opened", "user_signed_up")


@pytest.fixture
def room(ann: User) -> Room:
    """A private room of ann's, in which she wrote."""
    room = Room.objects.create(name=NAME, is_private=True)
    room.members.add(ann)
    actions.post_message(room_id=room.pk, author_id=ann.pk, text="the list is final")
    return room


def told_to_others() -> str:
    """All that is stored for other people than the room's: alerts, and publications of other channels."""
    alerts = [str(row) for row in Notification.objects.values()]
    publications = Publication.objects.exclude(channel__startswith="room:").values_list("data", flat=True)
    return "\n".join([*alerts, *publications])


# --- what is told ---------------------------------------------------------------------------------------------------


def test_private_room_made_in_the_admin_is_told_to_nobody(admin_client: Client, ann: User) -> None:
    fields = {"name": NAME, "is_private": "on", "members": [ann.pk]}
    assert admin_client.post("/admin/hub_chat/room/add/", fields).status_code == 302
    assert Room.objects.get().is_private
    assert NAME not in told_to_others()


def test_private_room_made_by_code_is_told_to_nobody_not_for_a_moment() -> None:
    Room.objects.create(name=NAME, is_private=True)
    assert not Publication.objects.filter(channel="everyone").exists()


def test_what_was_told_of_a_room_is_taken_back_when_it_becomes_private(ann: User) -> None:
    room = actions.create_room(name="plans", creator=ann)
    group, topic = Group.objects.create(name="ops"), Topic.objects.create(name="news", title="News")
    notify(to="everyone", message="Another matter", url="/chat/other/")
    for to in ("everyone", group, topic):
        notify(to=to, message="Have a look at plans", url=room.get_absolute_url())
    before = dict(Publication.objects.values_list("pk", "offset"))
    room.is_private = True
    room.save()
    assert "plans" not in told_to_others()
    assert [row.message for row in Notification.objects.all()] == ["Another matter"]
    # Something else stands in the place of the publications: the history has no gap, and nobody has to reload.
    assert before.items() <= dict(Publication.objects.values_list("pk", "offset")).items()
    offsets = [item.offset for item in history.page("everyone", limit=-1).envelopes]
    assert offsets == list(range(1, len(offsets) + 1))


def test_alert_to_one_person_stays_when_a_room_becomes_private(ann: User) -> None:
    room = actions.create_room(name="plans", creator=ann)
    notify(to=ann, message="Your room", url=room.get_absolute_url())
    room.is_private = True
    room.save()
    assert [row.message for row in Notification.objects.all()] == ["Your room"]


def test_alerts_about_a_public_room_stay_when_a_private_one_of_its_name_is_saved(room: Room, bob: User) -> None:
    public = actions.create_room(name=NAME, creator=bob)
    notify(to="everyone", message="Come in", url=public.get_absolute_url())
    before = set(Notification.objects.values_list("pk", flat=True))
    room.save()
    assert set(Notification.objects.values_list("pk", flat=True)) == before
    assert len(before) == 2  # the hub's own that the room is open, and the one above


def test_alert_under_an_earlier_name_is_taken_back(ann: User) -> None:
    room = actions.create_room(name=NAME, creator=ann)
    room.name = "budget"
    room.save()
    room.is_private = True
    room.save()
    assert NAME not in told_to_others()


def test_room_that_is_made_and_closed_in_one_transaction_is_told_to_nobody(ann: User) -> None:
    with transaction.atomic():
        room = actions.create_room(name=NAME, creator=ann)
        room.is_private = True
        room.save()
    assert NAME not in told_to_others()


async def test_open_pages_are_told_that_the_alert_is_taken_back(ann: User, bob: User) -> None:
    async with wired(bob) as wire:
        room = await sync_to_async(actions.create_room)(name="plans", creator=ann)
        alert = await Notification.objects.acreate(message="Look", url=room.get_absolute_url())
        room.is_private = True
        await room.asave()
        withdrawn = await wire.pushed("pub")
        while withdrawn["pub"]["data"]["type"] != "notifications.alerts_withdrawn":
            withdrawn = await wire.pushed("pub", wire.pushes.index(withdrawn) + 2)
        assert alert.pk in withdrawn["pub"]["data"]["ids"]


async def test_plain_client_that_comes_back_does_not_get_what_was_taken_back(ann: User) -> None:
    room = await sync_to_async(actions.create_room)(name="plans", creator=ann)
    await sync_to_async(notify)(to="everyone", message="Look at plans", url=room.get_absolute_url())
    await sync_to_async(notify)(to="everyone", message="Lunch")
    room.is_private = True
    await room.asave()
    async with open_endpoint("/ws/notifications/?since=everyone@.0") as endpoint:
        assert (await endpoint.receive_json())["recovered"]
        assert (await endpoint.receive_json())["message"] == "Lunch"


# --- what others find -----------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("who", ["guest", "another", "staff"])
def test_no_page_says_that_there_is_a_private_room(client: Client, room: Room, bob: User, who: str) -> None:
    if who != "guest":
        User.objects.filter(pk=bob.pk).update(is_staff=who == "staff")
        client.force_login(bob)
    for path in ("/", "/chat/", "/notifications/", "/notifications/items/", "/topics/", "/online/"):
        assert NAME not in client.get(path, follow=True).content.decode(), path
    for path in ("/chat/{}/", "/chat/{}/messages/"):
        for hidden in (NAME, room.address):
            answers = [client.get(path.format(name)) for name in (hidden, "nothing")]
            (found, missing) = [(answer.status_code, answer.content.decode()) for answer in answers]
            assert found[0] == missing[0] == 404
            assert found[1].replace(hidden, "nothing") == missing[1] or "csrf" in found[1]


@pytest.mark.parametrize(
    "request_",
    [
        {"subscribe": {"channel": "room:{id}"}},
        {"subscribe": {"channel": "room:{id}", "recover": True, "epoch": "", "offset": 0}},
        {"history": {"channel": "room:{id}", "limit": 10}},
        {"presence": {"channel": "room:{id}"}},
        {"presence_stats": {"channel": "room:{id}"}},
        {"publish": {"channel": "room:{id}", "data": {"message": "hi"}}},
        {"rpc": {"method": "chat.room", "data": {"name": NAME}}},
        {"rpc": {"method": "chat.room", "data": {"name": NAME + "~{id}"}}},
        {"rpc": {"method": "chat.people", "data": {"room": "{id}"}}},
    ],
    ids=lambda request: json.dumps(request)[2:60],
)
@pytest.mark.parametrize("who", ["guest", "another"])
async def test_answer_is_that_for_a_room_that_is_not_there(
    room: Room, bob: User, request_: dict[str, Any], who: str
) -> None:
    answers = []
    for room_id, name in ((room.pk, NAME), (room.pk + 1000, "nothing")):
        asked = json.loads(
            json.dumps(request_).replace('"{id}"', str(room_id)).replace("{id}", str(room_id)).replace(NAME, name)
        )
        async with wired(bob if who == "another" else None) as wire:
            answers.append(await wire.ask(**asked))
    assert answers[0] == answers[1]
    assert "error" in answers[0]


async def test_socket_is_closed_as_for_a_room_that_is_not_there(room: Room) -> None:
    for name in (NAME, room.address, "nothing"):
        async with open_endpoint(f"/ws/chat/{name}/") as endpoint:
            assert await endpoint.close_code() == 4404


async def posted_in(room: Room, text: str) -> bool:
    return await room.messages.filter(text=text).aexists()


@pytest.mark.parametrize("end", ["removed", "deleted"])
async def test_socket_of_who_may_be_there_no_more_is_moved_to_no_public_room_of_the_name(
    room: Room, ann: User, bob: User, end: str
) -> None:
    public = await sync_to_async(actions.create_room)(name=NAME, creator=bob)
    async with open_endpoint(f"/ws/chat/{NAME}/", session=await sync_to_async(session_cookie)(ann)) as endpoint:
        await endpoint.send_json({"message": "among us"})
        await await_for(lambda: posted_in(room, "among us"), that="the message in the private room")
        if end == "removed":
            await room.members.aremove(ann)
        else:
            await room.adelete()
        assert await endpoint.close_code() == 4404
    assert not await public.messages.aexists()


async def test_socket_stays_in_its_room_when_a_private_one_of_the_name_is_opened_for_its_user(
    ann: User, bob: User
) -> None:
    public = await sync_to_async(actions.create_room)(name=NAME, creator=bob)
    async with open_endpoint(f"/ws/chat/{NAME}/", session=await sync_to_async(session_cookie)(ann)) as endpoint:
        hidden = await Room.objects.acreate(name=NAME, is_private=True)
        await hidden.members.aadd(ann)
        await revalidation.current().revalidate(registry.current())
        await endpoint.send_json({"message": "to everybody"})
        await await_for(lambda: posted_in(public, "to everybody"), that="the message in the public room")


@pytest.mark.slow
async def test_socket_stays_in_a_room_that_is_renamed_though_another_one_gets_its_name(
    room: Room, ann: User, bob: User
) -> None:
    async with open_endpoint(f"/ws/chat/{NAME}/", session=await sync_to_async(session_cookie)(ann)) as endpoint:
        await sync_to_async(actions.create_room)(name=NAME, creator=bob)
        room.name = "budget"
        await room.asave()
        await revalidation.current().revalidate(registry.current())
        await endpoint.send_json({"message": "the numbers"})
        await await_for(lambda: posted_in(room, "the numbers"), that="the message in the renamed room")


# --- names ----------------------------------------------------------------------------------------------------------


def test_name_of_a_private_room_is_free_for_others(client: Client, room: Room, ann: User, bob: User) -> None:
    client.force_login(bob)
    response = client.post("/chat/", {"name": NAME})
    assert (response.status_code, response.headers["Location"]) == (302, f"/chat/{NAME}/")
    public = Room.objects.get(is_private=False)
    # Nobody gets what members write by opening a public room of the name.
    assert queries.room_named(NAME, ann.pk) == room
    assert queries.room_named(NAME, bob.pk) == queries.room_named(NAME, None) == public
    assert queries.room_named(room.address, ann.pk) == room
    assert queries.room_named(room.address, bob.pk) is None
    assert [queries.room_named(f"{NAME}~{public.pk}", who) for who in (ann.pk, None)] == [public, public]


@pytest.mark.slow
def test_members_of_two_rooms_of_one_name_reach_both(client: Client, room: Room, ann: User) -> None:
    other = Room.objects.create(name=NAME, is_private=True)
    other.members.add(ann)
    client.force_login(ann)
    for one in (room, other):
        assert client.get(one.get_absolute_url()).context["room"] == one
        assert f'room="{one.address}"' in client.get(one.get_absolute_url()).content.decode()


@pytest.mark.parametrize("address", ["~", "~1", "layoffs-2027~", "layoffs-2027~x", "layoffs-2027~٣", "x~" + "9" * 40])
def test_what_is_no_address_is_no_room(room: Room, ann: User, address: str) -> None:
    assert queries.room_named(address, ann.pk) is None


def test_room_cannot_become_public_under_a_name_that_a_public_one_has(
    admin_client: Client, room: Room, bob: User
) -> None:
    actions.create_room(name=NAME, creator=bob)
    response = admin_client.post(f"/admin/hub_chat/room/{room.pk}/change/", {"name": NAME})
    assert "There is a public room of this name already." in response.content.decode()
    room.refresh_from_db()
    assert room.is_private


async def test_member_who_is_removed_gets_no_message_after_that(room: Room, ann: User, bob: User) -> None:
    await room.members.aadd(bob)
    async with wired(bob) as wire:
        await wire.ask(subscribe={"channel": f"room:{room.pk}"})
        await room.members.aremove(bob)
        await await_for(lambda: not wire.client.receives(f"room:{room.pk}"), that="the end of the subscription")
        await sync_to_async(actions.post_message)(room_id=room.pk, author_id=ann.pk, text="now among us")
        await sync_to_async(notify)(to=bob, message="end")
        while not any(push.get("pub", {}).get("data", {}).get("message") == "end" for push in wire.pushes):
            await wire.pushed("pub", len([push for push in wire.pushes if "pub" in push]) + 1)
        assert "now among us" not in json.dumps(wire.pushes)
