"""Coming back with the cursor of one envelope to an endpoint with several channels."""

from collections.abc import Mapping
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db.models.functions import Now
from pytest_django import DjangoAssertNumQueries
from pytest_django.fixtures import Settings

from hub import streams
from hub.database.threads import in_database_thread
from hub.fanout import recovery
from hub.models import Publication, Stream
from hub.publishing import publish_many
from hub.streams import Envelope, Position, cursors
from hub.streams.cursors import cursor_of
from notifications import notify
from tests.hub.listeners import Listener, follow
from tests.support.people import User
from tests.support.sockets import Endpoint, Frame, open_endpoint, session_cookie

pytestmark = pytest.mark.django_db(transaction=True)

#: Minutes: longer than what an envelope leaves unsaid of the time before it.
LONG = recovery.SLACK.total_seconds() / 60 + 1


def store(channel: str, *ages: float) -> list[Envelope]:
    """Publications that were numbered so many minutes ago."""
    envelopes = []
    for age in ages:
        streams.append([(channel, '{"type":"test.happened"}')])
        envelopes += streams.sequence([channel])
        then = Now() - timedelta(minutes=age)
        Publication.objects.filter(channel=channel, offset=envelopes[-1].offset).update(sequenced_at=then)
        Stream.objects.filter(channel=channel).update(updated_at=then)
    return envelopes


def derived(envelope: Envelope, channel: str) -> int | None:
    """The offset at which a client that has ``envelope`` is taken to stand in ``channel``."""
    found = positions({envelope.channel: Position(envelope.epoch, envelope.offset)}, channel)
    return found[channel].offset if channel in found else None


def positions(known: Mapping[str, Position], *channels: str) -> dict[str, Position]:
    """Where a client that has ``known`` is taken to stand in ``channels``."""
    client = (tuple(known.items()), channels)
    return recovery.derive_positions([client])[client]


def test_what_was_numbered_long_before_the_item_is_had_and_the_rest_comes_again() -> None:
    store("user:1", 3 * LONG, 2 * LONG + 1, LONG + 1, 0.5)
    (envelope,) = store("everyone", LONG)
    store("user:1", 0.1)
    assert derived(envelope, "user:1") == 2


def test_the_newest_of_several_items_counts() -> None:
    store("user:1", 6 * LONG, 4 * LONG, 2 * LONG)
    old, new = (*store("everyone", 5 * LONG), *store("group:1", LONG / 2))
    known = {envelope.channel: Position(envelope.epoch, envelope.offset) for envelope in (old, new)}
    assert positions(known, "user:1")["user:1"].offset == 3


def test_a_channel_in_which_nothing_was_ever_published_is_had_from_its_beginning() -> None:
    (envelope,) = store("everyone", 1)
    assert derived(envelope, "user:1") == 0
    streams.begin(["user:1"])
    assert derived(envelope, "user:1") == 0
    store("user:1", 0)
    assert derived(envelope, "user:1") == 0


def test_a_channel_that_is_not_kept_back_to_then_is_not_made_up() -> None:
    store("user:1", 2 * LONG, LONG, 0.2, 0.1)
    (envelope,) = store("everyone", 0)
    Publication.objects.filter(channel="user:1", offset__lte=2).delete()
    assert derived(envelope, "user:1") is None


def test_a_quiet_channel_whose_items_are_no_longer_kept_is_had_whole() -> None:
    store("user:1", 3 * LONG, 2 * LONG)
    store("user:2", 2 * LONG, 0.1)
    (envelope,) = store("everyone", 0)
    Publication.objects.exclude(channel="everyone").delete()
    assert derived(envelope, "user:1") == 2
    assert derived(envelope, "user:2") is None


def test_a_stream_may_have_grown_a_little_after_it_says_so() -> None:
    (envelope,) = store("everyone", 0)
    store("user:1", 3 * LONG, 2 * LONG)
    Publication.objects.filter(channel="user:1").delete()
    known = recovery.SLACK + streams.NOTED_EVERY
    for age, offset in ((known - streams.NOTED_EVERY / 2, None), (2 * known, 2)):
        Stream.objects.filter(channel="user:1").update(updated_at=Now() - age)
        assert derived(envelope, "user:1") == offset


def test_a_channel_with_another_history_since_then_is_not_made_up() -> None:
    store("user:1", 2 * LONG)
    (envelope,) = store("everyone", 0)
    streams.renew(["user:1"])
    assert derived(envelope, "user:1") is None
    Stream.objects.filter(channel="user:1").update(renewed_at=Now() - timedelta(minutes=2 * LONG))
    assert derived(envelope, "user:1") == 1


def test_an_item_of_another_history_says_nothing() -> None:
    store("user:1", 2 * LONG)
    (envelope,) = store("everyone", 0)
    streams.renew(["everyone"])
    assert derived(envelope, "user:1") is None


def test_an_item_that_is_not_kept_or_has_no_time_says_nothing() -> None:
    store("user:1", 2 * LONG)
    (envelope,) = store("everyone", 0)
    Publication.objects.filter(channel="everyone").update(sequenced_at=None)
    assert derived(envelope, "user:1") is None
    Publication.objects.filter(channel="everyone").delete()
    assert derived(envelope, "user:1") is None


def test_what_was_committed_late_is_not_taken_for_had_although_it_was_inserted_early() -> None:
    store("user:1", 2 * LONG)
    streams.append([("user:1", "{}")])  # in a transaction that stays open
    (envelope,) = store("everyone", 0.1)
    streams.sequence(["user:1"])
    assert derived(envelope, "user:1") == 1


def test_what_was_inserted_later_is_not_taken_for_had_although_a_clock_says_so() -> None:
    store("user:1", 3 * LONG)
    (envelope,) = store("everyone", LONG)
    store("user:1", 2 * LONG + 2)
    assert derived(envelope, "user:1") == 1


def test_it_takes_three_queries_whatever_the_number_of_channels_and_clients(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    (envelope,) = store("everyone", 0)
    known = (("everyone", Position(envelope.epoch, envelope.offset)),)
    clients = [(known, (f"user:{number}", *(f"group:{group}" for group in range(50)))) for number in range(50)]
    with django_assert_num_queries(3):
        recovery.derive_positions(clients)


@pytest.mark.slow
def test_clients_with_more_publications_than_one_query_takes_are_answered_together() -> None:
    (first,), (envelope,) = store("user:1", 3 * LONG), store("everyone", LONG)
    newest = ("everyone", Position(envelope.epoch, envelope.offset))
    others = [tuple((f"group:{client}-{n}", Position("e", n)) for n in range(256)) for client in range(5)]
    clients = [((*known, newest), ("user:1",)) for known in others]
    found = recovery.derive_positions(clients)
    assert [found[client] for client in clients] == [{"user:1": Position(first.epoch, 1)}] * 5


def test_each_of_several_clients_gets_what_its_own_publications_say() -> None:
    store("user:1", 6 * LONG, 4 * LONG, 2 * LONG)
    old, new = (*store("everyone", 5 * LONG), *store("group:1", LONG / 2))
    clients = [
        (tuple((one.channel, Position(one.epoch, one.offset)) for one in had), ("user:1",))
        for had in ([old], [new], [old, new], [])
    ]
    found = recovery.derive_positions(clients)
    assert [found[client]["user:1"].offset for client in clients[:3]] == [1, 3, 3]
    assert found[clients[3]] == {}


def test_the_beginning_of_an_empty_channel_is_named_as_subscribers_know_it() -> None:
    (envelope,) = store("everyone", 0)
    found = positions({"everyone": Position(envelope.epoch, envelope.offset)}, "user:1")
    assert found == streams.begin(["user:1"]) and found["user:1"].epoch


async def test_a_position_that_tells_of_nothing_else_completes_nothing() -> None:
    (envelope,) = await in_database_thread(store, "everyone", 0.0)
    since = {"everyone": Position(envelope.epoch, envelope.offset)}
    wanted = ["everyone", "user:1"]
    assert set(await recovery.completed(since, {"everyone"}, wanted)) == {"everyone", "user:1"}
    assert await recovery.completed(since, (), wanted) == since


async def test_items_tell_of_other_channels_only_while_catch_up_has_seen_the_database() -> None:
    envelope = Envelope("everyone", "0123abcd", 7, "{}")
    cursors.mark_delivered(0)
    assert cursor_of(envelope) == "everyone@0123abcd.7"
    cursors.mark_delivered(cursors.DELIVERED_THROUGH_AGE + 1)
    assert cursor_of(envelope) == "everyone@-0123abcd.7"
    assert cursors.parse(cursor_of(envelope)) == {"everyone": Position("0123abcd", 7)}
    assert cursors.marked(f"{cursor_of(envelope)},user:1@0123abcd.1") == {"user:1"}


async def test_several_histories_come_as_they_were_numbered_and_each_in_its_own_order() -> None:
    def fill() -> dict[str, list[Envelope]]:
        one = store("user:1", 9, 3, 5, 1)  # a clock was set back in between
        return {"user:1": one, "everyone": store("everyone", 8, 4, 2)}

    envelopes = await in_database_thread(fill)
    listener = Listener()
    histories = {await follow(channel, listener): found for channel, found in envelopes.items()}
    ordered = [(envelope.channel, envelope.offset) for _, envelope in await recovery.in_order(histories)]
    assert ordered == [
        ("user:1", 1),
        ("everyone", 1),
        ("everyone", 2),
        ("user:1", 2),
        ("user:1", 3),
        ("everyone", 3),
        ("user:1", 4),
    ]


@pytest.mark.parametrize(("allowed", "whole", "most"), [(100_000, True, 60), (1000, False, 2 * recovery.FEWEST)])
async def test_no_more_is_read_than_may_be_recovered(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, allowed: int, whole: bool, most: int
) -> None:
    settings.HUB_RECOVERY_BYTES = allowed
    numbers = []

    def read(channel: str, **wanted: Any) -> list[Envelope]:
        numbers.append(len(found := streams.read(channel, **wanted)))
        return found

    await in_database_thread(publish_many, [("everyone", {"type": "a", "text": "x" * 80}) for _ in range(60)])
    subscription = await follow("everyone", Listener())
    monkeypatch.setattr(recovery, "streams", SimpleNamespace(read=read))
    missed = await recovery.recover([subscription], {"everyone": Position(subscription.start.epoch, 0)})
    if whole:
        assert missed is not None and [envelope.offset for _, envelope in missed] == list(range(1, 61))
    else:
        assert missed is None
    assert sum(numbers) <= most


async def frames(endpoint: Endpoint, count: int) -> list[Frame]:
    return [await endpoint.receive_json() for _ in range(count)]


@pytest.mark.slow
async def test_a_client_that_keeps_the_last_cursor_only_gets_all_that_it_missed() -> None:
    ann = await sync_to_async(User.objects.create_user)("ann")
    session, name = await sync_to_async(session_cookie)(ann), f"user:{ann.get_username()}"

    async def tell(to: str, message: str) -> None:
        await in_database_thread(notify, to=to, message=message)

    await tell(name, "long ago")
    await in_database_thread(Publication.objects.update, sequenced_at=Now() - timedelta(minutes=LONG))
    async with open_endpoint("/ws/notifications/", session=session) as endpoint:
        await tell("everyone", "live")
        cursor = (await endpoint.receive_json())["cursor"]
    await tell(name, "missed 1")
    await tell("everyone", "missed 2")
    await tell(name, "missed 3")
    async with open_endpoint(f"/ws/notifications/?since={cursor}", session=session) as endpoint:
        resumed = await endpoint.receive_json()
        assert resumed["recovered"] is True
        # The position it began from, so that a client that takes it over drops none of what follows.
        assert resumed["cursor"].endswith(".1") and "user:" in resumed["cursor"]
        missed = await frames(endpoint, 3)
        assert [frame["message"] for frame in missed] == ["missed 1", "missed 2", "missed 3"]
        await tell("everyone", "live again")
        assert (await endpoint.receive_json())["message"] == "live again"
    # Cut off after each of the missed ones: the rest follows, and perhaps some of it again.
    for number, frame in enumerate(missed, start=1):
        async with open_endpoint(f"/ws/notifications/?since={frame['cursor']}", session=session) as endpoint:
            assert (await endpoint.receive_json())["recovered"] is True
            rest = {"missed 1", "missed 2", "missed 3", "live again"} - {f"missed {n}" for n in range(1, number + 1)}
            seen: set[str] = set()
            while not rest <= seen:
                seen.add((await endpoint.receive_json())["message"])


async def test_a_client_that_took_too_long_to_catch_up_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovery, "CATCHING_UP", -1.0)
    session = await sync_to_async(lambda: session_cookie(User.objects.create_user("ann")))()
    async with open_endpoint("/ws/notifications/?since=now", session=session) as endpoint:
        assert await endpoint.close_code() == 4009
    async with open_endpoint("/ws/notifications/?since=now") as endpoint:  # a guest has one channel
        assert (await endpoint.receive_json())["recovered"] is True
        await endpoint.receive_nothing()
