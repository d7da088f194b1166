"""Publishing: the only way to send to clients.

``verbs`` publishes, ``idempotency`` makes repeated calls safe, and ``sweeper`` finishes what a crash interrupted.
"""

from hub.publishing.verbs import (
    PayloadTooBig,
    RoundedNumber,
    apublish,
    apublish_ephemeral,
    encode,
    publish,
    publish_ephemeral,
    publish_many,
    release,
)

__all__ = [
    "PayloadTooBig",
    "RoundedNumber",
    "apublish",
    "apublish_ephemeral",
    "encode",
    "publish",
    "publish_ephemeral",
    "publish_many",
    "release",
]
