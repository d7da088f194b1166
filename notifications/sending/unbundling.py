"""What stays of a bundle when alerts of it are taken back: the newest that is left stands for the others.

It is read, archived or snoozed as the row was. Callers hold the people's rows of
:class:`~notifications.models.ReadUpTo`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec
from django.db.models import Exists, OuterRef

from hub.publishing import publish, publish_many
from hub.users import User
from notifications import channels, events
from notifications.inbox import listing, queries, read_marks, reading
from notifications.kinds import wording
from notifications.models import Notification, NotificationState


@dataclass(frozen=True, slots=True)
class Broken:
    """A bundle of which alerts are being taken back.

    Args:
        head: what stood for it, with what its person has done with it.
        size: how many alerts it stands for afterwards.
        state: what else the person has done with it.
    """

    head: Notification
    size: int
    state: NotificationState | None


def broken_by(gone: Sequence[Notification]) -> list[Broken]:
    """The bundles that these alerts, which are being deleted, are taken from. No query where there are none."""
    counts: dict[int, int] = {}
    for row in gone:
        if row.bundle is not None:
            counts[row.bundle] = counts.get(row.bundle, 0) + 1
    if not counts:
        return []
    heads = Notification.objects.filter(bundle__in=counts, folded=False).select_related("user").order_by("pk")
    others = Notification.objects.filter(bundle=OuterRef("bundle")).exclude(pk__in=[row.pk for row in gone])
    heads = heads.filter(Exists(others))
    return [
        _broken(head, counts[head.bundle or 0])
        for head in heads
        if head.bundle_count > counts[head.bundle or 0] and head.user is not None  # who is gone has nothing left
    ]


def _broken(head: Notification, gone: int) -> Broken:
    listing.add_states(reading.reader(head.user_id), [head])
    state = NotificationState.objects.filter(user=head.user_id, notification=head).first()
    return Broken(head, head.bundle_count - gone, state)


def mend(bundles: Iterable[Broken]) -> None:
    """Have each of these, whose alerts are deleted, stand there with what is left of it, and tell open pages."""
    for one in bundles:
        left = Notification.objects.filter(bundle=one.head.bundle).select_related("user").order_by("folded", "-pk")
        head = left.first()
        if head is None:
            continue  # retention has deleted the others
        is_new = head.folded
        head.folded, head.bundle_count, head.expires_at = False, one.size, one.head.expires_at
        head.save(update_fields=["folded", "bundle_count", "expires_at"])
        if is_new:
            _carry(one, head)
        if one.head.archived_at is None and one.head.snoozed_until is None:
            _tell(one, head, is_new=is_new)


def _carry(one: Broken, head: Notification) -> None:
    """Have the person have done with ``head`` what they had done with what stood there before."""
    user, before, state = head.user_id, one.head, one.state
    # Read by its mark, and unread again by its state: so it does not matter up to where the person has read all.
    read_marks.add_missing(user, head.pk)
    NotificationState.objects.filter(user=user, notification=head).delete()
    is_away = before.archived_at is not None or before.snoozed_until is not None
    is_unread = state is not None and state.unread if is_away else not before.read
    if state is None and is_unread:
        state = NotificationState(user=head.user)
    if state is not None:
        state.pk, state._state.adding = None, True
        state.notification, state.unread = head, is_unread
        state.save()


def _tell(one: Broken, head: Notification, *, is_new: bool) -> None:
    told = wording.publications([head])
    publish_many([(channel, msgspec.structs.replace(said, silent=True)) for channel, said in told])
    if is_new and one.head.read:
        user: User = head.user  # type: ignore[assignment]  # bundles are people's
        publish(channels.of_user(user), events.AlertsRead(ids=[head.pk], unread=queries.unread_count(user)))
