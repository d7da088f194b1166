"""The engine. What other code may import from ``hub`` itself is here; importing it loads no model and no app."""

__all__ = ["__version__", "group"]

#: The same as in ``pyproject.toml``.
__version__ = "0.1.0"


def group(channel: str) -> str:
    """The channel-layer group that carries ``channel``, such as ``"everyone"``, ``"user:42"`` or ``"room:7"``.

    What is sent to it with ``group_send`` reaches every client that follows the channel, live: not stored, without an
    offset, with nothing to recover (``docs/howto/publish-through-the-channel-layer.md``). The name is stable.

    Call it once the apps are ready: before that no channel is known.

    Raises:
        UnknownChannel: the name is malformed, of no registered namespace, or has no id of its namespace; or the
            channel is the hub's own.
    """
    from hub.channels import find, group_name

    find(channel)
    return group_name(channel)
