"""Secrets in no log: real ones and wrong ones, sent through every endpoint, page and form, in every way there is."""

import asyncio
import contextlib
import re
import secrets
from collections.abc import Iterator
from urllib.parse import quote

import httpx
import pytest
import websockets

from lab.harness.environment import SESSION_COOKIE
from lab.harness.waiting import await_for
from tests.live.parts import WEB
from tests.support.live import LiveHub
from tests.support.sockets import connect

#: What no log may hold, by what it is.
Canaries = dict[str, str]

SET_PASSWORD = """
from hub.people.models import User
user = User.objects.get(username=name)
user.set_password(password)
user.save()
"""

ISSUE_KEY = """
from hub.api import keys
from hub.api.scope import scope
print(keys.issue("canary", scope(["*"], ["*"], ["notify"]))[1])
"""

HUB_SOCKET = ("/connection/websocket", "/connection/sse", "/connection/http_stream", "/events")


@pytest.fixture
def canaries(hub: LiveHub, unique: str) -> Canaries:
    """Secrets of one person and of a program, each as long as real ones and told from each other."""
    name = f"canary-{unique}"
    found = {"password": f"pass-{secrets.token_hex(16)}", "wrong password": f"wrong-{secrets.token_hex(16)}"}
    hub.create_user(name)
    hub.shell(SET_PASSWORD, name=name, password=found["password"])
    return {
        **found,
        "session": hub.create_user(name),
        "token": hub.token(name),
        "wrong token": f"hub_{secrets.token_hex(20)}",
        "new password": f"new-{secrets.token_hex(16)}",
        "key": hub.shell(ISSUE_KEY),
        "wrong key": secrets.token_urlsafe(32),
    }


async def sockets(hub: LiveHub, webs: list[str], room: str, canaries: Canaries) -> None:
    """Each endpoint with each credential in each way, with a good message, bad ones and a cut."""
    paths = ["/ws/notifications/", f"/ws/chat/{room}/", "/ws/online/", "/ws/nothing/", "/connection/websocket"]
    for number, path in enumerate(paths):
        web = webs[number % 2]
        for name in ("token", "wrong token"):
            token = canaries[name]
            await talk(f"{web}{path}?token={token}", token)
            await talk(f"{web}{path}?access_token={quote(token)}&token={token}&since=x@{token}", token)
            await talk(f"{web}{path}?TOKEN={token}&x={token[:8]}", token)
            await talk(web + path, token, headers={"Authorization": f"Bearer {token}"})
            both = {"Authorization": f"bearer {token}", "Cookie": f"{SESSION_COOKIE}={token}"}
            await talk(web + path, token, headers=both)
            await talk(web + path, token, headers={"Authorization": f"Basic {token}", "X-API-Key": token})
        await talk(web + path, canaries["session"], session=canaries["session"])
        await talk(web + path, canaries["session"], session=canaries["session"], origin="https://evil.example")
        await talk(f"{web}{path}?token={canaries['token']}", "", host_header=True)


async def talk(url: str, secret: str, host_header: bool = False, **options: object) -> None:
    """Come in, say things that hold the secret where a token may stand, and vanish."""
    if host_header:
        options["headers"] = {"X-Forwarded-Host": "evil.example", "Referer": url}
    with contextlib.suppress(websockets.WebSocketException, OSError, TimeoutError):
        async with connect(url, **options) as client:  # type: ignore[arg-type]  # its options
            for frame in (
                {"id": 1, "connect": {"token": secret, "data": {"token": secret}}},
                {"message": "", "token": secret},
                {"type": "auth", "token": secret},
                {"id": 2, "subscribe": {"channel": "everyone", "token": secret}},
                ["token", secret],
            ):
                await client.send_json(frame)
            await client.send(b"\xff\xfe" + secret.encode())
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(client.connection.recv(), 1)
            client.connection.transport.abort()


async def pages(hub: LiveHub, canaries: Canaries) -> None:
    """Every page and form with each credential, and requests that fail in many ways."""
    paths = ["/", "/notifications/", "/chat/", "/online/", "/accounts/tokens/", "/admin/", "/missing/", "/metrics"]
    paths += ["/health/ready", "/api/info", "/api/missing", "/static/missing.js", *HUB_SOCKET[1:], "/emulation"]
    for name, secret in canaries.items():
        cookies = {SESSION_COOKIE: secret} if "token" not in name else {}
        headers = {"Authorization": f"Bearer {secret}", "X-API-Key": secret, "Referer": f"{hub.url}/?token={secret}"}
        async with httpx.AsyncClient(
            base_url=hub.url, headers=headers, cookies=cookies, trust_env=False, timeout=20
        ) as client:
            for path in paths:
                for method in ("GET", "POST", "DELETE"):
                    with contextlib.suppress(httpx.HTTPError):
                        async with client.stream(method, f"{path}?token={secret}", headers={"Accept": "*/*"}):
                            pass
            for path in ("/accounts/login/", "/accounts/signup/", "/accounts/tokens/", "/api/notify"):
                # Without the form's own secret: Django logs the path of what it refuses.
                await client.post(f"{path}?password={secret}", data={"password": secret, "password1": secret})
                await client.post(f"{path}?token={secret}", json={"token": secret, "key": secret})
    url = f"{hub.url}/?token={canaries['token']}"
    await asyncio.to_thread(httpx.get, url, headers={"Host": "evil.example"}, trust_env=False)


async def people(hub: LiveHub, canaries: Canaries, name: str) -> None:
    """Log in with a wrong password, sign up, log in, change nothing, log out."""
    for fields, path in (
        ({"username": name, "password": canaries["wrong password"]}, "/accounts/login/"),
        ({"username": canaries["wrong password"], "password": canaries["wrong password"]}, "/admin/login/"),
        (
            {"username": f"{name}-2", "password1": canaries["new password"], "password2": canaries["new password"]},
            "/accounts/signup/",
        ),
        ({"username": name, "password1": canaries["new password"], "password2": "x"}, "/accounts/signup/"),
        ({"username": name, "password": canaries["password"]}, "/accounts/login/"),
    ):
        async with httpx.AsyncClient(base_url=hub.url, trust_env=False, timeout=20) as client:
            page = await client.get(path)
            secret = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
            assert secret
            await client.post(path, data={"csrfmiddlewaretoken": secret[1], **fields})
            await client.post("/accounts/logout/", data={"csrfmiddlewaretoken": secret[1]})


async def raw(hub: LiveHub, canaries: Canaries) -> None:
    """Requests that no HTTP library would send."""
    query, key = f"?token={canaries['token']}", canaries["key"]
    upgrade = "Host: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    for line in (
        f"GET /{query} HTTP/1.1\r\nHost: x y\r\n\r\n",
        f"GET /ws/online/{query} HTTP/1.1\r\n{upgrade}\r\n",
        f"GET /ws/online/{query} HTTP/1.1\r\n{upgrade}Sec-WebSocket-Version: 99\r\nSec-WebSocket-Key: x\r\n\r\n",
        f"TOKEN {query}\r\n\r\n",
        f"GET /\x00{query} HTTP/1.1\r\nAuthorization: Bearer {canaries['token']}\r\n\r\n",
        f"POST /api/notify{query} HTTP/1.1\r\n{upgrade}X-API-Key: {key}\r\nContent-Length: 9999999999\r\n\r\nx",
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", hub.port)
        writer.write(line.encode())
        with contextlib.suppress(OSError, TimeoutError):
            await asyncio.wait_for(reader.read(4096), 2)
        writer.transport.abort()


def held(hub: LiveHub, canaries: Canaries) -> Iterator[tuple[str, str, str]]:
    """Which log holds which secret, or a part of it that is long enough to find the rest, and in which line."""
    for path in [*(hub.folder / "logs").iterdir(), hub.folder / "up.log"]:
        text = path.read_text(errors="replace")
        for name, secret in canaries.items():
            body = secret.removeprefix("hub_")
            for part in {secret, quote(secret), body[:20], body[-16:]}:
                if (at := text.find(part)) >= 0:
                    yield path.name, name, text[max(0, at - 150) : at + 150]


@pytest.mark.slow
async def test_no_secret_is_in_any_log_whatever_is_done_with_it(
    hub: LiveHub, webs: list[str], room: str, unique: str, canaries: Canaries
) -> None:
    await sockets(hub, webs, room, canaries)
    await pages(hub, canaries)
    await people(hub, canaries, f"canary-{unique}")
    await raw(hub, canaries)
    # Something of what came after has to be in the log, so that the secrets could be.
    marker = f"missing-{unique}"
    for _ in range(4):
        await asyncio.to_thread(httpx.get, f"{hub.url}/{marker}/", trust_env=False)
    await await_for(lambda: any(marker in hub.logs(part) for part in WEB), that="the last request is in the log")
    assert list(held(hub, canaries)) == []
