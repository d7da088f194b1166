"""Who answers for a schedule: an API key as long as it could make it, a person, or code."""

from collections.abc import Iterable
from typing import Any

from hub.api import ApiCall, ApiError, Code
from hub.api.keys import Caller
from hub.api.scope import Scope
from hub.models import ApiKey
from hub.users import display_name, users_by_id
from notifications import sources
from notifications.http import scopes
from notifications.sending.alerting import UnknownRecipient, resolve
from worker.schedules.models import Schedule

#: Whoever may call one of these makes schedules.
METHODS = ("schedule_create", "schedule_change")


class NotAllowedAnyMore(Exception):
    """The API key that answers for a schedule could not make it now; the text says why."""


def require(call: ApiCall[Any], to: Iterable[str]) -> None:
    """Raise ``ApiError`` where the key of the call may not send to all of these recipients, there or not."""
    for one in to:
        try:
            found = resolve(one)
        except UnknownRecipient as error:
            scope = call.caller.scope
            if not (scope.has_all_of(error.kind) if error.kind else scope.has_all()):
                raise ApiError(Code.PERMISSION_DENIED) from None
        else:
            scopes.require(call, [found])


def require_reach(call: ApiCall[Any], row: Schedule) -> None:
    """Raise ``ApiError`` where the key of the call may not read, change and delete this schedule.

    It may where it may send to all recipients, there or not. Of those that it has named itself some may be gone.
    """
    if row.made_by == sources.written(sources.API_KEY, call.caller.pk):
        _require_those_there(call, row.contents["to"])
    else:
        require(call, row.contents["to"])


def _require_those_there(call: ApiCall[Any], to: Iterable[str]) -> None:
    """Raise ``ApiError`` where the key of the call may not send to all of these recipients that there are."""
    for one in to:
        try:
            found = resolve(one)
        except UnknownRecipient:
            continue  # sending notes who is gone, and the others get it
        scopes.require(call, [found])


def check(row: Schedule) -> None:
    """Refuse what an API key has made that was revoked, is gone, or may not send so any more.

    A recipient that is not there any more is no reason: the key could name it when it made the schedule.

    Raises:
        NotAllowedAnyMore: it may not be sent.
    """
    what, _colon, number = row.made_by.partition(":")
    if what != sources.API_KEY:
        return
    key = ApiKey.objects.filter(pk=number).first()
    if key is None:
        raise NotAllowedAnyMore(f"The API key {number} that made it is gone.")
    if key.revoked_at is not None:
        raise NotAllowedAnyMore(f"The API key that made it was revoked: {key}.")
    scope = Scope(frozenset(key.methods), tuple(key.channels))
    if not any(map(scope.has_method, METHODS)):
        raise NotAllowedAnyMore(f"The API key that made it may make no schedules any more: {key}.")
    try:
        _require_those_there(ApiCall(None, Caller(key.pk, scope)), row.contents["to"])
    except ApiError:
        raise NotAllowedAnyMore(f"The API key that made it may not send to its recipients any more: {key}.") from None


def named(row: Schedule) -> str:
    """Who answers for it, for people; empty where that is code."""
    what, _colon, name = row.made_by.partition(":")
    if what == sources.API_KEY:
        return str(ApiKey.objects.filter(pk=name).first() or row.made_by)
    person = users_by_id([name]).get(name) if what == sources.PERSON else None
    return display_name(person) if person is not None else row.made_by
