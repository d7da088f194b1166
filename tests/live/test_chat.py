"""Chat rooms over two web processes: reading, writing, coming and going."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from lab.harness.environment import LANGUAGE_COOKIE
from tests.live.parts import create_room, says
from tests.support.live import GRACE, LiveHub
from tests.support.sockets import TIMEOUT, Frame, SocketClient, connect

STORED = """
from chat.models import Message
print(list(Message.objects.filter(room__name=room).values_list("username", "text")))
"""

DEACTIVATE = "from tests.support.people import User; User.objects.filter(username=name).update(is_active=False)"
DELETE_ROOM = "from chat.models import Room; Room.objects.get(name=name).delete()"


def is_notice(frame: Frame) -> bool:
    return frame.get("username") == "System"


async def notices_until(client: SocketClient, message: str, timeout: float = TIMEOUT) -> list[str]:
    """The notices before the message."""
    notices: list[str] = []

    def wanted(frame: Frame) -> bool:
        if is_notice(frame):
            notices.append(frame["message"])
        return frame.get("message") == message

    await client.receive_until(wanted, timeout)
    return notices


async def test_two_people_chat_and_what_they_write_is_stored(hub: LiveHub, webs: list[str], room: str) -> None:
    path = f"/ws/chat/{room}/"
    ann, bob = hub.create_user(f"ann-{room}"), hub.create_user(f"bob-{room}")
    async with (
        connect(webs[0] + path, session=ann) as one,
        connect(webs[1] + path, session=bob) as two,
        connect(webs[1] + path) as guest,
    ):
        await one.send_json({"message": "hello"})
        for client in (one, two, guest):
            frame = await client.receive_until(lambda frame: not is_notice(frame))
            assert (frame["type"], frame["message"], frame["username"]) == ("message", "hello", f"ann-{room}")
        await two.send_json({"message": "<script>alert('x')</script>"})
        for client in (one, two, guest):
            frame = await client.receive_until(lambda frame: not is_notice(frame))
            assert frame["message"] == "<script>alert('x')</script>"
            assert set(frame) == {
                "type",
                "message",
                "username",
                "timestamp",
                "at",
                "channel",
                "user_id",
                "id",
                "offset",
                "cursor",
            }
    assert hub.shell(STORED, room=room) == str(
        [(f"ann-{room}", "hello"), (f"bob-{room}", "<script>alert('x')</script>")]
    )


@pytest.mark.parametrize(
    ("language", "message"),
    [
        (None, "Only signed-in users can write messages"),
        ("en-GB,en;q=0.9", "Only signed-in users can write messages"),
        ("de,fr;q=0.5", "Only signed-in users can write messages"),
        ("ru-RU,ru;q=0.9,en;q=0.8", "Только авторизованные пользователи могут писать сообщения"),
    ],
)
async def test_a_guest_who_writes_is_told_so_in_their_language_and_stays(
    hub: LiveHub, webs: list[str], room: str, language: str | None, message: str
) -> None:
    headers = {"Accept-Language": language} if language else {}
    async with connect(f"{webs[0]}/ws/chat/{room}/", headers=headers) as guest:
        for _ in range(2):
            await guest.send_json({"message": "let me in"})
            assert await guest.receive_json() == {"type": "error", "code": "login_required", "message": message}
        session = hub.create_user(f"ann-{room}")
        async with connect(f"{webs[1]}/ws/chat/{room}/", session=session) as ann:
            await ann.send_json({"message": "hi"})
            await guest.receive_until(lambda frame: frame.get("message") == "hi")
    assert hub.shell(STORED, room=room) == str([(f"ann-{room}", "hi")])


async def test_the_language_cookie_of_the_switcher_comes_before_the_browsers(webs: list[str], room: str) -> None:
    cookies = {LANGUAGE_COOKIE: "ru"}
    headers = {"Accept-Language": "en"}
    async with connect(f"{webs[0]}/ws/chat/{room}/", cookies=cookies, headers=headers) as guest:
        await guest.send_json({"message": "x"})
        assert (await guest.receive_json())["message"].startswith("Только")


async def test_a_person_joins_and_leaves_once_however_many_tabs_they_have_on_whichever_process(
    hub: LiveHub, webs: list[str], room: str
) -> None:
    path = f"/ws/chat/{room}/"
    ann, bob = hub.create_user(f"ann-{room}"), hub.create_user(f"bob-{room}")
    async with connect(webs[0] + path, session=bob) as watcher:
        assert await notices_until(watcher, f"bob-{room} joined the room") == [f"bob-{room} joined the room"]
        async with AsyncExitStack() as stack:
            for web in (webs[0], webs[0], webs[1], webs[1]):
                tab = await stack.enter_async_context(connect(web + path, session=ann))
                await tab.send_json({"message": f"{web} is open"})
                await tab.receive_until(says(f"{web} is open"))
            await watcher.send_json({"message": "all are open"})
            assert await notices_until(watcher, "all are open") == [f"ann-{room} joined the room"]
        left = f"ann-{room} left the room"
        assert await notices_until(watcher, left, timeout=GRACE + TIMEOUT) == [left]
        async with connect(webs[1] + path, session=ann) as tab:
            await tab.send_json({"message": "back again"})
            assert await notices_until(watcher, "back again") == [f"ann-{room} joined the room"]


async def test_person_who_comes_and_goes_many_times_is_told_of_twice(hub: LiveHub, webs: list[str], room: str) -> None:
    path = f"/ws/chat/{room}/"
    ann, bob = hub.create_user(f"ann-{room}"), hub.create_user(f"bob-{room}")
    visits = iter(range(60))

    async def connect_and_leave() -> None:
        for number in visits:
            async with connect(webs[number % 2] + path, session=ann):
                pass

    async with connect(webs[0] + path, session=bob) as watcher:
        await asyncio.gather(*(connect_and_leave() for _ in range(4)))
        await watcher.send_json({"message": "that is all"})
        joined, left = f"ann-{room} joined the room", f"ann-{room} left the room"
        # Those who connect are still served, maybe, when they have gone again: each is waited for in the end.
        assert await notices_until(watcher, "that is all") == [f"bob-{room} joined the room", joined]
        assert await notices_until(watcher, left, timeout=GRACE + 3 * TIMEOUT) == [left]
        async with connect(webs[1] + path, session=ann):
            assert (await watcher.receive_json())["message"] == joined
        assert (await watcher.receive_json(timeout=GRACE + TIMEOUT))["message"] == left


async def test_page_that_is_loaded_again_on_any_web_process_tells_nobody_anything(
    hub: LiveHub, webs: list[str], room: str
) -> None:
    path = f"/ws/chat/{room}/"
    ann, bob, cat = (hub.create_user(f"{name}-{room}") for name in ("ann", "bob", "cat"))
    async with connect(webs[0] + path, session=bob) as watcher, AsyncExitStack() as stack:
        for number in (0, 0, 1, 1, 0):
            page = await stack.enter_async_context(connect(webs[number] + path, session=ann))
            await page.send_json({"message": f"page {number}"})
            await page.receive_until(says(f"page {number}"))
            if number:
                await page.connection.close()
            else:
                page.connection.transport.abort()
        last = await stack.enter_async_context(connect(webs[1] + path, session=ann))
        for web in webs:  # whose leave is told when the grace of those before has ended on both
            async with connect(web + path, session=cat) as other:
                await other.send_json({"message": f"cat on {web}"})
                await other.receive_until(says(f"cat on {web}"))
        left = f"cat-{room} left the room"
        assert await notices_until(watcher, left, timeout=GRACE + TIMEOUT) == [
            *(f"{name}-{room} joined the room" for name in ("bob", "ann", "cat")),
            left,
        ]
        await last.send_json({"message": "still here"})
        await last.receive_until(says("still here"))


async def test_guests_come_and_go_unannounced(hub: LiveHub, webs: list[str], room: str) -> None:
    path = f"/ws/chat/{room}/"
    async with connect(webs[0] + path, session=hub.create_user(f"bob-{room}")) as watcher:
        await watcher.receive_until(is_notice)
        async with connect(webs[1] + path) as guest:
            await guest.send("x")
            await guest.receive_type("error")
        await watcher.send_json({"message": "anyone?"})
        assert await notices_until(watcher, "anyone?") == []


async def test_notices_come_in_the_language_of_each_reader(hub: LiveHub, webs: list[str], room: str) -> None:
    path = f"/ws/chat/{room}/"
    async with (
        connect(webs[0] + path, headers={"Accept-Language": "ru"}) as russian,
        connect(webs[0] + path, headers={"Accept-Language": "en"}) as english,
        connect(webs[1] + path, session=hub.create_user(f"ann-{room}")),
    ):
        ru, en = await russian.receive_until(is_notice), await english.receive_until(is_notice)
        assert en["message"] == f"ann-{room} joined the room"
        assert ru["message"] != en["message"]
        assert f"ann-{room}" in ru["message"]
        assert "id" not in en and "offset" not in en


async def test_who_is_deactivated_while_connected_can_no_longer_write(
    hub: LiveHub, webs: list[str], room: str
) -> None:
    async with connect(f"{webs[0]}/ws/chat/{room}/", session=hub.create_user(f"ann-{room}")) as ann:
        await ann.send_json({"message": "one"})
        await ann.receive_until(lambda frame: frame.get("message") == "one")
        hub.shell(DEACTIVATE, name=f"ann-{room}")
        # No signal tells of update(), so that it is the message that finds out.
        await ann.send_json({"message": "two"})
        try:
            answer = await ann.receive_until(lambda frame: not is_notice(frame))
        except AssertionError:
            assert ann.connection.close_code == 4411  # the look at the rights of all sockets came first
        else:
            assert answer["code"] == "login_required"
    assert hub.shell(STORED, room=room) == str([(f"ann-{room}", "one")])


async def test_the_end_of_a_room_is_the_end_of_the_sockets_in_it(hub: LiveHub, webs: list[str], room: str) -> None:
    ann_comes = connect(f"{webs[0]}/ws/chat/{room}/", session=hub.create_user(f"ann-{room}"))
    async with ann_comes as ann, connect(f"{webs[1]}/ws/chat/{room}/") as guest:
        hub.shell(DELETE_ROOM, name=room)
        assert [await ann.close_code(), await guest.close_code()] == [4404, 4404]


@pytest.mark.parametrize("name", ["комната", "部屋", "غرفة-٣", "किताब", "Ärger_1", "-", "7"])
async def test_rooms_of_any_script_can_be_entered(hub: LiveHub, webs: list[str], unique: str, name: str) -> None:
    from urllib.parse import quote

    create_room(hub, name + unique)
    session = hub.create_user(f"ann-{unique}")
    async with connect(f"{webs[0]}/ws/chat/{quote(name + unique)}/", session=session) as ann:
        await ann.send_json({"message": "x"})
        await ann.receive_until(lambda frame: frame.get("message") == "x")
