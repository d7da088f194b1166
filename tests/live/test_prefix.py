"""A hub below a prefix: all that it tells clients leads there, whether a proxy passes it on or takes it off."""

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest

from lab.harness.environment import CSRF_COOKIE, SESSION_COOKIE
from lab.harness.waiting import wait_for
from tests.support.live import LiveHub, live_hub
from tests.support.sockets import connect

pytestmark = [pytest.mark.live, pytest.mark.slow, pytest.mark.any_database]

PREFIX = "/teams/hub"

PAGES = [
    "/",
    "/notifications/",
    "/topics/",
    "/chat/",
    "/online/",
    "/accounts/login/",
    "/admin/login/",
    "/api/docs",
    "/no",
]


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveHub]:
    """A hub whose prefix has two parts."""
    folder: Path = tmp_path_factory.mktemp("below")
    with live_hub(folder / "prefix", web_processes=1, HUB_URL_PREFIX=f"{PREFIX}/") as running:
        yield running


class Addresses(HTMLParser):
    """The addresses in a page that a browser would ask its own host for."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in {"href", "src", "action", "data-icons"} and value and value.startswith("/"):
                self.found.add(value)


def test_start_says_where_the_hub_is(hub: LiveHub) -> None:
    assert f"Hub is ready at {hub.url}{PREFIX}/" in hub.logs("up")


@pytest.mark.parametrize("asked", [PREFIX, ""], ids=["passed on", "taken off"])
@pytest.mark.parametrize("who", ["guest", "staff"])
def test_every_address_of_a_page_leads_below_the_prefix(hub: LiveHub, asked: str, who: str) -> None:
    cookies = {SESSION_COOKIE: hub.create_user("below-staff", staff=True)} if who == "staff" else {}
    with httpx.Client(base_url=hub.url, cookies=cookies) as client:
        for path in PAGES:
            answer = client.get(f"{asked}{path}")
            if answer.is_redirect:
                assert answer.headers["Location"].startswith(f"{PREFIX}/"), path
                continue
            assert answer.status_code == (404 if path == "/no" else 200), path
            addresses = Addresses(answer.text).found
            assert addresses, path
            assert [address for address in addresses if not address.startswith(f"{PREFIX}/")] == [], path
            for address in (found for found in addresses if "/static/" in found):
                assert client.get(address.removeprefix(PREFIX if not asked else "")).status_code == 200, address


def test_prefix_without_its_slash_is_the_start_page(hub: LiveHub) -> None:
    without, with_slash = (httpx.get(f"{hub.url}{PREFIX}{slash}") for slash in ("", "/"))
    assert (without.status_code, with_slash.status_code) == (200, 200)
    assert Addresses(without.text).found == Addresses(with_slash.text).found


def test_configuration_of_the_widgets_has_the_prefix(hub: LiveHub) -> None:
    page = httpx.get(f"{hub.url}{PREFIX}/").text
    found = re.search(r'<script id="hub-config" type="application/json">(.*?)</script>', page)
    assert found
    written = json.loads(found[1])
    addresses = [written["emulation"], written["icons"], *written["urls"].values()]
    addresses += [transport["endpoint"] for transport in written["endpoint"]]
    assert [address for address in addresses if not address.startswith(f"{PREFIX}/")] == []


def test_cookies_are_for_the_prefix_and_log_in_leads_back(hub: LiveHub) -> None:
    made = "from tests.support.people import User\nUser.objects.create_user('below-ann', password='correct horse')"
    hub.shell(made)
    with httpx.Client(base_url=hub.url) as client:
        asked = client.get(f"{PREFIX}/accounts/tokens/")
        login = asked.headers["Location"]
        assert login == f"{PREFIX}/accounts/login/?next={PREFIX}/accounts/tokens/"
        page = client.get(login)
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
        assert token
        form = {"csrfmiddlewaretoken": token[1], "username": "below-ann", "password": "correct horse"}
        done = client.post(login, data=form, headers={"Origin": hub.url})
        assert (done.status_code, done.headers["Location"]) == (302, f"{PREFIX}/accounts/tokens/")
        assert {cookie.path for cookie in client.cookies.jar} == {f"{PREFIX}/"}
        language = client.post(
            f"{PREFIX}/i18n/setlang/", data={"language": "ru", "csrfmiddlewaretoken": client.cookies[CSRF_COOKIE]}
        )
        assert f"Path={PREFIX}/" in language.headers["set-cookie"]


@pytest.mark.parametrize("asked", [PREFIX, ""], ids=["passed on", "taken off"])
async def test_sockets_streams_and_api_answer(hub: LiveHub, asked: str) -> None:
    async with connect(f"{hub.ws_url}{asked}/ws/online/") as socket:
        assert (await socket.receive_type("online_count"))["count"] >= 0
    async with connect(f"{hub.ws_url}{asked}/connection/websocket") as socket:
        await socket.send_json({"id": 1, "connect": {}})
        assert "connect" in await socket.receive_json()
    async with httpx.AsyncClient(base_url=hub.url) as client:
        async with client.stream("GET", f"{asked}/events?channel=everyone") as events:
            assert events.status_code == 200
        assert (await client.post(f"{asked}/api/info", content="{}")).status_code == 401
        assert (await client.get(f"{asked}/health/ready")).json()["status"] == "ready"
        assert (await client.get(f"{asked}/metrics")).status_code == 200


@pytest.mark.parametrize("path", ["/teams", "/teams/hubs/", "/teams/hub2/chat/", f"{PREFIX}{PREFIX}/"])
def test_other_paths_are_not_the_prefix(hub: LiveHub, path: str) -> None:
    assert httpx.get(f"{hub.url}{path}").status_code == 404


def test_links_that_are_stored_have_the_prefix(hub: LiveHub) -> None:
    hub.create_user("below-eve")
    made = (
        "from chat.actions import create_room\nfrom tests.support.people import User\n"
        "print(create_room(name='below', creator=User.objects.get(username='below-eve')).get_absolute_url())"
    )
    assert hub.shell(made) == f"{PREFIX}/chat/below/"


def test_link_in_a_mail_that_the_worker_sends_has_the_prefix(hub: LiveHub) -> None:
    hub.shell(
        "from tests.support.people import User\n"
        "User.objects.create_user('below-kim', 'kim@example.com', 'correct horse')"
    )
    with httpx.Client(base_url=hub.url) as client:
        client.get(f"{PREFIX}/accounts/password_reset/")
        form = {"csrfmiddlewaretoken": client.cookies[CSRF_COOKIE], "email": "kim@example.com"}
        asked = client.post(f"{PREFIX}/accounts/password_reset/", data=form, headers={"Origin": hub.url})
        assert asked.status_code == 302
    wait_for(
        lambda: f"{hub.url}{PREFIX}/accounts/password_reset/" in hub.logs("worker"),
        timeout=20,
        that="the link is sent",
    )
