"""How many rooms and messages one user makes, and that whoever is over it is told so on every way in."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ValidationError
from django.db import DataError, OperationalError
from django.test import Client
from pytest_django.fixtures import Settings

from chat import actions, posting, queries
from chat.models import Message, Room
from hub.limits import TooMany
from tests.chat.refusing import refuse
from tests.connection.wire import wired
from tests.support.people import User
from tests.support.sockets import open_endpoint, session_cookie

pytestmark = pytest.mark.django_db(transaction=True)

SENTENCE = "You have written many messages. Try again in "


@pytest.fixture(autouse=True)
def few(settings: Settings) -> Iterator[None]:
    settings.HUB_LIMIT_ROOMS = "2/hour"
    settings.HUB_LIMIT_MESSAGES = "2/minute"
    actions.written.forget()
    yield
    actions.written.forget()


@pytest.fixture
def room() -> Room:
    return Room.objects.create(name="lobby")


# --- rooms ----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_user_opens_so_many_rooms_and_is_told_when_to_go_on(client: Client, ann: User, bob: User) -> None:
    client.force_login(ann)
    assert [client.post("/chat/", {"name": name}).status_code for name in "abcd"] == [302, 302, 429, 429]
    response = client.post("/chat/", {"name": "e"})
    assert 0 < int(response.headers["Retry-After"]) <= 3600
    assert "You have opened many rooms. Try again in " in response.content.decode()
    assert actions.open_room(name="c", user=bob).name == "c"
    assert Room.objects.count() == 3


def test_names_that_cannot_be_count_for_nothing(ann: User) -> None:
    actions.open_room(name="a", user=ann)
    for _ in range(5):
        with pytest.raises(actions.NameTaken):
            actions.open_room(name="a", user=ann)
        with pytest.raises(ValidationError):
            actions.open_room(name="no spaces", user=ann)
    actions.open_room(name="b", user=ann)


@pytest.mark.slow
@pytest.mark.parametrize(("setting", "users"), [("staff", ["staff"]), ("authenticated", ["user", "staff"])])
def test_setting_says_who_opens_rooms(settings: Settings, client: Client, setting: str, users: list[str]) -> None:
    settings.HUB_ROOM_CREATION = setting
    for name in ("user", "staff", "gone"):
        user = User.objects.create_user(name, is_staff=name == "staff", is_active=name != "gone")
        if name in users:
            client.force_login(user)
            assert b"Create room" in client.get("/chat/").content
            assert client.post("/chat/", {"name": name}).status_code == 302
        else:
            with pytest.raises(actions.MayNotOpenRooms):
                actions.open_room(name=name, user=user)
            if user.is_active:
                client.force_login(user)
                assert b"Create room" not in client.get("/chat/").content
                assert client.post("/chat/", {"name": name}).status_code == 403
    with pytest.raises(actions.MayNotOpenRooms):
        actions.open_room(name="guest", user=AnonymousUser())
    assert sorted(room.name for room in Room.objects.all()) == sorted(users)


@pytest.mark.slow
def test_no_number_of_rooms_pushes_one_off_the_list(client: Client, room: Room, ann: User) -> None:
    Room.objects.bulk_create(Room(name=f"flood-{number}") for number in range(220))
    for flood in Room.objects.exclude(pk=room.pk):
        Message.objects.create(room=flood, author=ann, username="ann", text="me first")
    assert room in queries.rooms(None)
    assert "/chat/lobby/" in client.get("/chat/?q=Lob").content.decode()
    pages = [client.get(f"/chat/?page={number}").content.decode() for number in range(1, 6)]
    assert sum("/chat/lobby/" in page for page in pages) == 1
    assert all("?page=2" in page for page in (pages[0], pages[2]))
    assert "Previous page" not in pages[0] and "Next page" not in pages[-1]


@pytest.mark.parametrize(
    "query", ["?page=0", "?page=x", "?page=99999999999999999999", "?q=%00", "?q=%25", "?q=\ud800"]
)
def test_page_that_cannot_be_is_one_that_can(client: Client, room: Room, query: str) -> None:
    assert client.get("/chat/" + query.encode("utf-8", "surrogatepass").decode("latin-1")).status_code == 200


# --- messages -------------------------------------------------------------------------------------------------------


async def over_the_limit(ann: User, room: Room) -> None:
    for number in range(2):
        await sync_to_async(actions.post_message)(room_id=room.pk, author_id=ann.pk, text=str(number))


async def test_plain_socket_says_so_and_stays(ann: User, room: Room) -> None:
    await over_the_limit(ann, room)
    headers = {"accept-language": "en"}
    session = await sync_to_async(session_cookie)(ann)
    async with open_endpoint("/ws/chat/lobby/", session=session, headers=headers) as endpoint:
        for _ in range(2):
            await endpoint.send_json({"message": "too much"})
            frame = await endpoint.receive_json()
            while frame["type"] != "error":
                frame = await endpoint.receive_json()
            assert (frame["code"], frame["message"].startswith(SENTENCE)) == ("limit_reached", True)
            assert 0 < frame["retry_after"] <= 60
    assert await Message.objects.acount() == 2


@pytest.mark.parametrize("way", ["chat.post", "publish"])
async def test_client_connection_says_so(ann: User, room: Room, way: str) -> None:
    await over_the_limit(ann, room)
    request: dict[str, Any] = {
        "chat.post": {"rpc": {"method": "chat.post", "data": {"room": room.pk, "text": "too much"}}},
        "publish": {"publish": {"channel": f"room:{room.pk}", "data": {"message": "too much"}}},
    }[way]
    async with wired(ann) as wire:
        error = (await wire.ask(**request))["error"]
    assert error["code"] == 429
    assert error["message"].startswith(SENTENCE)
    assert 0 < error["retry_after"] <= 60
    assert await Message.objects.acount() == 2


async def test_others_in_the_same_batch_pay_nothing(ann: User, bob: User, room: Room) -> None:
    await over_the_limit(ann, room)
    drafts = [actions.Draft(room.pk, author.pk, "x") for author in (ann, bob)]
    posted = await sync_to_async(actions.post_messages)(drafts)
    assert isinstance(posted[drafts[0]], TooMany)
    assert isinstance(posted[drafts[1]], Message)


def allowed(room: Room, author: User, tries: int = 5) -> int:
    """How many of so many further messages are taken."""
    drafts = [actions.Draft(room.pk, author.pk, str(number)) for number in range(tries)]
    return sum(isinstance(posted, Message) for posted in actions.post_messages(drafts).values())


@pytest.mark.parametrize("at_fault", ["first", "middle", "last"])
async def test_messages_that_share_a_batch_with_one_at_fault_count_once(
    ann: User, bob: User, room: Room, settings: Settings, monkeypatch: pytest.MonkeyPatch, at_fault: str
) -> None:
    settings.HUB_LIMIT_MESSAGES = "12/minute"
    refuse(monkeypatch, {"at fault": DataError})
    texts = [str(number) for number in range(7)]
    texts.insert({"first": 0, "middle": 3, "last": 7}[at_fault], "at fault")
    drafts = [actions.Draft(room.pk, ann.pk, text) for text in texts]
    results = await asyncio.gather(*map(posting.post, drafts), return_exceptions=True)
    assert sum(isinstance(result, Message) for result in results) == 7
    assert await sync_to_async(allowed)(room, ann, 10) == 5
    assert await sync_to_async(allowed)(room, bob, 20) == 12


def test_drafts_of_which_nothing_is_stored_count_for_nothing(ann: User, room: Room) -> None:
    den = Room.objects.create(name="den", is_private=True)
    first = actions.post_message(room_id=room.pk, author_id=ann.pk, text="x", key="k")
    for _ in range(4):
        for nowhere in (den.pk, den.pk + 1):
            with pytest.raises(actions.NoSuchRoom):
                actions.post_message(room_id=nowhere, author_id=ann.pk, text="x")
        assert actions.post_message(room_id=room.pk, author_id=ann.pk, text="x", key="k") == first
    assert allowed(room, ann) == 1


def test_drafts_that_meet_a_database_that_is_away_count_for_nothing(
    ann: User, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        refuse(patch, {"x": OperationalError})
        for _ in range(4):
            with pytest.raises(OperationalError):
                actions.post_message(room_id=room.pk, author_id=ann.pk, text="x")
    assert allowed(room, ann) == 2


def test_repeat_of_a_stored_message_is_answered_whatever_the_limit(ann: User, room: Room) -> None:
    first = actions.post_message(room_id=room.pk, author_id=ann.pk, text="x", key="k")
    actions.post_message(room_id=room.pk, author_id=ann.pk, text="y")
    assert actions.post_message(room_id=room.pk, author_id=ann.pk, text="x", key="k") == first


@pytest.mark.slow
def test_many_messages_are_counted_over_all_processes(ann: User, room: Room, settings: Settings) -> None:
    settings.HUB_LIMIT_MESSAGES = "100/minute"
    written = 0
    with pytest.raises(TooMany):
        while written < 500:
            if written % 30 == 0:
                actions.written.forget()  # as if the next ones were written in another process
            actions.post_message(room_id=room.pk, author_id=ann.pk, text="x")
            written += 1
    # Of each process at most a tenth of the limit is not counted yet.
    assert 100 <= written <= 100 + 10 * (written // 30 + 1)
