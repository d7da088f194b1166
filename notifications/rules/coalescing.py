"""One alert in the place of another of the same transaction: what a rule says of a row that is saved several times."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from django.db import DEFAULT_DB_ALIAS

from hub.database import note, noted
from hub.publishing import unpublish
from hub.users import User
from notifications.models import Notification
from notifications.sending import scheduling, throttling, withdrawing
from notifications.sending.actions import put_back, send_or_schedule
from notifications.sending.alerting import Alert


@dataclass(frozen=True, slots=True)
class _Sent:
    """What was sent for a key in the open transaction, and the rows that were stored by that."""

    alerts: Sequence[Alert]
    notifications: Sequence[int]
    publications: Sequence[int]
    scheduled: Sequence[int]
    replaced: Sequence[Notification]
    #: The windows that these have opened.
    windows: Sequence[str]


def send_last(key: Hashable, alerts: Sequence[Alert]) -> None:
    """Send ``alerts`` in the place of what was sent for ``key`` earlier in the open transaction.

    The earlier ones are deleted as if they had never been; nobody has seen them. What they had replaced is sent again,
    but for what went to many. A rollback to a savepoint in between
    brings them back. Raises as :func:`notifications.notify`.
    """
    earlier: _Sent | None = noted(key, using=DEFAULT_DB_ALIAS)
    if alerts == ([] if earlier is None else earlier.alerts):
        return
    if earlier is not None:
        unpublish(earlier.publications)
        sent = Notification.objects.filter(pk__in=earlier.notifications)
        if any(described.group_by for described in earlier.alerts):
            withdrawing.withdraw(sent.exclude(bundle=None))  # what they had joined stands there again
        sent.delete()
        if earlier.scheduled:
            scheduling.cancel(earlier.scheduled)
        throttling.close(earlier.windows)
        put_back(earlier.replaced)
    rows, scheduled = send_or_schedule(alerts) if alerts else ([], [])
    new = [row for row in rows if row.is_new]
    published = [row.published for row in new if row.published is not None]
    replaced = [old for row in new for old in row.replaced if not old.audience]
    waiting = [row.pk for row in scheduled if row.is_new]
    windows = _opened(alerts, new) if any(described.throttle for described in alerts) else []
    now = _Sent(alerts, [row.pk for row in new], published, waiting, replaced, windows)
    note(key, now, using=DEFAULT_DB_ALIAS)


def _opened(alerts: Sequence[Alert], new: Sequence[Notification]) -> list[str]:
    told = {(row.user_id, row.kind, row.bundle_by) for row in new}
    return [
        throttling.scope_of(described, one)
        for described in alerts
        for one in described.to
        if described.throttle and isinstance(one, User) and (one.pk, described.kind, described.group_by) in told
    ]
