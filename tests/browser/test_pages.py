"""Every page: clean consoles, both languages, small screens, the keyboard alone."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from lab.harness.environment import BASE_DIR
from tests.browser.conftest import Visitors
from tests.browser.page_parts import EVERY_ROOT, bell, messages, send_message, wait_until_in_room
from tests.support.live import LiveHub

PASSWORD = "correct horse battery"
_READ = ["/", "/notifications/", "/topics/", "/chat/", "/online/"]
PUBLIC = [*_READ, *(f"/accounts/{page}/" for page in ("login", "signup", "password_reset"))]
PERSONAL = [*_READ, "/jobs/", "/accounts/tokens/", "/accounts/password/", "/accounts/mail/"]

UNNAMED = f"""
() => ({EVERY_ROOT})("a[href], button, input:not([type=hidden]), textarea, summary")
  .filter((element) => element.checkVisibility())
  .filter((element) => !(element.ariaLabel || element.innerText || element.labels?.length))
  .map((element) => element.outerHTML)
"""
SMALL = f"""
() => ({EVERY_ROOT})("button, .button, input:not([type=hidden]), textarea, summary, nav a")
  .filter((element) => element.checkVisibility() && element.getBoundingClientRect().height < 43.5)
  .map((element) => element.outerHTML)
"""

AXE = """
async () => {
  const { violations } = await axe.run(document, { resultTypes: ["violations"] });
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => [id, nodes.map(({ html }) => html)]);
}
"""


def is_sound(page: Page, language: str) -> None:
    assert page.locator("html").get_attribute("lang") == language
    assert page.get_by_role("heading", level=1).count() == 1
    assert page.get_by_role("main").count() == 1
    assert page.evaluate(UNNAMED) == []
    assert page.evaluate(SMALL) == []
    for width in (360, 1100):
        page.set_viewport_size({"width": width, "height": 760})
        assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{page.url} is wider than {width} px"


def shows_its_state(page: Page, language: str) -> None:
    """The header says that the page is live and how many people are online."""
    state, online = {"en": ("Live", "(person|people) online"), "ru": ("На связи", "человека? в сети")}[language]
    expect(page.get_by_role("banner").get_by_text(state, exact=True)).to_be_visible()
    expect(page.get_by_role("banner").get_by_text(re.compile(rf"^\s*\d+ {online}\s*$"))).to_be_visible()


def faults(page: Page) -> list[Any]:
    """What axe finds on the page that keeps people from using it, or makes it hard."""
    page.evaluate((BASE_DIR / "node_modules/axe-core/axe.min.js").read_text())
    found: list[Any] = page.evaluate(AXE)
    return found


@pytest.mark.parametrize("language", ["en", "ru"])
def test_pages_of_a_guest_are_sound(visitor: Visitors, room: str, language: str) -> None:
    page = visitor(language=language)
    for path in [*PUBLIC, room]:
        page.goto(path)
        shows_its_state(page, language)
        is_sound(page, language)


@pytest.mark.parametrize("language", ["en", "ru"])
def test_pages_of_staff_are_sound(visitor: Visitors, room: str, language: str) -> None:
    page = visitor("chief", staff=True, language=language)
    for path in [*PERSONAL, room]:
        page.goto(path)
        shows_its_state(page, language)
        is_sound(page, language)


@pytest.mark.parametrize(("language", "heading"), [("en", "Page not found"), ("ru", "Страница не найдена")])
def test_missing_page_says_so_in_the_language_of_the_visitor(visitor: Visitors, language: str, heading: str) -> None:
    visitor.expect_in_console("a status of 404")
    page = visitor(language=language)
    answer = page.goto("/nowhere/")
    assert answer is not None and answer.status == 404
    expect(page.get_by_role("heading", name=heading)).to_be_visible()
    is_sound(page, language)


def test_browser_refuses_inline_script(visitor: Visitors) -> None:
    visitor.expect_in_console("Content Security Policy")
    page = visitor()
    page.goto("/")
    with page.expect_console_message(lambda said: "Content Security Policy" in said.text):
        page.evaluate(
            "document.body.append(Object.assign(document.createElement('script'), {textContent: 'window.ran = 1'}))"
        )
    assert page.evaluate("window.ran") is None


def test_language_is_switched_and_kept(visitor: Visitors) -> None:
    page = visitor()
    page.goto("/chat/")
    page.get_by_role("button", name="Русский").click()
    expect(page.get_by_role("heading", name="Комнаты чата")).to_be_visible()
    expect(page).to_have_url(re.compile(r"/chat/$"))
    page.goto("/online/")
    expect(page.get_by_role("heading", name="В сети")).to_be_visible()
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("heading", name="People online")).to_be_visible()


def test_sign_up_log_out_and_log_in_with_the_keyboard_alone(visitor: Visitors, hub: LiveHub) -> None:
    page = visitor()
    keyboard = page.keyboard
    page.goto("/accounts/signup/")
    expect(page.get_by_role("textbox", name="Username")).to_be_focused()
    keyboard.type("keyboard-person")
    keyboard.press("Tab")
    keyboard.type("keyboard@example.com")
    for _ in range(2):
        keyboard.press("Tab")
        keyboard.type(PASSWORD)
    keyboard.press("Enter")
    expect(page.get_by_text("You are logged in as keyboard-person.")).to_be_visible()
    menu = page.get_by_label("Account of keyboard-person")
    menu.focus()
    keyboard.press("Enter")
    expect(page.get_by_role("button", name="Log out")).to_be_visible()
    keyboard.press("Escape")
    expect(page.get_by_role("button", name="Log out")).to_be_hidden()
    expect(menu).to_be_focused()
    keyboard.press("Enter")
    page.get_by_role("button", name="Log out").press("Enter")
    expect(page.get_by_text("You are a guest")).to_be_visible()
    page.goto("/accounts/login/?next=/online/")
    expect(page.get_by_role("textbox", name="Username")).to_be_focused()
    keyboard.type("keyboard-person")
    keyboard.press("Tab")
    keyboard.type("wrong password")
    keyboard.press("Enter")
    expect(page.get_by_role("alert").filter(has_text="correct username and password")).to_be_visible()
    page.get_by_role("textbox", name="Password").press("Control+A")
    keyboard.type(PASSWORD)
    keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/online/$"))


def test_first_tab_stop_leads_past_the_navigation(visitor: Visitors) -> None:
    page = visitor()
    page.goto("/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    expect(page.get_by_role("link", name="Skip to content")).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()


def test_new_token_is_shown_once_and_revoked(visitor: Visitors, hub: LiveHub) -> None:
    page = visitor("tokenist")
    page.goto("/accounts/tokens/")
    page.get_by_role("textbox", name="Name").fill("build server")
    page.get_by_role("button", name="Create token").click()
    token = page.get_by_role("textbox", name="Your new token").input_value()
    whose = "from hub.accounts.tokens import user_for; print(user_for(token))"
    assert hub.shell(whose, token=token) == "tokenist"
    page.goto("/accounts/tokens/")
    expect(page.get_by_role("textbox", name="Your new token")).to_have_count(0)
    page.get_by_role("button", name=re.compile("Revoke hub_.* build server")).click()
    expect(page.get_by_text("The token is revoked.")).to_be_visible()
    assert hub.shell(whose, token=token) == "None"


# Each language and each theme: neither changes what axe says of the other.
@pytest.mark.parametrize(("language", "dark"), [("en", False), ("ru", True)], ids=["light", "russian-dark"])
def test_axe_finds_no_serious_fault_on_any_page(
    visitor: Visitors, room: str, notify: Callable[..., None], language: str, dark: bool
) -> None:
    guest, chief = visitor(language=language, dark=dark), visitor("chief", staff=True, language=language, dark=dark)
    for path in [*PUBLIC, room]:
        guest.goto(path)
        shows_its_state(guest, language)
        assert faults(guest) == [], path
    for level in ("info", "success", "warning", "error", "debug"):
        notify(f"an alert of the level {level}", level=level, title="Title", url="/chat/")
    for path in PERSONAL:
        chief.goto(path)
        shows_its_state(chief, language)
        if path == "/notifications/":
            expect(chief.locator("hub-inbox li")).not_to_have_count(0)
        assert faults(chief) == [], path
    chief.goto("/")
    shows_its_state(chief, language)
    bell(chief).click()
    expect(chief.locator("hub-bell li")).not_to_have_count(0)
    notify("one that shows for a while", url="/chat/")
    expect(chief.locator("hub-toasts li")).to_have_count(1)
    assert faults(chief) == [], "bell and toast"
    chief.keyboard.press("Escape")
    chief.locator("summary").click()
    assert faults(chief) == [], "the menu of the account"


def test_axe_finds_no_serious_fault_on_the_page_of_the_api(visitor: Visitors) -> None:
    visitor.expect_in_console("a status of 401")  # of the request without a key
    page = visitor()
    page.goto("/api/docs")
    method = page.locator("[id^=operations-][id$=-publish]")
    method.get_by_role("button", name="post").first.click()
    expect(method.get_by_role("button", name="Try it out")).to_be_visible()
    assert faults(page) == []
    method.get_by_role("button", name="Try it out").click()
    expect(method.get_by_role("textbox", name="Request body")).to_be_visible()
    assert faults(page) == [], "to be tried"
    method.get_by_role("button", name="Execute").click()
    expect(method.get_by_role("button", name="Copy")).to_have_count(3)
    expect(method.get_by_role("button", name="Download")).to_be_visible()
    assert faults(page) == [], "tried"


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_no_serious_fault_where_there_is_no_page(visitor: Visitors, dark: bool) -> None:
    visitor.expect_in_console("a status of 404")
    page = visitor(dark=dark)
    page.goto("/nowhere/")
    assert faults(page) == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_no_serious_fault_in_a_conversation(visitor: Visitors, room: str, dark: bool) -> None:
    ada, grace = visitor("ada", dark=dark), visitor("grace", dark=dark)
    for page in (ada, grace):
        page.goto(room)
        wait_until_in_room(page)
    send_message(ada, "hello")
    send_message(grace, "hello back")
    expect(messages(ada).filter(has_text="hello back")).to_have_count(1)
    grace.get_by_role("textbox").press_sequentially("and so on, and on", delay=200)
    expect(ada.get_by_text("grace is typing")).to_be_visible()
    assert faults(ada) == []
