"""Every write of the notifications app, and the publication that it causes."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.contrib.auth.models import AnonymousUser, Group, User
from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from hub.conf import hub_settings
from hub.publishing import publish_many
from hub.threads import in_database_thread
from notifications import channels, events
from notifications.alerting import EVERYONE, Alert, Recipient, alert
from notifications.models import Notification

#: How often the rows of a key are looked up, where others store some of them at the same time.
ATTEMPTS = 5


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
    key: str | None = None,
) -> list[Notification]:
    """Store an alert for each recipient and send it to all their open pages once the transaction has committed.

    The arguments are those of :func:`notifications.alert`. Callable from any synchronous code: a view, a task, a
    signal, a command. When it returns outside a transaction, the alerts are stored; inside one, they are stored and
    sent by its commit, and a rollback takes them back.

    With a ``key`` each recipient has the alert once: who has one of this key gets no other, whatever it says, and
    those who have none yet get it. So a call that may be repeated, by a task that runs twice or a client that asks
    again, has the effect of one, also when two run at the same time.

    Returns the rows, one per recipient, in order; with a ``key``, those that were stored before among them.

    Raises:
        BadAlert: see :func:`notifications.alert`; nothing is stored.
    """
    return send([alert(to=to, message=message, title=title, level=level, url=url, data=data, key=key)])


async def anotify(
    *,
    to: Recipient | Iterable[Recipient],
    message: str,
    title: str = "",
    level: str = "info",
    url: str = "",
    data: Any = None,
    key: str | None = None,
) -> list[Notification]:
    """:func:`notify` from async code, in a transaction of its own: what it returns is stored."""
    return await in_database_thread(
        notify, to=to, message=message, title=title, level=level, url=url, data=data, key=key
    )


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
            key=described.key,
            sender=sender,
        )
        for described in alerts
        for recipient in described.to
    ]
    with transaction.atomic():
        if any(row.key is not None for row in rows):
            return _store_once(rows)
        _store(rows)
    return rows


def _store(rows: Sequence[Notification]) -> None:
    Notification.objects.bulk_create(rows, batch_size=500)
    publish_many((_channel(row), events.created(row)) for row in rows)


def _store_once(rows: Sequence[Notification]) -> list[Notification]:
    """Store those whose recipient has none of their key; return for each row the one that is stored."""
    for attempt in range(ATTEMPTS):
        stored = {_once(row): row for row in _with_keys({row.key for row in rows if row.key is not None})}
        new = [row for row in rows if row.key is None or stored.setdefault(_once(row), row) is row]
        try:
            # In one order, so that two that store the same at the same time wait for each other and never in a ring.
            with transaction.atomic():
                _store(sorted(new, key=lambda row: (row.key or "", row.user_id or 0, row.group_id or 0)))
        except IntegrityError:
            # Another one has committed one of these since we looked. It is there at the next look.
            if attempt == ATTEMPTS - 1:
                raise
        else:
            return [row if row.key is None else stored[_once(row)] for row in rows]
    raise AssertionError("unreachable")


def _with_keys(keys: set[str]) -> QuerySet[Notification]:
    return Notification.objects.filter(key__in=keys).select_related("user", "group")


def _once(row: Notification) -> tuple[str | None, int | None, int | None]:
    """What is unique among rows with a key."""
    return row.key, row.user_id, row.group_id


def broadcast_from_client(*, user: User | AnonymousUser, message: str) -> None:
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
