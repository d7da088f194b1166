"""Finds the texts that name a person: what was written of them where no column says whom it is about."""

import re
from collections.abc import Callable

from hub.users import User, display_name, user_id

#: Letters of a name from which on it is looked for without quotes around it: shorter ones are parts of other words.
SHORT = 4


def names(user: User) -> Callable[[str], bool]:
    """Whether a text names ``user``: by what they log in with, their address or the name that others read; by their id
    in quotes, or by any of these that is short in quotes.
    """
    said = (user.get_username(), getattr(user, user.get_email_field_name(), ""), display_name(user))
    known = set(map(str, filter(None, said)))  # each may be None
    own_id = user_id(user)
    # An id of digits stands in texts about something else. One that people log in with may be a name, as any other.
    bare = {name for name in known if len(name) >= SHORT and not (name == own_id and name.isdecimal())}
    patterns = [rf"""(['"]){re.escape(name)}\1""" for name in {own_id, *known} - bare]
    # As a whole, and no part of the name or address of somebody else.
    patterns += [rf"(?<![\w.+-]){re.escape(name)}(?![\w-]|\.\w)" for name in bare]
    found = [re.compile(pattern, re.IGNORECASE) for pattern in patterns]
    return lambda text: any(pattern.search(text) for pattern in found)
