"""Keys that the hub makes itself.

A caller who took one would keep the hub from sending what it is of, or would be told that theirs was sent already.
"""

import hashlib

from notifications.models.limits import KEY_LIMIT

#: How they begin: those of this app, and those of the hub's apps that call ``notify`` as any code does.
OWN = ("accounts.signed_up:", "again:", "broadcast:", "chat.room_opened:", "composed:", "schedule:")


class OwnKey(str):
    """A key of the hub's own, which :func:`notifications.alert` takes."""

    __slots__ = ()


def own_key(beginning: str, rest: str) -> OwnKey:
    """The key of the hub that begins so; ``beginning`` is one of :data:`OWN`."""
    if beginning not in OWN:
        raise ValueError(f"{beginning!r} is not reserved: name it in {__name__}.OWN.")
    if len(beginning + rest) > KEY_LIMIT:  # the key of a person may be a text of any length
        rest = hashlib.sha256(rest.encode()).hexdigest()
    return OwnKey(beginning + rest)


def mistake(key: str) -> str:
    """What is wrong with a key of somebody else; empty where nothing is."""
    if isinstance(key, OwnKey) or not key.startswith(OWN):
        return ""
    return f"Keys that begin with {', '.join(OWN)} are the hub's own: begin yours otherwise."
