"""Alerts on their way through a whole hub: from any process to the sockets of every web process."""

import asyncio
import re
from contextlib import AsyncExitStack

import httpx

from tests.support.live import LiveHub
from tests.support.sockets import SocketClient, connect

NOTIFY = """
from notifications import notify
notify(to=to, message=message)
"""

GROUP = """
from django.contrib.auth.models import Group
from tests.support.people import User
Group.objects.get_or_create(name=name)[0].user_set.add(User.objects.get(username=user))
"""

ROLLBACK = """
from django.db import transaction
from notifications import notify
with transaction.atomic():
    notify(to="everyone", message=message)
    transaction.set_rollback(True)
"""


async def message_of(client: SocketClient, wanted: str) -> dict[str, object]:
    return await client.receive_until(lambda frame: frame.get("message") == wanted)


async def test_an_alert_of_another_process_reaches_every_socket_it_is_for_and_no_other(
    hub: LiveHub, webs: list[str], unique: str
) -> None:
    sessions = {name: hub.create_user(f"{name}-{unique}") for name in ("ann", "bob")}
    hub.shell(GROUP, name=f"ops-{unique}", user=f"bob-{unique}")
    async with AsyncExitStack() as stack:

        async def opened(web: str, session: str | None) -> SocketClient:
            return await stack.enter_async_context(connect(f"{web}/ws/notifications/", session=session))

        tabs = [await opened(web, sessions["ann"]) for web in webs]
        bob, guest = await opened(webs[0], sessions["bob"]), await opened(webs[1], None)
        hub.shell(NOTIFY, to=f"user:ann-{unique}", message=f"ann {unique}")
        hub.shell(NOTIFY, to=f"group:ops-{unique}", message=f"ops {unique}")
        hub.shell(NOTIFY, to="everyone", message=f"all {unique}")
        expected = [(client, ["ann", "all"]) for client in tabs] + [(bob, ["ops", "all"]), (guest, ["all"])]
        for client, words in expected:
            received: set[str] = set()
            while f"all {unique}" not in received or len(received) < len(words):
                frame = await client.receive_type("notification")
                if unique in frame["message"]:
                    received.add(frame["message"])
            assert received == {f"{word} {unique}" for word in words}


async def test_a_frame_has_the_documented_keys(hub: LiveHub, webs: list[str], unique: str) -> None:
    async with connect(f"{webs[0]}/ws/notifications/") as client:
        result = hub.manage("notify", "--to", "everyone", "--title", "T", "--level", "error", "--url", "/x/", unique)
        assert result.returncode == 0, result.stderr
        frame = await message_of(client, unique)
        assert set(frame) == {
            "type",
            "message",
            "timestamp",
            "id",
            "title",
            "level",
            "url",
            "at",
            "data",
            "channel",
            "offset",
            "cursor",
        }
        assert (frame["type"], frame["title"], frame["level"], frame["url"]) == ("notification", "T", "error", "/x/")
        assert frame["channel"] == "everyone"
        assert str(frame["cursor"]).endswith(f".{frame['offset']}")


async def test_rolled_back_transaction_reaches_nobody(hub: LiveHub, webs: list[str], unique: str) -> None:
    async with connect(f"{webs[0]}/ws/notifications/") as client:
        hub.shell(ROLLBACK, message=f"never {unique}")
        hub.shell(NOTIFY, to="everyone", message=f"sent {unique}")
        frame = await client.receive_until(lambda frame: unique in frame.get("message", ""))
        assert frame["message"] == f"sent {unique}"


async def test_what_staff_send_from_a_socket_reaches_the_other_web_process(
    hub: LiveHub, webs: list[str], unique: str
) -> None:
    session = hub.create_user(f"boss-{unique}", staff=True)
    async with (
        connect(f"{webs[0]}/ws/notifications/", session=session) as boss,
        connect(f"{webs[1]}/ws/notifications/") as guest,
    ):
        await boss.send_json({"message": unique})
        assert (await message_of(guest, unique))["channel"] == "everyone"
        await message_of(boss, unique)
        await guest.send_json({"message": f"not me {unique}"})
        error = await guest.receive_type("error")
        assert error["code"] == "permission_denied"
        await message_of_next(boss, hub, unique)


async def message_of_next(client: SocketClient, hub: LiveHub, unique: str) -> None:
    """Holds when the next alert of this test is a later one, so that nothing came in between."""
    hub.shell(NOTIFY, to="everyone", message=f"later {unique}")
    frame = await client.receive_until(lambda frame: unique in frame.get("message", ""))
    assert frame["message"] == f"later {unique}"


async def test_a_new_account_is_told_to_staff_and_to_nobody_else(hub: LiveHub, webs: list[str], unique: str) -> None:
    session = hub.create_user(f"boss-{unique}", staff=True)
    async with (
        connect(f"{webs[0]}/ws/notifications/", session=session) as boss,
        connect(f"{webs[1]}/ws/notifications/") as guest,
    ):
        hub.sign_up(f"new-{unique}")
        frame = await boss.receive_until(lambda frame: f"new-{unique}" in frame.get("message", ""))
        assert frame["channel"].startswith("user:")
        await message_of_next(guest, hub, unique)


async def test_a_new_room_is_told_to_everyone(hub: LiveHub, webs: list[str], unique: str) -> None:
    async with connect(f"{webs[1]}/ws/notifications/") as guest:
        hub.shell("from chat.models import Room; Room.objects.create(name=name)", name=unique)
        frame = await guest.receive_until(lambda frame: unique in frame.get("message", ""))
        assert (frame["channel"], frame["url"]) == ("everyone", f"/chat/{unique}/")


async def test_no_alert_falls_between_the_page_and_its_socket_and_none_comes_twice(
    hub: LiveHub, webs: list[str], unique: str
) -> None:
    hub.shell(NOTIFY, to="everyone", message=f"on the page {unique}")
    async with httpx.AsyncClient(trust_env=False) as browser:
        page = (await browser.get(f"{hub.url}/notifications/")).text
    assert f"on the page {unique}" in page
    (cursor,) = re.findall(r'data-cursor="([^"]+)"', page)
    hub.shell(NOTIFY, to="everyone", message=f"between {unique}")
    async with connect(f"{webs[0]}/ws/notifications/?since={cursor}") as client:
        assert (await client.receive_json())["recovered"] is True
        hub.shell(NOTIFY, to="everyone", message=f"live {unique}")
        # Those of a room that another test has made a moment ago may come in between.
        frames = [await client.receive_until(lambda frame: unique in frame.get("message", "")) for _ in range(2)]
        assert [frame["message"] for frame in frames] == [f"between {unique}", f"live {unique}"]


async def test_many_publishers_at_once_are_received_alike_by_all_in_order_and_without_gaps(
    hub: LiveHub, webs: list[str], unique: str
) -> None:
    session = hub.create_user(f"boss-{unique}", staff=True)
    count = 40
    async with AsyncExitStack() as stack:
        readers = [
            await stack.enter_async_context(connect(f"{web}/ws/notifications/")) for web in webs for _ in range(2)
        ]
        writers = [
            await stack.enter_async_context(connect(f"{web}/ws/notifications/", session=session)) for web in webs
        ]
        await asyncio.gather(
            *(writers[n % 2].send_json({"message": f"{n} {unique}"}) for n in range(count)),
        )

        async def received(client: SocketClient) -> list[int]:
            offsets: list[int] = []
            mine = 0
            while mine < count:
                frame = await client.receive_type("notification", timeout=20)
                offsets.append(frame["offset"])
                mine += unique in frame["message"]
            return offsets

        all_offsets = await asyncio.gather(*map(received, readers))
        for offsets in all_offsets:
            assert offsets == list(range(offsets[0], offsets[0] + len(offsets)))
        assert len(set(map(tuple, all_offsets))) == 1
