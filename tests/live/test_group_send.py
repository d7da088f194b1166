"""The call of every Channels tutorial, from where products make it, to clients of each kind on two web processes.

The app ``shop`` is made of the code blocks of the how-to.
"""

import asyncio
import contextlib
import json
import textwrap
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis
from django.conf import settings

from lab.harness.waiting import await_for
from tests.connection.clients import Inbox, connected
from tests.docs.documents import block, blocks
from tests.live.parts import create_room, web_urls
from tests.support.live import LiveHub, live_hub
from tests.support.sockets import SocketClient, connect

pytestmark = pytest.mark.any_database

PREFIX = "hub"

HOW_TO = "docs/howto/publish-through-the-channel-layer.md"

EXAMPLES = ("shop/apps.py", "shop/receivers.py", "shop/tasks.py", "shop/views.py")

SETTINGS = """
from hub.settings import *
INSTALLED_APPS = [*INSTALLED_APPS, "shop.apps.ShopConfig"]
ROOT_URLCONF = "shop.urls"
HUB_OPEN_NAMESPACES = {"news": {"guests": True}}
"""

URLS = """
from django.urls import include, path
from shop.views import ping_me
urlpatterns = [path("ping-me/", ping_me), path("", include("hub.urls"))]
"""

SEND = """
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
import hub
group = hub.group(channel) if channel else group
async_to_sync(get_channel_layer().group_send)(group, event)
"""


@pytest.fixture(scope="module")
def product(data_dir: Path) -> Iterator[LiveHub]:
    """A product that has the hub among its apps."""
    code = data_dir / "product"
    files = {
        "shop/__init__.py": "",
        "shop/urls.py": URLS,
        "shop/models.py": block("README.md", "shop/models.py"),
        "shop_settings.py": SETTINGS,
        **{
            name: block(HOW_TO, name)
            for name in ("shop/apps.py", "shop/receivers.py", "shop/tasks.py", "shop/views.py")
        },
    }
    for name, text in files.items():
        path = code / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    variables: dict[str, Any] = {"PYTHONPATH": str(code), "DJANGO_SETTINGS_MODULE": "shop_settings"}
    apart = LiveHub(data_dir / "product-made", **variables)
    made = apart.manage("makemigrations", "shop")
    assert made.returncode == 0, made.stderr
    with live_hub(data_dir / "product-live", **variables) as running:
        create_room(running, "Lobby")
        yield running


@pytest.fixture
def webs(product: LiveHub) -> list[str]:
    return web_urls(product)


def send(product: LiveHub, event: dict[str, Any], channel: str = "", group: str = "") -> None:
    product.shell(SEND, channel=channel, group=group, event=event)


def _has(inbox: Inbox, event: dict[str, Any]) -> bool:
    return event in datas(inbox)


class Everybody:
    """A client of each kind that follows ``channel``, on each of two web processes."""

    def __init__(self) -> None:
        self.simple: list[SocketClient] = []
        self.inboxes: list[Inbox] = []
        self.streams: list[AsyncIterator[str]] = []

    async def got(self, event: dict[str, Any], frame: dict[str, Any]) -> None:
        """Holds when each simple client gets a frame with these keys, and each other one the event, once."""
        for client in self.simple:
            received = await client.receive_until(lambda one: one.get("message") == frame.get("message"))
            assert frame.items() <= received.items()
        for inbox in self.inboxes:
            await await_for(partial(_has, inbox, event), that=f"{event} has come")
            assert datas(inbox).count(event) == 1
        for stream in self.streams:
            async for line in stream:
                if line.startswith("data: ") and json.loads(line[6:]).get("data") == event:
                    break


def datas(inbox: Inbox) -> list[Any]:
    return [publication.pub.data for publication in inbox.all("publication")]


@contextlib.asynccontextmanager
async def everybody(
    webs: list[str], channel: str, path: str = "", token: str | None = None
) -> AsyncIterator[Everybody]:
    async with contextlib.AsyncExitStack() as stack:
        found = Everybody()
        http = await stack.enter_async_context(httpx.AsyncClient(timeout=20))
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        for web in webs:
            if path:
                found.simple.append(await stack.enter_async_context(connect(f"{web}{path}", token=token)))
            client = await stack.enter_async_context(connected(web.removeprefix("ws://"), token=token or ""))
            found.inboxes.append((await client.subscribe(channel))[1])
            url = f"{web.replace('ws', 'http', 1)}/events?channel={channel}"
            response = await stack.enter_async_context(http.stream("GET", url, headers=headers))
            lines = response.aiter_lines()
            async for line in lines:
                if line.startswith("event: open"):
                    break
            found.streams.append(lines)
        yield found


async def test_from_manage_py_shell_to_everyone(product: LiveHub, webs: list[str]) -> None:
    event = {"type": "notification", "message": "from a shell"}
    code = next(one for one in blocks(HOW_TO, "python") if one.startswith("from asgiref") and "def " not in one)
    async with everybody(webs, "everyone", "/ws/notifications/") as all_of_them:
        ended = await asyncio.to_thread(product.manage, "shell", "-c", code.replace("Hello", event["message"]))
        assert ended.returncode == 0, ended.stderr
        await all_of_them.got(event, event)


async def test_from_a_signal_of_a_model_after_its_commit(product: LiveHub, webs: list[str]) -> None:
    place = """
        from tests.support.people import User
        from django.db import transaction
        from shop.models import Order
        ada = User.objects.get_or_create(username="ada")[0]
        for number in ("rolled back", "kept"):
            with transaction.atomic():
                Order.objects.create(number=number, customer=ada)
                if number == "rolled back":
                    transaction.set_rollback(True)
    """
    event = {"type": "notification", "message": "Order kept is placed"}
    async with everybody(webs, "everyone", "/ws/notifications/") as all_of_them:
        product.shell(textwrap.dedent(place))
        await all_of_them.got(event, event)
        for inbox in all_of_them.inboxes:
            assert "rolled back" not in str(datas(inbox))


async def test_from_a_celery_task(product: LiveHub, webs: list[str]) -> None:
    event = {"type": "notification", "message": "Everything is 20 % off", "level": "success"}
    async with everybody(webs, "everyone", "/ws/notifications/") as all_of_them:
        product.shell("from shop.tasks import announce_sale; announce_sale.delay(20)")
        await all_of_them.got(event, event)


async def test_from_an_async_view_to_one_person(product: LiveHub, webs: list[str]) -> None:
    session, token = product.create_user("eve"), product.token("eve")
    cookie = {"Cookie": f"{settings.SESSION_COOKIE_NAME}={session}"}
    known = product.shell(
        "from hub.users import user_id; from tests.support.people import User\n"
        "print(user_id(User.objects.get(username='eve')))"
    )
    event = {"type": "notification", "message": "You asked for this"}
    async with (
        everybody(webs, f"user:{known}", "/ws/notifications/", token=token) as of_eve,
        connect(f"{webs[1]}/ws/notifications/") as guest,
        httpx.AsyncClient(headers=cookie) as browser,
    ):
        answer = await browser.get(f"{webs[0].replace('ws', 'http', 1)}/ping-me/")
        assert answer.status_code == 200, answer.text
        await of_eve.got(event, event)
        send(product, {"type": "notification", "message": "for all"}, channel="everyone")
        assert (await guest.receive_json())["message"] == "for all"


async def test_to_a_room_by_its_channel_and_by_the_name_of_the_tutorial(product: LiveHub, webs: list[str]) -> None:
    pk = product.shell("from chat.models import Room; print(Room.objects.get(name='Lobby').pk)")
    async with everybody(webs, f"room:{pk}", "/ws/chat/Lobby/") as in_the_room:
        for number, (channel, group) in enumerate([(f"room:{pk}", ""), ("", "chat_Lobby")]):
            event = {"type": "chat.message", "message": f"said {number}", "username": "robot"}
            send(product, event, channel, group)
            await in_the_room.got(event, {**event, "type": "message"})


async def test_a_renamed_rooms_old_name_reaches_it_no_more(product: LiveHub, webs: list[str]) -> None:
    channel = f"room:{create_room(product, 'Before')}"
    first, renamed = [{"type": "chat.message", "message": text} for text in ("at first", "to the new name")]
    async with everybody(webs, channel) as in_the_room:
        send(product, first, group="chat_Before")
        await in_the_room.got(first, {})
        product.shell(
            "from chat.models import Room; room = Room.objects.get(name='Before'); room.name = 'After'; room.save()"
        )
        with redis.Redis(unix_socket_path=str(product.folder / "redis.sock")) as client:

            def processes(alias: str) -> int:
                number: int = client.pubsub_numsub(f"{PREFIX}__group__{alias}")[0][1]
                return number

            await await_for(lambda: processes("chat_Before") == 0, that="the old group is left by both processes")
            await await_for(lambda: processes("chat_After") == len(webs), that="the new one is joined by both")
        send(product, renamed, group="chat_After")
        await in_the_room.got(renamed, {})


async def test_the_group_of_a_name_leaves_the_public_room_when_a_private_one_has_it(
    product: LiveHub, webs: list[str]
) -> None:
    channel = f"room:{create_room(product, 'Plans')}"
    for_all = {"type": "chat.message", "message": "for all"}
    async with everybody(webs, channel) as in_the_public_room:
        send(product, for_all, group="chat_Plans")
        await in_the_public_room.got(for_all, {})
        product.shell("from chat.models import Room; Room.objects.create(name='Plans', is_private=True)")
        with redis.Redis(unix_socket_path=str(product.folder / "redis.sock")) as client:
            alias = f"{PREFIX}__group__chat_Plans"
            await await_for(lambda: client.pubsub_numsub(alias)[0][1] == 0, that="both processes have left the group")


async def test_a_private_rooms_group_reaches_its_members_only(product: LiveHub, webs: list[str]) -> None:
    product.create_user("member")
    make = """
        from chat.models import Room
        from tests.support.people import User
        room = Room.objects.create(name="Vault", is_private=True)
        room.members.add(User.objects.get(username="member"))
        print(room.pk)
    """
    pk = product.shell(textwrap.dedent(make))
    event = {"type": "chat.message", "message": "secret"}
    async with (
        everybody(webs, f"room:{pk}", "/ws/chat/Vault/", token=product.token("member")) as members,
        everybody(webs, "everyone", "/ws/notifications/") as others,
    ):
        send(product, event, group="chat_Vault")
        await members.got(event, {"message": "secret"})
        known = {"type": "notification", "message": "for all"}
        send(product, known, channel="everyone")
        await others.got(known, known)
        assert all("secret" not in str(datas(inbox)) for inbox in others.inboxes)


async def test_to_a_topic_to_the_count_and_to_a_channel_of_ones_own(product: LiveHub, webs: list[str]) -> None:
    product.create_user("reader")
    follow = """
        from tests.support.people import User
        from notifications import following
        from notifications.models import Topic
        Topic.objects.get_or_create(name="deploys", defaults={"title": "Deploys"})
        following.follow(user=User.objects.get(username="reader"), name="deploys")
    """
    product.shell(textwrap.dedent(follow))
    event = {"type": "notification", "message": "deployed"}
    token = product.token("reader")
    async with everybody(webs, "topic:deploys", "/ws/notifications/", token=token) as readers:
        send(product, event, channel="topic:deploys")
        await readers.got(event, event)
    async with connect(f"{webs[0]}/ws/online/") as one, connect(f"{webs[1]}/ws/online/") as two:
        send(product, {"type": "online_count", "count": 4711}, group="online")
        for client in (one, two):
            await client.receive_until(lambda frame: frame == {"type": "online_count", "count": 4711})
    async with everybody(webs, "news:sport") as listeners:
        goal = {"type": "goal", "by": 9}
        send(product, goal, channel="news:sport")
        await listeners.got(goal, {})


async def test_what_was_sent_this_way_is_stored_nowhere(product: LiveHub, webs: list[str]) -> None:
    count = "from hub.models import Publication; print(Publication.objects.filter(channel='news:none').count())"
    send(product, {"type": "x"}, channel="news:none")
    assert product.shell(count) == "0"
    async with everybody(webs, "news:none") as listeners:
        for inbox in listeners.inboxes:
            assert datas(inbox) == []


async def test_a_thousand_calls_leave_no_connection_to_redis_behind(product: LiveHub) -> None:
    with redis.Redis(unix_socket_path=str(product.folder / "redis.sock")) as client:
        before = len(client.client_list())
        code = "for number in range(250): send(hub.group('everyone'), {'type': 'x', 'n': number})"
        given = "from asgiref.sync import async_to_sync; from channels.layers import get_channel_layer; import hub;"
        for _ in range(4):  # each within the time that a prompt has for its answer
            product.shell(f"{given} send = async_to_sync(get_channel_layer().group_send)\n{code}")
        await await_for(lambda: len(client.client_list()) <= before + 2, that="the connections are closed")
