"""Which of a project's channel layers is the hub's."""

from collections.abc import Mapping
from typing import Any

#: The layer of this name is the hub's, in a project whose default layer is another one.
ALIAS = "hub"

_IN_MEMORY = "InMemoryChannelLayer"


def of_the_hub(layers: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What ``CHANNEL_LAYERS`` says of the layer named :data:`ALIAS` or, without it, of the default; else None."""
    found: Mapping[str, Any] | None = layers.get(ALIAS, layers.get("default"))
    return found


def is_in_memory(layer: Mapping[str, Any]) -> bool:
    """Whether the layer that this describes reaches one process only."""
    return str(layer.get("BACKEND", "")).endswith(_IN_MEMORY)
