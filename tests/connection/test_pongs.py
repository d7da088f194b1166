"""Pongs: what a client answers a ping with costs the hub something too."""

import pytest

from tests.connection.wire import Wire, wired

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.any_database]


async def test_a_client_that_answers_more_than_it_was_asked_is_ended() -> None:
    async with wired() as wire:
        await wire.client.receive("\n".join(["{}"] * 20_000))
        assert wire.closed == 3013


async def test_pongs_before_the_connect_command_are_judged_too() -> None:
    wire = Wire()
    await wire.client.receive("\n".join(["{}"] * 20_000))
    assert wire.closed == 3013
    await wire.disconnected()


async def test_a_client_that_answers_each_ping_stays() -> None:
    async with wired() as wire:
        for _ in range(100):
            wire.client.ping()
            await wire.client.receive("{}")
            assert wire.client.ponged
        assert wire.closed is None
