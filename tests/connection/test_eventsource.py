"""``/events``, as ``EventSource`` and ``curl -N`` see it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec
import pytest
from asgiref.sync import sync_to_async

from chat.actions import post_message
from hub import streams
from hub.access import registry, revalidation, signed_tokens
from hub.accounts.models import AccessToken
from hub.accounts.tokens import issue, revoke
from hub.channels import Namespace
from hub.endpoints.events import EventStream
from hub.limits import connections
from hub.publishing import publish_many
from hub.session import rule_revalidation
from hub.users import Visitor, user_id
from lab.harness.waiting import await_for
from notifications import notify
from tests.support.namespaces import declare
from tests.support.people import User

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.any_database]


class Event:
    """One event of a stream."""

    def __init__(self, lines: list[str]) -> None:
        fields = dict(line.split(": ", 1) for line in lines)
        self.name, self.id = fields.get("event", "message"), fields.get("id")
        self.data: Any = msgspec.json.decode(fields["data"])


async def events_of(response: httpx.Response) -> AsyncIterator[Event]:
    lines: list[str] = []
    async for line in response.aiter_lines():
        if line.startswith(":"):
            continue
        if line:
            lines.append(line)
        elif lines:
            yield Event(lines)
            lines = []


@contextlib.asynccontextmanager
async def listening(address: str, query: str, **headers: str) -> AsyncIterator[AsyncIterator[Event]]:
    async with (
        httpx.AsyncClient(timeout=20) as http,
        http.stream("GET", f"http://{address}/events?{query}", headers=headers) as response,
    ):
        assert response.status_code == 200, await response.aread()
        assert response.headers["content-type"] == "text/event-stream"
        yield events_of(response)


async def bearer(user: User) -> dict[str, str]:
    return {"Authorization": f"Bearer {await sync_to_async(issue)(user)}"}


async def test_publications_of_several_channels_come_with_a_cursor_of_all(address: str, ada: User, room: str) -> None:
    async with listening(address, f"channel=everyone&channel=user:{user_id(ada)}", **await bearer(ada)) as events:
        opened = await anext(events)
        await sync_to_async(notify)(to=ada, message="Hello")
        event = await anext(events)
    assert (opened.name, opened.data) == ("open", {})
    assert (event.name, event.data["channel"], event.data["offset"]) == ("message", f"user:{user_id(ada)}", 1)
    assert event.data["data"]["message"] == "Hello"
    assert event.id is not None and "everyone@" in event.id and event.id.endswith(".1")


async def test_a_client_that_comes_back_gets_what_it_missed(address: str, ada: User, room: str) -> None:
    number = int(room[5:])
    async with listening(address, f"channel={room}&channel=everyone") as events:
        await anext(events)
        await sync_to_async(post_message)(room_id=number, author_id=ada.pk, text="0")
        last = (await anext(events)).id
    assert last
    for text in "12":
        await sync_to_async(post_message)(room_id=number, author_id=ada.pk, text=text)
    await sync_to_async(notify)(to="everyone", message="all")
    async with listening(address, f"channel={room}&channel=everyone", **{"Last-Event-ID": last}) as events:
        opened, *missed = [await anext(events) for _ in range(4)]
        await sync_to_async(post_message)(room_id=number, author_id=ada.pk, text="3")
        live = await anext(events)
    assert opened.data == {"recovered": True} and opened.id == last
    assert [event.data["channel"] for event in missed] == [room, room, "everyone"]
    assert [event.data["offset"] for event in missed[:2]] == [2, 3]
    assert live.data["data"]["text"] == "3"


@pytest.mark.parametrize("cursor", ["nonsense", "everyone@deadbeef.3", "user:1@.0"])
async def test_a_position_that_cannot_be_recovered_is_said_to_be_so(address: str, cursor: str) -> None:
    await sync_to_async(notify)(to="everyone", message="before")
    async with listening(address, "channel=everyone", **{"Last-Event-ID": cursor}) as events:
        opened = await anext(events)
        await sync_to_async(notify)(to="everyone", message="after")
        event = await anext(events)
    assert opened.data == {"recovered": False}
    assert event.data["data"]["message"] == "after"


@pytest.mark.parametrize(
    ("query", "headers", "status"),
    [
        ("", {}, 400),
        ("channel=", {}, 400),
        ("channel=nothing:1", {}, 404),
        ("channel=control", {}, 404),
        pytest.param("channel=user:1", {}, 403, marks=pytest.mark.own_user_model),
        ("channel=everyone&token=nonsense", {}, 401),
        ("channel=everyone", {"Authorization": "Bearer hub_nobody"}, 401),
        ("channel=everyone", {"Origin": "https://elsewhere.example"}, 403),
        ("channel=everyone", {"Host": "elsewhere.example"}, 403),
        ("&".join(f"channel=room:{number}" for number in range(200)), {}, 400),
    ],
)
async def test_what_may_not_be_is_answered_with_a_status(
    address: str, query: str, headers: dict[str, str], status: int
) -> None:
    async with httpx.AsyncClient() as http:
        response = await http.get(f"http://{address}/events?{query}", headers=headers)
    assert response.status_code == status


@pytest.mark.slow
async def test_a_signed_token_in_the_query_opens_the_stream_and_its_end_ends_it(
    address: str, ada: User, token_secret: str
) -> None:
    # And as much as a second less: tokens end at whole seconds.
    token = signed_tokens.connection_token(user_id(ada), seconds=3)
    async with listening(address, f"channel=user:{user_id(ada)}&token={token}") as events:
        await anext(events)
        with pytest.raises(StopAsyncIteration):
            await anext(events)


async def test_end_of_a_token_is_not_waited_for_when_the_client_has_left(
    address: str, ada: User, token_secret: str
) -> None:
    token = signed_tokens.connection_token(user_id(ada))
    async with listening(address, f"channel=everyone&token={token}") as events:
        await anext(events)
        (opened,) = registry.current()
        assert isinstance(opened, EventStream)
        timer = opened._timer
        assert timer is not None and not timer.cancelled()
    await await_for(timer.cancelled, that="the timer is cancelled")


async def test_who_is_named_by_a_signed_token_has_no_more_streams_than_others(
    address: str, ada: User, token_secret: str, settings: Any
) -> None:
    settings.HUB_CONNECTIONS_PER_USER = 1
    query = f"channel=everyone&token={signed_tokens.connection_token(user_id(ada))}"
    async with listening(address, query) as events, httpx.AsyncClient(timeout=20) as http:
        await anext(events)
        assert (await http.get(f"http://{address}/events?{query}")).status_code == 429
    await await_for(lambda: not connections.by_user, that="none is counted")


@pytest.mark.slow
async def test_megabytes_that_were_missed_come_whole(address: str) -> None:
    await sync_to_async(publish_many)([("everyone", {"type": "a", "text": "x" * 4000}) for _ in range(900)])
    epoch = (await sync_to_async(streams.positions)(["everyone"]))["everyone"].epoch
    async with listening(address, "channel=everyone", **{"Last-Event-ID": f"everyone@{epoch}.0"}) as events:
        assert (await anext(events)).data == {"recovered": True}
        offsets = [(await anext(events)).data["offset"] for _ in range(900)]
        await sync_to_async(notify)(to="everyone", message="live")
        assert (await anext(events)).data["data"]["message"] == "live"
    assert offsets == list(range(1, 901))


async def test_who_missed_too_much_in_all_channels_together_reloads(address: str, ada: User, settings: Any) -> None:
    channels = ["everyone", f"user:{user_id(ada)}"]
    await sync_to_async(publish_many)([(channel, {"type": "a", "text": "x" * 1000}) for channel in channels])
    positions = await sync_to_async(streams.positions)(channels)
    last = ",".join(f"{channel}@{positions[channel].epoch}.0" for channel in channels)
    headers = {"Last-Event-ID": last, **await bearer(ada)}
    query = "&".join(f"channel={channel}" for channel in channels)
    for limit, whole in ((3000, True), (1500, False)):
        settings.HUB_RECOVERY_BYTES = limit
        async with listening(address, query, **headers) as events:
            assert (await anext(events)).data == {"recovered": whole}


async def test_a_revoked_token_ends_the_stream(address: str, ada: User) -> None:
    async with listening(address, f"channel=user:{user_id(ada)}", **await bearer(ada)) as events:
        await anext(events)
        await sync_to_async(revoke)(AccessToken.objects.all())
        with pytest.raises(StopAsyncIteration):
            await anext(events)


async def test_stream_ends_with_one_channel_although_the_rule_of_another_does_not_answer(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rule_revalidation, "TIMEOUT", 0.05)
    answers, allowed = asyncio.Event(), [True]
    answers.set()

    async def rule(user: Visitor, **_: Any) -> bool:
        await answers.wait()
        return True

    declare(monkeypatch, Namespace("slow", can_subscribe=rule))
    declare(monkeypatch, Namespace("shut", can_subscribe=lambda user, **_: allowed[0]))
    async with listening(address, "channel=slow:1&channel=shut:1") as events:
        await anext(events)
        answers.clear()
        allowed[0] = False
        (opened,) = registry.current()
        revalidation.current().retry(opened)
        with pytest.raises(StopAsyncIteration):
            await anext(events)
