"""The page of the people online, as browsers without scripts have it."""

import asyncio
import threading

import pytest
from django.test import AsyncClient, Client

from hub.presence import count_if_known, tracker
from presence import channels
from tests.support.sockets import open_endpoint

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.any_database]


async def test_page_has_the_number_without_scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracker, "COUNT_TIMEOUT", 30.0)  # on a busy machine half a second is none
    async with open_endpoint("/ws/online/") as guest:
        assert (await guest.receive_json())["count"] == 1
        page = await AsyncClient().get("/online/")
    assert "<noscript>1</noscript>" in page.content.decode()


def test_process_without_an_event_loop_shows_a_dash() -> None:
    assert "<noscript>–</noscript>" in Client().get("/online/").content.decode()


async def test_count_that_does_not_come_is_waited_for_in_bounded_time(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = threading.Event()

    async def hang(channel: str) -> int:
        asked.set()
        await asyncio.Event().wait()
        return 1

    monkeypatch.setattr(tracker, "COUNT_TIMEOUT", 0.05)
    monkeypatch.setattr(tracker.current(), "count", hang)
    async with asyncio.timeout(20):
        assert await asyncio.to_thread(count_if_known, channels.online) is None
    assert asked.is_set()
