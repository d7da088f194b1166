"""What people are called in rooms."""

from hub.users import NAME_LIMIT, User, display_name, user_id
from hub.validation import is_reserved, shows_nothing


def called(user: User) -> str:
    """What others read of the person, at most 150 characters (:func:`hub.users.display_name`).

    Where that is a name of the hub's own, looks like it or has something that cannot be seen, the id stands behind it:
    who is called so speaks for nobody else.
    """
    name = display_name(user)
    seen = "".join(character for character in name if not shows_nothing(character))
    if seen == name and not is_reserved(name, official=True):
        return name
    mark = f"#{user_id(user)}"
    return f"{seen[: NAME_LIMIT - len(mark)]}{mark}"
