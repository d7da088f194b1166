"""WebSocket frames, encoded once per encoder and process and shared by all sockets."""

from collections.abc import Sequence
from typing import cast

#: The largest write, in bytes. All sockets share the same bytes, but each may have to buffer one write beyond its
#: limit, so a write is kept well below ``HUB_WRITE_BUFFER``.
BATCH_WRITE_LIMIT = 256 * 1024


#: Opcodes (RFC 6455, 5.2).
TEXT, BINARY, PING, PONG = 0x1, 0x2, 0x9, 0xA


def frame(opcode: int, payload: bytes) -> bytes:
    """``payload`` as one unmasked, unfragmented WebSocket frame (RFC 6455, 5.2): the same bytes for every client.

    Valid on a connection that negotiated compression too, because compression is a choice per message (RFC 7692, 6).
    """
    first, length = 0x80 | opcode, len(payload)
    if length < 126:
        return bytes((first, length)) + payload
    if length < 65536:
        return bytes((first, 126)) + length.to_bytes(2, "big") + payload
    return bytes((first, 127)) + length.to_bytes(8, "big") + payload


def text_frame(text: str) -> bytes:
    """``text`` as one :func:`frame`."""
    return frame(TEXT, text.encode())


#: What one frame holds: a text or, for endpoints that speak in bytes, these.
Frame = str | bytes


class FrameBatch:
    """Frames that are written to a socket together, in order: as they are for ASGI, as bytes for a raw connection."""

    __slots__ = ("_raw", "frames", "size")

    def __init__(self, frames: Sequence[Frame]) -> None:
        self.frames = frames
        #: Characters or bytes of all frames.
        self.size = sum(map(len, frames))
        self._raw: list[bytes] | None = None

    @property
    def texts(self) -> Sequence[str]:
        """The frames of an endpoint that speaks in texts."""
        return cast("Sequence[str]", self.frames)

    @property
    def raw(self) -> list[bytes]:
        """The frames as bytes, joined into writes of at most ``BATCH_WRITE_LIMIT`` (a single frame may be longer)."""
        if self._raw is None:
            self._raw = _joined([_framed(one) for one in self.frames])
        return self._raw


def _framed(one: Frame) -> bytes:
    return text_frame(one) if isinstance(one, str) else frame(BINARY, one)


def _joined(frames: list[bytes]) -> list[bytes]:
    writes, size, start = [], 0, 0
    for index, frame in enumerate(frames):
        if size and size + len(frame) > BATCH_WRITE_LIMIT:
            writes.append(b"".join(frames[start:index]))
            size, start = 0, index
        size += len(frame)
    writes.append(b"".join(frames[start:]))
    return writes
