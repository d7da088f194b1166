"""The end of a right reaches the sockets on every web process within seconds, with Redis and without."""

from pathlib import Path

import httpx
import pytest

from lab.harness.environment import CSRF_COOKIE, SESSION_COOKIE
from lab.harness.redis_server import RedisServer
from tests.live.parts import crowding, web_urls
from tests.support.live import LiveHub, live_hub
from tests.support.sockets import connect

PATH = "/ws/notifications/"
SIGNED_OUT = 4411

#: Seconds in which the end of a right reaches open sockets.
WITHIN = 5.0


async def log_out(hub: LiveHub, session: str) -> None:
    """As the button does it."""
    async with httpx.AsyncClient(base_url=hub.url, cookies={SESSION_COOKIE: session}) as browser:
        page = await browser.get("/")
        assert page.status_code == 200
        answer = await browser.post("/accounts/logout/", headers={"X-CSRFToken": browser.cookies[CSRF_COOKIE]})
        assert answer.status_code == 302, answer.text


async def closed_everywhere(hub: LiveHub, webs: list[str], name: str, within: float) -> None:
    session = hub.create_user(name)
    async with connect(webs[0] + PATH, session=session) as one, connect(webs[1] + PATH, session=session) as two:
        await log_out(hub, session)
        assert [await one.close_code(within), await two.close_code(within)] == [SIGNED_OUT, SIGNED_OUT]
    async with connect(webs[0] + PATH, session=session) as guest:  # the session is nobody's now
        await guest.send_json({"message": "let me in"})
        assert (await guest.receive_json())["code"] == "permission_denied"


async def test_a_logout_closes_the_sockets_of_the_session_on_every_web_process(
    hub: LiveHub, webs: list[str], unique: str
) -> None:
    await closed_everywhere(hub, webs, unique, within=WITHIN * crowding())


@pytest.mark.timeout(120)
async def test_a_logout_closes_sockets_without_redis(data_dir: Path, tmp_path: Path, unique: str) -> None:
    redis = RedisServer(tmp_path / "redis.sock")
    redis.start()
    try:
        with live_hub(data_dir / f"live-{unique}", REDIS_URL=redis.url) as hub:
            redis.stop()
            await closed_everywhere(hub, web_urls(hub), unique, within=WITHIN * crowding())
    finally:
        redis.stop()
