"""The connection state in the header, and how sockets come back."""

import re

import pytest
from playwright.sync_api import WebSocketRoute, expect

from tests.browser.conftest import Visitors
from tests.browser.looking import is_live


@pytest.mark.parametrize("code", [4400, 4499])
def test_terminal_close_is_shown_and_not_tried_again(visitor: Visitors, code: int) -> None:
    page = visitor()
    page.clock.install()
    attempts = 0

    def refuse(socket: WebSocketRoute) -> None:
        nonlocal attempts
        attempts += 1
        socket.close(code=code)

    page.route_web_socket(re.compile("/ws/notifications/"), refuse)
    page.goto("/")
    expect(page.get_by_text("Disconnected", exact=True)).to_be_visible()
    page.clock.run_for(120_000)
    page.evaluate("window.dispatchEvent(new Event('online'))")
    assert attempts == 1
    expect(page.get_by_role("banner").get_by_role("status")).to_contain_text("Reload the page")


@pytest.mark.parametrize("code", [1001, 1012, 4008])
def test_other_closes_come_back(visitor: Visitors, code: int) -> None:
    page = visitor()
    attempts = 0

    def first_fails(socket: WebSocketRoute) -> None:
        nonlocal attempts
        attempts += 1
        if attempts == 1:
            socket.close(code=code)
        else:
            socket.connect_to_server()

    page.route_web_socket("**/ws/online/", first_fails)
    page.goto("/")
    expect(page.get_by_role("banner").get_by_text(re.compile("online$"))).to_be_visible()
    is_live(page)
    assert attempts == 2


def test_attempts_spread_out_up_to_half_a_minute(visitor: Visitors) -> None:
    page = visitor()
    page.clock.install()
    page.add_init_script("Math.random = () => 1; window.delays = [];")
    page.add_init_script(
        "const set = window.setTimeout; window.setTimeout = (f, ms) => { window.delays.push(ms); return set(f, ms); };"
    )
    page.route_web_socket("**/ws/online/", lambda socket: socket.close(code=1013))
    page.goto("/")
    expect(page.get_by_text("Reconnecting…")).to_be_visible()
    for _ in range(12):
        page.clock.run_for(31_000)
    delays = [delay for delay in page.evaluate("window.delays") if delay not in (1500, 5000)]
    assert delays[:9] == [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]


def test_loss_and_return_are_told_to_screen_readers(visitor: Visitors) -> None:
    page = visitor()
    sockets: list[WebSocketRoute] = []
    away = False

    def sometimes(socket: WebSocketRoute) -> None:
        sockets.append(socket)
        if away:
            socket.close(code=1013)
        else:
            socket.connect_to_server()

    page.route_web_socket("**/ws/online/", sometimes)
    page.goto("/")
    is_live(page)
    news = page.get_by_role("banner").get_by_role("status")
    expect(news).to_be_empty()
    away = True
    sockets[0].close(code=1012)
    expect(news).to_have_text("The connection is lost. Trying again.")
    away = False
    page.evaluate("window.dispatchEvent(new Event('online'))")
    is_live(page)
    expect(news).to_have_text("The connection is back.")


def test_nonsense_from_a_server_harms_nothing(visitor: Visitors) -> None:
    page = visitor()
    frames = ["not JSON", "{}", "[]", "null", '{"type":"surprise"}', '{"type":"online_count","count":"many"}']

    def talk(socket: WebSocketRoute) -> None:
        for frame in [*frames, '{"type":"online_count","count":5}']:
            socket.send(frame)

    page.route_web_socket("**/ws/online/", talk)
    page.goto("/")
    expect(page.get_by_role("banner").get_by_text("5 people online")).to_be_visible()


@pytest.mark.parametrize("language", ["en", "ru"])
def test_header_fits_a_small_screen_whatever_it_says(visitor: Visitors, language: str) -> None:
    page = visitor(language=language)
    page.set_viewport_size({"width": 360, "height": 760})
    sockets: list[WebSocketRoute] = []
    ending = 1012

    def first_stays(socket: WebSocketRoute) -> None:
        sockets.append(socket)
        if len(sockets) > 1:
            socket.close(code=ending)

    page.route_web_socket("**/ws/online/", first_stays)
    page.goto("/")
    expect(page.locator("[data-status]")).to_have_attribute("data-status", "open")
    sockets[0].send('{"type":"online_count","count":12345}')
    expect(page.get_by_role("banner").get_by_text(re.compile("12.345"))).to_have_count(2)
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    sockets[0].close(code=ending)
    expect(page.locator("[data-status]")).to_have_attribute("data-status", "reconnecting")
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    ending = 4403
    expect(page.locator("[data-status]")).to_have_attribute("data-status", "closed")
    assert page.evaluate("document.documentElement.scrollWidth") == 360
