"""``DELETE /api/notifications``: an alert is taken back by another program."""

from typing import Annotated

import msgspec
from django.db import transaction
from msgspec import Meta

from hub.api import ApiCall, ApiError, Code, Method, register
from hub.channels import LAST_ID
from hub.database import in_database_thread
from notifications.http import scopes
from notifications.models import KEY_LIMIT, Notification, ScheduledAlert
from notifications.sending import scheduling, withdrawing
from notifications.sending.alerting import is_key
from notifications.sending.named_audiences import BadAudience


class RetractRequest(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Take back the alerts with a key, or the one with an id; see `notifications.retract`."""

    key: str | None = None
    id: Annotated[int, Meta(ge=1, le=LAST_ID)] | None = None


class RetractResult(msgspec.Struct):
    """How many alerts that were; 0 where they are taken back already."""

    retracted: int


async def retract(call: ApiCall[RetractRequest]) -> RetractResult:
    """Of alerts on channels that the key may not name nothing is changed, and nothing told."""
    request = call.request
    if (request.key is None) == (request.id is None):
        raise ApiError(Code.BAD_REQUEST, "name the alert by its key or by its id")
    if request.key is not None and not is_key(request.key):
        raise ApiError(Code.BAD_REQUEST, f"a key is text of 1 to {KEY_LIMIT} characters")
    return RetractResult(await in_database_thread(_retract, call))


def _retract(call: ApiCall[RetractRequest]) -> int:
    key = call.request.key
    with transaction.atomic():
        found = withdrawing.named(key=key, id=call.request.id).select_related("user", "topic")
        allowed = [row.pk for row in found if scopes.covers(call, row)]
        waiting = [] if key is None else [row.pk for row in scheduling.waiting(key) if _may_send(call, row)]
        withdrawn = withdrawing.withdraw(Notification.objects.filter(pk__in=allowed)) if allowed else 0
        return withdrawn + (scheduling.cancel(waiting) if waiting else 0)


def _may_send(call: ApiCall[RetractRequest], row: ScheduledAlert) -> bool:
    try:
        return scopes.has(call, scheduling.alert_in(row).to)
    except (LookupError, BadAudience):  # it is addressed to an audience that is not declared any more
        return call.caller.scope.has_all()


register(
    Method(
        "retract",
        RetractRequest,
        RetractResult,
        retract,
        "Take alerts back.",
        {"key": "backup:2026-11-22"},
        also=("DELETE", "notifications"),
    )
)
