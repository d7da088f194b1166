"""Publishing: the only way to send to clients.

``verbs`` publishes, ``withdrawing`` takes back, ``idempotency`` makes repeated calls safe, and ``sweeper`` finishes
what a crash interrupted.
"""

from hub.bus.announcer import flush, subscribed
from hub.publishing.verbs import (
    PayloadTooBig,
    RoundedNumber,
    apublish,
    apublish_ephemeral,
    encode,
    ending,
    hold_channels,
    is_shared,
    last,
    number_now,
    publish,
    publish_ephemeral,
    publish_many,
    publish_shared,
    publish_with_row,
    release,
    share,
)
from hub.publishing.withdrawing import Replacement, replace_shared, unpublish, withdraw
from hub.streams.history import forget as forget_channel
from hub.streams.personal import rewrite

__all__ = [
    "PayloadTooBig",
    "Replacement",
    "RoundedNumber",
    "apublish",
    "apublish_ephemeral",
    "encode",
    "ending",
    "flush",
    "forget_channel",
    "hold_channels",
    "is_shared",
    "last",
    "number_now",
    "publish",
    "publish_ephemeral",
    "publish_many",
    "publish_shared",
    "publish_with_row",
    "release",
    "replace_shared",
    "rewrite",
    "share",
    "subscribed",
    "unpublish",
    "withdraw",
]
