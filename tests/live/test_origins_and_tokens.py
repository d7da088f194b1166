"""Who may open a socket at all, and as whom."""

import contextlib
import secrets

import httpx
import pytest
import websockets

from lab.harness.environment import SESSION_COOKIE
from tests.live.parts import WEB, says, tracebacks
from tests.support.live import LiveHub
from tests.support.sockets import connect

pytestmark = pytest.mark.any_database

REVOKE = """
from hub.accounts.models import AccessToken
from hub.accounts.tokens import revoke
print(revoke(AccessToken.objects.filter(user__username=name)))
"""


def origins(port: int) -> list[str]:
    return [
        "null",
        "https://evil.example",
        "http://127.0.0.1",
        f"http://127.0.0.1:{port + 1}",
        f"https://127.0.0.1:{port}",
        f"ws://127.0.0.1:{port}",
        f"http://127.0.0.1:{port}.evil.example",
        f"http://127.0.0.1.evil.example:{port}",
        f"http://evil127.0.0.1:{port}",
        f"http://127.0.0.1:{port}@evil.example",
        f"http://user@127.0.0.1:{port}",
        f"http://127.0.0.1:{port}/",
        f"http://127.0.0.1:{port}0",
        f"http://localhost:{port}",  # another name of the same machine is another site
        f"127.0.0.1:{port}",
        "file://",
    ]


#: Every endpoint that a page could open, of either kind, and a path that is none.
SOCKETS = ("/ws/notifications/", "/ws/online/", "/ws/chat/{room}/", "/connection/websocket", "/ws/nothing/")
STREAMS = {
    "/connection/sse": "GET",
    "/connection/http_stream": "POST",
    "/emulation": "POST",
    "/events": "GET",
}


@pytest.mark.parametrize("path", SOCKETS)
async def test_a_page_of_another_origin_gets_403_and_the_hubs_own_gets_in(hub: LiveHub, room: str, path: str) -> None:
    session, token = hub.create_user("visitor"), hub.token("visitor")
    url = hub.ws_url + path.format(room=room)
    for origin in origins(hub.port):
        for credential in ({"session": session}, {"token": token}, {}):
            with pytest.raises(websockets.InvalidStatus) as refused:
                async with connect(url, origin=origin, **credential):  # type: ignore[arg-type]  # an option
                    pass
            assert refused.value.response.status_code == 403, origin
    for allowed in (f"http://127.0.0.1:{hub.port}", f"HTTP://127.0.0.1:{hub.port}", None):
        async with connect(url, session=session, origin=allowed) as client:
            with contextlib.suppress(websockets.ConnectionClosed):
                await client.send("x")
                await client.connection.recv()
            assert client.connection.close_code != 1006


@pytest.mark.parametrize("path", STREAMS)
async def test_a_page_of_another_origin_opens_no_stream_over_http(hub: LiveHub, path: str) -> None:
    session = hub.create_user("visitor")
    async with httpx.AsyncClient(base_url=hub.url, cookies={SESSION_COOKIE: session}, trust_env=False) as client:
        for origin in origins(hub.port):
            async with client.stream(STREAMS[path], path, headers={"Origin": origin}) as answer:
                assert answer.status_code == 403, origin
                assert "access-control-allow-origin" not in answer.headers
        async with client.stream(STREAMS[path], path, headers={"Origin": f"http://127.0.0.1:{hub.port}"}) as answer:
            assert answer.status_code != 403


async def test_a_form_or_a_script_of_another_origin_changes_nothing(hub: LiveHub) -> None:
    """Pages have the form's secret and Django's own look at Origin; the API has no use for a session."""
    session = hub.create_user("visitor")
    async with httpx.AsyncClient(base_url=hub.url, cookies={SESSION_COOKIE: session}, trust_env=False) as client:
        page = await client.get("/chat/")
        secret = page.text.partition('name="csrfmiddlewaretoken" value="')[2].partition('"')[0]
        assert secret
        for origin in origins(hub.port):
            for path in ("/chat/", "/accounts/tokens/", "/accounts/logout/", "/i18n/setlang/"):
                fields = {"csrfmiddlewaretoken": secret, "name": "stolen", "language": "ru"}
                answer = await client.post(path, data=fields, headers={"Origin": origin})
                assert answer.status_code == 403, (origin, path)
            answer = await client.post("/api/publish", json={"channel": "everyone"}, headers={"Origin": origin})
            assert answer.status_code == 401
            assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "evil.example:8000", "127.0.0.1@evil"])
async def test_a_host_that_the_hub_does_not_serve_gets_403_even_with_its_own_origin(hub: LiveHub, host: str) -> None:
    # The library sends the host of the address, so the address is made of the host and the connection of the hub's.
    for origin in (f"http://{host}", None):
        with pytest.raises(websockets.InvalidStatus) as refused:
            async with connect(
                f"ws://{host.replace('@', '%40')}/ws/online/", host="127.0.0.1", port=hub.port, origin=origin
            ):
                pass
        assert refused.value.response.status_code == 403


async def test_a_token_opens_a_socket_as_its_user_in_the_header_and_in_the_address_and_is_in_no_log(
    hub: LiveHub, webs: list[str], room: str
) -> None:
    hub.create_user(f"ann-{room}")
    token = hub.token(f"ann-{room}")
    path = f"/ws/chat/{room}/"
    ways: list[tuple[str, dict[str, str]]] = [
        (path, {"Authorization": f"Bearer {token}"}),
        (path, {"authorization": f"bEARER  {token}"}),
        (f"{path}?token={token}", {}),
        (f"{path}?since=0&token={token}&x=y", {}),
        (f"{path}?TOKEN={token}", {}),
        (f"{path}?t%6Fken={token}", {}),
    ]
    for number, (way, headers) in enumerate(ways):
        # From a script there is no Origin; a page of the hub may use a token too.
        async with connect(webs[number % 2] + way, headers=headers, origin=None) as client:
            await client.send_json({"message": f"{number} {room}"})
            frame = await client.receive_until(says(f"{number} {room}"))
            assert frame["username"] == f"ann-{room}"
    async with connect(webs[0] + f"{path}?token={token}") as client:
        await client.send(b"a message that is refused")
        await client.receive_type("error")
    for path_of_log in [*(hub.folder / "logs").glob("*.log"), hub.folder / "up.log"]:
        assert token not in path_of_log.read_text(errors="replace"), path_of_log.name
        assert token.removeprefix("hub_")[:20] not in path_of_log.read_text(errors="replace"), path_of_log.name


async def test_a_token_counts_before_a_session(hub: LiveHub, webs: list[str], room: str) -> None:
    session = hub.create_user(f"ann-{room}")
    hub.create_user(f"bob-{room}")
    async with connect(
        f"{webs[0]}/ws/chat/{room}/?token={hub.token(f'bob-{room}')}", session=session, origin=None
    ) as client:
        await client.send_json({"message": "x"})
        assert (await client.receive_until(lambda frame: frame.get("message") == "x"))["username"] == f"bob-{room}"


async def test_a_token_that_is_not_valid_closes_with_its_code_and_is_in_no_log(
    hub: LiveHub, webs: list[str], unique: str
) -> None:
    before = tracebacks(hub)
    session = hub.create_user(unique)
    revoked = hub.token(unique)
    assert hub.shell(REVOKE, name=unique) == "1"
    canary = f"hub_{secrets.token_hex(20)}"
    for token in (revoked, canary, canary[4:], canary * 100, "hub_%00", "%ED%A0%80", "x"):
        async with connect(f"{webs[0]}/ws/online/?token={token}", session=session, origin=None) as client:
            assert await client.close_code() == 4401, token[:20]
    async with connect(f"{webs[0]}/ws/online/", token=canary) as client:
        assert await client.close_code() == 4401
    for part in (*WEB, "up"):
        assert canary not in hub.logs(part)
        assert revoked not in hub.logs(part)
    assert tracebacks(hub) == before


async def test_who_was_deactivated_has_no_token_and_no_session_any_more(
    hub: LiveHub, webs: list[str], room: str
) -> None:
    session, token = hub.create_user(f"ann-{room}"), hub.token(f"ann-{room}")
    hub.shell(
        "from tests.support.people import User; User.objects.filter(username=name).update(is_active=False)",
        name=f"ann-{room}",
    )
    async with connect(f"{webs[0]}/ws/online/", token=token) as client:
        assert await client.close_code() == 4401
    async with connect(f"{webs[0]}/ws/chat/{room}/", session=session) as guest:
        await guest.send_json({"message": "x"})
        assert (await guest.receive_json())["code"] == "login_required"
