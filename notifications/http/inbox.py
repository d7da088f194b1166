"""Somebody's inbox over HTTP: its parts, and what a product changes in it for them."""

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from hub.api import ApiCall, ApiError, Code, Method, person_named, register
from hub.channels import LAST_ID
from hub.database import in_database_thread
from hub.session import StreamPosition
from notifications import events, sources
from notifications.inbox import bundles, organizing, queries

#: Alerts of one answer, at most.
PAGE_LIMIT = 100

#: The name under which the inbox is read with GET and changed with PATCH.
_NAME = "inbox"

_AlertId = Annotated[int, Meta(ge=1, le=LAST_ID)]


class InboxRequest(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Read a part of somebody's inbox; ``before`` goes on where another part has said ``next``.

    ``all`` are the alerts that are neither archived nor snoozed. ``text`` are words that an alert has all of.
    """

    user: str
    state: queries.State = "all"
    level: events.LevelName = ""
    category: Annotated[str, Meta(max_length=queries.CATEGORY_LIMIT)] = ""
    text: Annotated[str, Meta(max_length=queries.SEARCH_LIMIT)] = ""
    before: _AlertId = LAST_ID
    limit: Annotated[int, Meta(ge=1, le=PAGE_LIMIT)] = 20


class InboxResult(msgspec.Struct):
    """Alerts, newest first. ``positions``, by channel, were read before them; ``counts`` are of the whole inbox.

    ``next`` is the ``before`` of the part that follows, 0 where none does. A search looks at 1,000 alerts at a time:
    a part may have few items, or none, and be followed by others.
    """

    items: list[events.InboxItem]
    next: int
    counts: events.InboxCounts
    positions: dict[str, StreamPosition]


class InboxBundleRequest(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Read the alerts for which one of somebody's stands; ``before`` goes on where another part has said ``next``."""

    user: str
    id: _AlertId
    before: _AlertId = LAST_ID
    limit: Annotated[int, Meta(ge=1, le=PAGE_LIMIT)] = 20


class InboxBundleResult(msgspec.Struct):
    """Alerts of one bundle, newest first; ``next`` is the ``before`` of the part that follows, 0 where none does."""

    items: list[events.ListedAlert]
    next: int


class InboxChangeRequest(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A person does something with alerts of theirs. ``until`` goes with ``snooze``: a moment with its offset."""

    user: str
    change: organizing.Verb
    ids: Annotated[list[_AlertId], Meta(max_length=organizing.MANY)]
    until: Annotated[datetime, Meta(tz=True)] | None = None


class InboxChangeAllRequest(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A person marks all of the inbox as read, or archives what is read, up to and with an alert."""

    user: str
    change: organizing.VerbForAll
    upto: _AlertId


class InboxChangeAllResult(msgspec.Struct):
    """``ids``: the newest thousand that are not as they were before. ``more``: call again for others."""

    ids: list[int]
    counts: events.InboxCounts
    more: bool


class InboxChangeResult(msgspec.Struct):
    """``ids``: the alerts that are not as they were before; ``counts``: of the inbox, after it."""

    ids: list[int]
    counts: events.InboxCounts


async def read(call: ApiCall[InboxRequest]) -> InboxResult:
    """In the language of the person, as far as it is known."""
    return await in_database_thread(_read, call)


def _read(call: ApiCall[InboxRequest]) -> InboxResult:
    request = call.request
    part = queries.inbox_for(
        person_named(call, request.user),
        state=request.state,
        level=request.level,
        category=request.category,
        text=request.text,
        before=request.before,
        limit=request.limit,
    )
    positions = {name: StreamPosition(at.epoch, at.offset) for name, at in part.positions.items()}
    return InboxResult([events.in_inbox(alert) for alert in part.alerts], part.next, part.counts, positions)


async def read_bundle(call: ApiCall[InboxBundleRequest]) -> InboxBundleResult:
    """Each with its own texts and buttons; all are read or unread together. Empty where the person has none of it."""
    return await in_database_thread(_read_bundle, call)


def _read_bundle(call: ApiCall[InboxBundleRequest]) -> InboxBundleResult:
    request = call.request
    person = person_named(call, request.user)
    part = bundles.bundle_for(person, id=request.id, before=request.before, limit=request.limit)
    return InboxBundleResult([events.listed(alert) for alert in part.alerts], part.next)


async def change(call: ApiCall[InboxChangeRequest]) -> InboxChangeResult:
    """The person's open pages learn of it. Repeating it is harmless."""
    return await in_database_thread(_change, call)


def _change(call: ApiCall[InboxChangeRequest]) -> InboxChangeResult:
    request = call.request
    person = person_named(call, request.user)
    try:
        with sources.acting(sources.API_KEY, call.caller.pk):
            changed = organizing.change(request.change, user=person, ids=request.ids, until=request.until)
    except organizing.BadTime:
        raise ApiError(Code.BAD_REQUEST, "until is missing, over, or more than a year ahead") from None
    return InboxChangeResult(changed.ids, changed.counts)


async def change_all(call: ApiCall[InboxChangeAllRequest]) -> InboxChangeAllResult:
    """The person's open pages learn of it. Repeating it is harmless."""
    return await in_database_thread(_change_all, call)


def _change_all(call: ApiCall[InboxChangeAllRequest]) -> InboxChangeAllResult:
    request = call.request
    person = person_named(call, request.user)
    with sources.acting(sources.API_KEY, call.caller.pk):
        changed = organizing.change_all(request.change, user=person, upto=request.upto)
    return InboxChangeAllResult(changed.ids, changed.counts, changed.more)


register(
    Method(
        _NAME,
        InboxRequest,
        InboxResult,
        read,
        "Read a part of somebody's inbox.",
        {"user": "42", "state": "unread", "limit": 20},
        also=("GET", _NAME),
    )
)
register(
    Method(
        "inbox_bundle",
        InboxBundleRequest,
        InboxBundleResult,
        read_bundle,
        "Read the alerts for which one in somebody's inbox stands.",
        {"user": "42", "id": 7},
    )
)
register(
    Method(
        "inbox_change",
        InboxChangeRequest,
        InboxChangeResult,
        change,
        "Change the state of alerts in somebody's inbox.",
        {"user": "42", "change": "archive", "ids": [7, 8]},
        also=("PATCH", _NAME),
    )
)
register(
    Method(
        "inbox_change_all",
        InboxChangeAllRequest,
        InboxChangeAllResult,
        change_all,
        "Mark all alerts in somebody's inbox as read, or archive those that are.",
        {"user": "42", "change": "read", "upto": 8},
        also=("PATCH", "inbox_all"),
    )
)
