"""The HTTP API as the protocol's own server library (``cent``) calls it, on a real server, with clients who listen."""

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator, Awaitable

import cent
import pytest
from asgiref.sync import sync_to_async

from hub.accounts.tokens import issue
from hub.users import user_id
from lab.harness.waiting import await_for
from tests.api.calling import key_for
from tests.connection.clients import Connected, connected
from tests.hub.serving import serving
from tests.support.people import User

pytestmark = pytest.mark.any_database

KEPT = "kept:1"


@pytest.fixture
async def address(transactional_db: None) -> AsyncIterator[str]:
    """``host:port`` of a web server in this process."""
    async with serving() as address:
        yield address


@pytest.fixture
async def backend(address: str) -> AsyncIterator[cent.AsyncClient]:
    """A backend whose key may do everything."""
    async with cent.AsyncClient(f"http://{address}/api", await sync_to_async(key_for)()) as backend:
        yield backend


@pytest.fixture
def ada() -> User:
    return User.objects.create_user("ada")


@contextlib.asynccontextmanager
async def online(address: str, user: User) -> AsyncIterator[Connected]:
    """A person's connection of the client connection."""
    async with connected(address, token=await sync_to_async(issue)(user)) as client:
        yield client


async def refusal(call: Awaitable[object]) -> int:
    """The code of the error that the library raises."""
    with pytest.raises(cent.CentApiResponseError) as refused:
        await call
    return refused.value.code


async def test_publication_reaches_a_client_and_the_reply_says_where_it_stands(
    address: str, backend: cent.AsyncClient, ada: User
) -> None:
    async with online(address, ada) as client:
        result = await backend.publish(cent.PublishRequest(channel=f"user:{user_id(ada)}", data={"input": "Hello"}))
        heard = await client.inbox.wait("publication")
    kept = await backend.history(cent.HistoryRequest(channel=f"user:{user_id(ada)}", limit=1))
    assert (heard.channel, heard.pub.data, heard.pub.offset) == (
        f"user:{user_id(ada)}",
        {"input": "Hello"},
        result.offset,
    )
    assert (result.offset, result.epoch) == (kept.offset, kept.epoch) == (1, kept.epoch)
    assert kept.epoch and [pub.data for pub in kept.publications] == [{"input": "Hello"}]


async def test_same_idempotency_key_stores_once_and_gets_the_same_reply(backend: cent.AsyncClient) -> None:
    request = cent.PublishRequest(channel=KEPT, data=1, idempotency_key="order-7")
    replies = [await backend.publish(request) for _ in range(2)]
    assert replies[0] == replies[1] and replies[0].offset == 1
    everywhere = cent.BroadcastRequest(channels=[KEPT, "kept:2"], data=2, idempotency_key="sale-1")
    broadcasts = [await backend.broadcast(everywhere) for _ in range(2)]
    assert broadcasts[0] == broadcasts[1]
    assert [pub.data for pub in (await backend.history(cent.HistoryRequest(channel=KEPT, limit=9))).publications] == [
        1,
        2,
    ]


async def test_what_is_not_to_be_kept_is_sent_and_not_stored(
    address: str, backend: cent.AsyncClient, ada: User
) -> None:
    channel = f"user:{user_id(ada)}"
    async with online(address, ada) as client:
        result = await backend.publish(cent.PublishRequest(channel=channel, data="now", skip_history=True))
        heard = await client.inbox.wait("publication")
        encoded = base64.b64encode(b'{"in": "base64"}').decode()
        await backend.publish(cent.PublishRequest(channel=channel, data=None, b64data=encoded))
        decoded = await client.inbox.wait("publication", 2)
    assert (result.offset, heard.pub.data, heard.pub.offset) == (0, "now", 0)
    assert (decoded.pub.data, decoded.pub.offset) == ({"in": "base64"}, 1)


async def test_broadcast_replies_for_each_channel_in_order(backend: cent.AsyncClient) -> None:
    result = await backend.broadcast(cent.BroadcastRequest(channels=[KEPT, "nothing:1", "live:1"], data=1))
    stored, refused, live = result.responses
    assert stored.result and (stored.result.offset, stored.error) == (1, None)
    assert refused.error and (refused.error.code, refused.result) == (102, None)
    assert live.result and (live.result.offset, live.error) == (0, None)


async def test_person_is_subscribed_from_a_position_and_unsubscribed(
    address: str, backend: cent.AsyncClient, ada: User
) -> None:
    first = await backend.publish(cent.PublishRequest(channel=KEPT, data=1))
    await backend.publish(cent.PublishRequest(channel=KEPT, data=2))
    since = cent.StreamPosition(offset=first.offset, epoch=first.epoch)
    async with online(address, ada) as client:
        await backend.subscribe(cent.SubscribeRequest(user=user_id(ada), channel=KEPT, recover_since=since))
        assert (await client.inbox.wait("publication")).pub.data == 2
        await backend.publish(cent.PublishRequest(channel=KEPT, data=3))
        assert (await client.inbox.wait("publication", 2)).pub.data == 3
        await backend.unsubscribe(cent.UnsubscribeRequest(user=user_id(ada), channel=KEPT))
        gone = await client.inbox.wait("unsubscribed")
    assert gone.channel == KEPT


@pytest.mark.slow
async def test_presence_names_each_connection_and_counts_people(
    address: str, backend: cent.AsyncClient, ada: User
) -> None:
    user = user_id(ada)
    async with online(address, ada) as one, online(address, ada) as other:
        await backend.subscribe(cent.SubscribeRequest(user=user, channel=KEPT))

        async def counted(clients: int, users: int) -> bool:
            found = await backend.presence_stats(cent.PresenceStatsRequest(channel=KEPT))
            return (found.num_clients, found.num_users) == (clients, users)

        await await_for(lambda: counted(2, 1), that="both connections are there")
        there = (await backend.presence(cent.PresenceRequest(channel=KEPT))).presence
        assert set(there) == {one.client.client_id, other.client.client_id}
        assert {(info.user, info.conn_info["name"]) for info in there.values() if info.conn_info} == {(user, "ada")}
        leaving = cent.UnsubscribeRequest(user=user, channel=KEPT, client=other.client.client_id)
        await backend.unsubscribe(leaving)
        await await_for(lambda: counted(1, 1), that="the other one stays")


@pytest.mark.parametrize(
    ("disconnect", "code"),
    [
        (None, 3503),
        (cent.Disconnect(code=4500, reason="moved"), 4500),
        # The library's own default: no code at all.
        (cent.Disconnect(reason="moved"), 3503),
    ],
)
async def test_person_is_disconnected_for_good_but_for_the_whitelist(
    address: str, backend: cent.AsyncClient, ada: User, disconnect: cent.Disconnect | None, code: int
) -> None:
    async with online(address, ada) as one, online(address, ada) as spared:
        await backend.disconnect(
            cent.DisconnectRequest(user=user_id(ada), whitelist=[str(spared.client.client_id)], disconnect=disconnect)
        )
        assert (await one.inbox.wait("disconnected")).code == code
        await spared.client.rpc("alerts.list", {})
        assert not spared.inbox.all("disconnected")


async def test_connection_that_is_said_to_be_expired_comes_back(
    address: str, backend: cent.AsyncClient, ada: User
) -> None:
    async with online(address, ada) as client:
        await backend.refresh(cent.RefreshRequest(user=user_id(ada), expired=True))
        await client.inbox.wait("connected", 2)
        assert [ended.code for ended in client.inbox.all("connecting")][-1] == 3005


@pytest.mark.slow
async def test_history_is_read_from_either_end_and_from_a_position(backend: cent.AsyncClient) -> None:
    for number in range(1, 6):
        await backend.publish(cent.PublishRequest(channel=KEPT, data=number))

    async def read(**request: object) -> list[int]:
        found = await backend.history(cent.HistoryRequest.model_validate({"channel": KEPT, **request}))
        assert found.offset == 5
        assert [pub.offset for pub in found.publications] == [pub.data for pub in found.publications]
        return [pub.data for pub in found.publications]

    assert await read() == await read(limit=0) == []
    assert await read(limit=-1) == [1, 2, 3, 4, 5]
    assert await read(limit=2) == [1, 2]
    assert await read(limit=2, reverse=True) == [5, 4]
    assert await read(limit=9, since=cent.StreamPosition(offset=3)) == [4, 5]
    assert await read(limit=9, since=cent.StreamPosition(offset=3), reverse=True) == [2, 1]
    wrong = cent.StreamPosition(offset=3, epoch="another")
    assert await refusal(backend.history(cent.HistoryRequest(channel=KEPT, limit=9, since=wrong))) == 112
    await backend.history_remove(cent.HistoryRemoveRequest(channel=KEPT))
    assert await read(limit=-1) == []


async def test_channels_and_processes_are_told_of(address: str, backend: cent.AsyncClient, ada: User) -> None:
    async with online(address, ada):
        mine = await backend.channels(cent.ChannelsRequest(pattern="user:*"))
        found = await backend.channels(cent.ChannelsRequest())
        (node,) = (await backend.info(cent.InfoRequest())).nodes
    assert {name: info.num_clients for name, info in mine.channels.items()} == {f"user:{user_id(ada)}": 1}
    assert set(found.channels) == {"everyone", f"user:{user_id(ada)}"}
    assert (node.num_clients, node.num_users, node.num_channels) == (1, 1, 2)
    assert node.uid and node.version and node.process and node.process.rss


async def test_batch_replies_to_each_request_with_its_own_result(backend: cent.AsyncClient) -> None:
    result = await backend.batch(
        cent.BatchRequest(
            requests=[
                cent.PublishRequest(channel=KEPT, data=1),
                cent.BroadcastRequest(channels=[KEPT, "kept:2"], data=2),
                cent.HistoryRequest(channel=KEPT, limit=9),
                cent.PresenceStatsRequest(channel=KEPT),
                cent.InfoRequest(),
            ],
            parallel=True,
        )
    )
    published, broadcast, history, stats, info = result.replies
    assert isinstance(published, cent.PublishResult) and published.offset == 1
    assert isinstance(broadcast, cent.BroadcastResult) and len(broadcast.responses) == 2
    assert isinstance(history, cent.HistoryResult) and [pub.data for pub in history.publications] == [1, 2]
    assert isinstance(stats, cent.PresenceStatsResult) and stats.num_clients == 0
    assert isinstance(info, cent.InfoResult) and len(info.nodes) == 1


async def test_errors_are_those_that_the_library_knows(address: str, backend: cent.AsyncClient) -> None:
    assert await refusal(backend.publish(cent.PublishRequest(channel="nothing:1", data=1))) == 102
    assert await refusal(backend.publish(cent.PublishRequest(channel="", data=1))) == 107
    assert await refusal(backend.presence(cent.PresenceRequest(channel="live:1"))) == 108
    with pytest.raises(cent.CentTransportError, match="404"):
        await backend.connections(cent.ConnectionsRequest(user="1", expression=""))
    scoped = await sync_to_async(key_for)("publish", channels=("kept:*",))
    async with cent.AsyncClient(f"http://{address}/api", scoped) as narrow:
        assert await refusal(narrow.info(cent.InfoRequest())) == 103
        assert await refusal(narrow.publish(cent.PublishRequest(channel="everyone", data=1))) == 103
        assert (await narrow.publish(cent.PublishRequest(channel=KEPT, data=1))).offset == 1
    async with cent.AsyncClient(f"http://{address}/api", "no key of ours") as stranger:
        with pytest.raises(cent.CentUnauthorizedError):
            await stranger.info(cent.InfoRequest())


async def test_library_without_an_event_loop_is_answered_alike(address: str) -> None:
    client = cent.Client(f"http://{address}/api", await sync_to_async(key_for)())
    try:
        published = await asyncio.to_thread(client.publish, cent.PublishRequest(channel=KEPT, data="sync"))
        history = await asyncio.to_thread(client.history, cent.HistoryRequest(channel=KEPT, limit=1))
    finally:
        client.close()
    assert published.offset == 1 and [pub.data for pub in history.publications] == ["sync"]
