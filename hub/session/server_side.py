"""The channels that the hub subscribes a client to by itself: those that are about this person."""

from collections.abc import Awaitable, Callable, Iterable

from hub.users import Visitor

#: The channels of a user, guests included; awaited on the event loop for each client that connects.
ChannelsOf = Callable[[Visitor], Awaitable[Iterable[str]]]

_registered: list[ChannelsOf] = []


def register(channels_of: ChannelsOf) -> None:
    """Have the hub subscribe each client to ``await channels_of(user)``; called once by the app that owns them."""
    if channels_of not in _registered:
        _registered.append(channels_of)


async def channels_of(user: Visitor) -> list[str]:
    """All channels that are about ``user``, each once. Raises what the apps' functions raise."""
    found: dict[str, None] = {}
    for of_app in _registered:
        found.update(dict.fromkeys(await of_app(user)))
    return list(found)
