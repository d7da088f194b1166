"""How often one user, and all guests of one address together, may connect."""

from collections.abc import Iterator

import httpx
import pytest
from asgiref.sync import sync_to_async
from prometheus_client import REGISTRY
from pytest_django.fixtures import Settings

from hub.limits import connections
from hub.limits.connections import FEW, Rates
from tests.hub.serving import handshake, serving
from tests.hub.test_heads_and_bodies import Connection
from tests.support.people import User
from tests.support.sockets import connect, session_cookie

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.any_database]

CROWD, OTHERS = {"X-Forwarded-For": "192.0.2.9"}, {"X-Forwarded-For": "192.0.2.10"}

WEBSOCKETS = ["/ws/notifications/", "/ws/online/", "/connection/websocket"]


@pytest.fixture(autouse=True)
def nothing_was_counted_before(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_of_users", "_of_guests", "_users_connecting", "_guests_connecting"):
        monkeypatch.setattr(connections, name, Rates())


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    clock = [100.0]
    monkeypatch.setattr("hub.limits.connections.time.monotonic", lambda: clock[0])
    return iter([clock])


def test_each_key_has_its_burst_and_then_its_rate(now: Iterator[list[float]]) -> None:
    clock, rates = next(now), Rates()
    assert [rates.take("a", 2, 3) > 0 for _ in range(4)] == [False, False, False, True]
    assert rates.take("a", 2, 3) == pytest.approx(0.5)
    assert rates.take("b", 2, 3) == 0
    clock[0] += 0.5
    assert [rates.take("a", 2, 3) > 0 for _ in range(2)] == [False, True]
    clock[0] += 60
    assert [rates.take("a", 2, 3) > 0 for _ in range(4)] == [False, False, False, True]


def test_who_has_not_come_for_a_while_takes_no_memory(now: Iterator[list[float]]) -> None:
    clock, rates = next(now), Rates()
    for key in range(5 * FEW):
        clock[0] += 0.01
        rates.take(key, 10, 3)
    assert len(rates._buckets) < 2 * FEW


async def handshaken(address: str, path: str, headers: dict[str, str]) -> tuple[int, bytes]:
    """The status of the answer to a handshake, and what follows it."""
    async with Connection.to(address) as connection:
        connection.writer.write(handshake(address, path, headers))
        head = await connection.reader.readuntil(b"\r\n\r\n")
        return int(head.split(b" ")[1]), head + (await connection.reader.read(200) if b" 429 " in head else b"")


@pytest.mark.parametrize("path", WEBSOCKETS)
async def test_guests_of_one_address_connect_at_a_limited_rate(path: str, settings: Settings) -> None:
    settings.HUB_CONNECT_ADDRESS_BURST, settings.HUB_CONNECT_ADDRESS_RATE = 3, 0.01
    before = REGISTRY.get_sample_value("hub_refused_total", {"limit": "connects_per_address"}) or 0
    async with serving() as address:
        statuses = [(await handshaken(address, path, CROWD))[0] for _ in range(4)]
        assert statuses == [101, 101, 101, 429]
        _, answer = await handshaken(address, path, CROWD)
        assert b"retry-after: " in answer.lower() and b"too often" in answer
        assert (await handshaken(address, path, OTHERS))[0] == 101
        assert (await handshaken(address, path, {}))[0] == 101, "loopback is a proxy, or a test"
    assert REGISTRY.get_sample_value("hub_refused_total", {"limit": "connects_per_address"}) == before + 2


@pytest.mark.slow
@pytest.mark.parametrize("path", WEBSOCKETS)
async def test_one_user_connects_at_a_pace_from_wherever(path: str, settings: Settings) -> None:
    settings.HUB_CONNECT_USER_BURST, settings.HUB_CONNECT_USER_RATE = 3, 0.01
    ada, eve = [await User.objects.acreate_user(name) for name in ("ada", "eve")]
    session, other = [await sync_to_async(session_cookie)(user) for user in (ada, eve)]
    async with serving() as address:
        cookie = {"Cookie": f"{settings.SESSION_COOKIE_NAME}={session}"}
        froms: list[dict[str, str]] = [CROWD, OTHERS, {}, CROWD]
        statuses = [(await handshaken(address, path, {**cookie, **sent}))[0] for sent in froms]
        assert statuses == [101, 101, 101, 429]
        assert (await handshaken(address, path, CROWD))[0] == 101, "a guest"
        cookie = {"Cookie": f"{settings.SESSION_COOKIE_NAME}={other}"}
        assert (await handshaken(address, path, {**cookie, **CROWD}))[0] == 101


@pytest.mark.slow
async def test_streams_have_the_same_rate(settings: Settings) -> None:
    settings.HUB_CONNECT_ADDRESS_BURST, settings.HUB_CONNECT_ADDRESS_RATE = 1, 0.01
    async with serving() as address, httpx.AsyncClient(base_url=f"http://{address}") as http:
        async with http.stream("GET", "/events?channel=everyone", headers=CROWD) as first:
            assert first.status_code == 200
        refused = await http.get("/events?channel=everyone", headers=CROWD)
        assert refused.status_code == 429 and int(refused.headers["retry-after"]) > 1


@pytest.mark.slow
async def test_messages_of_guests_of_one_address_have_one_rate(settings: Settings) -> None:
    settings.HUB_GUEST_BURST, settings.HUB_GUEST_RATE = 3, 0.01
    async with serving() as address:
        codes = []
        for _ in range(2):
            async with connect(f"ws://{address}/ws/notifications/", headers=CROWD) as guest:
                for _ in range(2):
                    await guest.send_json({"message": "hello"})
                    codes.append((await guest.receive_json())["code"])
        assert codes == ["permission_denied"] * 3 + ["too_many_messages"]
        async with connect(f"ws://{address}/connection/websocket", headers=CROWD) as guest:
            await guest.send_json({"id": 1, "connect": {}})
            await guest.receive_json()
            await guest.send_json({"id": 2, "history": {"channel": "everyone", "limit": 10}})
            assert (await guest.receive_json())["error"]["code"] == 111
        async with httpx.AsyncClient(base_url=f"http://{address}") as http:
            refused = await http.get("/notifications/items/", headers=CROWD)
            assert refused.status_code == 429 and int(refused.headers["retry-after"]) > 1
            assert refused.json()["error"]["code"] == 429
            assert (await http.get("/notifications/items/", headers=OTHERS)).status_code == 200
        async with connect(f"ws://{address}/ws/notifications/") as guest:  # loopback
            for _ in range(5):
                await guest.send_json({"message": "hello"})
                assert (await guest.receive_json())["code"] == "permission_denied"


def test_a_person_who_works_normally_is_never_refused(now: Iterator[list[float]]) -> None:
    clock = next(now)
    for _ in range(100):  # as many sockets as one may have come back at once, after the server has started again
        assert connections.connect_wait("192.0.2.9", 7) == 0
    for _ in range(1000):  # and all guests of an office
        assert connections.connect_wait("192.0.2.9", None) == 0
    for _ in range(3600):
        clock[0] += 1
        assert connections.connect_wait("192.0.2.9", 7) == connections.connect_wait("192.0.2.9", None) == 0
        assert connections.guest_wait("192.0.2.9") == 0
