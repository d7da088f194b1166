"""The frame parser reads whole frames as the library does, and leaves all others to it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol

from hub.server.frame_parser import whole_frames

LIMIT = 1000

#: Every first byte there is, the usual ones more often; with and without a mask; lengths around every bound.
FIRST = st.sampled_from([0x81, 0x82, 0x89, 0x8A]) | st.sampled_from([0x88, 0x01, 0x80, 0x00]) | st.integers(0, 255)
LENGTHS = st.sampled_from([0, 1, 124, 125, 126, 127, LIMIT, LIMIT + 1, 65_535, 65_536])


def frame(first: int, length: int, mask: bytes, *, wide: bool) -> bytes:
    """A client's frame; ``wide`` writes the length longer than it must be, no ``mask`` leaves that out."""
    bit = 0x80 if mask else 0
    if length < 126 and not wide:
        head = bytes((first, bit | length))
    elif length < 65_536:
        head = bytes((first, bit | 126)) + length.to_bytes(2, "big")
    else:
        head = bytes((first, bit | 127)) + length.to_bytes(8, "big")
    return head + mask + b"x" * length


USUAL_OR_NOT = st.sampled_from([False] * 9 + [True])
MASKS = st.sampled_from([b"\x11\x22\x33\x44"] * 9 + [b""])
FRAMES = st.lists(st.builds(frame, FIRST, LENGTHS, MASKS, wide=USUAL_OR_NOT), max_size=5)


def read_by_websockets(data: bytes) -> tuple[list[tuple[int, bytes]], str]:
    """What the library takes from ``data``, and how it ends."""
    protocol = ServerProtocol(state=State.OPEN, max_size=LIMIT)
    protocol.receive_data(data)
    events = [
        (int(event.opcode), bytes(event.data)) for event in protocol.events_received() if isinstance(event, Frame)
    ]
    return events, repr(protocol.close_sent)


@pytest.mark.slow
@given(FRAMES, st.integers(0, 200), st.binary(max_size=8), st.integers(1, 6))
def test_what_is_read_here_and_then_by_the_library_is_what_the_library_alone_reads(
    sent: list[bytes], cut: int, noise: bytes, most: int
) -> None:
    stream = b"".join(sent) + noise
    stream = stream[: max(0, len(stream) - cut)]
    here, rest = whole_frames(stream, LIMIT, most)
    assert len(here) <= most
    then, end = read_by_websockets(rest)
    assert ([*here, *then], end) == read_by_websockets(stream)


@pytest.mark.slow
@given(st.lists(st.tuples(st.sampled_from([0x1, 0x2]), st.binary(max_size=LIMIT)), max_size=5))
def test_whole_messages_leave_nothing_for_the_library(messages: list[tuple[int, bytes]]) -> None:
    stream = b"".join(Frame(Opcode(opcode), payload).serialize(mask=True) for opcode, payload in messages)
    assert whole_frames(stream, LIMIT, 5) == (messages, b"")
