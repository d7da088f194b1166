"""The hub in front of a project's ASGI application: which paths are whose, and the lifespan of both."""

import asyncio
import itertools
import sys
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from channels.auth import AuthMiddlewareStack
from channels.routing import ChannelNameRouter, ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.conf.urls.i18n import i18n_patterns
from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from django.core.exceptions import ImproperlyConfigured
from django.core.handlers.asgi import ASGIHandler
from django.test import override_settings
from django.urls import include, path, set_script_prefix

import hub
from hub import lifespan
from hub.mounting import lifespans
from hub.mounting.project import url_prefixes
from hub.web import mounts
from hub.web.checks import asgi_application_is_mounted, cookies_reach_the_hub, urls_are_included

pytestmark = pytest.mark.any_database


_numbers = itertools.count()


@contextmanager
def project(patterns: list[Any], **settings: Any) -> Iterator[None]:
    module: Any = types.ModuleType(f"tests.hub.urls_{next(_numbers)}")  # Django remembers what it found in each
    module.urlpatterns = patterns
    sys.modules[module.__name__] = module
    try:
        with override_settings(ROOT_URLCONF=module.__name__, **settings):
            yield
    finally:
        del sys.modules[module.__name__]


def below(prefix: str) -> list[Any]:
    return [path(prefix, include("hub.urls"))]


class Theirs:
    """An application of the project, which notes what it gets."""

    def __init__(self) -> None:
        self.got: list[tuple[str, str]] = []

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        self.got.append((scope["path"], scope.get("root_path", "")))


def websocket(address: str, root: str = "") -> dict[str, Any]:
    return {
        "type": "websocket",
        "path": address,
        "root_path": root,
        "query_string": b"token=theirs",
        "headers": [(b"host", b"elsewhere.example")],
    }


async def is_theirs(application: Any, theirs: Theirs, scope: dict[str, Any]) -> bool:
    """Whether the project's own application gets the handshake; the hub's refuses one for another host."""
    before = len(theirs.got)
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    await application(scope, receive, send)
    return len(theirs.got) > before


async def test_project_keeps_its_websockets_where_the_hub_is_at_the_root() -> None:
    theirs = Theirs()
    with project(below("")):
        application = hub.mount(None, websocket=theirs)
        scope = websocket("/chat/of/the/project/")
        assert await is_theirs(application, theirs, scope)
        assert scope["query_string"] == b"token=theirs"  # untouched
        for address in ("/connection/websocket", "/ws/notifications/", "/ws/chat/hall"):
            assert not await is_theirs(application, theirs, websocket(address))


async def test_below_a_prefix_all_websockets_are_the_hubs() -> None:
    theirs = Theirs()
    with project(below("app/hub/")):
        application = hub.mount(None, websocket=theirs)
        assert not await is_theirs(application, theirs, websocket("/app/hub/ws/nowhere/"))
        assert await is_theirs(application, theirs, websocket("/app/hubs/ws/notifications/"))
        assert await is_theirs(application, theirs, websocket("/hub/ws/notifications/"))


async def test_router_of_all_protocols_keeps_its_websockets() -> None:
    theirs = Theirs()
    with project(below("hub/")):
        application = hub.mount(ProtocolTypeRouter({"http": None, "websocket": theirs}))
        assert await is_theirs(application, theirs, websocket("/support/"))
        assert not await is_theirs(application, theirs, websocket("/hub/ws/notifications/"))


async def test_router_of_all_protocols_keeps_what_its_worker_gets() -> None:
    got: list[dict[str, Any]] = []

    async def thumbnails(scope: dict[str, Any], receive: Any, send: Any) -> None:
        got.append(scope)

    with project(below("hub/")):
        router = ProtocolTypeRouter({"http": None, "channel": ChannelNameRouter({"thumbnails": thumbnails})})
        await hub.mount(router)({"type": "channel", "channel": "thumbnails"}, None, None)
    assert [scope["channel"] for scope in got] == ["thumbnails"]


async def _own(scope: Any, receive: Any, send: Any) -> None:
    """What the project passes on, nobody knows."""


def _routes(applications: dict[str, Any]) -> list[Any]:
    return [path(address, application) for address, application in applications.items()]


@pytest.mark.parametrize(
    ("around", "is_said"),
    [
        (lambda made: {"http": made, "websocket": made}, False),  # without a lifespan parts start when they are used
        (lambda made: {"http": made, "websocket": AllowedHostsOriginValidator(AuthMiddlewareStack(made))}, False),
        (lambda made: {"http": ASGIStaticFilesHandler(made), "websocket": _own}, False),
        (lambda made: {"http": made, "websocket": URLRouter(_routes({"ws/": _own, "hub/": made}))}, False),
        (lambda made: {"http": made}, True),
        (lambda made: {"http": made, "websocket": AuthMiddlewareStack(URLRouter([]))}, True),
        (lambda made: {"http": ASGIHandler(), "websocket": made}, True),
    ],
)
def test_router_around_the_hub_is_named_only_where_it_keeps_something(
    around: Callable[[Any], dict[str, Any]], is_said: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mounts, "_applications", [])
    with project(below("hub/")):
        outer = types.SimpleNamespace(application=ProtocolTypeRouter(around(hub.mount(None))))
    monkeypatch.setitem(sys.modules, "tests.hub.outer", outer)
    monkeypatch.setattr("hub.web.checks.is_own_project", lambda: False)
    with override_settings(ASGI_APPLICATION="tests.hub.outer.application"):
        assert [one.id for one in asgi_application_is_mounted(None)] == ["hub.W058"] * is_said


async def test_each_language_has_its_address() -> None:
    theirs = Theirs()
    patterns = i18n_patterns(*below("hub/"), prefix_default_language=False)
    with project(patterns, LANGUAGES=[("en", "English"), ("ru", "Russian")]):
        assert url_prefixes() == ("/hub/", "/ru/hub/")
        application = hub.mount(None, websocket=theirs)
        for address in ("/hub/connection/websocket", "/ru/hub/connection/websocket"):
            assert not await is_theirs(application, theirs, websocket(address))
        assert await is_theirs(application, theirs, websocket("/de/hub/connection/websocket"))


@pytest.mark.parametrize(
    ("forced", "address", "root"),
    [
        ("/shop", "/hub/connection/websocket", ""),  # the proxy takes the script name off
        ("/shop", "/shop/hub/connection/websocket", ""),  # or leaves it
        (None, "/shop/hub/connection/websocket", "/shop"),  # or the server is told it
    ],
)
async def test_script_name_may_be_in_the_path_or_not(forced: str | None, address: str, root: str) -> None:
    theirs = Theirs()
    set_script_prefix(f"{forced or ''}/")
    try:
        with project(below("hub/"), FORCE_SCRIPT_NAME=forced):
            application = hub.mount(None, websocket=theirs)
            assert not await is_theirs(application, theirs, websocket(address, root))
            assert await is_theirs(application, theirs, websocket(address.replace("hub", "echo"), root))
    finally:
        set_script_prefix("/")
    assert theirs.got == [(address.replace("hub", "echo"), root)]


def test_project_without_the_hubs_urls_is_refused() -> None:
    with project([]), pytest.raises(ImproperlyConfigured, match=r"do not include the hub's: add path\('hub/'"):
        hub.mount(None)


def test_check_says_that_the_urls_are_not_included() -> None:
    with project([]):
        assert [message.id for message in urls_are_included(None)] == ["hub.E045"]
    with project(below("hub/")):
        assert urls_are_included(None) == []


@pytest.mark.parametrize(("in_sessions", "said"), [(False, ["CSRF_COOKIE_PATH is '/shop/'"]), (True, [])])
def test_cookie_that_the_project_does_not_have_needs_no_path(in_sessions: bool, said: list[str]) -> None:
    with project(below("hub/"), CSRF_COOKIE_PATH="/shop/", CSRF_USE_SESSIONS=in_sessions):
        assert [one.msg.partition(",")[0] for one in cookies_reach_the_hub(None)] == said


def test_check_says_that_each_language_has_its_address() -> None:
    languages = [("en", "English"), ("ru", "Russian")]
    with project(i18n_patterns(*below("hub/")), LANGUAGES=languages):
        assert [message.id for message in urls_are_included(None)] == ["hub.W042"]
    with project([*below("hub/"), *i18n_patterns(path("", include([])))], LANGUAGES=languages):
        assert urls_are_included(None) == []


# --- lifespan -----------------------------------------------------------------------------------------------------


class Server:
    """What a server does with a lifespan."""

    def __init__(self, application: Any) -> None:
        self.state: dict[str, Any] = {}
        self._events: asyncio.Queue[Any] = asyncio.Queue()
        self._answers: asyncio.Queue[Any] = asyncio.Queue()
        scope = {"type": "lifespan", "state": self.state}
        self._run = asyncio.ensure_future(application(scope, self._events.get, self._answers.put))

    async def ask(self, event: str) -> dict[str, Any]:
        self._events.put_nowait({"type": event})
        found: dict[str, Any] = await asyncio.wait_for(self._answers.get(), 20)
        return found

    async def ended(self) -> None:
        await asyncio.wait_for(self._run, 20)


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What starts and ends, in order."""
    done: list[str] = []

    async def stop() -> None:
        done.append("hub stops")

    monkeypatch.setattr(lifespan, "start", lambda: done.append("hub starts"))
    monkeypatch.setattr(lifespan, "stop", stop)
    return done


async def test_lifespan_of_the_project_is_around_that_of_the_hub(steps: list[str]) -> None:
    async def theirs(scope: Any, receive: Any, send: Any) -> None:
        assert (await receive())["type"] == "lifespan.startup"
        scope["state"]["pool"] = "open"
        steps.append("project starts")
        await send({"type": "lifespan.startup.complete"})
        assert (await receive())["type"] == "lifespan.shutdown"
        steps.append("project stops")
        await send({"type": "lifespan.shutdown.complete"})

    server = Server(lifespans.joined(theirs))
    assert await server.ask("lifespan.startup") == {"type": "lifespan.startup.complete"}
    assert server.state == {"pool": "open"}
    assert await server.ask("lifespan.shutdown") == {"type": "lifespan.shutdown.complete"}
    await server.ended()
    assert steps == ["project starts", "hub starts", "hub stops", "project stops"]


async def test_application_without_a_lifespan_is_left_alone(steps: list[str]) -> None:
    async def djangos(scope: Any, receive: Any, send: Any) -> None:
        raise ValueError("Django can only handle ASGI/HTTP connections, not lifespan.")

    server = Server(lifespans.joined(djangos))
    assert await server.ask("lifespan.startup") == {"type": "lifespan.startup.complete"}
    assert await server.ask("lifespan.shutdown") == {"type": "lifespan.shutdown.complete"}
    await server.ended()
    assert steps == ["hub starts", "hub stops"]


async def test_project_that_cannot_start_says_so_to_the_server(steps: list[str]) -> None:
    failed = {"type": "lifespan.startup.failed", "message": "no database"}

    async def theirs(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send(failed)

    server = Server(lifespans.joined(theirs))
    assert await server.ask("lifespan.startup") == failed
    await server.ended()
    assert steps == []
