"""What others read of a person: ``HUB_DISPLAY_NAME``, a field of the user model or the path of a function.

Without it, what ``get_full_name()`` says, else what the model's ``__str__`` says, and never a mail address. People
whose model says nothing else get a name that is made of their id (:mod:`hub.users.made_names`), and so do those who
want to be called as if theirs was made.

The project's code says it, and may fail, or ask the database, which no event loop may do. Whoever connects is found
together with their name (:func:`keep_names`), and whose name cannot be told has one that is made.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from django.contrib.auth.models import AbstractUser
from django.db import Error as DatabaseFault
from django.utils.module_loading import import_string

from hub.characters import is_storable, is_visible, storable
from hub.config import hub_settings
from hub.logs import get_logger
from hub.logs.rare_log import RareLog
from hub.users.ids import id_columns, id_from, user_id, users_by_id, with_ids
from hub.users.made_names import looks_made, made_name
from hub.users.model import User, Visitor, all_users, field_named

#: The project's code may fail for each of thousands.
_rare_log = RareLog(get_logger(__name__))

#: Where a person who was found for a connection has what the project calls them; no field of a model is called so.
_KEPT = "_hub_name"

#: Characters of a name, at most; a longer one is cut.
NAME_LIMIT = 150

#: What holds a mail address.
_MAIL = re.compile(r"[^\s@]@[^\s@]")


def display_name(user: Visitor) -> str:
    """What others read of ``user``, 1 to 150 characters; empty for a guest.

    Raises nothing but ``django.db.Error``: where the project's code fails, the log says so, and the name is made of
    the id.
    """
    if not isinstance(user, User):
        return ""
    kept: str | None = user.__dict__.get(_KEPT)
    return _shown(_said_now(user) if kept is None else kept, user_id(user))


def keep_names(users: Iterable[User]) -> None:
    """Have :func:`display_name` of these objects give the name of now, on an event loop too, where asking the database
    for it would be an error.

    Raises ``django.db.Error``.
    """
    for user in users:
        # What the project says: most connections never need the name that is made where it says nothing.
        setattr(user, _KEPT, _said_now(user))


def _said_now(user: User) -> str:
    try:
        return said_of(user)
    except DatabaseFault:  # perhaps in a transaction, which goes on no more
        raise
    except Exception as error:  # noqa: BLE001  # the project's code; nothing else is kept from a person without a name
        _rare_log.warning("name_not_told", kind=type(error).__name__, user=user.pk, error=type(error).__name__)
        return ""


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
    said = _full_name(user)
    if not said or is_mail_address(said):
        said = str(user)
    return "" if is_mail_address(said) else said


def _full_name(user: User) -> str:
    """What ``get_full_name()`` says; empty where the model has none.

    Django's own writes the word "None" for each half of the name that a model derived from ``AbstractUser`` has taken
    away (``first_name = None``).
    """
    method = getattr(user, "get_full_name", None)
    if getattr(method, "__func__", None) is AbstractUser.get_full_name:
        halves = getattr(user, "first_name", None), getattr(user, "last_name", None)
        return " ".join(filter(None, map(_text, halves)))
    return _text(method()) if callable(method) else ""


def _text(said: object) -> str:
    return "" if said is None else str(said).strip()


def _shown(said: str, known: str) -> str:
    said = said[:NAME_LIMIT]
    if not is_storable(said):
        said = storable(said)
    return said if is_visible(said) and not looks_made(said) else made_name(known)
