"""Somebody's preferences over HTTP."""

from typing import Annotated

import msgspec
from msgspec import Meta

from hub.api import ApiCall, ApiError, Code, Method, person_named, register
from hub.database import in_database_thread
from notifications import preferences
from notifications.preferences_messages import CHOICES_LIMIT, PreferencesMessage, WishMessage, changed, message_of


class PreferencesRequest(msgspec.Struct, kw_only=True):
    """Read the preferences of a person or, where something is given, change them."""

    user: str
    language: str | None = None
    time_zone: str | None = None
    choices: Annotated[list[WishMessage], Meta(max_length=CHOICES_LIMIT)] = []


async def run(call: ApiCall[PreferencesRequest]) -> PreferencesMessage:
    """Changed as a whole or not at all; what is left out stays."""
    return await in_database_thread(_run, call)


def _run(call: ApiCall[PreferencesRequest]) -> PreferencesMessage:
    request = call.request
    person = person_named(call, request.user)
    if request.language is None and request.time_zone is None and not request.choices:
        return message_of(preferences.preferences_of(person))
    try:
        return changed(person, language=request.language, time_zone=request.time_zone, choices=request.choices)
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
