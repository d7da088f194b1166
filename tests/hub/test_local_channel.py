from random import Random

import pytest
from prometheus_client import REGISTRY

from hub.fanout.frames import FrameBatch
from hub.fanout.local_channel import AHEAD_LIMIT, LocalChannel
from hub.streams import Envelope, Position
from tests.hub.listeners import Listener, join


def envelope(offset: int, epoch: str = "e1") -> Envelope:
    return Envelope("room:1", epoch, offset, f"{epoch}.{offset}")


def opened(offset: int = 0, epoch: str = "e1") -> tuple[LocalChannel, Listener]:
    local_channel, listener = LocalChannel("room:1"), Listener()
    local_channel.open(Position(epoch, offset))
    join(local_channel, listener).release()
    return local_channel, listener


def test_items_go_out_in_offset_order_whatever_order_they_come_in() -> None:
    local_channel, listener = opened()
    offsets = list(range(1, 101)) * 3
    Random(7).shuffle(offsets)
    for offset in offsets:
        local_channel.offer(envelope(offset))
    local_channel.flush()
    assert listener.frames == [f"e1.{offset}" for offset in range(1, 101)]
    assert not local_channel.is_behind()


def test_a_repeat_is_dropped() -> None:
    local_channel, listener = opened(offset=5)
    assert not local_channel.offer(envelope(5))
    assert not local_channel.offer(envelope(1))
    local_channel.flush()
    assert listener.frames == []


def test_a_gap_holds_back_what_comes_after_it_and_is_known() -> None:
    local_channel, listener = opened()
    local_channel.offer(envelope(1))
    local_channel.offer(envelope(3))
    local_channel.flush()
    assert listener.frames == ["e1.1"]
    assert local_channel.is_behind()
    local_channel.offer(envelope(2))
    local_channel.flush()
    assert listener.frames == ["e1.1", "e1.2", "e1.3"]
    assert not local_channel.is_behind()


def test_what_waits_for_a_gap_is_bounded_and_still_known() -> None:
    local_channel, listener = opened()
    for offset in range(2, 10 * AHEAD_LIMIT):
        local_channel.offer(envelope(offset))
    assert local_channel.is_behind()
    for offset in range(1, 10 * AHEAD_LIMIT):  # as the database gives them
        local_channel.offer(envelope(offset))
    local_channel.flush()
    assert listener.frames == [f"e1.{offset}" for offset in range(1, 10 * AHEAD_LIMIT)]


def test_what_comes_while_the_channel_is_opening_is_not_lost() -> None:
    local_channel, listener = LocalChannel("room:1"), Listener()
    local_channel.offer(envelope(6))
    local_channel.offer(envelope(5))
    local_channel.open(Position("e1", 5))
    join(local_channel, listener).release()
    local_channel.offer(envelope(7))
    local_channel.flush()
    # 6 was in the batch already when the listener came: it belongs to its history.
    assert listener.frames == ["e1.7"]
    assert local_channel.last == 7


def test_the_first_item_of_a_channel_without_a_stream_gives_the_epoch() -> None:
    local_channel, listener = opened(epoch="")
    local_channel.offer(envelope(1, epoch="e9"))
    local_channel.flush()
    assert listener.frames == ["e9.1"]
    assert local_channel.epoch == "e9"


def test_items_of_another_history_are_not_mixed_in() -> None:
    local_channel, listener = opened(offset=3)
    assert not local_channel.offer(envelope(4, epoch="e2"))
    assert local_channel.has_other_history("e2")
    local_channel.flush()
    assert listener.frames == []


def test_all_items_of_a_turn_are_written_at_once_and_made_once_per_shape() -> None:
    made: list[int] = []

    def encoder(made_of: Envelope) -> str:
        made.append(made_of.offset)
        return made_of.data

    local_channel = LocalChannel("room:1")
    local_channel.open(Position("e1", 0))
    listeners = [Listener() for _ in range(10)]
    for listener in listeners:
        join(local_channel, listener, encoder).release()
    for offset in (1, 2, 3):
        local_channel.offer(envelope(offset))
    local_channel.flush()
    assert made == [1, 2, 3]
    assert all(listener.writes == [["e1.1", "e1.2", "e1.3"]] for listener in listeners)


def test_a_shape_may_leave_an_item_out() -> None:
    local_channel, listener = opened()
    join(local_channel, listener, lambda made_of: None if made_of.offset == 1 else "shown").release()
    local_channel.offer(envelope(1))
    local_channel.flush()
    assert listener.frames == ["e1.1"]


def test_a_held_subscription_gets_history_first_and_then_what_came_meanwhile() -> None:
    local_channel, _ = opened(offset=2)
    late = Listener()
    subscription = join(local_channel, late)
    local_channel.offer(envelope(3))
    local_channel.flush()
    assert late.frames == []
    assert subscription.start == Position("e1", 2)
    subscription.release([envelope(1), envelope(2)])
    local_channel.offer(envelope(4))
    local_channel.flush()
    assert late.frames == ["e1.1", "e1.2", "e1.3", "e1.4"]


def test_ephemeral_items_pass_without_touching_the_offsets() -> None:
    local_channel, listener = opened(offset=2)
    local_channel.offer(Envelope("room:1", "", 0, "typing"))
    local_channel.offer(envelope(3))
    local_channel.flush()
    assert listener.frames == ["typing", "e1.3"]


def test_a_follower_that_left_gets_nothing_more() -> None:
    local_channel, listener = LocalChannel("room:1"), Listener()
    local_channel.open(Position("e1", 0))
    subscription = join(local_channel, listener)
    subscription.release()
    local_channel.remove(subscription)
    local_channel.remove(subscription)
    local_channel.offer(envelope(1))
    local_channel.flush()
    assert listener.frames == []
    assert not local_channel


def test_an_offset_that_somebody_claimed_is_forgotten_when_the_database_has_it_not() -> None:
    local_channel, listener = opened()
    local_channel.offer(envelope(10**12))
    assert local_channel.is_behind()
    local_channel.reset()
    assert not local_channel.is_behind()
    local_channel.offer(envelope(1))
    local_channel.flush()
    assert listener.frames == ["e1.1"]


def failures(step: str) -> float:
    return REGISTRY.get_sample_value("hub_fan_out_failures_total", {"step": step}) or 0.0


class Broken(Listener):
    """A subscriber whose own code is at fault."""

    def write(self, batch: FrameBatch) -> None:
        raise ValueError("a defect of an app")


class Unreachable(Broken):
    def restart(self) -> None:
        raise ValueError("another one")


def test_subscriber_that_fails_costs_no_other_one_a_frame_and_is_told_to_come_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    local_channel = LocalChannel("room:1")
    local_channel.open(Position("e1", 0))
    before = failures("writing"), failures("restarting")
    first, broken, last = Listener(), Broken(), Listener()
    for listener in (first, broken, Unreachable(), last):
        join(local_channel, listener).release()
    local_channel.offer(envelope(1))
    local_channel.flush()
    assert first.frames == last.frames == ["e1.1"]
    assert (first.restarts, broken.restarts, last.restarts) == (0, 1, 0)
    assert (failures("writing") - before[0], failures("restarting") - before[1]) == (2, 1)
    assert caplog.text.count("writing_failed") == 2
    assert caplog.text.count("restarting_failed") == 1


def test_new_history_is_told_to_everybody_although_one_subscriber_fails() -> None:
    local_channel, first = opened()
    last = Listener()
    join(local_channel, Unreachable()).release()
    join(local_channel, last).release()
    local_channel.restart(Position("e2", 7))
    assert (first.restarts, last.restarts) == (1, 1)


def test_envelope_that_cannot_be_encoded_is_left_out_and_counted() -> None:
    def encoder(made_of: Envelope) -> str:
        if made_of.offset == 1:
            raise ValueError("a defect of an app")
        return made_of.data

    local_channel, listener = opened()
    own, before = Listener(), failures("encoding")
    join(local_channel, own, encoder).release()
    for offset in (1, 2):
        local_channel.offer(envelope(offset))
    local_channel.flush()
    assert (listener.frames, own.frames) == (["e1.1", "e1.2"], ["e1.2"])
    assert failures("encoding") - before == 1
