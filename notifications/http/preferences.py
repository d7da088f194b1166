"""Somebody's preferences over HTTP."""

from msgspec import UNSET

from hub.api import ApiCall, ApiError, Code, Method, person_named, register
from hub.database import in_database_thread
from notifications.preferences import stored as preferences
from notifications.preferences.messages import ChangeMessage, PreferencesMessage, changed, message_of


class PreferencesRequest(ChangeMessage, kw_only=True):
    """Read the preferences of a person or, where something is given, change them."""

    user: str


async def run(call: ApiCall[PreferencesRequest]) -> PreferencesMessage:
    """Changed as a whole or not at all; what is left out stays."""
    return await in_database_thread(_run, call)


def _run(call: ApiCall[PreferencesRequest]) -> PreferencesMessage:
    request = call.request
    person = person_named(call, request.user)
    if request.language is None and request.time_zone is None and request.quiet is UNSET and not request.choices:
        return message_of(preferences.preferences_of(person))
    try:
        return changed(person, request)
    except preferences.NotChosen as refused:
        raise ApiError(Code.BAD_REQUEST, str(refused)) from None


register(
    Method(
        "preferences",
        PreferencesRequest,
        PreferencesMessage,
        run,
        "Read or change somebody's preferences.",
        {"user": "42", "language": "de", "choices": [{"method": "live", "on": False, "category": "orders"}]},
        also=("GET", "preferences"),
    )
)
