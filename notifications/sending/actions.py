"""Every write of the notifications app, and the publication that it causes."""

import reprlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Unpack

from django.contrib.auth.models import AnonymousUser, Group
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from hub import limits
from hub.config import hub_settings
from hub.database import in_database_thread
from hub.database.inserting import insert
from hub.publishing import ending, publish_many, publish_with_row
from hub.users import Key, User, Visitor, all_users, is_staff_or_may, user_id
from hub.validation import Refused
from notifications import sources
from notifications.events import UPTO_ID, NotificationCreated
from notifications.kinds import wording
from notifications.models import InboxEntry, Notification, ScheduledAlert, Topic
from notifications.preferences import choosing
from notifications.sending import (
    bundling,
    distributing,
    expiring,
    keys,
    members,
    replacing,
    scheduling,
    throttling,
    withdrawing,
)
from notifications.sending.alerting import EVERYONE, Alert, BadAlert, Found, alert
from notifications.sending.arguments import AlertArguments
from notifications.sending.named_audiences import Audience, Listed
from notifications.sending.own_keys import own_key

#: How often the rows of a key are looked up, where others store some of them at the same time.
ATTEMPTS = 5


BROADCASTS = limits.declare(
    "broadcasts", setting="limit_broadcasts", sentence=_("You have sent many notifications to everyone.")
)


#: What is unique among rows with a key: the key, the user, the group, the topic and the audience.
_Once = tuple[str | None, Key, int | None, int | None, str]

#: The permission that lets those broadcast who are not of the staff, where only staff may.
MAY_BROADCAST = "hub_notifications.add_notification"


class MayNotBroadcast(Refused):
    """This person may not send alerts to everyone."""

    word = "permission_denied"
    code = 403
    sentence = _("You may not send notifications to everyone")


def notify(**alert_arguments: Unpack[AlertArguments]) -> list[Notification]:
    """Store an alert for each recipient and send it to all their open pages once the transaction has committed.

    The arguments are those of :func:`notifications.alert`. Callable from any synchronous code: a view, a task, a
    signal, a command. When it returns outside a transaction, the alerts are stored; inside one, they are stored and
    sent by its commit, and a rollback takes them back.

    With a ``key`` each recipient has the alert once: who has one of this key gets no other, whatever it says, and
    those who have none yet get it. So a call that may be repeated, by a task that runs twice or a client that asks
    again, has the effect of one, also when two run at the same time. A list of more than 100 people with the key of
    another such list has to say the same as that one.

    To an audience, or to more than 100 people, it is one row and one short write, however many they are: a job
    distributes it (:mod:`notifications.sending.distributing`). Whoever gets an account meanwhile is not among an
    audience.

    With ``replace`` it takes the place of what its recipients have of the key: that is taken back as by
    :func:`notifications.retract`, and this one is new, unread and on top. What says the same already stays as it is.
    An audience or a longer list replaces what audiences and lists got with the key, and what its people got alone.

    With ``group_by`` it joins what its person has not read of the same kind and text: they are one row, new, unread
    and on top, which stands for all of them. What is read, archived or snoozed is joined by nothing: the next alert
    starts a new row. Each alert of a row keeps its ``key`` and can be retracted.

    With ``throttle`` the first alert of its kind and ``group_by`` is sent to a person at once, and what comes within
    that time is held: at its end it is sent as one row, which says how many came, and the next such time begins. What
    is held has no rows yet, and is cancelled by its key.

    With ``at`` the call is stored, and nobody has the alert before that time; then it is sent as if it were called
    again, to those of its recipients who are there. Until then :func:`notifications.retract` cancels it by its key.

    Returns the rows, one per recipient, in order; with a ``key``, those that were stored before among them. An
    audience is one recipient, and so are the people of a longer list. What is sent later has no rows yet.

    Raises:
        BadAlert: see :func:`notifications.alert`, or another list has the key and says something else; nothing is
            stored.
    """
    return send([alert(**alert_arguments)])


async def anotify(**alert_arguments: Unpack[AlertArguments]) -> list[Notification]:
    """:func:`notify` from async code, in a transaction of its own: what it returns is stored."""
    return await in_database_thread(notify, **alert_arguments)


def send(alerts: Sequence[Alert], *, sender: User | None = None) -> list[Notification]:
    """Store and send several alerts, all or none; see :func:`notify`."""
    return send_or_schedule(alerts, sender=sender)[0]


def send_or_schedule(
    alerts: Sequence[Alert], *, sender: User | None = None
) -> tuple[list[Notification], list[ScheduledAlert]]:
    """:func:`send`; returns besides the alerts that are sent later."""
    if any(described.at_local for described in alerts):
        alerts = [one for described in alerts for one in scheduling.in_local_times(described)]
    now = timezone.now()
    later = [(described, described.at) for described in alerts if described.at is not None and described.at > now]
    if not later and not any(described.throttle for described in alerts):
        return _send_now(alerts, sender), []
    due = [described for described in alerts if described.at is None or described.at <= now]
    with transaction.atomic():
        # Of all before the first is stored: one after the other, two calls could wait for each other.
        _hold_keys(alerts, alone=[one for one in alerts if one.at is not None or one.throttle or one.replace])
        scheduled = [scheduling.store(described, at) for described, at in later]
        due, held = throttling.admit(due)
        return _send_now(due, sender), scheduled + held


def _hold_keys(alerts: Iterable[Alert], *, alone: Iterable[Alert]) -> None:
    named = {described.key for described in alone if described.key is not None}
    keys.hold(named | {described.key for described in alerts if described.key is not None}, alone=named)


def _send_now(alerts: Sequence[Alert], sender: User | None) -> list[Notification]:
    source = sources.current()
    rows_of = [(one, [_row(one, recipient, sender, source) for recipient in one.to]) for one in alerts]
    rows = [row for _, of_one in rows_of for row in of_one]
    if not any(row.key is not None or row.people is not None or row.bundle_by for row in rows):
        return _send_plain(rows)  # what has no key replaces nothing
    with transaction.atomic():
        replacing_some = [(one, of_one) for one, of_one in rows_of if one.replace and of_one]
        if replacing_some and len(alerts) > 1:
            # All before the first is replaced: one after the other, two such calls could wait for each other.
            _hold_keys(alerts, alone=[one for one, _ in replacing_some])
            replaced = Notification.objects.filter(key__in=[one.key for one, _ in replacing_some])
            bundling.hold([*rows, *replaced.exclude(bundle_by="")])
        for _, of_one in replacing_some:
            of_one[0].replaced = replacing.make_room(of_one)
        # Who does not want the new one does not keep the old one either.
        rows = choosing.mark_heard(rows)
        if any(row.key is not None for row in rows):
            return _store_once(rows)
        _store(rows)
    return rows


def _row(described: Alert, recipient: Found | Listed, sender: User | None, source: str) -> Notification:
    """The alert as it goes to one recipient; not stored."""
    of_many = recipient if isinstance(recipient, Audience | Listed) else None
    row = Notification(
        user=recipient if isinstance(recipient, User) else None,
        group=recipient if isinstance(recipient, Group) else None,
        topic=recipient if isinstance(recipient, Topic) else None,
        audience="" if of_many is None else of_many.label,
        level=described.level,
        title=described.title,
        message=described.message,
        url=described.url,
        data=described.data,
        key=described.key,
        expires_at=expiring.moment(described.expires),
        kind=described.kind,
        params=described.params,
        actions=described.actions,
        # What many share joins nothing: each of them has read something else.
        bundle_by=described.group_by if isinstance(recipient, User) else "",
        bundle_count=described.count,
        sender=sender,
        source=source,
    )
    row.people = of_many
    return row


def _send_plain(rows: list[Notification]) -> list[Notification]:
    """Store and send alerts that have to do with no others."""
    heard = choosing.mark_heard(rows)
    if len(heard) == 1 and _store_in_one_step(heard[0]):
        return heard
    with ending():
        _store(heard)
    return heard


def _store_in_one_step(row: Notification) -> bool:
    """Store one to a person, a group, a topic or everyone, and send it; False where that takes several steps."""

    def describe() -> tuple[str, NotificationCreated]:
        members.note([row])
        row.pk = 0
        try:
            (described,) = wording.publications([row])
        finally:
            row.pk = None
        return described

    publication = publish_with_row(row, describe, UPTO_ID)
    if publication is None:
        return False
    row.published, row.is_new = publication.pk, True
    return True


def _stands_for_others(row: Notification) -> bool:
    return row.bundle_count > 1


def put_back(rows: Sequence[Notification]) -> None:
    """Store and send again, as new ones, alerts to single recipients that others had replaced (``replaced``)."""
    for row in rows:
        row.pk, row._state.adding = None, True
        row.bundle, row.bundle_count, row.folded = None, 1, False
    _store(rows)


def _store(rows: Sequence[Notification], *, order: Callable[[Notification], Any] | None = None) -> None:
    """Store these, in this order, and send them, but for those that are folded."""
    with bundling.joined(rows):
        in_order = rows if order is None else sorted(rows, key=order)
        members.note(in_order)
        if len(in_order) != 1 or not insert(in_order[0]):
            # Whatever stands for others has the largest id of them.
            Notification.objects.bulk_create(sorted(in_order, key=_stands_for_others), batch_size=500)
    if alone := [row for row in rows if row.people is None and not row.folded]:
        published = publish_many(wording.publications(alone))
        for row, publication in zip(alone, published, strict=True):
            row.published = publication.pk
    for row in rows:
        row.is_new = True
        if row.people is not None:
            distributing.begin(row, row.people)


def _store_once(rows: Sequence[Notification]) -> list[Notification]:
    """Store those whose recipient has none of their key; return for each row the one that is stored."""
    keys.hold({row.key for row in rows if row.key is not None})
    for attempt in range(ATTEMPTS):
        stored = {_once(row): row for row in _true_with_keys(rows)}
        stored |= _distributed(rows, [row for row in stored.values() if row.audience])
        new = [row for row in rows if row.key is None or stored.setdefault(_once(row), row) is row]
        for row in rows:
            if row.key is not None and isinstance(row.people, Listed):
                _refuse_other_contents(row, stored[_once(row)])
        try:
            # In one order, so that two that store the same at the same time wait for each other and never in a ring.
            with transaction.atomic():
                _store(new, order=_order)
        except IntegrityError:
            # Another one has committed one of these since we looked. It is there at the next look.
            if attempt == ATTEMPTS - 1:
                raise
        else:
            for row in rows:
                if row.key is not None and isinstance(row.people, Listed) and stored[_once(row)] is not row:
                    distributing.extend(stored[_once(row)], row.people, expires_at=row.expires_at)
            return [row if row.key is None else stored[_once(row)] for row in rows]
    raise AssertionError("unreachable")


def _refuse_other_contents(row: Notification, stored: Notification) -> None:
    """A list that is added to another one gets what that one got: it has to be what the caller wants to say."""
    if replacing.contents(row) != replacing.contents(stored):
        raise BadAlert(
            f"Another list of people has the key {reprlib.repr(row.key)} and other contents: repeat its title, "
            "message, level, url, data and kind to tell these people the same, or take another key."
        )


def _distributed(rows: Sequence[Notification], before: Sequence[Notification]) -> dict[_Once, Notification]:
    """Those of ``before``, which were distributed, by the people among the recipients of ``rows`` who have them."""
    people = {row.user_id for row in rows if row.user_id is not None}
    if not before or not people:
        return {}
    by_id = {row.pk: row for row in before}
    entries = InboxEntry.objects.filter(user__in=people, notification__in=by_id)
    return {
        (by_id[pk].key, user, None, None, ""): by_id[pk] for user, pk in entries.values_list("user", "notification")
    }


def _true_with_keys(rows: Sequence[Notification]) -> list[Notification]:
    """What has the keys of these and has not expired; what has is taken back from their recipients, who get them."""
    found = list(_with_keys({row.key for row in rows if row.key is not None}))
    over = [row for row in found if expiring.is_over(row)]
    wanted = {_once(row) for row in rows}
    if theirs := [row for row in over if _once(row) in wanted]:
        # Nobody else's, and all people at once: one after the other, two calls could wait for each other.
        bundling.hold([*rows, *theirs])
        withdrawing.withdraw(Notification.objects.filter(pk__in=[row.pk for row in theirs]))
    return [row for row in found if row not in over]


def _with_keys(wanted: set[str]) -> QuerySet[Notification]:
    return Notification.objects.filter(key__in=wanted).select_related("user", "group", "topic")


def _once(row: Notification) -> _Once:
    return row.key, row.user_id, row.group_id, row.topic_id, row.audience


def _order(row: Notification) -> tuple[str, str, int, int, str]:
    return row.key or "", str(row.user_id or ""), row.group_id or 0, row.topic_id or 0, row.audience


def broadcast_from_client(*, user: Visitor, message: str, key: str | None = None) -> None:
    """Send what somebody typed to everyone, if ``HUB_CLIENT_BROADCAST`` lets them.

    ``key`` is the client's own name of it: the same user's same key is stored and sent once.

    Raises:
        MayNotBroadcast: it does not. Permissions are read again, since a connection may be open for days.
        BadAlert: the message cannot be sent.
        TooMany: the user has sent as many as one may. All guests count as one.
    """
    if not may_broadcast(user, fresh=True):
        raise MayNotBroadcast
    sender = user if isinstance(user, User) else None
    named = None if key is None else own_key("broadcast:", f"{user_id(user) or None}:{key}")
    described = alert(to=EVERYONE, message=message, key=named)
    if named is None or not Notification.objects.filter(key=named).exists():
        limits.take(BROADCASTS, user.pk)
    with sources.acting(sources.PERSON, user_id(user) or "guest"):
        send([described], sender=sender)


def may_broadcast(user: Visitor, *, fresh: bool = False) -> bool:
    """Whether ``user`` may send alerts to everyone from a client; ``fresh`` reads permissions from the database."""
    allowed = hub_settings().client_broadcast
    if allowed == "anyone":
        return True
    if fresh and isinstance(user, User):
        user = all_users().filter(pk=user.pk).first() or AnonymousUser()
    if not user.is_authenticated or not user.is_active:
        return False
    return allowed == "authenticated" or is_staff_or_may(user, MAY_BROADCAST)
