"""The keys of users as JSON has them: numbers, or texts.

What a process holds of many people, and what goes through many, has their keys in this form. Python takes longer to
hash, write, sort and compare a UUID than for all else that is done with it, and its text sorts and compares as the
UUID does.
"""

from collections.abc import Iterable

from hub.users.model import Key, Visitor, key_of_text

#: The key of a user as JSON has it.
Written = int | str

#: Where a user object has its key and what that is as JSON; no field of a model is called so.
_KEPT = "_hub_written_key"


def written(key: Key) -> Written:
    """The key of a user as JSON has it."""
    return key if isinstance(key, int) else str(key)


def keys_in(values: Iterable[Written]) -> list[Key]:
    """The keys of users in JSON."""
    return [key if isinstance(key, int) else key_of_text(key) for key in values]


def written_key(user: Visitor) -> Written | None:
    """The key of ``user`` as JSON has it, which is made once for this object; None for a guest."""
    key: Key = user.pk
    if key is None or isinstance(key, int | str):
        return key
    kept: tuple[Key, str] | None = user.__dict__.get(_KEPT)
    # A product may make one person of another by giving the object a new key.
    if kept is None or kept[0] is not key:
        kept = user.__dict__[_KEPT] = key, str(key)
    return kept[1]
