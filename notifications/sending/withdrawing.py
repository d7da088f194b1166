"""Taking alerts back that should not be read any more, from the lists and from the histories of their channels."""

import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from hub.database import in_database_thread
from hub.database.turns import is_over
from hub.logs import get_logger
from hub.publishing import Replacement, flush, is_shared, publish_shared, replace_shared, share
from hub.publishing import withdraw as withdraw_publications
from hub.users import ids_of_keys, key_of_text
from notifications import channels, events
from notifications.inbox import read_marks
from notifications.models import Distribution, InboxEntry, Notification, Withdrawal
from notifications.sending import distributing, failures, keys, scheduling, unbundling

log = get_logger(__name__)

#: Alerts that one statement looks for in the history of their channel.
PIECE = 100


def retract(*, key: str | None = None, id: int | None = None) -> int:  # noqa: A002  # what callers call it
    """Take back the alerts with this ``key``, whoever has them, or the one with this ``id``.

    When it returns outside a transaction, or when the surrounding one has committed, no list, no count and no history
    has them: a client that comes back finds :class:`~notifications.events.AlertsWithdrawn` in their place. Open pages
    take them out at once; those of people who got one as members of an audience or a long list a moment later, by a
    job. A distribution that is under way reaches nobody else.

    To repeat it is harmless, also at the same time. The key is free then: a call of :func:`notifications.notify` with
    it, which comes after this one or waits for it, sends again.

    What has the key and waits for its time (``at``) is cancelled.

    Returns how many alerts were taken back: one for each recipient that :func:`notifications.notify` returned a row
    for, and one for each call that was cancelled.
    """
    with transaction.atomic():
        alerts = named(key=key, id=id)
        waiting = [] if key is None else list(scheduling.waiting(key).values_list("pk", flat=True))
        cancelled = scheduling.cancel(waiting) if waiting else 0
        return withdraw(alerts) + cancelled


async def aretract(*, key: str | None = None, id: int | None = None) -> int:  # noqa: A002  # as above
    """:func:`retract` from async code, in a transaction of its own."""
    return await in_database_thread(retract, key=key, id=id)


def named(*, key: str | None, id: int | None) -> QuerySet[Notification]:  # noqa: A002  # as above
    """The alerts with this key, or the one of this id. Who sends with the key waits for the open transaction."""
    if (key is None) == (id is None):
        raise TypeError("An alert is named by its key or by its id.")
    wanted = {"pk": id} if key is None else {"key": key}
    rows = Notification.objects.filter(**wanted)
    held = rows.values_list("key", flat=True).first() if key is None else key
    if held is not None:
        keys.hold_alone(held)
    return rows


def withdraw(alerts: QuerySet[Notification]) -> int:
    """Delete ``alerts``, and put :class:`~notifications.events.AlertsWithdrawn` in the place of their publications.

    After the commit no list and no history has them, for those who come back neither. Open pages of the hub's own
    scripts take them out of their lists; what other clients have received stays with them. Those who have an alert of
    many are told a moment later, by a job (:func:`run`). Of a bundle the others stay.

    Returns how many alerts that were.
    """
    with transaction.atomic():
        bundled = alerts.exclude(bundle_by="").order_by()
        if people := set(bundled.values_list("user", flat=True)):
            read_marks.lock(people)  # before their alerts, as whoever joins a bundle does
        distributed = list(alerts.exclude(audience="").order_by("pk").values_list("pk", flat=True))
        for pk in distributed:
            _withdraw_distributed(pk)
        alone = alerts.filter(audience="").select_related("user", "topic").order_by("pk")
        rows = list(alone.select_for_update(of=("self",)))  # who withdraws the same waits, and finds nothing
        broken = unbundling.broken_by(rows)
        pieces = [(channel, piece) for channel, sent in _by_channel(rows).items() for piece in _pieces(sent)]
        withdraw_publications([replacement(channel, piece) for channel, piece in pieces])
        for piece in _pieces(rows):
            Notification.objects.filter(pk__in=[row.pk for row in piece]).delete()
        unbundling.mend(broken)
    return len(rows) + len(distributed)


def _by_channel(rows: Iterable[Notification]) -> dict[str, list[Notification]]:
    """These alerts by the channel they were sent on; without those whose channel went with its topic or its user."""
    found: dict[str, list[Notification]] = {}
    for row in rows:
        with suppress(LookupError):
            found.setdefault(channels.of_alert(row), []).append(row)
    return found


def _pieces(rows: list[Notification]) -> Iterator[list[Notification]]:
    return (rows[start : start + PIECE] for start in range(0, len(rows), PIECE))


def replacement(channel: str, alerts: Collection[Notification]) -> Replacement:
    """What takes the place of what a channel has of these alerts."""
    ids = [alert.pk for alert in alerts]
    beginnings = list(map(events.beginning_of_created, ids))
    # An alert is published after its row was made, and may be again later.
    since = min(alert.created_at for alert in alerts)
    return Replacement(channel, beginnings, events.AlertsWithdrawn(ids=ids), since)


def _withdraw_distributed(notification_id: int) -> None:
    """Delete an alert of many people, and start the job that tells them; their lists have it no more."""
    # First the alert, as who chooses an action of it has it: what they store is seen by then, and goes with it.
    held = Notification.objects.select_for_update().filter(pk=notification_id).first()
    distribution = Distribution.objects.select_for_update().filter(pk=notification_id).first()
    if held is None or distribution is None:
        return  # somebody else has withdrawn it meanwhile
    instead = events.AlertsWithdrawn(ids=[notification_id])
    for shared in distributing.shared_ids(distribution):
        replace_shared(shared, instead)
    take_entries(distribution, shared=share(instead))
    Notification.objects.filter(pk=notification_id).delete()


def take_entries(distribution: Distribution, *, shared: int | None) -> None:
    """Have a job delete the entries of a distribution that is being deleted; lists leave them out from now on.

    ``shared`` is published to each of these people; None tells them nothing. Lock the distribution before.
    """
    if not distribution.reached:
        return
    Withdrawal.objects.create(notification_id=distribution.pk, shared=shared)
    # The entries are the job's now, also where the distribution goes with its notification a moment later.
    Distribution.objects.filter(pk=distribution.pk).update(reached=0)
    distributing.start_job(distribution.pk)


def run(notification_id: int, *, seconds: float = 60.0) -> bool:
    """Tell all who have the notification that it is withdrawn, or as many as are told in ``seconds``.

    Returns whether nothing is left; that is so as well where it is not being withdrawn. Safe to run at the same time
    as itself. Raises ``django.db.Error``.
    """
    deadline = time.monotonic() + seconds
    while step(notification_id):
        flush()  # what is not sent yet does not pile up
        if is_over(deadline):
            return False
    return True


def step(notification_id: int) -> bool:
    """Take the notification from the next batch of people; returns whether there may be more of them.

    One transaction: whoever publishes to one of these people waits for its end, and nobody is told twice.
    """
    with transaction.atomic():
        withdrawal = Withdrawal.objects.select_for_update().filter(pk=notification_id).first()
        if withdrawal is None:
            return False
        entries = InboxEntry.objects.filter(notification=notification_id)
        left = entries.filter(user__gt=key_of_text(withdrawal.last_key)) if withdrawal.last_key else entries
        people = list(left.order_by("user_id").values_list("user_id", flat=True)[: distributing.BATCH])
        if not people:
            withdrawal.delete()
            return False
        if withdrawal.shared is not None:
            if not is_shared(withdrawal.shared):
                withdrawal.shared = share(events.AlertsWithdrawn(ids=[notification_id]))
            publish_shared(withdrawal.shared, map(channels.of_user_id, ids_of_keys(people).values()))
        left.filter(user__lte=people[-1]).delete()
        withdrawal.last_key, withdrawal.moved_at = str(people[-1]), Now()
        withdrawal.save()
    return True


def fail(notification_id: int, error: Exception) -> None:
    """Note why the withdrawal cannot go on: nothing but :func:`start_again` starts it from now."""
    failures.note(Withdrawal.objects.filter(pk=notification_id), error)
    log.error("withdrawal_failed", notification=notification_id, exc_info=error)


def start_again(notification_id: int) -> bool:
    """Start the job of a withdrawal that had failed, from where it stopped; returns whether it had."""
    with transaction.atomic():
        if not failures.clear(Withdrawal.objects.filter(pk=notification_id)):
            return False
        distributing.start_job(notification_id)
    return True
