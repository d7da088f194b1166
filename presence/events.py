"""What the presence app publishes, and how the plain door shows it."""

import msgspec

from hub.streams import Item


class OnlineCounted(msgspec.Struct, tag="presence.online_counted", kw_only=True):
    """How many people are online now. Ephemeral, on ``online``."""

    count: int


_decoder = msgspec.json.Decoder(OnlineCounted)


def count_in(item: Item) -> int | None:
    """The count that an item of ``online`` carries; None for anything else."""
    try:
        return _decoder.decode(item.data).count
    except msgspec.DecodeError:  # also what is no JSON at all
        return None


def plain_frame(item: Item) -> str | None:
    """The frame of ``/ws/online/``."""
    count = count_in(item)
    return None if count is None else frame_of(count)


def frame_of(count: int) -> str:
    """The frame for ``count``."""
    return msgspec.json.encode({"type": "online_count", "count": count}).decode()
