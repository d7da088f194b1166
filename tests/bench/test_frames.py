import struct

import pytest

from lab.bench.frames import BINARY, PING, TEXT, Frames, client_frame, frame_end, message


def server_frame(payload: bytes, opcode: int = TEXT) -> bytes:
    """A frame as a server sends it, by RFC 6455 5.2."""
    size = len(payload)
    if size < 126:
        return struct.pack("!BB", 0x80 | opcode, size) + payload
    if size < 65536:
        return struct.pack("!BBH", 0x80 | opcode, 126, size) + payload
    return struct.pack("!BBQ", 0x80 | opcode, 127, size) + payload


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536])
def test_a_frame_ends_where_its_length_says(size: int) -> None:
    frame = server_frame(b"x" * size)
    end = frame_end(frame + b"next", 0)
    assert end is not None and frame[end[0] : end[1]] == b"x" * size


def test_frames_come_out_whole_wherever_the_bytes_are_cut() -> None:
    stream = server_frame(b"first") + server_frame(b"", PING) + server_frame(b"y" * 300, BINARY)
    for cut in range(len(stream) + 1):
        frames = Frames()
        assert frames.feed(stream[:cut]) + frames.feed(stream[cut:]) == [
            (TEXT, b"first"),
            (PING, b""),
            (BINARY, b"y" * 300),
        ]


def test_frames_come_out_whole_byte_by_byte() -> None:
    frames = Frames()
    stream = server_frame(b"a" * 200) + server_frame(b"b")
    found = [frame for byte in stream for frame in frames.feed(bytes([byte]))]
    assert found == [(TEXT, b"a" * 200), (TEXT, b"b")]


@pytest.mark.parametrize("size", [3, 200, 70_000])
def test_a_frame_of_a_client_is_masked_and_has_its_length(size: int) -> None:
    frame = client_frame(b"z" * size)
    assert frame[1] & 0x80 and frame.endswith(b"\0\0\0\0" + b"z" * size)
    unmasked = frame[:1] + bytes([frame[1] & 0x7F]) + frame[2 : -4 - size] + frame[-size:]
    assert unmasked == server_frame(b"z" * size)


def test_a_message_has_its_size_and_one_mark() -> None:
    assert len(message(100)) == 100
    assert message(100).count("^~") == 1
