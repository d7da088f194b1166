"""The channel layer that the settings name, and doing many things with it at once."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from channels.layers import InMemoryChannelLayer, get_channel_layer

from hub.config.layers import ALIAS


def layer() -> Any:
    """The hub's channel layer: :data:`ALIAS` or, without it, the default (untyped: each backend adds what it likes).

    Raises:
        RuntimeError: ``CHANNEL_LAYERS`` has neither.
    """
    found = get_channel_layer(ALIAS) or get_channel_layer()
    if found is None:
        raise RuntimeError(f"CHANNEL_LAYERS has neither {ALIAS!r} nor 'default': the hub needs a channel layer.")
    return found


async def group_send_many(messages: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
    """``group_send`` for each ``(group, message)`` in order; in one round trip where the layer can."""
    found = layer()
    if hasattr(type(found), "group_send_many"):
        await found.group_send_many(messages)
        return
    for group, message in messages:
        await found.group_send(group, message)


async def group_send_counted(group: str, message: Mapping[str, Any]) -> int | None:
    """``group_send``; returns how many processes receive it, None where the layer cannot tell."""
    found = layer()
    if hasattr(type(found), "group_send_counted"):
        return int(await found.group_send_counted(group, message))
    await found.group_send(group, message)
    return None


async def groups_joined(beginning: str) -> list[str]:
    """The groups whose name has this beginning and that some process has joined; none where the layer cannot tell."""
    found = layer()
    return list(await found.groups_joined(beginning)) if hasattr(type(found), "groups_joined") else []


async def group_discard_many(groups: Collection[str], channel: str) -> None:
    """``group_discard`` from each group; in one command where the layer can."""
    found = layer()
    if hasattr(type(found), "group_discard_many"):
        await found.group_discard_many(groups, channel)
        return
    for group in groups:
        await found.group_discard(group, channel)


async def group_add_many(groups: Collection[str], channel: str) -> None:
    """``group_add`` to each group; in one round trip where the layer can."""
    found = layer()
    if hasattr(type(found), "group_add_many"):
        await found.group_add_many(groups, channel)
        return
    for group in groups:
        await found.group_add(group, channel)


def waiting_for(channel: str) -> int:
    """How many messages have arrived for ``channel`` and wait; 0 where the layer cannot tell."""
    found = layer()
    return int(found.waiting_for(channel)) if hasattr(type(found), "waiting_for") else 0


def is_in_memory() -> bool:
    """Whether the layer reaches this process only, so that nothing else need be shared with others either."""
    return isinstance(layer(), InMemoryChannelLayer)
