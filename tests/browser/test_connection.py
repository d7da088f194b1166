"""The connection state in the header, and how pages come back."""

import re
from typing import Any

import pytest
from playwright.sync_api import Route, expect

from tests.browser.conftest import Visitors
from tests.browser.looking import alerts, is_live, is_loaded, toasts
from tests.browser.wire import Wire
from tests.support.live import LiveHub


@pytest.mark.parametrize("code", [3500, 4999])
def test_terminal_close_is_shown_and_not_tried_again(visitor: Visitors, code: int) -> None:
    page = visitor()
    page.clock.install()
    wire = Wire(page)
    page.goto("/")
    is_live(page)
    wire.close(code)
    expect(page.get_by_text("Disconnected", exact=True)).to_be_visible()
    page.clock.run_for(120_000)
    page.evaluate("window.dispatchEvent(new Event('online'))")
    assert len(wire.sockets) == 1
    expect(page.get_by_role("banner").get_by_role("status").last).to_contain_text("Reload the page")


@pytest.mark.parametrize("code", [1001, 1012, 3001, 4000])
def test_other_closes_come_back(visitor: Visitors, code: int) -> None:
    page = visitor()
    wire = Wire(page)
    page.goto("/")
    is_live(page)
    wire.close(code)
    expect(page.get_by_text("Reconnecting…")).to_be_visible()
    is_live(page)
    assert len(wire.sockets) == 2


def test_page_is_live_where_no_websocket_gets_through(visitor: Visitors, hub: LiveHub) -> None:
    page = visitor("behind-a-proxy")
    Wire(page).refusing = 1006
    page.goto("/notifications/")
    is_loaded(page)
    hub.shell("from notifications import notify; notify(to='user:behind-a-proxy', message='over HTTP')")
    expect(alerts(page).first).to_contain_text("over HTTP")
    alerts(page).first.get_by_role("button", name="Mark as read").click()
    expect(page.get_by_role("main").get_by_text("All read")).to_be_visible()


def test_page_whose_hub_is_away_says_so_and_is_live_when_it_is_back(visitor: Visitors) -> None:
    page = visitor()
    wire = Wire(page)
    wire.refusing = 1013
    away = True

    def answer(route: Route) -> None:
        route.abort() if away else route.continue_()

    page.route(re.compile("/connection/(http_stream|sse)"), answer)
    page.goto("/notifications/")
    expect(page.get_by_text("Reconnecting…")).to_be_visible()
    wire.refusing, away = 0, False
    is_live(page)
    is_loaded(page)
    visitor.complaints.clear()  # the browser notes every attempt that failed


def test_loss_and_return_are_told_to_screen_readers(visitor: Visitors) -> None:
    page = visitor()
    wire = Wire(page)
    page.goto("/")
    is_live(page)
    news = page.get_by_role("banner").locator("[data-status-news]")
    expect(news).to_be_empty()
    wire.refusing = 1013
    wire.close(1012)
    expect(news).to_have_text("The connection is lost. Trying again.")
    wire.refusing = 0
    page.evaluate("window.dispatchEvent(new Event('online'))")
    is_live(page)
    expect(news).to_have_text("The connection is back.")


def test_nonsense_from_a_server_harms_nothing(visitor: Visitors) -> None:
    page = visitor("reader-of-nonsense")
    wire = Wire(page)
    page.goto("/")
    is_live(page)
    count = {"type": "presence.online_counted"}
    alert = {"type": "notifications.notification_created"}
    nonsense: tuple[Any, ...] = (
        None,
        [],
        "text",
        5,
        {},
        {"type": 5},
        {"type": "surprise"},
        count,
        count | {"count": "many"},
    )
    for data in nonsense:
        wire.push("online", data)
        wire.push("everyone", data)
    wire.push("everyone", alert)
    wire.push("everyone", alert | {"id": 1, "message": {"not": "text"}, "title": 7, "level": "toString", "url": 8})
    wire.push("no:channel", alert)
    wire.push("online", count | {"count": 5})
    expect(page.get_by_role("banner").get_by_text("5 people online")).to_be_visible()
    expect(toasts(page)).to_have_count(2)
    is_live(page)


@pytest.mark.parametrize("language", ["en", "ru"])
def test_header_fits_a_small_screen_whatever_it_says(visitor: Visitors, language: str) -> None:
    page = visitor("narrow-person", language=language)
    wire = Wire(page)
    for width in (360, 480):
        page.set_viewport_size({"width": width, "height": 760})
        wire.refusing = 0
        page.goto("/")
        status = page.locator("[data-status]")
        expect(status).to_have_attribute("data-status", "connected")
        wire.push("online", {"type": "presence.online_counted", "count": 12345})
        expect(page.get_by_role("main").get_by_text(re.compile("^12.345 "))).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") == width
        wire.refusing = 1013
        wire.close(1012)
        expect(status).to_have_attribute("data-status", "reconnecting")
        assert page.evaluate("document.documentElement.scrollWidth") == width
        wire.refusing = 3500
        page.evaluate("window.dispatchEvent(new Event('online'))")
        expect(status).to_have_attribute("data-status", "closed")
        assert page.evaluate("document.documentElement.scrollWidth") == width
