"""Somebody's alerts over HTTP, and which of them are read."""

from typing import Annotated

import msgspec
from django.db import transaction
from msgspec import Meta

from hub.api import ApiCall, Method, person_named, register
from hub.channels import LAST_ID
from hub.database import in_database_thread
from notifications import events, sources
from notifications.inbox import organizing, queries

#: Alerts of one answer, and alerts that are marked at once, at most.
PAGE_LIMIT = 100

_AlertId = Annotated[int, Meta(ge=1, le=LAST_ID)]


class AlertsRequest(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Read the alerts of a person."""

    user: str
    before: _AlertId = LAST_ID
    limit: Annotated[int, Meta(ge=1, le=PAGE_LIMIT)] = 20


class AlertsResult(msgspec.Struct):
    """Alerts, newest first, each with ``read``. ``more``: there are older ones; ``unread`` is exact up to 99, 100 is
    100 or more.
    """

    alerts: list[events.ListedAlert]
    more: bool
    unread: int


class MarkReadRequest(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A person has read some alerts or, with ``upto``, all up to that one."""

    user: str
    ids: Annotated[list[_AlertId], Meta(max_length=PAGE_LIMIT)] = []
    upto: Annotated[int, Meta(ge=0, le=LAST_ID)] = 0


class MarkReadResult(msgspec.Struct):
    """How many the person has not read, counted to 100."""

    unread: int


async def read(call: ApiCall[AlertsRequest]) -> AlertsResult:
    """Those to the person, to their groups and topics, and to everyone."""
    return await in_database_thread(_read, call)


def _read(call: ApiCall[AlertsRequest]) -> AlertsResult:
    request = call.request
    page = queries.page_for(person_named(call, request.user), before=request.before, limit=request.limit)
    return AlertsResult([events.listed(alert) for alert in page.alerts], page.more, page.unread)


async def mark(call: ApiCall[MarkReadRequest]) -> MarkReadResult:
    """The person's open pages learn of it."""
    return MarkReadResult(await in_database_thread(_mark, call))


def _mark(call: ApiCall[MarkReadRequest]) -> int:
    request = call.request
    person = person_named(call, request.user)
    # Both are done, or neither: who repeats a call that failed is not to find half of it.
    with sources.acting(sources.API_KEY, call.caller.pk), transaction.atomic():
        if request.ids:
            marked = organizing.mark_read(user=person, ids=request.ids)
            return (organizing.mark_all_read(user=person, upto=request.upto) if request.upto else marked).unread
        if request.upto:
            return organizing.mark_all_read(user=person, upto=request.upto).unread
        return queries.unread_count(person)


register(Method("alerts", AlertsRequest, AlertsResult, read, "Read somebody's alerts.", {"user": "42", "limit": 20}))
register(
    Method(
        "mark_read",
        MarkReadRequest,
        MarkReadResult,
        mark,
        "Mark somebody's alerts as read.",
        {"user": "42", "ids": [7, 8]},
    )
)
