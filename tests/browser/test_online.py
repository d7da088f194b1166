"""The number of people online."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visitors
from tests.browser.proxies import WebSocketProxy, without_counts


def expect_online(page: Page, words: str) -> None:
    expect(page.get_by_role("main").get_by_role("status")).to_have_text(words)


def test_counter_counts_people_not_tabs(visitor: Visitors) -> None:
    guest, ada = visitor(), visitor("ada")
    guest.goto("/online/")
    expect_online(guest, "1 person online")
    ada.goto("/online/")
    expect_online(guest, "2 people online")
    second_tab = ada.context.new_page()
    second_tab.goto("/")
    other_guest = visitor()
    other_guest.goto("/chat/")
    expect_online(guest, "3 people online")
    expect_online(ada, "3 people online")
    ada.close()
    other_guest.close()
    expect_online(guest, "2 people online")
    second_tab.close()
    expect_online(guest, "1 person online")


@pytest.mark.parametrize(
    ("language", "sentences"),
    [
        ("en", {0: "0 people online", 1: "1 person online", 2: "2 people online", 21: "21 people online"}),
        (
            "ru",
            {
                0: "0 человек в сети",
                1: "1 человек в сети",
                3: "3 человека в сети",
                11: "11 человек в сети",
                21: "21 человек в сети",
                22: "22 человека в сети",
            },
        ),
    ],
)
def test_words_follow_the_number(visitor: Visitors, language: str, sentences: dict[int, str]) -> None:
    page = visitor(language=language)
    proxy = WebSocketProxy(page, to_page=without_counts)
    page.goto("/online/")
    expect(page.locator("[data-status]")).to_have_attribute("data-status", "connected")
    for count, sentence in sentences.items():
        proxy.push("online", {"type": "presence.online_counted", "count": count})
        expect_online(page, sentence)
        expect(page.get_by_role("main").get_by_text(str(count), exact=True)).to_be_visible()
