"""What others read of a person: ``HUB_DISPLAY_NAME``, a field of the user model or the path of a function.

Without it, what ``get_full_name()`` says, else what the model's ``__str__`` says, and never a mail address. People
whose model says nothing else get a name that is made of their id (:mod:`hub.users.made_names`), and so do those who
want to be called as if theirs was made.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from django.utils.module_loading import import_string

from hub.characters import is_visible
from hub.config import hub_settings
from hub.users.ids import id_columns, id_from, user_id, users_by_id, with_ids
from hub.users.made_names import looks_made, made_name
from hub.users.model import User, Visitor, all_users, field_named

#: Characters of a name, at most; a longer one is cut.
NAME_LIMIT = 150

#: What holds a mail address.
_MAIL = re.compile(r"[^\s@]@[^\s@]")


def display_name(user: Visitor) -> str:
    """What others read of ``user``, 1 to 150 characters; empty for a guest."""
    if not isinstance(user, User):
        return ""
    return _shown(said_of(user), user_id(user))


def display_names(ids: Iterable[str]) -> dict[str, str]:
    """:func:`display_name` of the users with these ids, by id; what is no id of a user is left out.

    One query, and only of the fields that are needed where a field has the names.
    """
    name = hub_settings().display_name
    if not name or field_named(name) is None:
        return {known: display_name(user) for known, user in users_by_id(ids).items()}
    wanted = with_ids(ids)
    found = all_users().filter(wanted).values_list(name, *id_columns()) if wanted is not None else ()
    return {known: _shown(_text(said), known) for said, known in ((said, id_from(ids)) for said, *ids in found)}


def said_of(user: User) -> str:
    """The name as the setting or the model has it; empty where they have none."""
    name = hub_settings().display_name
    if not name:
        return _said_by_model(user)
    if "." in name:
        return _text(function_named(name)(user))
    said = getattr(user, name)
    return _text(said() if callable(said) else said)


@lru_cache(maxsize=8)
def function_named(path: str) -> Any:
    """The function at this dotted path. Raises ``ImportError``."""
    return import_string(path)


def is_mail_address(name: str) -> bool:
    """Whether a mail address stands in ``name``."""
    return bool(_MAIL.search(name))


def _said_by_model(user: User) -> str:
    full_name = getattr(user, "get_full_name", None)
    said = (_text(full_name()) if callable(full_name) else ""), str(user)
    return next((name for name in said if name and not is_mail_address(name)), "")


def _text(said: object) -> str:
    return "" if said is None else str(said).strip()


def _shown(said: str, known: str) -> str:
    said = said[:NAME_LIMIT]
    return said if is_visible(said) and not looks_made(said) else made_name(known)
