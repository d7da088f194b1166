"""Coming back: all that was missed and then live, in order and without gaps, or the word that one must reload."""

import asyncio

import pytest

from tests.live.parts import create_room
from tests.support.live import LiveHub
from tests.support.sockets import Frame, SocketClient, connect

POST = """
from chat.actions import post_message
from tests.support.people import User
author = User.objects.get_or_create(username="writer")[0]
for text in texts:
    post_message(room_id=room_id, author_id=author.pk, text=text)
"""

HAMMER = """
import threading, time
from tests.support.people import User
from django.db import connections
from chat.actions import post_message
author = User.objects.get_or_create(username="writer")[0]

def write(thread):
    for number in range(count):
        post_message(room_id=room_id, author_id=author.pk, text=f"{thread}-{number}")
    connections.close_all()

threads = [threading.Thread(target=write, args=(name,)) for name in "abc"]
for thread in threads:
    thread.start()
globals()["threads"] = threads
"""

NEW_EPOCH = """
from hub.models import Stream, new_epoch
Stream.objects.filter(channel=channel).update(epoch=new_epoch())
"""


class Room:
    """A chat room of its own and ways to come back to it."""

    def __init__(self, hub: LiveHub, name: str) -> None:
        self.hub = hub
        self.name = name
        self.id = create_room(hub, name)
        self.path = f"/ws/chat/{name}/"

    def post(self, *texts: str) -> None:
        self.hub.shell(POST, room_id=self.id, texts=list(texts))


@pytest.fixture
def lobby(hub: LiveHub, unique: str) -> Room:
    return Room(hub, unique)


async def texts(client: SocketClient, count: int) -> list[str]:
    return [(await client.receive_type("message"))["message"] for _ in range(count)]


async def last_cursor(web: str, lobby: Room) -> str:
    """The cursor that a client has after the newest message."""
    async with connect(f"{web}{lobby.path}?since=0") as client:
        resumed = await client.receive_json()
        assert resumed["recovered"] is True
        return str(resumed["cursor"])


async def test_a_client_without_a_position_gets_no_history(webs: list[str], lobby: Room) -> None:
    lobby.post("before")
    async with connect(webs[0] + lobby.path) as client:
        lobby.post("live")
        assert (await client.receive_json())["message"] == "live"


@pytest.mark.parametrize("web", [0, 1], ids=["the same process", "the other process"])
async def test_a_returning_client_gets_what_it_missed_and_then_live(webs: list[str], lobby: Room, web: int) -> None:
    async with connect(webs[0] + lobby.path) as client:
        lobby.post("1")
        cursor = (await client.receive_type("message"))["cursor"]
    lobby.post("2", "3")
    async with connect(f"{webs[web]}{lobby.path}?since={cursor}") as client:
        resumed = await client.receive_json()
        assert (resumed["type"], resumed["recovered"]) == ("resumed", True)
        lobby.post("4")
        assert await texts(client, 3) == ["2", "3", "4"]


async def test_a_bare_offset_resumes_the_only_channel_of_an_endpoint(webs: list[str], lobby: Room) -> None:
    lobby.post("1", "2", "3")
    async with connect(f"{webs[1]}{lobby.path}?since=1") as client:
        assert (await client.receive_json())["recovered"] is True
        assert await texts(client, 2) == ["2", "3"]


async def test_nothing_missed_is_recovered_with_nothing(webs: list[str], lobby: Room) -> None:
    lobby.post("1")
    cursor = await last_cursor(webs[0], lobby)
    async with connect(f"{webs[0]}{lobby.path}?since={cursor}") as client:
        assert await client.receive_json() == {"type": "resumed", "recovered": True, "cursor": cursor}
        lobby.post("2")
        assert await texts(client, 1) == ["2"]


async def test_a_channel_without_history_can_be_resumed_from_its_beginning(webs: list[str], lobby: Room) -> None:
    cursor = f"room:{lobby.id}@.0"
    async with connect(f"{webs[0]}{lobby.path}?since={cursor}") as client:
        resumed = await client.receive_json()
    assert resumed["recovered"] is True and resumed["cursor"].startswith(f"room:{lobby.id}@")
    lobby.post("1")
    for since in (cursor, resumed["cursor"]):
        async with connect(f"{webs[1]}{lobby.path}?since={since}") as client:
            assert (await client.receive_json())["recovered"] is True
            assert await texts(client, 1) == ["1"]


async def test_a_cursor_from_before_the_first_message_and_one_after_it_work_on_the_process_that_heard_neither(
    webs: list[str], lobby: Room
) -> None:
    async with connect(webs[1] + lobby.path), connect(webs[0] + lobby.path) as client:
        lobby.post("1")
        cursor = (await client.receive_type("message"))["cursor"]
        async with connect(f"{webs[1]}{lobby.path}?since={cursor}") as back:
            assert (await back.receive_json())["recovered"] is True


@pytest.mark.parametrize(
    "since",
    ["room:{id}@00000000.1", "room:{id}@{epoch}.9", "9", "room:999999@{epoch}.1", "everyone@{epoch}.1", "nonsense"],
    ids=[
        "another epoch",
        "beyond the head",
        "a bare number beyond",
        "a foreign room",
        "a foreign channel",
        "no cursor",
    ],
)
async def test_a_position_that_cannot_be_trusted_gets_no_part_and_the_socket_goes_on_live(
    webs: list[str], lobby: Room, since: str
) -> None:
    lobby.post("1", "2")
    epoch = (await last_cursor(webs[0], lobby)).partition("@")[2].partition(".")[0]
    async with connect(f"{webs[0]}{lobby.path}?since={since.format(id=lobby.id, epoch=epoch)}") as client:
        resumed = await client.receive_json()
        assert (resumed["type"], resumed["recovered"]) == ("resumed", False)
        assert resumed["cursor"] == f"room:{lobby.id}@{epoch}.2"
        if since == "nonsense":
            assert (await client.receive_json())["code"] == "bad_cursor"
        lobby.post("3")
        assert await texts(client, 1) == ["3"]


async def test_a_client_that_is_too_far_behind_must_reload(webs: list[str], lobby: Room) -> None:
    bulk = """
from hub import streams
streams.append([(channel, '{"type":"test.filler"}')] * 1001)
streams.sequence([channel])
"""
    lobby.hub.shell(bulk, channel=f"room:{lobby.id}")
    async with connect(f"{webs[0]}{lobby.path}?since=0") as client:
        assert (await client.receive_json())["recovered"] is False
    async with connect(f"{webs[0]}{lobby.path}?since=1") as client:
        assert (await client.receive_json())["recovered"] is True


async def test_one_channel_that_cannot_be_recovered_makes_the_whole_resume_a_reload(
    hub: LiveHub, webs: list[str], unique: str
) -> None:
    notify = "from notifications import notify; notify(to=to, message=message)"
    session = hub.create_user(unique)
    async with connect(f"{webs[0]}/ws/notifications/?since=x", session=session) as client:
        cursor = (await client.receive_json())["cursor"]
    everyone, own = cursor.split(",")
    hub.shell(notify, to=f"user:{unique}", message=f"mine {unique}")
    hub.shell(notify, to="everyone", message=f"all {unique}")
    for since, whole in ((cursor, True), (f"{everyone},{own.partition('@')[0]}@0badbad0.1", False), (own, False)):
        async with connect(f"{webs[1]}/ws/notifications/?since={since}", session=session) as client:
            assert (await client.receive_json())["recovered"] is whole
            if whole:
                found = {(await client.receive_json())["message"] for _ in range(2)}
                assert found == {f"mine {unique}", f"all {unique}"}
            else:
                hub.shell(notify, to=f"user:{unique}", message=f"live {unique} {since}")
                assert (await client.receive_json())["message"] == f"live {unique} {since}"


async def test_a_new_epoch_sends_open_sockets_back_to_reload(webs: list[str], lobby: Room) -> None:
    lobby.post("1")
    cursor = await last_cursor(webs[0], lobby)
    async with connect(webs[0] + lobby.path) as client:
        lobby.hub.shell(NEW_EPOCH, channel=f"room:{lobby.id}")
        lobby.post("2")
        assert await client.close_code() == 4009
    async with connect(f"{webs[0]}{lobby.path}?since={cursor}") as client:
        assert (await client.receive_json())["recovered"] is False


async def test_no_gap_and_no_disorder_while_others_publish_during_the_resume(webs: list[str], lobby: Room) -> None:
    count = 20
    lobby.hub.shell(HAMMER, room_id=lobby.id, count=count)
    total = 3 * count

    async def connect_and_leave(number: int) -> list[tuple[int, str]]:
        """One client that comes back again and again with its position until it has all."""
        seen: list[tuple[int, str]] = []
        since, visit = f"room:{lobby.id}@.0", number
        while len(seen) < total:
            async with connect(f"{webs[visit % 2]}{lobby.path}?since={since}") as client:
                resumed = await client.receive_json()
                assert resumed["recovered"] is True, (resumed, since)
                # One that just came takes a few messages and leaves in the middle of the stream.
                for _ in range(min(8 + 2 * number, total - len(seen))):
                    frame: Frame = await client.receive_type("message", timeout=20)
                    if seen and frame["offset"] <= seen[-1][0]:
                        continue  # a repeat on the wire, known by its offset
                    seen.append((frame["offset"], frame["message"]))
                    since = frame["cursor"]
            visit += 1
        return seen

    results = await asyncio.gather(*map(connect_and_leave, range(4)))
    assert [offset for offset, _ in results[0]] == list(range(1, total + 1))
    assert all(result == results[0] for result in results)
    for thread in "abc":
        written = [text for _, text in results[0] if text.startswith(thread)]
        assert written == [f"{thread}-{number}" for number in range(count)]
