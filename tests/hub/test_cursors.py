import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.streams import Envelope, Position, cursors


def test_a_cursor_reads_back_as_the_positions_it_was_made_of() -> None:
    positions = {name: Position("0a1b2c3d", 12) for name in ("everyone", "user:42", "News", "7_days", "_x-y")}
    positions["room:7"] = Position("", 0)
    assert cursors.parse(cursors.join(positions.items())) == positions


def test_an_items_cursor_is_the_position_after_it() -> None:
    envelope = Envelope("room:7", "0a1b2c3d", 5, "{}")
    assert cursors.parse(cursors.cursor_of(envelope)) == {"room:7": Position("0a1b2c3d", 5)}


def test_of_a_channel_named_twice_the_later_position_counts() -> None:
    assert cursors.parse("room:7@0a.1,room:7@0a.9") == {"room:7": Position("0a", 9)}


@pytest.mark.parametrize(
    "text",
    [
        "",
        ",",
        "room:7",
        "room:7@0a",
        "room:7@0a.-1",
        "room:7@0A.1",
        "room:7@0a.1,",
        "room:7@0a.٣",
        "@.1",
        "a@.1" * 2000,
    ],
)
def test_anything_else_is_not_a_cursor(text: str) -> None:
    with pytest.raises(cursors.NotACursor):
        cursors.parse(text)


@pytest.mark.slow
@given(st.text(max_size=200))
def test_no_text_breaks_the_parser(text: str) -> None:
    try:
        positions = cursors.parse(text)
    except cursors.NotACursor:
        return
    assert cursors.parse(cursors.join(positions.items())) == positions


def test_who_is_in_two_hundred_groups_can_come_back() -> None:
    positions = {f"group:{number}": Position("0a1b2c3d", 10**6 + number) for number in range(200)}
    assert cursors.parse(cursors.join(positions.items())) == positions
