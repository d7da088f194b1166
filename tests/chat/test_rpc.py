"""Rooms over the client connection: older messages, posting under a key, typing, and who is there."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from chat import actions, posting, rpc
from chat.actions import Draft, NoSuchRoom
from chat.models import Message, Room
from chat.people import Named
from chat.throttle import Throttle
from hub.models import Publication
from hub.users import field_named, user_id
from lab.harness.waiting import await_for
from tests.connection.wire import Wire, wired
from tests.support.people import User

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def room() -> Room:
    return Room.objects.create(name="lobby")


@pytest.fixture
def den(ann: User) -> Room:
    """A private room of ann's."""
    den = Room.objects.create(name="den", is_private=True)
    den.members.add(ann)
    return den


async def answer(wire: Wire, method: str, /, **data: Any) -> Any:
    return (await wire.ask(rpc={"method": method, "data": data}))["rpc"]["data"]


async def refusal(wire: Wire, method: str, /, **data: Any) -> int:
    return int((await wire.ask(rpc={"method": method, "data": data}))["error"]["code"])


def live(wire: Wire, kind: str) -> list[Any]:
    """The publications of one type that have come."""
    data = [push["pub"]["data"] for push in wire.pushes if "pub" in push]
    return [one for one in data if one["type"] == kind]


async def test_a_room_is_found_by_its_name(ann: User, room: Room) -> None:
    found = {"id": room.pk, "name": "lobby", "channel": f"room:{room.pk}"}
    async with wired(ann) as wire:
        assert await answer(wire, "chat.room", name=" lobby ") == {**found, "may_write": True}
    async with wired() as guest:
        assert await answer(guest, "chat.room", name="lobby") == {**found, "may_write": False}
        assert await refusal(guest, "chat.room", name="nothing") == 404


@pytest.mark.parametrize(
    ("method", "data"),
    [
        ("chat.room", {"name": "den"}),
        ("chat.messages", {}),
        ("chat.post", {"text": "let me in"}),
        ("chat.typing", {}),
        ("chat.people", {}),
    ],
)
@pytest.mark.parametrize("which", ["private", "gone"])
async def test_a_private_room_looks_to_others_as_one_that_is_not_there(
    bob: User, den: Room, method: str, data: dict[str, Any], which: str
) -> None:
    room = den.pk if which == "private" else den.pk + 1000
    if method != "chat.room":
        data = {"room": room, **data}
    elif which == "gone":
        data = {"name": "nothing"}
    async with wired(bob) as wire:
        reply = await wire.ask(rpc={"method": method, "data": data})
    assert reply["error"] == {"code": 404, "message": "There is no such room."}
    assert not await Message.objects.aexists()


async def test_a_member_reads_posts_and_types_in_a_private_room(ann: User, den: Room) -> None:
    async with wired(ann) as wire:
        await answer(wire, "chat.post", room=den.pk, text="hello")
        page = await answer(wire, "chat.messages", room=den.pk)
        assert [item["text"] for item in page["items"]] == ["hello"]
        assert await answer(wire, "chat.typing", room=den.pk) == {}


async def test_older_messages_come_page_by_page_and_join_the_live_stream(ann: User, room: Room) -> None:
    for number in range(5):
        await sync_to_async(actions.post_message)(room_id=room.pk, author_id=ann.pk, text=str(number))
    async with wired() as wire:
        newest = await answer(wire, "chat.messages", room=room.pk, limit=2)
        assert [item["text"] for item in newest["items"]] == ["3", "4"]
        assert newest["more"]
        older = await answer(wire, "chat.messages", room=room.pk, before=newest["items"][0]["id"])
        assert [item["text"] for item in older["items"]] == ["0", "1", "2"]
        assert not older["more"]
        await wire.ask(subscribe={"channel": f"room:{room.pk}", "recover": True, **newest["position"]})
        await sync_to_async(actions.post_message)(room_id=room.pk, author_id=ann.pk, text="5")
        live = await wire.pushed("pub")
    assert live["pub"]["offset"] == newest["position"]["offset"] + 1
    assert live["pub"]["data"].keys() == newest["items"][0].keys()


async def test_an_empty_room_has_an_empty_page(room: Room) -> None:
    async with wired() as wire:
        page = await answer(wire, "chat.messages", room=room.pk)
    assert (page["items"], page["more"], page["position"]["offset"]) == ([], False, 0)


async def test_an_author_finds_their_own_message_in_the_stream_by_its_key(ann: User, bob: User, room: Room) -> None:
    async with wired(ann) as wire:
        await wire.ask(subscribe={"channel": f"room:{room.pk}"})
        stored = await answer(wire, "chat.post", room=room.pk, text="hello", key="k1")
        await await_for(lambda: live(wire, "chat.message_posted"), that="the message has come back")
        (published,) = live(wire, "chat.message_posted")
    assert (published["id"], published["at"], published["key"]) == (stored["id"], stored["at"], "k1")


async def test_a_message_that_is_sent_again_is_stored_once(ann: User, room: Room) -> None:
    async with wired(ann) as wire:
        first = await answer(wire, "chat.post", room=room.pk, text="hello", key="k1")
        again = await answer(wire, "chat.post", room=room.pk, text="hello", key="k1")
        other = await answer(wire, "chat.post", room=room.pk, text="hello", key="k2")
    assert again == first != other
    assert await Message.objects.acount() == 2
    assert await Publication.objects.filter(channel=f"room:{room.pk}").acount() == 2


async def test_a_key_belongs_to_its_author(ann: User, bob: User, room: Room) -> None:
    for user in (ann, bob):
        async with wired(user) as wire:
            await answer(wire, "chat.post", room=room.pk, text=str(user), key="k1")
    assert await Message.objects.filter(key="k1").acount() == 2


async def test_messages_without_a_key_are_as_many_as_are_sent(ann: User, room: Room) -> None:
    async with wired(ann) as wire:
        for key in ({}, {}, {"key": ""}, {"key": ""}):
            await answer(wire, "chat.post", room=room.pk, text="hello", **key)
    assert await Message.objects.filter(key=None).acount() == 4


def test_the_same_message_twice_in_one_batch_is_stored_once(ann: User, room: Room) -> None:
    drafts = [Draft(room.pk, ann.pk, "hello", "k1"), Draft(room.pk, ann.pk, "hello", "k1")]
    first, second = actions.post_messages(drafts).values()
    assert first is second
    assert Message.objects.count() == Publication.objects.filter(channel=f"room:{room.pk}").count() == 1


def test_the_same_message_on_two_connections_at_once_is_stored_once(ann: User, room: Room) -> None:
    def post(number: int) -> int:
        try:
            return actions.post_message(room_id=room.pk, author_id=ann.pk, text="hello", key=f"k{number % 5}").pk
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as threads:
        ids = list(threads.map(post, range(20)))
    assert ids == ids[:5] * 4
    assert Message.objects.count() == Publication.objects.filter(channel=f"room:{room.pk}").count() == 5


async def test_a_repeat_that_meets_its_first_half_way_gets_its_answer(
    ann: User, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = await sync_to_async(actions.post_message)(room_id=room.pk, author_id=ann.pk, text="hello", key="k1")
    real = actions._with_keys
    looks: list[int] = []

    def not_committed_at_the_first_looks(drafts: Any) -> Any:
        looks.append(1)
        return {} if len(looks) <= 4 else real(drafts)

    monkeypatch.setattr(actions, "_with_keys", not_committed_at_the_first_looks)
    repeat, new = Draft(room.pk, ann.pk, "hello", "k1"), Draft(room.pk, ann.pk, "new", "k2")
    results = await asyncio.gather(posting.post(repeat), posting.post(new))
    assert results[0] == stored
    assert isinstance(results[1], Message)
    assert await Message.objects.acount() == 2


def test_a_repeat_by_who_lost_the_room_is_refused(ann: User, den: Room) -> None:
    actions.post_message(room_id=den.pk, author_id=ann.pk, text="hello", key="k1")
    den.members.remove(ann)
    with pytest.raises(NoSuchRoom):
        actions.post_message(room_id=den.pk, author_id=ann.pk, text="hello", key="k1")


def test_messages_without_a_key_cost_no_query_more(ann: User, room: Room) -> None:
    def cost(key: str | None) -> int:
        with CaptureQueriesContext(connection) as captured:
            actions.post_message(room_id=room.pk, author_id=ann.pk, text="m", key=key)
        return len(captured)

    cost(None)  # the first makes the stream
    assert cost(None) == cost("k1") - 1


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ({"text": " "}, 400),
        ({"text": "x" * 4001}, 400),
        ({"text": "\0"}, 400),
        ({"text": "m", "key": "\0"}, 400),
        ({"text": 7}, 107),
        ({}, 107),
        ({"text": "m", "key": "k" * 65}, 107),
        ({"text": "m", "room": 2**63}, 107),
        ({"text": "m", "room": "lobby"}, 107),
    ],
)
async def test_a_message_that_is_none_is_refused(ann: User, room: Room, data: dict[str, Any], code: int) -> None:
    async with wired(ann) as wire:
        assert await refusal(wire, "chat.post", **{"room": room.pk, **data}) == code
    assert not await Message.objects.aexists()


async def test_guests_read_and_neither_write_nor_type(room: Room) -> None:
    async with wired() as wire:
        assert await refusal(wire, "chat.post", room=room.pk, text="m") == 401
        assert await refusal(wire, "chat.typing", room=room.pk) == 401
        assert (await answer(wire, "chat.messages", room=room.pk))["items"] == []


async def typing_until_now(wire: Wire, room: Room) -> list[Any]:
    """What this client was told of typing, as far as it was sent before this call."""
    actions.tell_left(room_id=room.pk, people=[Named("a sentinel", "0")])
    await await_for(lambda: live(wire, "chat.person_left"), that="what is live only has arrived")
    return live(wire, "chat.person_typing")


async def test_typing_reaches_the_room_live_and_is_stored_nowhere(ann: User, bob: User, room: Room) -> None:
    channel = f"room:{room.pk}"
    async with wired(ann) as typist, wired(bob) as other:
        await other.ask(subscribe={"channel": channel})
        assert await answer(typist, "chat.typing", room=room.pk) == {}
        typing = await typing_until_now(other, room)
    assert typing == [{"type": "chat.person_typing", "username": "ann", "user_id": user_id(ann)}]
    assert not await Publication.objects.filter(channel=channel).aexists()


async def test_who_types_on_is_told_of_once_in_a_while(
    ann: User, bob: User, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with wired(ann) as typist, wired(bob) as other:
        await other.ask(subscribe={"channel": f"room:{room.pk}"})
        for _ in range(5):
            assert await answer(typist, "chat.typing", room=room.pk) == {}
        assert len(await typing_until_now(other, room)) == 1
        monkeypatch.setattr(rpc, "_typing", Throttle(0.0))
        await answer(typist, "chat.typing", room=room.pk)
        await await_for(lambda: len(live(other, "chat.person_typing")) == 2, that="the room is told again")


def test_a_throttle_lets_each_key_through_once_in_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("chat.throttle.time.monotonic", lambda: now[0])
    throttle = Throttle(2.0)
    let = []
    for moment in (100.0, 101.9, 102.0, 103.9, 104.0, 109.0, 109.1):
        now[0] = moment
        let.append((throttle.lets("a"), throttle.lets("b") if moment == 101.9 else None))
    assert [a for a, _ in let] == [True, False, True, False, True, True, False]
    assert let[1][1] is True


def test_a_throttle_forgets_who_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("chat.throttle.time.monotonic", lambda: now[0])
    throttle = Throttle(2.0)
    for number in range(1000):
        now[0] += 0.1
        throttle.lets(number)
    assert len(throttle._let) + len(throttle._before) <= 42


async def test_people_in_the_room_are_named_once_each(ann: User, bob: User, room: Room) -> None:
    channel = f"room:{room.pk}"
    async with wired(ann) as first, wired(ann) as second, wired(bob) as third, wired() as guest:
        for wire in (first, second, third, guest):
            await wire.ask(subscribe={"channel": channel})
        people = await answer(guest, "chat.people", room=room.pk)
    named = [{"username": name, "user_id": user_id(user)} for name, user in (("ann", ann), ("bob", bob))]
    assert people == {"people": named, "count": 2}


async def test_people_of_one_name_are_told_apart_by_their_ids(
    ann: User, bob: User, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chat.people.display_name", lambda user: "Ada")
    if field_named("email") is not None:
        for user in (ann, bob):
            user.email = f"{user.pk}@example.com"
            await user.asave()
    ids = [user_id(ann), user_id(bob)]
    async with wired() as guest, wired(ann) as one, wired(bob) as other:
        for wire in (guest, one, other):
            await wire.ask(subscribe={"channel": f"room:{room.pk}"})
        for wire in (one, other):
            await answer(wire, "chat.typing", room=room.pk)
            await answer(wire, "chat.post", room=room.pk, text="hello")
        kinds = ("chat.person_joined", "chat.person_typing", "chat.message_posted")
        await await_for(lambda: all(len(live(guest, kind)) == 2 for kind in kinds), that="all has come from both")
        for kind in kinds:
            assert [(data["username"], data["user_id"]) for data in live(guest, kind)] == [("Ada", one) for one in ids]
        page = await answer(guest, "chat.messages", room=room.pk)
        people = await answer(guest, "chat.people", room=room.pk)
        assert [item["user_id"] for item in page["items"]] == ids
        assert sorted(person["user_id"] for person in people["people"]) == sorted(ids)
        assert "@" not in str((guest.pushes, page, people))


async def test_what_a_program_says_and_what_somebody_wrote_who_is_gone_has_no_id(ann: User, room: Room) -> None:
    await sync_to_async(actions.post_message)(room_id=room.pk, author_id=ann.pk, text="of ann")
    await ann.adelete()
    await sync_to_async(actions.post_notice)(room_id=room.pk, text="a notice")
    async with wired() as wire:
        page = await answer(wire, "chat.messages", room=room.pk)
    assert [item["text"] for item in page["items"]] == ["of ann", "a notice"]
    assert not any("user_id" in item for item in page["items"])


async def test_a_crowd_is_counted_and_not_all_of_it_named(
    ann: User, bob: User, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rpc, "PEOPLE_LIMIT", 1)
    async with wired(ann) as first, wired(bob) as second:
        for wire in (first, second):
            await wire.ask(subscribe={"channel": f"room:{room.pk}"})
        people = await answer(first, "chat.people", room=room.pk)
    assert (len(people["people"]), people["count"]) == (1, 2)


async def test_reasons_are_in_the_language_of_the_person(ann: User) -> None:
    wire = Wire(ann)
    wire.client.language = "ru"
    await wire.client.receive('{"id":1,"connect":{}}')
    reply = await wire.ask(rpc={"method": "chat.room", "data": {"name": "nothing"}})
    await wire.disconnected()
    assert reply["error"]["message"] == "Такой комнаты нет."


def test_the_same_messages_come_over_http(ann: User, room: Room, client: Client) -> None:
    for number in range(3):
        actions.post_message(room_id=room.pk, author_id=ann.pk, text=str(number))
    page = client.get("/chat/lobby/messages/", {"limit": 2}).json()
    assert [item["text"] for item in page["items"]] == ["1", "2"]
    assert page["more"] and page["position"]["offset"] == 3
    rest = client.get("/chat/lobby/messages/", {"before": page["items"][0]["id"]}).json()
    assert [item["text"] for item in rest["items"]] == ["0"]


def test_a_private_room_is_read_over_http_by_its_members_only(ann: User, bob: User, den: Room, client: Client) -> None:
    actions.post_message(room_id=den.pk, author_id=ann.pk, text="secret")
    client.force_login(bob)
    for path in ("/chat/den/messages/", "/chat/nothing/messages/", "/chat/den/messages/?name=den"):
        response = client.get(path)
        assert (response.status_code, response.json()["error"]["message"]) == (404, "There is no such room.")
    client.force_login(ann)
    assert json.loads(client.get("/chat/den/messages/").content)["items"][0]["text"] == "secret"


def test_the_query_string_names_no_other_room(ann: User, room: Room, den: Room, client: Client) -> None:
    actions.post_message(room_id=room.pk, author_id=ann.pk, text="in the lobby")
    page = client.get("/chat/lobby/messages/?name=den").json()
    assert [item["text"] for item in page["items"]] == ["in the lobby"]
