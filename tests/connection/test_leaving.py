"""Who comes back within the grace time has not left: one person who comes and goes is a burden to nobody."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from pytest_django.fixtures import Settings

from chat import actions
from hub.presence import leaving, tracker
from hub.presence.tracker import PresenceTracker
from hub.users import user_id
from lab.harness.redis_server import RedisServer
from lab.harness.waiting import await_for
from tests.connection.wire import Wire, wired
from tests.support.people import User
from tests.support.sockets import open_endpoint, session_cookie

pytestmark = pytest.mark.django_db(transaction=True)

#: Seconds of grace: longer than a busy machine stands still between two connections, short enough to be waited for.
GRACE = 1.5

ROOM = "room:1"


@pytest.fixture(autouse=True)
def grace(settings: Settings) -> None:
    settings.HUB_LEAVE_GRACE = GRACE
    settings.HUB_REDIS_TIMEOUT = 10  # a busy machine is waited for


def told_of(watcher: Wire, username: str) -> list[str]:
    """What a client of the client connection was told of somebody's coming and going, in order."""
    found = []
    for push in watcher.pushes:
        data: Any = push.get("pub", {}).get("data", {})
        if data.get("username") == username and data["type"] in {"chat.person_joined", "chat.person_left"}:
            found.append(data["type"])
        for kind in push.keys() & {"join", "leave"}:
            found += [kind] if push[kind]["info"].get("conn_info") == {"name": username} else []
    return found


async def until_quiet(watcher: Wire, room: str, author: User) -> None:
    """Wait until what was announced so far has arrived: a message that comes after all of it has."""
    post = sync_to_async(actions.post_message)
    message = await post(room_id=int(room.partition(":")[2]), author_id=author.pk, text="that is all")
    await await_for(
        lambda: any(push.get("pub", {}).get("data", {}).get("id") == message.pk for push in watcher.pushes),
        that="the message has arrived",
    )


SIMPLE, CLIENT = "simple endpoint", "client connection"


class Visitor:
    """Comes to the room by one endpoint or the other."""

    def __init__(self, endpoint: str, user: User, room: str) -> None:
        self._endpoint, self._user, self._room = endpoint, user, room
        self._session = ""

    async def visit(self) -> None:
        if self._endpoint == CLIENT:
            async with wired(self._user) as wire:
                assert "subscribe" in await wire.ask(subscribe={"channel": self._room})
            return
        self._session = self._session or await sync_to_async(session_cookie)(self._user)
        async with open_endpoint("/ws/chat/lobby/", session=self._session) as endpoint:
            await endpoint.send_json({"message": "x"})  # refused or not, it is answered once joined
            await endpoint.receive_json()


@pytest.mark.slow
@pytest.mark.parametrize("endpoints", [[SIMPLE], [CLIENT], [SIMPLE, CLIENT]])
async def test_person_who_connects_and_closes_again_and_again_joins_once_and_leaves_once(
    ada: User, bob: User, room: str, endpoints: list[str]
) -> None:
    async with wired(bob) as watcher:
        await watcher.ask(subscribe={"channel": room, "join_leave": True})
        visitors = [Visitor(endpoint, ada, room) for endpoint in endpoints]
        for number in range(60):
            await visitors[number % len(visitors)].visit()
        await until_quiet(watcher, room, bob)
        assert sorted(told_of(watcher, "ada")) == ["chat.person_joined", "join"]
        assert f"u{user_id(ada)}" in await tracker.current().people(room)
        await await_for(lambda: len(told_of(watcher, "ada")) >= 4, timeout=GRACE + 10, that="the leave is told")
        await until_quiet(watcher, room, bob)
        assert sorted(told_of(watcher, "ada")[2:]) == ["chat.person_left", "leave"]
        assert await tracker.current().people(room) == [f"u{user_id(bob)}"]


@pytest.mark.slow
async def test_page_that_is_loaded_again_tells_nobody_anything(ada: User, bob: User, room: str) -> None:
    async with wired(bob) as watcher, AsyncExitStack() as stack:
        await watcher.ask(subscribe={"channel": room, "join_leave": True})
        for _ in range(3):
            page = await stack.enter_async_context(wired(ada))
            await page.ask(subscribe={"channel": room})
            await page.disconnected()
        again = await stack.enter_async_context(wired(ada))
        await again.ask(subscribe={"channel": room})
        await await_for(lambda: not leaving.current()._waiting, timeout=GRACE + 10, that="the grace time is over")
        await until_quiet(watcher, room, bob)
        assert sorted(told_of(watcher, "ada")) == ["chat.person_joined", "join"]


class Told:
    """Takes what the leaving of connections ends with."""

    def __init__(self) -> None:
        self.last: list[bool] = []

    async def __call__(self, last: bool) -> None:
        self.last.append(last)


async def visits(person: str, told: Told, times: int = 1) -> list[bool]:
    """Come and go; returns for each time whether the person came anew."""
    came = []
    for _ in range(times):
        came.append(await tracker.current().enter(ROOM, person))
        await leaving.current().leave(ROOM, person, told)
    return came


async def test_many_visits_cost_redis_as_much_as_one(redis_server: RedisServer) -> None:
    def scripts_run() -> int:
        return int(redis_server.client.info("commandstats").get("cmdstat_evalsha", {"calls": 0})["calls"])

    told = Told()
    await visits("u1", told)
    before = scripts_run()
    assert not any(await visits("u1", told, times=337))
    assert scripts_run() - before < 10  # the looks at Redis, once a second
    assert told.last == [False] * 337


@pytest.mark.slow
async def test_those_who_wait_share_one_timer_and_leave_together() -> None:
    told, people = Told(), [f"u{number}" for number in range(450)]
    for person in people:
        await tracker.current().enter(ROOM, person)
    for person in people:  # which asks nobody, and takes no time of the grace
        await leaving.current().leave(ROOM, person, told)
    assert told.last == []
    scheduled = asyncio.get_running_loop()._scheduled  # type: ignore[attr-defined]  # no public way tells
    assert len([1 for handle in scheduled if _is_of_leaving(handle)]) == 1
    await await_for(lambda: len(told.last) == 450, timeout=GRACE + 15, that="all have left")
    assert all(told.last)
    assert await tracker.current().count(ROOM) == 0


def _is_of_leaving(handle: asyncio.TimerHandle) -> bool:
    callback = getattr(handle, "_callback", None)
    return not handle.cancelled() and getattr(callback, "__self__", None) is leaving.current()


@pytest.mark.slow
async def test_person_who_went_to_another_web_process_has_not_left() -> None:
    elsewhere, told = PresenceTracker(), Told()
    try:
        assert await visits("u1", told) == [True]
        assert not await elsewhere.enter(ROOM, "u1")
        await await_for(lambda: told.last, timeout=GRACE + 10, that="the grace time is over")
        assert told.last == [False]
        assert await elsewhere.leave(ROOM, "u1")
    finally:
        await elsewhere.close()


@pytest.mark.slow
async def test_without_redis_the_same_holds(redis_server: RedisServer) -> None:
    elsewhere, told = PresenceTracker(), Told()
    try:
        await tracker.current().count(ROOM)
        redis_server.stop()
        try:
            assert (await visits("u1", told, times=20)) == [True] + [False] * 19
            assert told.last == [False] * 19
            await await_for(lambda: _is_at(elsewhere, "u1"), that="the other process knows the person")
            await await_for(lambda: len(told.last) == 20, timeout=GRACE + 15, that="the leave is told")
            assert told.last[-1]
        finally:
            redis_server.start()
    finally:
        await elsewhere.close()


async def _is_at(process: PresenceTracker, person: str) -> bool:
    return person in await process.people(ROOM)


@pytest.mark.slow
async def test_leave_is_told_once_where_the_process_dies_within_the_grace(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.HUB_LEASE_SECONDS, settings.HUB_LEASE_BEAT, settings.HUB_LEAVE_GRACE = 2.0, 0.1, 60.0
    departed: list[tuple[str, list[str]]] = []

    async def tell(channel: str, people: list[str]) -> None:
        departed.append((channel, people))

    monkeypatch.setattr(tracker, "_departed", {"room": [tell]})
    told = Told()
    others = [PresenceTracker(), PresenceTracker()]
    try:
        await visits("u1", told)
        assert [await other.count(ROOM) for other in others] == [1, 1]
        await tracker.current().close()  # no more beats, and no word of those who wait
        await await_for(lambda: departed, that="the lease has ended")
        assert (departed, told.last) == ([(ROOM, ["u1"])], [])
        assert [await other.count(ROOM) for other in others] == [0, 0]
    finally:
        for other in others:
            await other.close()


@pytest.mark.parametrize(("person", "channel", "grace"), [("g1", ROOM, 60), ("u1", "online", 60), ("u1", ROOM, 0)])
async def test_guests_and_those_of_a_channel_without_grace_leave_at_once(
    settings: Settings, person: str, channel: str, grace: int
) -> None:
    settings.HUB_LEAVE_GRACE = grace
    told = Told()
    await tracker.current().enter(channel, person)
    await leaving.current().leave(channel, person, told)
    assert told.last == [True]
    assert await tracker.current().count(channel) == 0


async def test_leave_that_cannot_be_told_keeps_nobody_else_there(settings: Settings) -> None:
    settings.HUB_LEAVE_GRACE = 0.05

    async def fails(last: bool) -> None:
        raise RuntimeError("a fault of ours")

    told = Told()
    for person, gone in (("u1", fails), ("u2", told)):
        await tracker.current().enter(ROOM, person)
        await leaving.current().leave(ROOM, person, gone)
    await await_for(lambda: told.last, that="the other one has left")
    assert await tracker.current().count(ROOM) == 0


async def test_leave_that_an_app_never_ends_keeps_nobody_else_there(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.HUB_LEAVE_GRACE = 0.05
    monkeypatch.setattr(leaving, "LATE", 0.05)
    monkeypatch.setattr(leaving, "STEP", 1)

    async def never_ends(last: bool) -> None:
        await asyncio.Event().wait()

    told = Told()
    for person, gone in (("u1", never_ends), ("u2", told)):
        await tracker.current().enter(ROOM, person)
        await leaving.current().leave(ROOM, person, gone)
    await await_for(lambda: told.last, timeout=20, that="the other one has left")
    assert await tracker.current().count(ROOM) == 0


async def test_process_that_ends_tells_nothing_of_those_who_wait() -> None:
    told = Told()
    await visits("u1", told)
    await leaving.current.close()
    assert told.last == []
    assert await tracker.current().people(ROOM) == ["u1"]
