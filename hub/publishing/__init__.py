"""Publishing: the only way to reach a client. ``verbs`` publish; ``idempotency`` and ``sweeper`` make that safe."""

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
