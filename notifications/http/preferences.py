"""Somebody's preferences over HTTP."""

import msgspec

from hub.api import ApiCall, ApiError, Code, Method, person_named, register
from hub.database import in_database_thread
from notifications.preferences import stored as preferences
from notifications.preferences.messages import ChangeMessage, PreferencesMessage, changed, message_of

#: The name under which preferences are read with GET and changed with PATCH.
_NAME = "preferences"


class PreferencesRequest(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Read the preferences of a person."""

    user: str


class PreferencesChangeRequest(ChangeMessage, kw_only=True, forbid_unknown_fields=True):
    """A person chooses something; what is left out stays."""

    user: str


async def read(call: ApiCall[PreferencesRequest]) -> PreferencesMessage:
    """What the person has chosen, and what they get."""
    return await in_database_thread(_read, call)


def _read(call: ApiCall[PreferencesRequest]) -> PreferencesMessage:
    return message_of(preferences.preferences_of(person_named(call, call.request.user)))


async def change(call: ApiCall[PreferencesChangeRequest]) -> PreferencesMessage:
    """Changed as a whole or not at all. The person's open pages learn of it."""
    return await in_database_thread(_change, call)


def _change(call: ApiCall[PreferencesChangeRequest]) -> PreferencesMessage:
    try:
        return changed(person_named(call, call.request.user), call.request)
    except preferences.NotChosen as refused:
        raise ApiError(Code.BAD_REQUEST, str(refused)) from None


register(
    Method(
        _NAME,
        PreferencesRequest,
        PreferencesMessage,
        read,
        "Read somebody's preferences.",
        {"user": "42"},
        also=("GET", _NAME),
    )
)
register(
    Method(
        "preferences_change",
        PreferencesChangeRequest,
        PreferencesMessage,
        change,
        "Change somebody's preferences.",
        {"user": "42", "language": "de", "choices": [{"method": "live", "on": False, "category": "orders"}]},
        also=("PATCH", _NAME),
    )
)
