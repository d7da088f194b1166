"""Reading what clients send most: whole, unfragmented frames. All else is left to the state machine of websockets."""

from websockets.utils import apply_mask

from hub.fanout.frames import BINARY, PING, PONG, TEXT

#: First bytes: the last (and only) fragment of a message, or a control frame; no extension's bit.
_DATA, _CONTROL = {0x80 | TEXT, 0x80 | BINARY}, {0x80 | PING, 0x80 | PONG}

#: The second byte's bit that says that a mask follows. Clients must mask.
_MASKED = 0x80

_MASK_LENGTH = 4

#: Payload lengths that fit the second byte, and the value there that says that two bytes with the length follow.
_SHORT, _TWO_BYTES = 125, 126


def whole_frames(data: bytes, limit: int, most: int) -> tuple[list[tuple[int, bytes]], bytes]:
    """The frames that ``data``, which begins at the beginning of a frame, holds as a whole: opcodes and payloads.

    The second value is the rest, from the first frame on that is cut, fragmented, a close frame, longer than
    ``limit`` bytes or in any way unusual: whoever gets it decides what it is. Where there are ``most`` frames, it is
    whatever follows them.
    """
    frames: list[tuple[int, bytes]] = []
    at, end = 0, len(data)
    while end - at > _MASK_LENGTH + 1 and len(frames) < most:
        first, length = data[at], data[at + 1] ^ _MASKED  # without a mask it is too long for anything
        begin = at + 2
        if length == _TWO_BYTES and first in _DATA:
            length = int.from_bytes(data[begin : begin + 2], "big")
            begin += 2
        elif length > _SHORT or (first not in _DATA and first not in _CONTROL):
            break
        begin += _MASK_LENGTH
        if length > limit or begin + length > end:
            break
        at = begin + length
        frames.append((first & 0x0F, apply_mask(data[begin:at], data[begin - _MASK_LENGTH : begin])))
    return frames, data[at:]
