"""A room seen by several people."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visitors
from tests.browser.page_parts import (
    dialogs_of,
    message_box,
    messages,
    send_message,
    wait_until_in_room,
    wait_until_live,
)
from tests.browser.proxies import TcpProxy, WebSocketProxy
from tests.support.live import LiveHub

LOCKED = {
    "en": ("Only signed-in users can write messages", "Log in"),
    "ru": ("Только авторизованные пользователи могут писать сообщения", "Войти"),
}


def test_two_people_chat(visitor: Visitors, room: str) -> None:
    ada, grace = visitor("ada"), visitor("grace")
    ada.goto(room)
    wait_until_in_room(ada)
    grace.goto(room)
    expect(messages(ada).last).to_have_text("grace joined the room")
    send_message(ada, "Hello, Grace!")
    expect(messages(grace).last).to_contain_text("Hello, Grace!")
    expect(messages(grace).last).to_contain_text("ada")
    send_message(grace, "Hello back.\nAll well?")
    expect(messages(ada).last).to_contain_text("All well?")
    expect(message_box(ada)).to_have_value("")
    grace.close()
    expect(messages(ada).last).to_have_text("grace left the room")
    ada.reload()
    expect(messages(ada).filter(has_text="Hello, Grace!")).to_have_count(1)
    expect(messages(ada).filter(has_text="All well?")).to_have_count(1)


@pytest.mark.own_user_model
def test_people_of_one_name_are_told_apart(visitor: Visitors, room: str, hub: LiveHub) -> None:
    names = ("namesake-one", "namesake-two")
    pages = [visitor(name) for name in names]
    ids = hub.shell(
        "from tests.support.people import User\n"
        "User.objects.filter(username__in=names).update(name='Alex')\n"
        "print(*[User.objects.get(username=name).pk for name in names])",
        names=names,
    ).split()
    for page in pages:
        page.goto(room)
        wait_until_in_room(page)
    one, other = pages
    send_message(one, "Hello")
    send_message(other, "Hello back")
    for page, mine, theirs, their_id in ((one, "Hello", "Hello back", ids[1]), (other, "Hello back", "Hello", ids[0])):
        expect(messages(page).filter(has_text="Hello back")).to_have_count(1)
        expect(page.locator("li.message.mine .message-text")).to_have_text([mine])
        expect(page.locator("li.message:not(.mine) .message-text")).to_have_text([theirs])
        author = page.locator("li.message:not(.mine) .author")
        expect(author).to_have_text(f"Alex #{their_id[-4:]}")
        expect(author).to_have_attribute("title", their_id)


@pytest.mark.parametrize("language", ["en", "ru"])
def test_guest_is_told_to_log_in_to_write(visitor: Visitors, room: str, language: str) -> None:
    guest = visitor(language=language)
    guest.goto(room)
    why, log_in = LOCKED[language]
    expect(guest.get_by_role("main").get_by_text(why)).to_be_visible()
    expect(message_box(guest)).to_have_count(0)
    guest.get_by_role("main").get_by_role("link", name=log_in).click()
    expect(guest).to_have_url(re.compile(f"/accounts/login/\\?next={re.escape(room.replace('/', '%2F'))}"))


def test_guest_reads_along(visitor: Visitors, room: str) -> None:
    ada, guest = visitor("ada"), visitor()
    guest.goto(room)
    ada.goto(room)
    wait_until_in_room(guest)
    wait_until_in_room(ada)
    send_message(ada, "for all to read")
    expect(messages(guest).last).to_contain_text("for all to read")


def test_script_in_a_message_stays_text(visitor: Visitors, room: str) -> None:
    ada, grace = visitor("ada"), visitor("grace")
    dialogs = [dialogs_of(page) for page in (ada, grace)]
    for page in (ada, grace):
        page.goto(room)
        wait_until_in_room(page)
    payload = "<script>alert('caught')</script><img src=x onerror=alert(1)>"
    send_message(ada, payload)
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
    wait_until_in_room(ada)
    send_message(ada, "есть кто?")
    expect(messages(ada).last).to_contain_text("есть кто?")
    ada.get_by_role("link", name="All rooms").click()
    expect(ada.get_by_role("link", name=re.compile("поддержка-24 Last message"))).to_be_visible()


def test_name_that_is_taken_is_told_at_the_field(visitor: Visitors, room: str) -> None:
    visitor.expect_in_console("a status of 422")
    ada = visitor("ada")
    ada.goto("/chat/")
    field = ada.get_by_role("textbox", name="Room name")
    field.fill(room.strip("/").removeprefix("chat/"))
    field.press("Enter")
    expect(field).to_have_accessible_description(re.compile("There is a room of this name already"))


def test_guest_is_not_offered_to_open_a_room(visitor: Visitors) -> None:
    guest = visitor()
    guest.goto("/chat/")
    expect(guest.get_by_role("button", name="Create room")).to_have_count(0)
    expect(guest.get_by_role("main").get_by_role("link", name="Log in")).to_be_visible()


def test_messages_missed_in_a_cut_arrive_once_and_in_order(visitor: Visitors, room: str, network: TcpProxy) -> None:
    ada, grace = visitor("ada"), visitor("grace", port=network.port)
    for page in (ada, grace):
        page.goto(room)
        wait_until_in_room(page)
    send_message(ada, "before")
    expect(messages(grace).last).to_contain_text("before")
    network.cut()
    expect(grace.get_by_text("Reconnecting…")).to_be_visible()
    for text in ("missed one", "missed two"):
        send_message(ada, text)
        expect(messages(ada).filter(has_text=text)).to_have_count(1)
    network.restore()
    grace.evaluate("window.dispatchEvent(new Event('online'))")
    expect(messages(grace).filter(has_text="missed two")).to_be_visible()
    assert said_in(grace) == ["before", "missed one", "missed two"]


def test_messages_written_in_a_cut_are_sent_once_and_in_order_after_it(
    visitor: Visitors, room: str, network: TcpProxy
) -> None:
    ada, grace = visitor("ada"), visitor("grace", port=network.port)
    for page in (ada, grace):
        page.goto(room)
        wait_until_in_room(page)
    network.cut()
    expect(grace.get_by_text("Reconnecting…")).to_be_visible()
    for text in ("written one", "written two"):
        send_message(grace, text)
        expect(messages(grace).filter(has_text=text)).to_contain_text("sent when the connection is back")
    expect(message_box(grace)).to_have_value("")
    network.restore()
    grace.evaluate("window.dispatchEvent(new Event('online'))")
    expect(messages(ada).filter(has_text="written two")).to_be_visible()
    expect(grace.get_by_text("sent when the connection is back")).to_have_count(0)
    for page in (ada, grace):
        assert said_in(page) == ["written one", "written two"]


def test_message_whose_answer_was_lost_is_posted_once(visitor: Visitors, room: str) -> None:
    ada, grace = visitor("ada"), visitor("grace")
    lost = 0

    def lose_the_first(frame: str) -> str | None:
        nonlocal lost
        if "did it arrive?" not in frame and '"at":' not in frame:
            return frame
        lost += 1
        if lost > 1:
            return frame
        proxy.close(1012)
        return None

    proxy = WebSocketProxy(ada, to_page=lose_the_first)
    for page in (ada, grace):
        page.goto(room)
        wait_until_in_room(page)
    send_message(ada, "did it arrive?")
    expect(ada.locator(".sending")).to_have_count(0)
    assert len(proxy.sockets) == 2
    send_message(ada, "and this?")
    for page in (ada, grace):
        expect(messages(page).filter(has_text="and this?")).to_have_count(1)
        assert said_in(page) == ["did it arrive?", "and this?"]


def test_refused_message_can_be_retried_or_taken_back(visitor: Visitors, room: str) -> None:
    ada = visitor("ada")
    refused = True

    def refuse(frame: str) -> str:
        return frame.replace('"chat.post"', '"chat.no_such_method"') if refused else frame

    WebSocketProxy(ada, to_hub=refuse)
    ada.goto(room)
    wait_until_in_room(ada)
    send_message(ada, "back to me")
    failed = messages(ada).filter(has_text="back to me")
    expect(failed.get_by_role("alert")).to_have_text("This is not available here.")
    failed.get_by_role("button", name="Back into the box").click()
    expect(messages(ada).filter(has_text="back to me")).to_have_count(0)
    expect(message_box(ada)).to_have_value("back to me")
    message_box(ada).press("Enter")
    expect(failed.get_by_role("button", name="Try again")).to_be_visible()
    refused = False
    failed.get_by_role("button", name="Try again").press("Enter")
    expect(ada.get_by_role("button", name="Try again")).to_have_count(0)
    assert said_in(ada) == ["back to me"]


def test_room_shows_who_is_there_and_who_is_typing(visitor: Visitors, room: str) -> None:
    ada, grace = visitor("ada"), visitor("grace")
    ada.goto(room)
    wait_until_in_room(ada)
    expect(ada.get_by_text("Here: ada", exact=True)).to_be_visible()
    grace.goto(room)
    wait_until_in_room(grace)
    for page in (ada, grace):
        expect(page.get_by_text("Here: ada and grace", exact=True)).to_be_visible()
    message_box(grace).press_sequentially("well")
    expect(ada.get_by_text("grace is typing")).to_be_visible()
    message_box(grace).press("Enter")
    expect(messages(ada).last).to_contain_text("well")
    expect(ada.get_by_text("grace is typing")).to_have_count(0)
    expect(grace.get_by_text("is typing")).to_have_count(0)
    grace.close()
    expect(ada.get_by_text("Here: ada", exact=True)).to_be_visible()


def test_two_widgets_of_a_room_share_it_and_one_stays_when_the_other_goes(visitor: Visitors, room: str) -> None:
    ada, grace = visitor("ada"), visitor("grace")
    for page in (ada, grace):
        page.goto(room)
        wait_until_in_room(page)
    ada.locator("hub-chat").evaluate("element => element.after(Object.assign(element.cloneNode(), {id: 'second'}))")
    second = ada.locator("hub-chat#second")
    expect(second.get_by_text("Here: ada and grace")).to_be_visible()
    send_message(grace, "to both of them")
    expect(messages(ada).filter(has_text="to both of them")).to_have_count(2)
    ada.locator("hub-chat").first.evaluate("element => element.remove()")
    send_message(grace, "to the one that stays")
    expect(messages(ada).filter(has_text="to the one that stays")).to_have_count(1)
    # To another place in the page.
    second.evaluate("element => document.querySelector('main').append(element)")
    send_message(ada, "from another place")
    expect(messages(grace).filter(has_text="from another place")).to_have_count(1)
    send_message(grace, "heard")
    expect(messages(ada).last).to_contain_text("heard")
    assert said_in(ada) == ["to both of them", "to the one that stays", "from another place", "heard"]
    second.evaluate("element => element.remove()")
    expect(grace.get_by_text("Here: grace", exact=True)).to_be_visible()


def test_older_messages_come_when_the_reader_goes_there(visitor: Visitors, room: str, hub: LiveHub) -> None:
    hub.shell(
        "from chat.actions import post_message\n"
        "from chat.models import Room\n"
        "from tests.support.people import User\n"
        "room = Room.objects.get(name=name)\n"
        "author = User.objects.get(username='housekeeper')\n"
        "for n in range(120): post_message(room_id=room.pk, author_id=author.pk, text=f'number {n:03d}')",
        name=room.strip("/").removeprefix("chat/"),
    )
    ada = visitor("ada")
    ada.goto(room)
    expect(messages(ada).last).to_contain_text("number 119")
    expect(messages(ada).last).to_be_in_viewport()
    expect(messages(ada).filter(has_text="number 069")).to_have_count(0)
    assert ada.evaluate("document.documentElement.scrollHeight <= innerHeight")
    conversation = ada.get_by_role("region", name="Conversation")
    for first in ("number 020", "number 000"):
        conversation.evaluate("element => element.scrollTo(0, 0)")
        expect(messages(ada).filter(has_text=first)).to_have_count(1)
    expect(messages(ada).filter(has_text="number 019")).to_be_in_viewport()
    assert said_in(ada) == [f"number {n:03d}" for n in range(120)]


def test_member_who_is_removed_from_a_private_room_is_shown_that_it_ended(
    visitor: Visitors, room: str, hub: LiveHub
) -> None:
    name = room.strip("/").removeprefix("chat/")
    members = (
        "from chat.models import Room\nfrom tests.support.people import User\nroom = Room.objects.get(name=name)\n"
    )
    ada = visitor("ada")
    hub.shell(
        members + "room.is_private = True\nroom.save()\nroom.members.add(User.objects.get(username='ada'))", name=name
    )
    ada.goto(room)
    wait_until_in_room(ada)
    expect(message_box(ada)).to_be_visible()
    hub.shell(members + "room.members.clear()", name=name)
    expect(message_box(ada)).to_have_count(0)
    expect(ada.get_by_role("alert").filter(has_text="This room no longer exists, or you may no")).to_be_visible()
    wait_until_live(ada)


def test_reader_of_older_messages_is_not_pulled_to_the_end(visitor: Visitors, room: str) -> None:
    ada, grace = visitor("ada"), visitor("grace")
    for page in (ada, grace):
        page.goto(room)
        wait_until_in_room(page)
    send_message(ada, "\n".join(f"line {number}" for number in range(80)))
    expect(messages(grace).last).to_contain_text("line 79")
    conversation = grace.get_by_role("region", name="Conversation")
    expect(messages(grace).last).to_be_in_viewport(ratio=0.1)
    # The page learns of it with the next picture, which a busy browser makes later.
    conversation.evaluate(
        """element => new Promise((seen) => {
            element.addEventListener("scroll", seen, { once: true });
            element.scrollTo(0, 0);
        })"""
    )
    send_message(ada, "the newest")
    button = grace.get_by_role("button", name="New messages")
    expect(button).to_be_visible()
    assert conversation.evaluate("element => element.scrollTop") == 0
    button.click()
    expect(messages(grace).filter(has_text="the newest")).to_be_in_viewport()
    expect(button).to_be_hidden()


def said_in(page: Page) -> list[str]:
    """The texts of the messages, without notices."""
    return [text.strip() for text in page.locator("hub-chat .message-text").all_inner_texts()]
