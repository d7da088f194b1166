"""How far the distribution of a notification to many people is, over HTTP."""

from datetime import datetime
from typing import Annotated

import msgspec
from django.urls import reverse
from msgspec import Meta

from hub.api import ApiCall, ApiError, Code, Method, all_of, register
from hub.channels import LAST_ID
from hub.database import in_database_thread
from notifications import channels
from notifications.models import Distribution
from notifications.sending import distributing, withdrawing

#: The method, which is called with ``GET`` too.
_NAME = "distribution"


class DistributionRequest(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Read how far the distribution of a notification is, by the notification's id."""

    id: Annotated[int, Meta(ge=1, le=LAST_ID)]


class DistributionStartRequest(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Start what has failed again: the distribution of a notification, or its withdrawal."""

    id: Annotated[int, Meta(ge=1, le=LAST_ID)]


class DistributionStartResult(msgspec.Struct):
    """``started``: it had failed, and goes on where it stopped."""

    started: bool


class DistributionResult(msgspec.Struct, kw_only=True):
    """``reached`` people have it, of ``total``, which may not be known yet. ``finished_at``: then all had it.

    ``failure``: why its job cannot go on, until it is started again (`distribution_start`); empty where it goes on.
    """

    id: int
    audience: str
    reached: int
    total: int | None
    finished_at: datetime | None
    failure: str


def address(notification_id: int) -> str:
    """The address at which the distribution of this notification is read."""
    return f"{reverse('hub:api:commands')}{_NAME}?id={notification_id}"


async def read(call: ApiCall[DistributionRequest]) -> DistributionResult:
    """For keys that may name all people."""
    all_of(call, channels.USER)
    return await in_database_thread(_read, call.request.id)


async def start(call: ApiCall[DistributionStartRequest]) -> DistributionStartResult:
    """For keys that may name all people. Repeating it is harmless."""
    all_of(call, channels.USER)
    return DistributionStartResult(await in_database_thread(_start, call.request.id))


def _start(notification_id: int) -> bool:
    return distributing.start_again(notification_id) or withdrawing.start_again(notification_id)


def _read(notification_id: int) -> DistributionResult:
    found = Distribution.objects.select_related("notification").filter(pk=notification_id).first()
    if found is None:
        raise ApiError(Code.BAD_REQUEST, "there is no distribution of this notification")
    return DistributionResult(
        id=notification_id,
        audience=found.notification.audience,
        reached=found.reached,
        total=found.total,
        finished_at=found.finished_at,
        failure=found.failure,
    )


register(
    Method(
        _NAME,
        DistributionRequest,
        DistributionResult,
        read,
        "Read how far a notification to many people is.",
        {"id": 7},
        also=("GET", _NAME),
    )
)
register(
    Method(
        "distribution_start",
        DistributionStartRequest,
        DistributionStartResult,
        start,
        "Start a distribution again that has failed.",
        {"id": 7},
    )
)
