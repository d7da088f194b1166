from random import Random

from hub.fanout.local_channel import AHEAD_LIMIT, LocalChannel
from hub.streams import Envelope, Position
from tests.hub.following import Listener, as_data


def item(offset: int, epoch: str = "e1") -> Envelope:
    return Envelope("room:1", epoch, offset, f"{epoch}.{offset}")


def opened(offset: int = 0, epoch: str = "e1") -> tuple[LocalChannel, Listener]:
    feed, listener = LocalChannel("room:1"), Listener()
    feed.open(Position(epoch, offset))
    feed.add(listener, as_data).release()
    return feed, listener


def test_items_go_out_in_offset_order_whatever_order_they_come_in() -> None:
    feed, listener = opened()
    offsets = list(range(1, 101)) * 3
    Random(7).shuffle(offsets)
    for offset in offsets:
        feed.offer(item(offset))
    feed.flush()
    assert listener.frames == [f"e1.{offset}" for offset in range(1, 101)]
    assert not feed.is_behind()


def test_a_repeat_is_dropped() -> None:
    feed, listener = opened(offset=5)
    assert not feed.offer(item(5))
    assert not feed.offer(item(1))
    feed.flush()
    assert listener.frames == []


def test_a_gap_holds_back_what_comes_after_it_and_is_known() -> None:
    feed, listener = opened()
    feed.offer(item(1))
    feed.offer(item(3))
    feed.flush()
    assert listener.frames == ["e1.1"]
    assert feed.is_behind()
    feed.offer(item(2))
    feed.flush()
    assert listener.frames == ["e1.1", "e1.2", "e1.3"]
    assert not feed.is_behind()


def test_what_waits_for_a_gap_is_bounded_and_still_known() -> None:
    feed, listener = opened()
    for offset in range(2, 10 * AHEAD_LIMIT):
        feed.offer(item(offset))
    assert feed.is_behind()
    for offset in range(1, 10 * AHEAD_LIMIT):  # as the database gives them
        feed.offer(item(offset))
    feed.flush()
    assert listener.frames == [f"e1.{offset}" for offset in range(1, 10 * AHEAD_LIMIT)]


def test_what_comes_while_the_feed_is_opening_is_not_lost() -> None:
    feed, listener = LocalChannel("room:1"), Listener()
    feed.offer(item(6))
    feed.offer(item(5))
    feed.open(Position("e1", 5))
    feed.add(listener, as_data).release()
    feed.offer(item(7))
    feed.flush()
    # 6 was in the batch already when the listener came: it belongs to its history.
    assert listener.frames == ["e1.7"]
    assert feed.last == 7


def test_the_first_item_of_a_channel_without_a_stream_gives_the_epoch() -> None:
    feed, listener = opened(epoch="")
    feed.offer(item(1, epoch="e9"))
    feed.flush()
    assert listener.frames == ["e9.1"]
    assert feed.epoch == "e9"


def test_items_of_another_history_are_not_mixed_in() -> None:
    feed, listener = opened(offset=3)
    assert not feed.offer(item(4, epoch="e2"))
    assert feed.has_other_history("e2")
    feed.flush()
    assert listener.frames == []


def test_all_items_of_a_turn_are_written_at_once_and_made_once_per_shape() -> None:
    made: list[int] = []

    def shape(made_of: Envelope) -> str:
        made.append(made_of.offset)
        return made_of.data

    feed = LocalChannel("room:1")
    feed.open(Position("e1", 0))
    listeners = [Listener() for _ in range(10)]
    for listener in listeners:
        feed.add(listener, shape).release()
    for offset in (1, 2, 3):
        feed.offer(item(offset))
    feed.flush()
    assert made == [1, 2, 3]
    assert all(listener.writes == [["e1.1", "e1.2", "e1.3"]] for listener in listeners)


def test_a_shape_may_leave_an_item_out() -> None:
    feed, listener = opened()
    feed.add(listener, lambda made_of: None if made_of.offset == 1 else "shown").release()
    feed.offer(item(1))
    feed.flush()
    assert listener.frames == ["e1.1"]


def test_a_held_subscription_gets_history_first_and_then_what_came_meanwhile() -> None:
    feed, _ = opened(offset=2)
    late = Listener()
    subscription = feed.add(late, as_data)
    feed.offer(item(3))
    feed.flush()
    assert late.frames == []
    assert subscription.start == Position("e1", 2)
    subscription.release([item(1), item(2)])
    feed.offer(item(4))
    feed.flush()
    assert late.frames == ["e1.1", "e1.2", "e1.3", "e1.4"]


def test_ephemeral_items_pass_without_touching_the_offsets() -> None:
    feed, listener = opened(offset=2)
    feed.offer(Envelope("room:1", "", 0, "typing"))
    feed.offer(item(3))
    feed.flush()
    assert listener.frames == ["typing", "e1.3"]


def test_a_follower_that_left_gets_nothing_more() -> None:
    feed, listener = LocalChannel("room:1"), Listener()
    feed.open(Position("e1", 0))
    subscription = feed.add(listener, as_data)
    subscription.release()
    feed.remove(subscription)
    feed.remove(subscription)
    feed.offer(item(1))
    feed.flush()
    assert listener.frames == []
    assert not feed


def test_an_offset_that_somebody_claimed_is_forgotten_when_the_database_has_it_not() -> None:
    feed, listener = opened()
    feed.offer(item(10**12))
    assert feed.is_behind()
    feed.settle()
    assert not feed.is_behind()
    feed.offer(item(1))
    feed.flush()
    assert listener.frames == ["e1.1"]
