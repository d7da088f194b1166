"""How much one client may take: messages per second, sockets per user and per address."""

from contextlib import AsyncExitStack

import pytest
from asgiref.sync import sync_to_async
from pytest_django.fixtures import Settings

from hub.limits.connections import WARNINGS, Bucket, Counted, TooManyConnections, by_address, by_user, counted_address
from tests.hub.serving import serving
from tests.support.people import User
from tests.support.sockets import connect, open_endpoint, session_cookie

pytestmark = pytest.mark.any_database

PATH = "/ws/notifications/"


def test_a_bucket_gives_its_burst_then_its_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("hub.limits.connections.time.monotonic", lambda: now)
    bucket = Bucket()
    assert [bucket.take(2, 3) for _ in range(4)] == [0, 0, 0, 0.5]
    now += 0.5
    assert [bucket.take(2, 3) for _ in range(2)] == [0, 0.5]
    now += 60
    assert [bucket.take(2, 3) for _ in range(4)] == [0, 0, 0, 0.5]
    now += 1
    assert [bucket.take(2, 3, count) for count in (4, 3, 2, 1)] == [1, 0.5, 0, 0.5]


@pytest.mark.parametrize("now", [0.1, 12345.678, 9.87654321e7])
@pytest.mark.parametrize(("rate", "burst"), [(10, 40), (0.3, 7), (50, 1000), (200, 1000), (3.7, 1)])
def test_no_token_of_a_burst_is_lost_to_rounding(
    monkeypatch: pytest.MonkeyPatch, now: float, rate: float, burst: int
) -> None:
    monkeypatch.setattr("hub.limits.connections.time.monotonic", lambda: now)
    bucket = Bucket()
    assert sum(not bucket.take(rate, burst) for _ in range(burst + 5)) == burst


def test_connections_are_counted_until_they_leave(settings: Settings) -> None:
    settings.HUB_CONNECTIONS_PER_USER, settings.HUB_CONNECTIONS_PER_ADDRESS = 2, 3
    first, second = Counted("192.0.2.1", 7), Counted("192.0.2.1", 7)
    for address in ("192.0.2.1", "192.0.2.9"):
        with pytest.raises(TooManyConnections):
            Counted(address, 7)
    guest = Counted("192.0.2.1", None)
    with pytest.raises(TooManyConnections):
        Counted("192.0.2.1", 8)
    other = Counted("192.0.2.2", 8)
    with pytest.raises(TooManyConnections):
        other.move_to(7)
    first.leave()
    other.move_to(7)
    assert (by_user, by_address) == ({7: 2}, {"192.0.2.1": 2, "192.0.2.2": 1})
    for one in (first, second, guest, other):
        one.leave()
    assert not by_user and not by_address


@pytest.mark.parametrize(
    ("client", "counted"),
    [
        (None, None),
        (("127.0.0.1", 1), None),
        (("::1", 1), None),
        (("192.0.2.7", 1), "192.0.2.7"),
        (("::ffff:192.0.2.7", 1), "192.0.2.7"),
        (("::ffff:127.0.0.1", 1), None),
        (("2001:db8:1:2:3:4:5:6", 1), "2001:db8:1:2::"),
        (("2001:db8:1:2:ffff::1%eth0", 1), "2001:db8:1:2::"),
        (("no:address", 1), "no:address"),
    ],
)
def test_what_of_an_address_is_counted(client: tuple[str, int] | None, counted: str | None) -> None:
    assert counted_address(client) == counted


@pytest.mark.django_db(transaction=True)
async def test_a_client_that_sends_too_fast_is_told_and_then_closed(settings: Settings) -> None:
    settings.HUB_SOCKET_BURST, settings.HUB_SOCKET_RATE = 2, 0.001
    async with open_endpoint(PATH) as endpoint:
        frames = []
        for _ in range(2 + WARNINGS):
            await endpoint.send_json({"message": "again"})
            frames.append(await endpoint.receive_json())
        codes = [frame["code"] for frame in frames]
        assert codes == ["permission_denied"] * 2 + ["too_many_messages"] * WARNINGS
        assert {frame["retry_after"] for frame in frames[2:]} == {1000}
        await endpoint.send_json({"message": "again"})
        assert await endpoint.close_code() == 4429


@pytest.mark.django_db(transaction=True)
async def test_the_sockets_of_one_user_share_a_limit(settings: Settings) -> None:
    settings.HUB_USER_BURST, settings.HUB_USER_RATE = 3, 0.001
    ada, eve = [await User.objects.acreate_user(name) for name in ("ada", "eve")]
    session, other = [await sync_to_async(session_cookie)(user) for user in (ada, eve)]
    async with AsyncExitStack() as stack:
        endpoints = [await stack.enter_async_context(open_endpoint(PATH, session=session)) for _ in range(2)]
        of_eve = await stack.enter_async_context(open_endpoint(PATH, session=other))
        codes = []
        for endpoint in (*endpoints, *endpoints, of_eve):
            await endpoint.send_json({"message": "again"})
            codes.append((await endpoint.receive_json())["code"])
    assert codes == ["permission_denied"] * 3 + ["too_many_messages", "permission_denied"]


@pytest.mark.django_db(transaction=True)
async def test_one_user_may_not_have_all_sockets(settings: Settings) -> None:
    settings.HUB_CONNECTIONS_PER_USER = 2
    session = await sync_to_async(session_cookie)(await User.objects.acreate_user("ada"))
    async with open_endpoint(PATH, session=session), open_endpoint(PATH) as guest:
        async with open_endpoint(PATH, session=session):
            async with open_endpoint(PATH, session=session) as third:
                assert await third.close_code() == 4013
            await guest.receive_nothing(0.05)
        async with open_endpoint(PATH, session=session) as another:
            await another.receive_nothing(0.05)


@pytest.mark.django_db(transaction=True)
async def test_one_address_behind_a_proxy_may_not_have_all_sockets(settings: Settings) -> None:
    settings.HUB_CONNECTIONS_PER_ADDRESS = 1
    crowd = {"X-Forwarded-For": "192.0.2.9"}
    async with serving() as address, connect(f"ws://{address}{PATH}", headers=crowd) as first:
        async with connect(f"ws://{address}{PATH}", headers=crowd) as second:
            assert await second.close_code() == 4013
        async with connect(f"ws://{address}{PATH}", headers={"X-Forwarded-For": "192.0.2.10"}) as other:
            await other.receive_nothing(0.05)
        await first.receive_nothing(0.05)
