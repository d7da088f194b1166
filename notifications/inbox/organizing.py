"""What a person does with the alerts in their inbox: read and unread, archive, snooze; and what they have seen.

Each change is one transaction that holds the person's row in :class:`~notifications.models.ReadUpTo`, so that the
counts that it publishes are those of the database; all pages of the person are told after the commit. Repeating a
change changes and sends nothing. Alerts that are not for the person are left out.
"""

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec
from django.db import transaction
from django.db.models import Min, Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from hub.concurrency import is_everybodys
from hub.database.turns import is_over
from hub.logs import get_logger
from hub.ops import metrics
from hub.publishing import flush, publish, publish_many
from hub.users import Key, User, all_users
from hub.validation import Refused
from notifications import channels, events
from notifications.inbox import entries as inbox
from notifications.inbox import listing, queries, read_marks, reading, trail
from notifications.inbox.resting import Resting
from notifications.kinds import wording
from notifications.kinds.locales import UNKNOWN, locales_of
from notifications.models import Notification, NotificationState, ReadUpTo
from notifications.preferences.subjects import hidden_kinds

log = get_logger(__name__)

#: Alerts that one call changes, at most, where it does not name them.
MANY = 1000

#: The longest that something may be snoozed.
LONGEST_SNOOZE = timedelta(days=366)

#: Alerts whose texts a person's pages are told when they are back; of more they are told the ids alone.
_TOLD_WITH_TEXTS = 20

#: People who are read in one query.
_PEOPLE = 100

#: Whose alerts could not be woken.
_resting = Resting()

_IN_INBOX = Q(archived_at=None, snoozed_until=None)


class BadTime(Refused):
    """Nothing can be snoozed until then."""

    code = 400
    sentence = _("Say until when to snooze: a time to come, a year ahead at most")


#: What a client may do with alerts that it names, and with all of the inbox.
Verb = Literal["read", "unread", "archive", "unarchive", "snooze", "unsnooze", "seen"]
VerbForAll = Literal["read", "archive_read"]


@dataclass(frozen=True, slots=True)
class Changed:
    """What a change has done.

    Args:
        ids: the alerts that are not as they were before, newest first.
        counts: of the person's inbox, after it.
        more: whether there are others that the same call would change.
    """

    ids: list[int]
    counts: events.InboxCounts
    more: bool = False

    @property
    def unread(self) -> int:
        """How many alerts the person has not read (:func:`notifications.inbox.queries.unread_count`)."""
        return self.counts.unread


def change(verb: Verb, *, user: User, ids: Collection[int], until: datetime | None = None) -> Changed:
    """Do with these alerts of ``user`` what ``verb`` says; ``until`` goes with ``snooze`` alone.

    Raises:
        BadTime: :func:`snooze` does not take ``until``, or it is missing.
    """
    if verb == "snooze":
        if until is None:
            raise BadTime
        return snooze(user=user, ids=ids, until=until)
    return _VERBS[verb](user=user, ids=ids)


def change_all(verb: VerbForAll, *, user: User, upto: int) -> Changed:
    """Do with what is in the inbox of ``user``, up to this alert, what ``verb`` says."""
    return mark_all_read(user=user, upto=upto) if verb == "read" else archive_all_read(user=user, upto=upto)


def mark_read(*, user: User, ids: Collection[int]) -> Changed:
    """Mark those of these alerts as read that are for ``user``."""
    with _inbox_of(user) as box:
        new = read_marks.mark(user, box.read, ids) | box.no_longer_unread(Q(notification__in=ids))
        return box.changed(new, lambda counts: events.AlertsRead(ids=sorted(new), unread=counts.unread))


def mark_all_read(*, user: User, upto: int) -> Changed:
    """Mark all alerts in the inbox of ``user`` as read that are not newer than the id ``upto``.

    :attr:`Changed.ids` are the newest thousand of them.
    """
    with _inbox_of(user) as box:
        upto = min(upto, read_marks.newest())
        new = reading.unread_ids(reading.reader(user.pk), upto=upto, limit=read_marks.MARKS_KEPT + 1)
        if new:
            inbox.mark_all_read(user.pk, upto)
            box.no_longer_unread(Q(_IN_INBOX, notification__lte=upto))
            read_marks.move(box.read, min(upto, read_marks.newest_settled()))
            fresh = reading.unread_ids(reading.reader(user.pk), upto=upto, limit=read_marks.MARKS_KEPT + 1)
            if len(fresh) > read_marks.MARKS_KEPT:
                read_marks.move(box.read, upto)  # what is still being committed among so many goes with them
            else:
                read_marks.add(user, fresh)
        return box.changed(new[:MANY], lambda counts: events.AlertsRead(upto=upto, unread=counts.unread))


def mark_unread(*, user: User, ids: Collection[int]) -> Changed:
    """Have those of these alerts as unread that ``user`` has read."""
    with _inbox_of(user) as box:
        return box.put([row for row in box.theirs(ids) if row.read], "unread", unread=True)


def archive(*, user: User, ids: Collection[int]) -> Changed:
    """Move these alerts of ``user`` from the inbox into the archive; what was unread is so when it comes back."""
    with _inbox_of(user) as box:
        return box.archive([row for row in box.theirs(ids) if row.archived_at is None])


def archive_all_read(*, user: User, upto: int) -> Changed:
    """Archive what ``user`` has read and has in the inbox, not newer than the id ``upto``: the newest thousand."""
    with _inbox_of(user) as box:
        reader = reading.reader(user.pk)
        (ids,) = reading.find(reader, reading.Question(reading.READ, MANY + 1, upto))
        return box.archive(listing.theirs(reader, ids[:MANY]), more=len(ids) > MANY)


def unarchive(*, user: User, ids: Collection[int]) -> Changed:
    """Put these alerts back into the inbox of ``user``, read or unread as they were."""
    with _inbox_of(user) as box:
        return box.put([row for row in box.theirs(ids) if row.archived_at], "unarchived", archived_at=None)


def snooze(*, user: User, ids: Collection[int], until: datetime) -> Changed:
    """Take these alerts out of the inbox of ``user`` until then: they come back as unread (:func:`wake`).

    Raises:
        BadTime: that is over, or more than a year ahead.
    """
    now = timezone.now()
    if not now < until <= now + LONGEST_SNOOZE:
        raise BadTime
    with _inbox_of(user) as box:
        rows = [row for row in box.theirs(ids) if row.snoozed_until != until]
        return box.put_away(rows, "snoozed", snoozed_until=until, archived_at=None)


def unsnooze(*, user: User, ids: Collection[int]) -> Changed:
    """Put these alerts back into the inbox of ``user`` before their time, read or unread as they were."""
    with _inbox_of(user) as box:
        return box.put([row for row in box.theirs(ids) if row.snoozed_until], "unsnoozed", snoozed_until=None)


def mark_seen(*, user: User, ids: Collection[int]) -> Changed:
    """Note that ``user`` has had these alerts in view; what was read counts as seen already.

    Their pages are not told: none shows it, no count changes, and who scrolls would fill the history of their channel.
    """
    with _inbox_of(user) as box:
        return box.put([row for row in box.theirs(ids) if not row.seen], "seen", seen_at=Now())


def wake(*, seconds: float = 30.0) -> int:
    """Put what was snoozed until now back into the inbox of its person, as unread, and tell their pages.

    By the clock of the database. Who has waited for the longest time is the first, and each has a thousand at a call,
    so that nobody waits for somebody who has very many. Whose alerts cannot be woken is logged and counted, and tried
    again after twice as long each time.

    Returns how many alerts that were, and stops after about ``seconds``: what is left is the next call's. Safe to run
    at the same time as itself. Raises ``django.db.Error`` where the database is away, for whoever it is.
    """
    deadline = time.monotonic() + seconds
    woken = 0
    since = _due().values("user").annotate(since=Min("snoozed_until"))
    due = list(since.order_by("since", "user").values_list("user", flat=True))
    _resting.keep(set(due))
    keys = [key for key in due if key not in _resting]
    for start in range(0, len(keys), _PEOPLE):
        part = keys[start : start + _PEOPLE]
        people = all_users().in_bulk(part)
        for key in part:
            try:
                woken += _wake(key, people.get(key))
                _resting.succeeded(key)
            except Exception as error:
                if is_everybodys(error):
                    raise
                _resting.failed(key)
                metrics.WAKING_FAILURES.inc()
                log.exception("waking_failed", user=str(key))
            flush()
            if is_over(deadline):
                return woken
    return woken


def _due() -> QuerySet[NotificationState]:
    return NotificationState.objects.filter(snoozed_until__lte=Now())


def _wake(key: Key, user: User | None) -> int:
    if user is None:  # their rows are being removed
        return NotificationState.objects.filter(user=key).exclude(snoozed_until=None).delete()[0]
    with _inbox_of(user) as box:
        ids = list(_due().filter(user=key).order_by("notification").values_list("notification", flat=True)[:MANY])
        box.states.filter(notification__in=ids).update(snoozed_until=None, unread=True)
        _tell_of_return(user, ids)
    return len(ids)


def _tell_of_return(user: User, ids: Collection[int]) -> None:
    """Tell the pages of ``user`` that these are back, as far as they may still read them.

    Many are told by their ids, so that they do not drive other events out of the person's history. What cannot be
    published is in the inbox all the same.
    """
    reader = reading.reader(user.pk)
    counts = queries.counts_of(reader)
    back = [row.pk for row in listing.theirs(reader, ids)]
    if not back:
        return
    few = len(back) <= _TOLD_WITH_TEXTS
    if not (few and _is_published(user, lambda: _returned(user.pk, back, counts))):
        # Pages that know only the ids load the texts. They come back as they were, and so as read.
        _is_published(user, lambda: [events.changed(back, change, counts) for change in ("unsnoozed", "unread")])


def _is_published(user: User, told: Callable[[], list[msgspec.Struct]]) -> bool:
    try:
        with transaction.atomic():
            publish_many([(channels.of_user(user), event) for event in told()])
    except Exception as error:
        if is_everybodys(error):
            raise
        log.exception("return_not_published", user=str(user.pk))
        return False
    return True


def _returned(key: Key, ids: Collection[int], counts: events.InboxCounts) -> list[msgspec.Struct]:
    locale = locales_of([key]).get(key, UNKNOWN)
    alerts = Notification.objects.filter(pk__in=ids).select_related("topic").order_by("pk")
    return [events.returned(wording.publication(alert, locale), counts) for alert in alerts]


#: By the verb; ``snooze`` takes more.
_VERBS: dict[str, Callable[..., Changed]] = {
    "read": mark_read,
    "unread": mark_unread,
    "archive": archive,
    "unarchive": unarchive,
    "unsnooze": unsnooze,
    "seen": mark_seen,
}


class _Inbox:
    """The inbox of one person, for one transaction."""

    def __init__(self, user: User, read: ReadUpTo) -> None:
        self.user = user
        self.read = read
        self.states = NotificationState.objects.filter(user=user)

    def theirs(self, ids: Collection[int]) -> list[Notification]:
        return listing.theirs(reading.reader(self.user.pk), ids)

    def no_longer_unread(self, which: Q) -> set[int]:
        """Those of these states' alerts that were unread although they have a mark, and are so no more."""
        rows = self.states.filter(which, unread=True)
        found = set(rows.values_list("notification", flat=True))
        if found:
            rows.filter(_IN_INBOX, seen_at=None).delete()
            rows.update(unread=False)
        return found

    def archive(self, rows: Sequence[Notification], *, more: bool = False) -> Changed:
        return self.put_away(rows, "archived", more=more, archived_at=Now(), snoozed_until=None)

    def put_away(
        self, rows: Sequence[Notification], change: events.Change, *, more: bool = False, **fields: Any
    ) -> Changed:
        """Take these out of the inbox: they are marked as read, and their states say which were not."""
        read_marks.mark(self.user, self.read, [row.pk for row in rows if not row.read])
        self._store({row.pk: {"unread": not row.read, **fields} for row in rows})
        return self._told(rows, change, more=more, until=fields.get("snoozed_until"))

    def put(self, rows: Sequence[Notification], change: events.Change, **fields: Any) -> Changed:
        """Give the states of these rows these values, and tell it."""
        self._store({row.pk: fields for row in rows})
        return self._told(rows, change)

    def changed(
        self,
        ids: Iterable[int],
        event: Callable[[events.InboxCounts], events.AlertsRead | events.AlertsChanged],
        *,
        more: bool = False,
    ) -> Changed:
        """What came of it; where that is something, the person's pages are told ``event`` after the commit.

        What was only seen is noted and not told.
        """
        found = sorted(ids, reverse=True)
        counts = queries.counts_for(self.user)
        if found:
            # What the person has switched off is in no count, and stays as unread as it was. What is off by default is
            # so for nearly everybody, and may count as read: each of them would keep marks otherwise.
            if not counts.unread and reading.reader(self.user.pk).hidden <= hidden_kinds({}):
                read_marks.move(self.read, read_marks.newest_settled())
            told = event(counts)
            trail.note(self.user, told)
            if not (isinstance(told, events.AlertsChanged) and told.change == "seen"):
                publish(channels.of_user(self.user), told)
        return Changed(found, counts, more)

    def _told(
        self, rows: Sequence[Notification], change: events.Change, *, more: bool = False, until: datetime | None = None
    ) -> Changed:
        ids = [row.pk for row in rows]
        return self.changed(ids, lambda counts: events.changed(ids, change, counts, until=until), more=more)

    def _store(self, states: dict[int, dict[str, Any]]) -> None:
        """Give the states of these alerts these values: the same fields of each."""
        if not states:
            return
        NotificationState.objects.bulk_create(
            [NotificationState(user=self.user, notification_id=pk, **fields) for pk, fields in states.items()],
            batch_size=500,
            update_conflicts=True,
            unique_fields=["user", "notification"],
            update_fields=[*next(iter(states.values()))],
        )
        self._forget_empty(states)

    def _forget_empty(self, ids: Collection[int]) -> None:
        self.states.filter(_IN_INBOX, notification__in=ids, seen_at=None, unread=False).delete()


@contextmanager
def _inbox_of(user: User) -> Iterator[_Inbox]:
    with transaction.atomic():
        yield _Inbox(user, read_marks.locked(user))
