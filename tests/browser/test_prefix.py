"""A hub below a prefix, behind a real nginx that passes the prefix on or takes it off."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visitors
from tests.browser.page_parts import alerts, messages, send_message, wait_until_in_room, wait_until_live
from tests.support.live import LiveHub, live_hub
from tests.support.nginx import Nginx, needs_nginx, nginx_before

pytestmark = needs_nginx

PREFIX = "/hub"

#: What stands in the shipped configuration, and what makes it take the prefix off.
TAKES_OFF = {
    "location / {\n            proxy_pass http://web;": "location /hub/ {\n            proxy_pass http://web/;\n"
    "            proxy_buffering off;",
    "location ~ ^(/.+)?/(ws|connection|events)(/|$)": "location ~ ^/nothing$",
}


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveHub]:
    folder = tmp_path_factory.mktemp("prefix-browser")
    with live_hub(folder / "prefix", web_processes=1, HUB_URL_PREFIX=PREFIX) as running:
        yield running


@pytest.fixture(params=[{}, TAKES_OFF], ids=["passed on", "taken off"])
def nginx(request: pytest.FixtureRequest, hub: LiveHub, tmp_path: Path) -> Iterator[Nginx]:
    with nginx_before(tmp_path, f"127.0.0.1:{hub.port}", changes=request.param) as running:
        yield running


def test_people_sign_in_chat_and_get_alerts(visitor: Visitors, hub: LiveHub, nginx: Nginx, room: str) -> None:
    hub.shell(
        "from tests.support.people import User\n"
        "user, _ = User.objects.get_or_create(username='lin')\nuser.set_password('correct horse')\nuser.save()"
    )
    assert room.startswith(f"{PREFIX}/chat/")
    lin, ada = visitor(port=nginx.port), visitor("ada", port=nginx.port)
    lin.goto(f"{PREFIX}/accounts/login/?next={room}")
    lin.get_by_label("Username").fill("lin")
    lin.get_by_label("Password").fill("correct horse")
    lin.get_by_role("main").get_by_role("button", name="Log in").click()
    lin.wait_for_url(f"**{room}")
    wait_until_in_room(lin)
    ada.goto(room)
    wait_until_in_room(ada)
    send_message(lin, "Below a prefix")
    expect(messages(ada).last).to_contain_text("Below a prefix")
    lin.goto(f"{PREFIX}/notifications/")
    wait_until_live(lin)
    hub.shell("from notifications import notify; notify(to='user:lin', message='Found me', url='/hub/chat/')")
    expect(alerts(lin).first).to_contain_text("Found me")


def test_page_of_the_api_and_the_admin_have_their_files(visitor: Visitors, nginx: Nginx) -> None:
    boss = visitor("prefix-boss", staff=True, port=nginx.port)
    boss.goto(f"{PREFIX}/api/docs")
    expect(boss.get_by_role("heading", name="Notification hub", level=1)).to_be_visible()
    boss.goto(f"{PREFIX}/admin/")
    expect(boss.get_by_role("heading", name="Site administration")).to_be_visible()
