"""Recovery and history from every position there is, before it and behind it: whole, or said that it is not."""

import uuid
from functools import partial
from typing import Any

import hypothesis
import pytest
from asgiref.sync import sync_to_async
from django.test import override_settings
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from msgspec import Raw

from hub import streams
from hub.models import Publication
from hub.publishing import publish_many
from lab.harness.waiting import await_for
from tests.connection.wire import Wire, wired

pytestmark = pytest.mark.django_db(transaction=True)

CHANNEL = "open:history"
#: Of the publications 1 to 7, the oldest three are no longer kept.
FIRST, HEAD = 4, 7
KEPT = range(FIRST, HEAD + 1)
#: The last of these was never given to anybody.
OFFSETS = range(HEAD + 2)


@pytest.fixture
async def epoch(open_namespace: str) -> str:
    """The epoch of a channel whose beginning is gone."""
    await publish(CHANNEL, 0, HEAD)
    await Publication.objects.filter(channel=CHANNEL, offset__lt=FIRST).adelete()
    return (await sync_to_async(streams.positions)([CHANNEL]))[CHANNEL].epoch


async def publish(channel: str, head: int, count: int) -> None:
    """Publish the next ``count`` numbers."""
    numbers = range(head + 1, head + count + 1)
    await sync_to_async(publish_many)([(channel, Raw(str(number).encode())) for number in numbers])


async def ask(wire: Wire, number: int, **request: Any) -> tuple[dict[str, Any], int | None]:
    """The result of a command, and the code of its error."""
    answer = await wire.ask(number, **request)
    (kind,) = request
    return answer.get(kind, {}), answer.get("error", {}).get("code")


def offsets(result: dict[str, Any]) -> list[int]:
    """Of the publications of an answer, whose data are their offsets here."""
    found = [publication["offset"] for publication in result.get("publications", [])]
    assert found == [publication["data"] for publication in result.get("publications", [])]
    return found


def unlimited(settings: Any) -> None:
    """These tests ask faster than a client may."""
    settings.HUB_SOCKET_BURST = 10_000


@pytest.mark.slow
async def test_recovery_is_whole_or_nothing_from_every_position(epoch: str, settings: Any) -> None:
    unlimited(settings)
    async with wired() as wire:
        number = 1
        for offset in OFFSETS:
            for said, is_same in ((epoch, True), ("", True), ("another", False)):
                number += 2
                since = {"recover": True, "offset": offset, "epoch": said}
                found, code = await ask(wire, number, subscribe={"channel": CHANNEL, **since})
                await wire.ask(number + 1, unsubscribe={"channel": CHANNEL})
                whole = is_same and FIRST - 1 <= offset <= HEAD
                assert code is None
                assert found["was_recovering"] is True
                assert found.get("recovered", False) is whole, (offset, said)
                assert offsets(found) == (list(range(offset + 1, HEAD + 1)) if whole else [])
                # From where the publications of the answer go on.
                assert found["offset"] == (offset if whole else HEAD)
                assert found["epoch"] == epoch


async def test_who_wants_all_or_an_error_gets_one_of_them_from_every_position(epoch: str, settings: Any) -> None:
    unlimited(settings)
    async with wired() as wire:
        for number, offset in enumerate(OFFSETS):
            since = {"recover": True, "offset": offset, "epoch": epoch, "flag": 2}
            found, code = await ask(wire, 2 * number + 2, subscribe={"channel": CHANNEL, **since})
            await wire.ask(2 * number + 3, unsubscribe={"channel": CHANNEL})
            if FIRST - 1 <= offset <= HEAD:
                assert code is None and offsets(found) == list(range(offset + 1, HEAD + 1))
            else:
                assert code == 112


@pytest.mark.slow
@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
async def test_history_is_read_whole_from_every_position(epoch: str, settings: Any, reverse: bool) -> None:
    unlimited(settings)
    async with wired() as wire:
        number = 1
        for limit in (-1, 0, 1, 2, HEAD):
            for offset in (None, *OFFSETS):
                for said in (epoch, "", "another"):
                    number += 1
                    since = {} if offset is None else {"since": {"offset": offset, "epoch": said}}
                    request = {"channel": CHANNEL, "limit": limit, "reverse": reverse, **since}
                    found, code = await ask(wire, number, history=request)
                    expected, error = page(limit, offset, reverse=reverse)
                    if offset is not None and said == "another":
                        error = error if error == 107 else 112
                    assert code == error, request
                    if error is None:
                        assert offsets(found) == expected, request
                        assert (found["epoch"], found["offset"]) == (epoch, HEAD)


def page(limit: int, since: int | None, *, reverse: bool) -> tuple[list[int], int | None]:
    """What history has to answer: publications, or an error."""
    kept = list(KEPT)
    if since is not None:
        if reverse and since == 0:
            return [], 107
        if since > HEAD or (not reverse and limit and since < FIRST - 1):
            return [], 112
        kept = [offset for offset in kept if (offset < since if reverse else offset > since)]
    if reverse:
        kept.reverse()
    return (kept if limit < 0 else kept[:limit]), None


@pytest.mark.slow
@hypothesis.settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
@given(
    visits=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 2)), min_size=1, max_size=6), limit=st.integers(1, 4)
)
async def test_client_that_comes_and_goes_misses_nothing_or_is_told(
    open_namespace: str, visits: list[tuple[int, int]], limit: int
) -> None:
    """Each visit: so many publications while the client was away, and so many while it is there."""
    channel = f"open:{uuid.uuid4().hex}"
    head = had = 0
    epoch = ""
    async with wired() as wire:
        for number, (away, there) in enumerate(visits):
            await publish(channel, head, away)
            head += away
            with override_settings(HUB_RECOVERY_LIMIT=limit, HUB_SOCKET_BURST=10_000):
                since = {"recover": True, "offset": had, "epoch": epoch}
                found, code = await ask(wire, 3 * number + 2, subscribe={"channel": channel, **since})
            assert code is None and found["epoch"] == (epoch or found["epoch"])
            recovered = found.get("recovered", False)
            assert recovered is (head - had <= limit)
            assert offsets(found) == (list(range(had + 1, head + 1)) if recovered else [])
            before = len(wire.pushes)
            await publish(channel, head, there)
            for count in range(there):
                await await_for(partial(has, wire, channel, head + count + 1), that="what is published arrives")
            assert pushed(wire, channel, before) == list(range(head + 1, head + there + 1))
            had = head = head + there
            epoch = found["epoch"]
            await wire.ask(3 * number + 3, unsubscribe={"channel": channel})


def has(wire: Wire, channel: str, offset: int) -> bool:
    return offset in pushed(wire, channel, 0)


def pushed(wire: Wire, channel: str, start: int) -> list[int]:
    """The offsets that came live in a channel after the first ``start`` pushes."""
    return [push["pub"]["offset"] for push in wire.pushes[start:] if push["channel"] == channel and "pub" in push]
