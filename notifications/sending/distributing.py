"""Distributing one notification to the people of an audience, step by step, by a job.

``begin`` writes what is owed, in the caller's transaction. ``run`` gives the notification to one batch of people after
the other, in the order of their keys; each batch is one transaction, which makes the entries, appends the publications
and moves the distribution on. So wherever it is killed, the next run goes on, and nobody has it twice or not at all.
People who are connected come first.
"""

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from django.db import transaction
from django.db.models.functions import Now

from hub.database.turns import is_over
from hub.logs import get_logger
from hub.publishing import flush, hold_channels, is_shared, publish_shared, share, subscribed
from hub.users import (
    Key,
    User,
    Written,
    ids_of_written,
    key_of_text,
    keys_and_ids,
    keys_in,
    users_by_id,
    written,
    written_keys,
)
from notifications import channels
from notifications.inbox import entries as inbox
from notifications.kinds import wording
from notifications.kinds.locales import UNKNOWN, Locale
from notifications.models import Distribution, InboxEntry, ListedPeople, Notification, Withdrawal
from notifications.preferences import choosing
from notifications.sending import failures, keys
from notifications.sending.named_audiences import LISTED, Audience, Listed, audience_named

log = get_logger(__name__)

#: People of one step.
BATCH = 1000

#: Parts of lists that are read together where somebody is looked for.
PARTS = 50

#: Seconds after which people who are connected come first no more: the others have waited so long.
CONNECTED_FIRST = 10.0

#: After this a distribution that has not moved is started again: its job was lost.
LOST = timedelta(seconds=60)

#: Starts the job that calls :func:`run` for a notification, when the open transaction is committed.
Start = Callable[[int], object]

#: Says the jobs of which of these notifications are owed already.
Owed = Callable[[Collection[int]], Collection[int]]

_jobs: list[tuple[Start, Owed]] = []

T = TypeVar("T")


def started_by(start: Start, owed: Owed) -> None:
    """Have ``start`` start the jobs, and ``owed`` say which are started. Called once, by what has jobs."""
    _jobs[:] = [(start, owed)]


def begin(notification: Notification, people: Audience | Listed) -> None:
    """Store in the open transaction that ``notification`` is owed to ``people``, and start the job after it."""
    distribution = Distribution.objects.create(
        notification=notification,
        shared=share(wording.publication(notification)),
        total=len(people.keys) if isinstance(people, Listed) else None,
    )
    if isinstance(people, Listed):
        _add_people(distribution, people)
    start_job(notification.pk)


def extend(notification: Notification, people: Listed, *, expires_at: datetime | None) -> None:
    """Store that the notification, which was sent to a list of people before, is owed to these too.

    It expires when that is said now, if it is later. How many get it is known at the end: some of them may have it.
    """
    distribution = Distribution.objects.select_for_update().filter(pk=notification.pk).first()
    if distribution is None:
        return  # withdrawn at this moment: it is nobody's any more, as if these people had had it before
    _add_people(distribution, people)
    before = notification.expires_at
    if before is not None and (expires_at is None or expires_at > before):
        notification.expires_at = expires_at
        Notification.objects.filter(pk=notification.pk).update(expires_at=expires_at)
        said = share(wording.publication(notification))
        Distribution.objects.filter(pk=distribution.pk).update(shared=said, variants={})
    Distribution.objects.filter(pk=distribution.pk).update(finished_at=None, moved_at=Now(), total=None)
    start_job(notification.pk)


def _add_people(distribution: Distribution, people: Listed) -> None:
    parts = in_batches(sorted(people.keys))
    ListedPeople.objects.bulk_create(ListedPeople(distribution=distribution, keys=part) for part in parts)


def lists_with(person: Key) -> Iterator[ListedPeople]:
    """The parts of lists that name this person, who is still to get what they are for. Reads all of them once."""
    key = written(person)
    return (part for part in ListedPeople.objects.order_by("distribution", "pk").iterator(PARTS) if key in part.keys)


def forget(person: Key) -> None:
    """Take this person out of the lists of those who are still to get something."""
    key = written(person)
    for found in list(lists_with(person)):
        with transaction.atomic():
            # First the distribution, as a step of it does, and whoever takes it back.
            Distribution.objects.select_for_update().filter(pk=found.distribution_id).first()
            for part in ListedPeople.objects.filter(pk=found.pk):  # none where a step has taken it meanwhile
                part.keys = [one for one in part.keys if one != key]
                if part.keys:
                    part.save(update_fields=["keys"])
                else:
                    part.delete()


def start_job(notification_id: int) -> None:
    """Have the job of this notification run when the open transaction is committed."""
    for start, _ in _jobs:
        start(notification_id)


def run(notification_id: int, *, seconds: float = 60.0) -> bool:
    """Distribute the notification until all have it, or ``seconds`` are over; returns whether nothing is left.

    Safe to run at the same time as itself, and after it has finished. Raises ``django.db.Error``, and ``BadAudience``
    where the audience is not declared any more.
    """
    deadline = time.monotonic() + seconds
    _to_connected(notification_id, min(deadline, time.monotonic() + CONNECTED_FIRST))
    while step(notification_id):
        flush()  # what is not sent yet does not pile up
        if is_over(deadline):
            return False
    return True


def step(notification_id: int) -> bool:
    """Give the notification to the next batch of people; returns whether there may be more of them."""
    with transaction.atomic():
        distribution = _owed(notification_id)
        if distribution is None:
            return False
        ids, is_last = _next(distribution)
        _give(distribution, ids)
        if is_last:
            distribution.total, distribution.finished_at = distribution.reached, Now()
        distribution.moved_at, distribution.failure = Now(), ""
        distribution.save()
    return not is_last


def fail(notification_id: int, error: Exception) -> None:
    """Note why the distribution cannot go on: nothing but :func:`start_again` and a longer list starts it from now."""
    failures.note(Distribution.objects.filter(pk=notification_id, finished_at=None), error)
    log.error("distribution_failed", notification=notification_id, exc_info=error)


def start_again(notification_id: int) -> bool:
    """Start the job of a distribution that had failed, from where it stopped; returns whether it had."""
    with transaction.atomic():
        if not failures.clear(Distribution.objects.filter(pk=notification_id, finished_at=None)):
            return False
        start_job(notification_id)
    return True


def is_owed(notification: Notification, user: User) -> bool:
    """Whether the notification is still to be distributed, and ``user`` is among those who are to get it."""
    distribution = Distribution.objects.filter(pk=notification.pk, finished_at=None).first()
    return distribution is not None and bool(_belonging(distribution, {written(user.pk): ""}))


def restart_lost() -> int:
    """Start the jobs again that distribute or withdraw, and have not moved for :data:`LOST`; returns how many.

    A job that is owed, and only waits in a long queue, is left there. A query of a small index and one of a small
    table where there is none. Safe to call from any process at any time.
    """
    started = 0
    for under_way in (Distribution.objects.filter(finished_at=None), Withdrawal.objects.all()):
        lost = under_way.filter(failure="", moved_at__lt=Now() - LOST)
        ids = list(lost.values_list("pk", flat=True))
        waiting = {pk for _, owed in _jobs if ids for pk in owed(ids)}
        for pk in ids:
            with transaction.atomic():
                if lost.filter(pk=pk).update(moved_at=Now()) and pk not in waiting:
                    start_job(pk)
                    started += 1
    if started:
        log.warning("distributions_restarted", distributions=started)
    return started


def in_batches(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """``items`` in parts, as many as one step takes."""
    return (items[start : start + BATCH] for start in range(0, len(items), BATCH))


def _owed(notification_id: int) -> Distribution | None:
    """The distribution, locked for the open transaction with its key; None where it has ended, or was withdrawn.

    One whose notification has expired ends now.
    """
    key = Notification.objects.filter(pk=notification_id).values_list("key", flat=True).first()
    if key is not None:
        keys.hold_alone(key)
    rows = Distribution.objects.select_for_update(of=("self",)).select_related("notification")
    distribution = rows.filter(pk=notification_id, finished_at=None).first()
    if distribution is not None and _is_expired(distribution.notification):
        distribution.parts.all().delete()
        distribution.total, distribution.finished_at = distribution.reached, Now()
        distribution.save()
        return None
    return distribution


def _is_expired(notification: Notification) -> bool:
    return (
        notification.expires_at is not None
        and Notification.objects.filter(pk=notification.pk, expires_at__lte=Now()).exists()
    )


def _next(distribution: Distribution) -> tuple[Mapping[Written, str], bool]:
    """The ids of the next batch of people, by key, and whether it is the last one; moves the distribution on."""
    if distribution.notification.audience == LISTED:
        parts = list(distribution.parts.order_by("pk")[:2])
        if not parts:
            return {}, True
        listed = parts[0].keys
        parts[0].delete()
        distribution.last_key = str(listed[-1])
        return ids_of_written(listed), len(parts) == 1
    people = _audience(distribution).of_then(distribution.notification.created_at)
    if distribution.total is None:
        distribution.total = people.values("pk").distinct().count()
    if distribution.last_key:
        people = people.filter(pk__gt=key_of_text(distribution.last_key))
    found = keys_and_ids(people.order_by("pk")[:BATCH])
    if found:
        distribution.last_key = str(found[-1][0])
    return dict(found), len(found) < BATCH


def _give(distribution: Distribution, people: Mapping[Written, str]) -> None:
    """Make the entries of these people and append their publications; who has it already gets nothing."""
    notification = distribution.notification
    # What people have chosen, and what they have of a key, is found by keys as rows have them.
    is_looked_up = bool(notification.kind) or notification.key is not None
    ids: Mapping[Key, str] = dict(zip(keys_in(people), people.values(), strict=True)) if is_looked_up else people
    have_it = _with_key(notification, ids)
    heard = choosing.heard_by(notification, [key for key in ids if key not in have_it])
    added = inbox.add(distribution.pk, list(heard))
    by_manner = _by_manner(notification, {key: heard[key] for key in added})
    if len(by_manner) > 1:
        hold_channels(channels.of_user_id(ids[key]) for key in added)
    for (locale, is_silent), keys_of_it in by_manner.items():
        shared = _shared(distribution, locale, is_silent=is_silent)
        publish_shared(shared, [channels.of_user_id(ids[key]) for key in keys_of_it])
    distribution.reached += len(added)


def shared_ids(distribution: Distribution) -> list[int]:
    """The ids of what its publications share: one, and of a kind one for each manner in which people get it."""
    return [distribution.shared, *distribution.variants.values()]


def _by_manner(row: Notification, silent: Mapping[Key, bool]) -> dict[tuple[Locale, bool], list[Key]]:
    """The keys of these people by what they read of the notification, and whether it comes to them silently."""
    found: dict[tuple[Locale, bool], list[Key]] = {}
    for locale, keys_of_it in wording.by_locale(row, silent).items():
        for key in keys_of_it:
            found.setdefault((locale, silent[key]), []).append(key)
    return found


def _shared(distribution: Distribution, locale: Locale, *, is_silent: bool) -> int:
    """The id of what the publications share of people who get it in this manner. The caller saves the row."""
    name = "|".join([*locale, *(["silent"] if is_silent else [])])
    is_usual = locale == UNKNOWN and not is_silent
    known = distribution.shared if is_usual else distribution.variants.get(name)
    if known is not None and is_shared(known):
        return int(known)
    # The first of this manner, or nobody kept a publication of it any more, or nobody had one for a day.
    shared = share(wording.publication(distribution.notification, locale, is_silent=is_silent))
    if is_usual:
        distribution.shared = shared
    else:
        distribution.variants[name] = shared
    return shared


def _with_key(notification: Notification, people: Collection[Key]) -> set[Key]:
    """Those of these people who have another notification with the key of this one."""
    if notification.key is None:
        return set()
    others = Notification.objects.filter(key=notification.key).exclude(pk=notification.pk)
    alone = set(others.filter(user__in=people).values_list("user", flat=True))
    distributed = list(others.exclude(audience="").values_list("pk", flat=True))
    if not distributed:
        return alone
    entries = InboxEntry.objects.filter(user__in=people, notification__in=distributed)
    return alone | set(entries.values_list("user", flat=True))


def _to_connected(notification_id: int, deadline: float) -> None:
    """Give it first to those who are connected, as far as the broker knows; the position stays where it is.

    Ends at ``deadline``, and does nothing where all get it in one step. The step that follows moves the position, so
    that this is not done again.
    """
    distribution = Distribution.objects.select_related("notification").filter(pk=notification_id).first()
    if (
        distribution is None
        or distribution.finished_at is not None
        or distribution.last_key
        or _is_small(distribution)
    ):
        return
    connected = [name.partition(":")[2] for name in subscribed(channels.USER)]
    for ids, whole_parts in _connected_in(distribution, connected) if connected else ():
        if ids:
            with transaction.atomic():
                locked = _owed(notification_id)
                if locked is None:
                    return
                _give(locked, ids)
                locked.parts.filter(pk__in=whole_parts).delete()
                locked.moved_at = Now()
                locked.save()
            flush()
        if time.monotonic() > deadline:
            return


def _is_small(distribution: Distribution) -> bool:
    """Whether one step gives it to all."""
    if distribution.notification.audience == LISTED:
        return distribution.parts.count() <= 1
    people = _audience(distribution).of_then(distribution.notification.created_at)
    return not people.order_by("pk").values("pk")[BATCH : BATCH + 1]


def _connected_in(
    distribution: Distribution, connected: Sequence[str]
) -> Iterator[tuple[dict[Written, str], Sequence[int]]]:
    """The ids of those of these people who are to get it, by key, as many as one step takes; now and then of none.

    A list is read once, from its beginning, and of the people who are connected only those in it are looked up. With
    them come the keys of the parts in which there is nobody else: no step has to look at those again.
    """
    if distribution.notification.audience != LISTED:
        for ids in in_batches(connected):
            known = {written(user.pk): known for known, user in users_by_id(ids).items()}
            yield _belonging(distribution, known), ()
        return
    among, found, whole_parts = set(connected), list[Written](), list[int]()
    for pk in list(distribution.parts.order_by("pk").values_list("pk", flat=True)):
        for part in distribution.parts.filter(pk=pk):  # none where a step has taken it meanwhile
            known = ids_of_written(part.keys)
            here = [key for key in part.keys if known.get(key) in among]
            found += here
            if len(here) == len(part.keys):
                whole_parts.append(pk)
        if len(found) < BATCH:
            yield {}, ()
        else:
            yield ids_of_written(found), whole_parts
            found, whole_parts = [], []
    yield ids_of_written(found), whole_parts


def _belonging(distribution: Distribution, ids: Mapping[Written, str]) -> dict[Written, str]:
    """Those of these people who belong to the audience, or stand in the list."""
    if distribution.notification.audience == LISTED:
        owed = {key for part in distribution.parts.all() for key in part.keys}
    else:
        people = _audience(distribution).of_then(distribution.notification.created_at)
        owed = set(written_keys(people.filter(pk__in=list(ids))))
    return {key: known for key, known in ids.items() if key in owed}


def _audience(distribution: Distribution) -> Audience:
    found = audience_named(distribution.notification.audience)
    if found is None:
        raise LookupError(f"{distribution.notification.audience!r} is no audience.")
    return found
