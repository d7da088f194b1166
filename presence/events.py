"""What the presence app publishes, and how the simple endpoint shows it."""

import msgspec

from hub.bus import event_in
from hub.streams import Envelope


class OnlineCounted(msgspec.Struct, tag="presence.online_counted", kw_only=True):
    """How many people are online now. Ephemeral, on ``online``."""

    count: int


_decoder = msgspec.json.Decoder(OnlineCounted)

#: How each frame of :func:`frame_of` begins.
_COUNT = '{"type":"online_count","count":'


def count_in(item: Envelope) -> int | None:
    """The hub's own count that an item of ``online`` carries; None for anything else."""
    if item.is_foreign:
        return None
    try:
        return _decoder.decode(item.data).count
    except msgspec.DecodeError:  # also what is no JSON at all
        return None


def plain_frame(item: Envelope) -> str | None:
    """The frame of ``/ws/online/``."""
    if item.is_foreign:
        return _told(item)
    count = count_in(item)
    return None if count is None else frame_of(count)


def _told(item: Envelope) -> str:
    """An event of other code: a count of its own, or whatever it is."""
    event = event_in(item)
    count = event.get("count")
    if event["type"] in {"online_count", "online.count"} and isinstance(count, int) and not isinstance(count, bool):
        return frame_of(count)
    return item.data


def frame_of(count: int) -> str:
    """The frame for ``count``."""
    return msgspec.json.encode({"type": "online_count", "count": count}).decode()


def is_count(frame: str) -> bool:
    """Whether a frame is one of :func:`frame_of`."""
    return frame.startswith(_COUNT)
