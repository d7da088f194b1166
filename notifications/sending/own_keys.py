"""Keys that the hub makes itself.

A caller who took one would keep the hub from sending what it is of, or would be told that theirs was sent already.
"""

#: How those begin that this app makes.
OWN = ("again:", "broadcast:", "composed:")

#: How those begin that other apps of the hub make, which call ``notify`` as any code does.
OF_OTHER_APPS = ("accounts.signed_up:", "chat.room_opened:", "schedule:")


class OwnKey(str):
    """A key of the hub's own, which :func:`notifications.alert` takes."""

    __slots__ = ()


def own_key(beginning: str, rest: str) -> OwnKey:
    """The key of this app that begins so; ``beginning`` is one of :data:`OWN`."""
    if beginning not in OWN:
        raise ValueError(f"{beginning!r} is not reserved: name it in {__name__}.OWN.")
    return OwnKey(beginning + rest)


def mistake(key: str) -> str:
    """What is wrong with a key of somebody else; empty where nothing is."""
    return _mistake(key, OWN)


def mistake_of_programs(key: str) -> str:
    """:func:`mistake` in a key of another program, which does not belong to any app of the hub."""
    return _mistake(key, OWN + OF_OTHER_APPS)


def _mistake(key: str, reserved: tuple[str, ...]) -> str:
    if isinstance(key, OwnKey) or not key.startswith(reserved):
        return ""
    return f"Keys that begin with {', '.join(sorted(reserved))} are the hub's own: begin yours otherwise."
