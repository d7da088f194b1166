"""Writing: what a key sends and what it does not, what is too long, and what a refusal says."""

import re
import uuid

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Visitors
from tests.browser.page_parts import (
    alerts,
    message_box,
    messages,
    wait_until_in_room,
    wait_until_live,
    wait_until_loaded,
)
from tests.browser.proxies import WebSocketProxy
from tests.support.live import LiveHub

#: What browsers say of the Enter that ends a composition: Chromium and Firefox before its end, Safari after it.
COMPOSITIONS = {
    "chromium": ["start", "key", "end"],
    "safari": ["start", "end", "key"],
}

#: JavaScript: a word is composed in a box, and Enter takes it.
COMPOSE = """
(box, {word, steps}) => {
  const composing = {data: word, bubbles: true, composed: true};
  for (const step of steps) {
    if (step === "start") {
      box.dispatchEvent(new CompositionEvent("compositionstart", composing));
      box.value += word;
      box.dispatchEvent(new InputEvent("input", {...composing, isComposing: true}));
    } else if (step === "end") {
      box.dispatchEvent(new CompositionEvent("compositionend", composing));
    } else {
      const isComposing = steps.at(-1) === "end";
      const key = {key: "Enter", keyCode: 229, isComposing, bubbles: true, composed: true, cancelable: true};
      box.dispatchEvent(new KeyboardEvent("keydown", key));
    }
  }
}
"""


def open_box(page: Page, place: str) -> tuple[Locator, Locator]:
    """Go to where one writes; returns the box, and the entries that are there."""
    page.goto(place)
    if place == "/notifications/":
        wait_until_live(page)
        wait_until_loaded(page)
        return page.get_by_role("textbox", name="Message to everyone"), alerts(page)
    wait_until_in_room(page)
    return message_box(page), messages(page)


@pytest.mark.parametrize("steps", COMPOSITIONS.values(), ids=COMPOSITIONS)
@pytest.mark.parametrize("where", ["room", "broadcast"])
def test_enter_that_ends_a_composition_sends_nothing(
    visitor: Visitors, room: str, where: str, steps: list[str]
) -> None:
    ada = visitor("editor", staff=True)
    writes, entries = open_box(ada, room if where == "room" else "/notifications/")
    once = uuid.uuid4().hex
    writes.evaluate(COMPOSE, {"word": f"{once} 日本", "steps": steps})
    writes.evaluate(COMPOSE, {"word": "語", "steps": steps})
    expect(writes).to_have_value(f"{once} 日本語")
    expect(entries.filter(has_text=once)).to_have_count(0)
    writes.press("Enter")
    expect(entries.filter(has_text=f"{once} 日本語").first).to_be_visible()
    expect(writes).to_have_value("")


@pytest.mark.parametrize(
    ("language", "sentence"),
    [("en", "This message is 1,000 characters too long."), ("ru", "Сообщение длиннее, чем можно, на 1 000 символов.")],
)
@pytest.mark.parametrize("where", ["room", "broadcast"])
def test_text_that_is_too_long_stays_whole_with_an_error(
    visitor: Visitors, room: str, where: str, language: str, sentence: str
) -> None:
    ada = visitor("editor", staff=True, language=language)
    ada.goto(room if where == "room" else "/notifications/")
    writes = ada.locator("hub-chat textarea, [data-broadcast] textarea")
    writes.fill("x" * 5000)
    expect(writes).to_have_accessible_description(re.compile("^" + sentence.replace("1 000", "1\u00a0000")))
    writes.press("Enter")
    ada.get_by_role("main").get_by_role("button", name="Отправить" if language == "ru" else "Send").click()
    expect(writes).to_have_value("x" * 5000)
    expect(ada.get_by_text("xxx")).to_have_count(0)
    writes.fill("🎉" * 4000)  # 8,000 units of UTF-16
    expect(writes).not_to_have_attribute("aria-invalid", "true")
    writes.press("Enter")
    expect(writes).to_have_value("")
    expect(ada.get_by_text("🎉" * 4000).first).to_be_visible()


def put_a_room(page: Page, name: str) -> None:
    """Show the room in a page that is for everybody."""
    page.goto("/")
    page.evaluate(
        "name => document.querySelector('main').append(Object.assign(document.createElement('hub-chat'), {id: 'put'}))"
        " || document.querySelector('#put').setAttribute('room', name)",
        name,
    )


HIDE = "from chat.models import Room; Room.objects.filter(name=name).update(is_private=True)"


@pytest.mark.parametrize(("language", "sentence"), [("en", "There is no such room."), ("ru", "Такой комнаты нет.")])
@pytest.mark.parametrize("exists", [True, False])
def test_widget_says_that_there_is_no_such_room_to_who_may_not_be_in_it(
    visitor: Visitors, hub: LiveHub, room: str, exists: bool, language: str, sentence: str
) -> None:
    name = room.strip("/").removeprefix("chat/")
    hub.shell(HIDE, name=name)
    for page in (visitor("grace", language=language), visitor(language=language)):
        put_a_room(page, name if exists else "no-such-room")
        alert = page.locator("#put").get_by_role("alert").filter(has_text=sentence)
        expect(alert).to_have_text(sentence)
        expect(page.locator("#put").get_by_role("textbox")).to_have_count(0)


def refused_with(page: Page, method: str, code: int) -> None:
    """Have the page's calls of a method of the hub refused with an error of the protocol."""

    def refuse(frame: str) -> str:
        return frame.replace('"code":104,"message":"method not found"', f'"code":{code},"message":"for programs"')

    WebSocketProxy(page, to_hub=lambda frame: frame.replace(f'"{method}"', '"no.such_method"'), to_page=refuse)


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        (102, "There is nothing of this name here."),
        (103, "You are not allowed to do this."),
        (104, "This is not available here."),
        (109, "You are logged out. Log in and try again."),
        (111, "That was too fast. Wait a moment and try again."),
        (107, "This message was not sent."),
    ],
)
def test_message_that_is_refused_says_why_and_is_not_lost(
    visitor: Visitors, room: str, code: int, sentence: str
) -> None:
    ada = visitor("ada")
    refused_with(ada, "chat.post", code)
    writes, entries = open_box(ada, room)
    writes.fill("keep this")
    writes.press("Enter")
    expect(entries.filter(has_text="keep this").get_by_role("alert")).to_have_text(sentence)
    entries.filter(has_text="keep this").get_by_role("button", name="Back into the box").click()
    expect(writes).to_have_value("keep this")


@pytest.mark.parametrize(
    ("code", "sentence"),
    [(3500, "You are logged out. Log in and try again."), (3504, "Too many of your pages are open."), (3503, "ended")],
)
def test_room_in_a_page_whose_connection_is_over_says_why(
    visitor: Visitors, room: str, code: int, sentence: str
) -> None:
    ada = visitor("ada")
    proxy = WebSocketProxy(ada)
    writes, entries = open_box(ada, room)
    proxy.close(code)
    expect(ada.get_by_role("banner").get_by_text("Disconnected")).to_be_visible()
    writes.fill("after the end")
    writes.press("Enter")
    expect(entries.filter(has_text="after the end").get_by_role("alert")).to_contain_text(sentence)
