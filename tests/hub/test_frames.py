import pytest
from websockets.frames import Frame, Opcode

from hub.fanout.frames import BATCH_WRITE_LIMIT, FrameBatch, text_frame


@pytest.mark.parametrize("length", [0, 1, 125, 126, 127, 65535, 65536, 70000])
def test_a_frame_is_what_the_websockets_library_makes_of_the_text(length: int) -> None:
    text = "x" * length
    assert text_frame(text) == Frame(Opcode.TEXT, text.encode()).serialize(mask=False)


def test_the_length_counts_bytes_and_not_characters() -> None:
    assert text_frame("é" * 100) == Frame(Opcode.TEXT, ("é" * 100).encode()).serialize(mask=False)


def test_a_block_is_its_frames_in_order_in_writes_of_bounded_size() -> None:
    texts = [str(number) * 1000 for number in range(1, 800)]
    writes = FrameBatch(texts).raw
    assert b"".join(writes) == b"".join(map(text_frame, texts))
    assert len(writes) > 1
    assert max(map(len, writes)) <= BATCH_WRITE_LIMIT


def test_one_frame_above_the_bound_is_one_write() -> None:
    assert FrameBatch(["x" * (BATCH_WRITE_LIMIT + 1)]).raw == [text_frame("x" * (BATCH_WRITE_LIMIT + 1))]
