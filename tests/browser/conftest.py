"""Fixtures: a real browser, and people who use a running hub with it."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from lab.harness.environment import SESSION_COOKIE
from tests.browser.proxies import TcpProxy
from tests.support.chromium import ARGUMENTS, find_chromium
from tests.support.live import LiveHub

#: Milliseconds to wait for something to appear. What takes longest is a click on a method of the API's page: Swagger
#: UI reads the whole document for it, which keeps the page busy for 2.5 s where nothing else runs.
TIMEOUT = 30_000

#: Chromium logs this if a tab is closed at the moment in which it takes over the connection of its browser.
CLOSED_TOO_EARLY = "WebSocket is closed before the connection is established"

#: A Chromium with windows asks each host for this, and notes that it is not there; pages of others name no icon.
ASKED_BY_ITSELF = "/favicon.ico"

#: Chromium logs one of these for each attempt to reach a hub that is out of reach.
OUT_OF_REACH = re.compile(r"net::ERR_|WebSocket connection to '[^']*' failed: ")


#: JavaScript: what goes by itself after some seconds, a toast and the offer to undo, stays: a busy machine may look
#: for it later. Where a test has a clock of its own (``page.clock``), that counts.
STAYS = r"""{
    const later = window.setTimeout;
    window.setTimeout = (then, wait, ...others) =>
        later(then, /\/(toasts|undo-bar)\b/.test(new Error().stack) ? 600_000 : wait, ...others);
}"""

#: The one file whose pages are seen on every database. What pages ask of the database is asked on each of them by the
#: tests of the apps and by tests/live; what all other tests add is what the browser does.
ON_EVERY_DATABASE = "test_alerts.py"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/browser/" in item.path.as_posix():
            item.add_marker(pytest.mark.browser)
            if item.path.name != ON_EVERY_DATABASE:
                item.add_marker(pytest.mark.any_database)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One browser for all tests; each visitor has a context of their own."""
    program = find_chromium()
    assert program, "There is no Chromium (`make test` installs it)"
    expect.set_options(timeout=TIMEOUT)
    with sync_playwright() as playwright:
        # Chromium takes a page with a rewritten response for one from the Internet, which may not call this machine.
        arguments = [*ARGUMENTS, "--disable-features=LocalNetworkAccessChecks"]
        browser = playwright.chromium.launch(executable_path=program, args=arguments)
        yield browser
        browser.close()


class Visitors:
    """Opens browsers for people. Errors and warnings in their consoles fail the test, unless it expects them."""

    def __init__(self, chromium: Browser, hub: LiveHub) -> None:
        self._chromium = chromium
        self._hub = hub
        self.errors: list[str] = []
        #: Whether the test takes the hub out of their reach. That an attempt failed is no error then, whenever the
        #: browser says so.
        self.are_cut_off = False
        self._expected: tuple[str, ...] = ()

    def __call__(
        self,
        name: str | None = None,
        *,
        language: str = "en",
        staff: bool = False,
        dark: bool = False,
        port: int | None = None,
    ) -> Page:
        """Open an empty page for ``name``, logged in, or for a guest. ``port`` is a proxy of the hub."""
        url = self._hub.url if port is None else f"http://127.0.0.1:{port}"
        context = self._chromium.new_context(
            base_url=url,
            locale=language,
            viewport={"width": 1100, "height": 760},
            reduced_motion="reduce",
            color_scheme="dark" if dark else "light",
        )
        context.set_default_timeout(TIMEOUT)
        context.add_init_script(STAYS)
        context.on("console", self._listen)
        context.on("weberror", lambda error: self.errors.append(str(error.error)))
        if name is not None:
            cookie = self._hub.create_user(name, staff=staff)
            context.add_cookies([{"name": SESSION_COOKIE, "value": cookie, "url": url}])
        return context.new_page()

    def expect_in_console(self, *parts: str) -> None:
        """What has one of these texts in it is no error, whenever the browser says it.

        The note of an answer's status may come after what the answer shows.
        """
        self._expected += parts

    @property
    def unexpected(self) -> list[str]:
        """What no test may cause."""
        errors = [error for error in self.errors if not any(part in error for part in self._expected)]
        return [error for error in errors if not (self.are_cut_off and OUT_OF_REACH.search(error))]

    def close(self) -> None:
        for context in self._chromium.contexts:
            context.close()

    def _listen(self, message: ConsoleMessage) -> None:
        if message.location["url"].endswith(ASKED_BY_ITSELF):
            return
        if message.type in {"error", "warning"} and CLOSED_TOO_EARLY not in message.text:
            self.errors.append(f"{message.text} ({message.location['url']})")


@pytest.fixture
def visitor(chromium: Browser, hub: LiveHub) -> Iterator[Visitors]:
    """Opens pages: ``visitor("ada")`` for a logged-in person, ``visitor()`` for a guest."""
    visitors = Visitors(chromium, hub)
    yield visitors
    # Read before the contexts close: a tab may be closed while it takes over a connection.
    errors = visitors.unexpected
    visitors.close()
    assert not errors


@pytest.fixture
def network(hub: LiveHub, visitor: Visitors) -> Iterator[TcpProxy]:
    """A network to the hub that a test cuts: ``visitor("ada", port=network.port)``."""
    visitor.are_cut_off = True
    network = TcpProxy(hub.port)
    yield network
    network.close()


@pytest.fixture
def notify(hub: LiveHub) -> Callable[..., None]:
    """Sends an alert from the backend: ``notify("text", to="user:ada", level="warning")``."""

    def send(message: str, to: str = "everyone", **fields: str) -> None:
        hub.shell(
            "from notifications import notify; notify(to=to, message=message, **fields)",
            to=to,
            message=message,
            fields=fields,
        )

    return send


@pytest.fixture
def room(hub: LiveHub, request: pytest.FixtureRequest) -> str:
    """The path of a new room."""
    name = f"room-{abs(hash(request.node.nodeid))}"
    hub.create_user("housekeeper")
    return hub.shell(
        "from chat.actions import create_room\n"
        "from tests.support.people import User\n"
        "print(create_room(name=name, creator=User.objects.get(username='housekeeper')).get_absolute_url())",
        name=name,
    )
