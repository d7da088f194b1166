"""Every write of the notifications app, and the publication that it causes."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.contrib.auth.models import AnonymousUser, Group, User
from django.db import transaction

from hub.conf import hub_settings
from hub.publishing import publish_many
from hub.threads import in_database_thread
from notifications import channels, events
from notifications.alerting import EVERYONE, Alert, Recipient, alert
from notifications.models import Notification


class MayNotBroadcast(PermissionError):
    """This person may not send alerts to everyone."""


def notify(
    *,
    to: Recipient | Iterable[Recipient],
    message: str,
    title: str = "",
    level: str = "info",
    url: str = "",
    data: Any = None,
) -> list[Notification]:
    """Store an alert for each recipient and send it to all their open pages once the transaction has committed.

    The arguments are those of :func:`notifications.alert`. Callable from any synchronous code: a view, a task, a
    signal, a command. When it returns outside a transaction, the alerts are stored; inside one, they are stored and
    sent by its commit, and a rollback takes them back.

    Returns the rows, one per recipient, in order.

    Raises:
        BadAlert: see :func:`notifications.alert`; nothing is stored.
    """
    return send([alert(to=to, message=message, title=title, level=level, url=url, data=data)])


async def anotify(
    *,
    to: Recipient | Iterable[Recipient],
    message: str,
    title: str = "",
    level: str = "info",
    url: str = "",
    data: Any = None,
) -> list[Notification]:
    """:func:`notify` from async code, in a transaction of its own: what it returns is stored."""
    return await in_database_thread(notify, to=to, message=message, title=title, level=level, url=url, data=data)


def send(alerts: Sequence[Alert], *, sender: User | None = None) -> list[Notification]:
    """Store and send several alerts, all or none; see :func:`notify`."""
    rows = [
        Notification(
            user=recipient if isinstance(recipient, User) else None,
            group=recipient if isinstance(recipient, Group) else None,
            level=described.level,
            title=described.title,
            message=described.message,
            url=described.url,
            data=described.data,
            sender=sender,
        )
        for described in alerts
        for recipient in described.to
    ]
    with transaction.atomic():
        Notification.objects.bulk_create(rows, batch_size=500)
        publish_many((_channel(row), events.created(row)) for row in rows)
    return rows


def broadcast_from_client(user: User | AnonymousUser, message: str) -> None:
    """Send what somebody typed to everyone, if ``HUB_CLIENT_BROADCAST`` lets them.

    Raises:
        MayNotBroadcast: it does not. A user's rights are read anew, since a socket may be open for days.
        BadAlert: the message cannot be sent.
    """
    if not may_broadcast(user, fresh=True):
        raise MayNotBroadcast
    sender = user if isinstance(user, User) else None
    send([alert(to=EVERYONE, message=message)], sender=sender)


def may_broadcast(user: User | AnonymousUser, *, fresh: bool = False) -> bool:
    """Whether ``user`` may send alerts to everyone from a client; ``fresh`` reads their rights from the database."""
    allowed = hub_settings().client_broadcast
    if allowed == "anyone":
        return True
    if fresh and isinstance(user, User):
        user = type(user)._default_manager.filter(pk=user.pk).first() or AnonymousUser()
    if not user.is_authenticated or not user.is_active:
        return False
    return allowed == "authenticated" or bool(getattr(user, "is_staff", False))


def _channel(row: Notification) -> str:
    if row.user is not None:
        return channels.of_user(row.user)
    return channels.of_group(row.group_id) if row.group_id is not None else channels.everyone
