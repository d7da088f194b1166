"""The channel layer that the settings name."""

from typing import Any

from channels.layers import get_channel_layer


def layer() -> Any:
    """The default channel layer (untyped: each backend adds what it likes).

    Raises:
        RuntimeError: ``CHANNEL_LAYERS`` has no default.
    """
    found = get_channel_layer()
    if found is None:
        raise RuntimeError("CHANNEL_LAYERS has no 'default': the hub needs a channel layer.")
    return found
