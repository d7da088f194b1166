"""A room seen by several people."""

import re

import pytest
from playwright.sync_api import WebSocketRoute, expect

from tests.browser.conftest import Visitors
from tests.browser.looking import box, dialogs_of, is_live, messages, say
from tests.support.live import LiveHub

GUEST_ERROR = {
    "en": ("Only signed-in users can write messages", "Log in"),
    "ru": ("Только авторизованные пользователи могут писать сообщения", "Войти"),
}


def test_two_people_chat(visitor: Visitors, room: str) -> None:
    ada, grace = visitor("ada"), visitor("grace")
    ada.goto(room)
    is_live(ada)
    grace.goto(room)
    expect(messages(ada).last).to_have_text("grace joined the room")
    say(ada, "Hello, Grace!")
    expect(messages(grace).last).to_contain_text("Hello, Grace!")
    expect(messages(grace).last).to_contain_text("ada")
    say(grace, "Hello back.\nAll well?")
    expect(messages(ada).last).to_contain_text("All well?")
    expect(box(ada)).to_have_value("")
    grace.close()
    expect(messages(ada).last).to_have_text("grace left the room")
    ada.reload()
    expect(messages(ada).filter(has_text="Hello, Grace!")).to_have_count(1)
    expect(messages(ada).filter(has_text="All well?")).to_have_count(1)


@pytest.mark.parametrize("language", ["en", "ru"])
def test_guest_who_writes_is_told_to_log_in(visitor: Visitors, room: str, language: str) -> None:
    guest = visitor(language=language)
    guest.goto(room)
    expect(guest.locator("[data-status]")).to_have_attribute("data-status", "open")
    error, log_in = GUEST_ERROR[language]
    say(guest, "may I?")
    expect(guest.get_by_role("alert").filter(has_text=error)).to_be_visible()
    expect(box(guest)).to_have_value("may I?")
    expect(box(guest)).to_have_attribute("aria-invalid", "true")
    guest.get_by_role("main").get_by_role("link", name=log_in).click()
    expect(guest).to_have_url(re.compile(f"/accounts/login/\\?next={re.escape(room)}"))


def test_guest_reads_along(visitor: Visitors, room: str) -> None:
    ada, guest = visitor("ada"), visitor()
    guest.goto(room)
    ada.goto(room)
    is_live(guest)
    is_live(ada)
    say(ada, "for all to read")
    expect(messages(guest).last).to_contain_text("for all to read")


def test_script_in_a_message_stays_text(visitor: Visitors, room: str) -> None:
    ada, grace = visitor("ada"), visitor("grace")
    dialogs = [dialogs_of(page) for page in (ada, grace)]
    for page in (ada, grace):
        page.goto(room)
        is_live(page)
    payload = "<script>alert('caught')</script><img src=x onerror=alert(1)>"
    say(ada, payload)
    for page in (ada, grace):
        expect(messages(page).last).to_contain_text(payload)
    grace.reload()
    expect(messages(grace).filter(has_text=payload)).to_have_count(1)
    assert grace.locator("li img, li script").count() == 0
    assert dialogs == [[], []]


def test_room_is_opened_from_the_list_with_a_name_of_any_script(visitor: Visitors, hub: LiveHub) -> None:
    ada = visitor("ada")
    ada.goto("/chat/")
    ada.get_by_role("textbox", name="Room name").fill("поддержка-24")
    ada.get_by_role("button", name="Create room").click()
    expect(ada.get_by_role("heading", name="поддержка-24")).to_be_visible()
    is_live(ada)
    say(ada, "есть кто?")
    expect(messages(ada).last).to_contain_text("есть кто?")
    ada.get_by_role("link", name="All rooms").click()
    expect(ada.get_by_role("link", name=re.compile("поддержка-24 Last message"))).to_be_visible()


def test_name_that_is_taken_is_told_at_the_field(visitor: Visitors, room: str) -> None:
    ada = visitor("ada")
    ada.goto("/chat/")
    field = ada.get_by_role("textbox", name="Room name")
    field.fill(room.strip("/").removeprefix("chat/"))
    field.press("Enter")
    expect(field).to_have_accessible_description(re.compile("There is a room of this name already"))
    visitor.complaints.clear()  # the browser notes the answer's status, 422


def test_guest_is_not_offered_to_open_a_room(visitor: Visitors) -> None:
    guest = visitor()
    guest.goto("/chat/")
    expect(guest.get_by_role("button", name="Create room")).to_have_count(0)
    expect(guest.get_by_role("main").get_by_role("link", name="Log in")).to_be_visible()


def test_messages_missed_while_the_server_was_away_arrive_once_and_in_order(visitor: Visitors, room: str) -> None:
    ada, grace = visitor("ada"), visitor("grace")
    sockets: list[WebSocketRoute] = []

    def through(socket: WebSocketRoute) -> None:
        sockets.append(socket)
        socket.connect_to_server()

    grace.route_web_socket(re.compile("/ws/chat/"), through)
    for page in (ada, grace):
        page.goto(room)
        is_live(page)
    say(ada, "before")
    expect(messages(grace).last).to_contain_text("before")
    grace.context.set_offline(True)
    sockets[-1].close(code=1012, reason="service restart")
    expect(grace.get_by_text("Reconnecting…")).to_be_visible()
    for text in ("missed one", "missed two"):
        say(ada, text)
        expect(messages(ada).last).to_contain_text(text)
    grace.context.set_offline(False)
    expect(messages(grace).filter(has_text="missed two")).to_be_visible()
    is_live(grace)
    said = [text for text in messages(grace).all_inner_texts() if "room" not in text]
    assert [text for text in said if "missed" in text or "before" in text] == said
    assert ["before" in said[0], "missed one" in said[1], "missed two" in said[2], len(said)] == [True, True, True, 3]
    visitor.complaints.clear()  # the browser notes every attempt that failed


def test_message_written_without_a_connection_stays_in_the_box(visitor: Visitors, room: str) -> None:
    ada = visitor("ada")
    back = False

    def first_away(socket: WebSocketRoute) -> None:
        if back:
            socket.connect_to_server()
        else:
            socket.close(code=1013)

    ada.route_web_socket(re.compile("/ws/chat/"), first_away)
    ada.goto(room)
    expect(ada.get_by_text("Reconnecting…")).to_be_visible()
    say(ada, "can you hear me?")
    alert = ada.get_by_role("alert").filter(has_text="Your message was not sent")
    expect(alert).to_be_visible()
    expect(box(ada)).to_have_value("can you hear me?")
    back = True
    expect(alert).to_have_count(0)
    box(ada).press("Enter")
    expect(messages(ada).last).to_contain_text("can you hear me?")


def test_message_that_was_not_confirmed_comes_back_to_its_writer(visitor: Visitors, room: str) -> None:
    ada = visitor("ada")
    ada.route_web_socket(re.compile("/ws/chat/"), lambda socket: socket.on_message(lambda _: socket.close(code=1012)))
    ada.goto(room)
    is_live(ada)
    say(ada, "did it arrive?")
    expect(ada.get_by_role("alert").filter(has_text="before your message was confirmed")).to_be_visible()
    expect(box(ada)).to_have_value("did it arrive?")


def test_reader_of_older_messages_is_not_pulled_to_the_end(visitor: Visitors, room: str) -> None:
    ada, grace = visitor("ada"), visitor("grace")
    for page in (ada, grace):
        page.goto(room)
        is_live(page)
    say(ada, "\n".join(f"line {number}" for number in range(80)))
    expect(messages(grace).last).to_contain_text("line 79")
    conversation = grace.get_by_role("region", name="Conversation")
    expect(messages(grace).last).to_be_in_viewport(ratio=0.1)
    conversation.evaluate("element => element.scrollTo(0, 0)")
    say(ada, "the newest")
    button = grace.get_by_role("button", name="New messages")
    expect(button).to_be_visible()
    assert conversation.evaluate("element => element.scrollTop") == 0
    button.click()
    expect(messages(grace).filter(has_text="the newest")).to_be_in_viewport()
    expect(button).to_be_hidden()


def test_error_does_not_announce_new_messages_to_a_reader_of_older_ones(visitor: Visitors, room: str) -> None:
    ada, guest = visitor("ada"), visitor()
    for page in (ada, guest):
        page.goto(room)
        is_live(page)
    say(ada, "\n".join(f"line {number}" for number in range(80)))
    expect(messages(guest).last).to_contain_text("line 79")
    guest.get_by_role("region", name="Conversation").evaluate("element => element.scrollTo(0, 0)")
    guest.evaluate("new Promise(resolve => requestAnimationFrame(() => requestAnimationFrame(resolve)))")
    say(guest, "may I?")
    expect(guest.get_by_role("alert").filter(has_text=GUEST_ERROR["en"][0])).to_be_visible()
    expect(guest.get_by_role("button", name="New messages")).to_be_hidden()
