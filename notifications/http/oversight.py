"""What became of a notification, and of those of a person, for the programs of those who run the hub."""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from hub.api import ApiCall, ApiError, Code, Method, person_named, register
from hub.channels import LAST_ID
from hub.database import in_database_thread
from hub.session import aopen_connections
from hub.users import user_id
from notifications.http import scopes
from notifications.models import Notification
from notifications.oversight import reports
from notifications.oversight.connections import reached

#: Notifications of one answer, at most.
PAGE_LIMIT = 100

_AlertId = Annotated[int, Meta(ge=1, le=LAST_ID)]


class NotificationRequest(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Read what became of a notification and, with a ``user``, what it is to this person."""

    id: _AlertId
    user: str = ""


class NotificationSummary(msgspec.Struct, kw_only=True):
    """A notification. ``source``: what sent it, such as ``rule:…``, ``task:…``, ``api_key:7`` or ``person:42``."""

    id: int
    to: str
    level: str
    title: str
    message: str
    kind: str
    key: str | None
    source: str
    stored_at: datetime
    expires_at: datetime | None


class NotificationProgress(msgspec.Struct, kw_only=True):
    """How far it is distributed; see `distribution`."""

    reached: int
    total: int | None
    finished_at: datetime | None
    failure: str


class NotificationCounts(msgspec.Struct, kw_only=True):
    """How many people did what with it. ``read`` is known only of what was distributed."""

    seen: int
    read: int | None
    archived: int
    snoozed: int
    chosen: int


class NotificationStep(msgspec.Struct, kw_only=True):
    """Something that the person did: ``what`` is ``seen``, ``read``, ``archived`` and so on, ``chosen`` for an action.

    ``source``: the device, as ``device:…``, or the key that said so.
    """

    what: str
    at: datetime
    source: str


class NotificationConnection(msgspec.Struct, kw_only=True):
    """An open connection of the person. ``has``: ``live`` where it was sent the notification as it came, ``before``
    where that came before the connection, ``waiting``, ``none``, or ``unknown``.
    """

    client: str
    endpoint: str
    device: str
    has: str


class NotificationForPerson(msgspec.Struct, kw_only=True):
    """What it is to one person.

    ``shown_as``: the id of the one with which it is one row, or its own. ``state``: ``unread``, ``read``,
    ``archived``, ``snoozed``, ``owed``, ``expired``, or ``none`` where it is not for them or was switched off.
    ``sent_at``: when it went to all of their connections.
    """

    user: str
    shown_as: int
    state: str
    channel: str
    offset: int
    sent_at: datetime | None
    seen: bool
    snoozed_until: datetime | None
    chosen: str
    steps: list[NotificationStep]
    connections: list[NotificationConnection]


class NotificationResult(msgspec.Struct, kw_only=True):
    """``offset`` and ``sent_at``: in its channel, where it has one and that keeps it."""

    notification: NotificationSummary
    offset: int
    sent_at: datetime | None
    distribution: NotificationProgress | None
    counts: NotificationCounts
    person: NotificationForPerson | None


class NotificationsRequest(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Read the notifications of a person, wherever they are; ``before`` goes on behind the last one of an answer."""

    user: str
    before: _AlertId = LAST_ID
    limit: Annotated[int, Meta(ge=1, le=PAGE_LIMIT)] = 20


class NotificationOfPerson(NotificationSummary, kw_only=True):
    """One of a person's notifications, with its ``state`` for them."""

    state: str
    seen: bool


class NotificationsResult(msgspec.Struct):
    """Newest first. ``more``: there may be older ones."""

    items: list[NotificationOfPerson]
    more: bool


async def read(call: ApiCall[NotificationRequest]) -> NotificationResult:
    """For keys that could have sent it; with a ``user``, that may name this person as well."""
    result = await in_database_thread(_read, call)
    if result.person is not None and result.person.channel:
        sent = reports.PlaceInChannel(result.person.channel, result.person.offset)
        found = await aopen_connections(result.person.user, [sent.channel])
        result.person.connections = [
            NotificationConnection(
                client=one.connection.client,
                endpoint=one.connection.endpoint,
                device=one.connection.device,
                has=one.how,
            )
            for one in reached(found, sent)
        ]
    return result


def _read(call: ApiCall[NotificationRequest]) -> NotificationResult:
    request = call.request
    row = Notification.objects.select_related("user", "topic").filter(pk=request.id).first()
    if row is None or not scopes.covers(call, row):
        # To a narrow key what is not there is as what it may not name.
        if row is not None or not call.caller.scope.has_all():
            raise ApiError(Code.PERMISSION_DENIED)
        raise ApiError(Code.BAD_REQUEST, "there is no notification with this id (any more)")
    found = reports.of_notification(row)
    return NotificationResult(
        notification=NotificationSummary(**_summary(row)),
        offset=found.sent.offset if found.sent else 0,
        sent_at=found.sent.at if found.sent else None,
        distribution=None
        if found.distribution is None
        else NotificationProgress(
            reached=found.distribution.reached,
            total=found.distribution.total,
            finished_at=found.distribution.finished_at,
            failure=found.distribution.failure,
        ),
        counts=NotificationCounts(
            seen=found.counts.seen,
            read=found.counts.read,
            archived=found.counts.archived,
            snoozed=found.counts.snoozed,
            chosen=found.counts.chosen,
        ),
        person=_person(call, row) if request.user else None,
    )


def _person(call: ApiCall[NotificationRequest], row: Notification) -> NotificationForPerson:
    user = person_named(call, call.request.user)
    found = reports.of_person(row, user)
    return NotificationForPerson(
        user=user_id(user),
        shown_as=found.alert.pk,
        state=found.state,
        channel=found.sent.channel if found.sent else "",
        offset=found.sent.offset if found.sent else 0,
        sent_at=found.sent.at if found.sent else None,
        seen=found.alert.seen,
        snoozed_until=found.alert.snoozed_until,
        chosen=found.chosen[0] if found.chosen else "",
        steps=[NotificationStep(what=step.what, at=step.at, source=step.source) for step in found.steps],
        connections=[],
    )


async def read_all(call: ApiCall[NotificationsRequest]) -> NotificationsResult:
    """What is to them, to their groups and topics, and to everyone."""
    return await in_database_thread(_read_all, call)


def _read_all(call: ApiCall[NotificationsRequest]) -> NotificationsResult:
    request = call.request
    rows = reports.notifications_of(person_named(call, request.user), before=request.before, limit=request.limit)
    items = [NotificationOfPerson(**_summary(row), state=reports.state_of(row), seen=row.seen) for row in rows]
    return NotificationsResult(items, len(rows) == request.limit)


def _summary(row: Notification) -> dict[str, Any]:
    return {
        "id": row.pk,
        "to": reports.recipient_of(row),
        "level": row.level,
        "title": row.title,
        "message": row.message,
        "kind": row.kind,
        "key": row.key,
        "source": row.source,
        "stored_at": row.created_at,
        "expires_at": row.expires_at,
    }


register(
    Method(
        "notification",
        NotificationRequest,
        NotificationResult,
        read,
        "Read what became of a notification.",
        {"id": 7, "user": "42"},
        also=("GET", "notification"),
    )
)
register(
    Method(
        "notifications",
        NotificationsRequest,
        NotificationsResult,
        read_all,
        "Read the notifications of a person, and what became of each.",
        {"user": "42", "limit": 20},
        also=("GET", "notifications"),
    )
)
