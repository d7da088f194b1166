"""What people are called in rooms."""

from typing import NamedTuple

from hub.users import NAME_LIMIT, User, code_of, display_name, user_id
from hub.validation import is_reserved, shows_nothing


class Named(NamedTuple):
    """A person as others see them: two may have one ``username``, and no two one ``user_id``."""

    username: str
    #: What the person is called outside (:func:`hub.users.user_id`).
    user_id: str


def named(user: User) -> Named:
    """Of :func:`called`, and the id."""
    return Named(called(user), user_id(user))


def called(user: User) -> str:
    """What others read of the person, at most 150 characters (:func:`hub.users.display_name`).

    Where that is a name of the hub's own, looks like it or has something that cannot be seen, the id stands behind it,
    as people read it (:func:`hub.users.code_of`): who is called so speaks for nobody else.
    """
    name = display_name(user)
    seen = "".join(character for character in name if not shows_nothing(character))
    if seen == name and not is_reserved(name, official=True):
        return name
    mark = f"#{code_of(user_id(user))}"
    return f"{seen[: NAME_LIMIT - len(mark)]}{mark}"
