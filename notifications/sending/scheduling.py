"""Alerts that are to be sent later: stored in the caller's transaction, with a job for their time.

``notifications.sending.due`` sends one, with its row deleted in the same transaction, so that it is sent once
whatever is killed. A job that was lost is started again.
"""

import dataclasses
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from hub.logs import get_logger
from hub.users import Key, User, all_users, keys_in, written
from notifications import sources
from notifications.kinds.locales import UNKNOWN, locales_of
from notifications.models import ScheduledAlert, Topic
from notifications.sending import distributing, failures, keys, local_times
from notifications.sending.alerting import Alert, Found
from notifications.sending.named_audiences import Audience, Listed, audience_named

log = get_logger(__name__)

#: After this an alert that is due and was not sent is looked after: its job was lost, or failed for good.
LOST = timedelta(seconds=30)

#: Alerts that are read together where somebody is taken out of them.
FORGOTTEN_AT_ONCE = 500

#: Starts the job that sends an alert, by its id and its time, when the open transaction is committed.
Start = Callable[[int, datetime], object]

#: Says the jobs of which of these alerts are owed already, by their ids.
Owed = Callable[[Collection[tuple[int, datetime]]], Collection[int]]

_jobs: list[tuple[Start, Owed]] = []

#: Fields of an alert that are not kept as they are.
_APART = {"to", "at", "at_local", "expires"}


def started_by(start: Start, owed: Owed) -> None:
    """Have ``start`` start the jobs, and ``owed`` say which are started. Called once, by what has jobs."""
    _jobs[:] = [(start, owed)]


def in_local_times(described: Alert) -> list[Alert]:
    """The alert with ``at_local`` as one for each time zone of its people, with ``at``; any other as it is.

    In place of a time that a clock leaves out in spring it is the next minute that there is. Of one that comes twice
    in autumn it is the first.
    """
    if described.at_local is None:
        return [described]
    named = {one.pk: one for one in described.to if isinstance(one, User)}
    people: dict[str, list[Found | Listed]] = {
        zone: [named[key] for key in keys_there] for zone, keys_there in _by_zone(list(named)).items()
    }
    for one in described.to:
        if not isinstance(one, User):
            keys_of_them = keys_in(one.keys) if isinstance(one, Listed) else _keys_of(one)
            for zone, keys_there in _by_zone(keys_of_them).items():
                people.setdefault(zone, []).append(Listed(tuple(map(written, keys_there))))
    return [
        dataclasses.replace(described, to=tuple(to), at=_moment(described.at_local, zone), at_local=None)
        for zone, to in sorted(people.items())
    ]


def _moment(local: datetime, zone: str) -> datetime:
    return local_times.moment(local, ZoneInfo(zone or settings.TIME_ZONE))


def _keys_of(audience: Found) -> Sequence[Key]:
    return list(audience.people().values_list("pk", flat=True).distinct()) if isinstance(audience, Audience) else []


def _by_zone(people: Sequence[Key]) -> dict[str, list[Key]]:
    """The keys of these people by the name of their time zone, empty where that is not known."""
    found: dict[str, list[Key]] = {}
    for part in distributing.in_batches(people):
        locales = locales_of(part)
        for key in part:
            found.setdefault(locales.get(key, UNKNOWN).time_zone, []).append(key)
    return found


def store(described: Alert, at: datetime, *, scope: str = "") -> ScheduledAlert:
    """Store in the open transaction that the alert is sent at this time, or with what is held in the window ``scope``.

    With a key nothing where one is stored for the same recipients already; returns that, unless it is to be replaced.
    """
    recipients = _written(described.to)
    if described.key is not None:
        keys.hold_alone(described.key)
        for row in waiting(described.key).order_by("pk"):
            if row.recipients != recipients or row.scope != scope:
                continue
            if not described.replace:
                return row
            row.delete()
    contents = {
        field.name: getattr(described, field.name)
        for field in dataclasses.fields(described)
        if field.name not in _APART
    }
    contents["expires"] = _expiry_written(described.expires)
    # One job sends all that is held.
    has_job = bool(scope) and ScheduledAlert.objects.filter(scope=scope, failure="").exists()
    row = ScheduledAlert.objects.create(
        key=described.key, due_at=at, recipients=recipients, contents=contents, source=sources.current(), scope=scope
    )
    row.is_new = True
    if not has_job:
        _start(row.pk, row.due_at)
    return row


def move(rows: QuerySet[ScheduledAlert], at: datetime) -> None:
    """Have what is held in one window sent at this time instead: the job of the first one sends all."""
    first = rows.order_by("pk").values_list("pk", flat=True).first()
    if first is not None:
        rows.update(due_at=at)
        _start(first, at)


def waiting(key: str) -> QuerySet[ScheduledAlert]:
    """The alerts with this key that wait for their time. Deleting one cancels it; hold its key before."""
    return ScheduledAlert.objects.filter(key=key)


def cancel(ids: Collection[int]) -> int:
    """Delete those of these alerts that are not sent yet; returns how many."""
    rows = ScheduledAlert.objects.filter(pk__in=ids)
    scopes = list(rows.exclude(scope="").values_list("scope", flat=True))
    cancelled = rows.delete()[0]
    for scope in set(scopes):
        # It may be the one whose job would have sent the others.
        for left in ScheduledAlert.objects.filter(scope=scope, failure="").order_by("pk")[:1]:
            _start(left.pk, left.due_at)
    return cancelled


def forget(person: Key) -> None:
    """Take this person out of the alerts that wait for their time; what is for nobody else is deleted.

    Reads all of them once.
    """
    key = written(person)
    for pk in [row.pk for row in told_to(person)]:
        with transaction.atomic():
            rows = ScheduledAlert.objects.select_for_update().filter(pk=pk)
            for row in rows:  # none where it was sent meanwhile
                left = [found for one in row.recipients if (found := _without(one, key))]
                if left:
                    row.recipients = left
                    row.save(update_fields=["recipients"])
                else:
                    row.delete()


def told_to(person: Key) -> Iterator[ScheduledAlert]:
    """The alerts that wait for their time and name this person, alone or in a list. Reads all of them once."""
    key = written(person)
    for row in ScheduledAlert.objects.order_by("pk").iterator(FORGOTTEN_AT_ONCE):
        if any(_without(one, key) != one for one in row.recipients):
            yield row


def people_waiting(row: ScheduledAlert) -> int:
    """How many people an alert waits for that is for single people and lists of them, as one for a local time is."""
    return sum(len(one.get("people", [one])) for one in row.recipients)


def _without(recipient: dict[str, Any], key: int | str) -> dict[str, Any]:
    """The recipient without the user with this key; empty where nobody is left."""
    if recipient.get("user") == key:
        return {}
    if "people" not in recipient:
        return recipient
    people = [one for one in recipient["people"] if one != key]
    return {"people": people} if people else {}


def alert_in(row: ScheduledAlert) -> Alert:
    """The alert as it is to be sent now, to those of its recipients who are still there.

    Raises ``LookupError`` or ``BadAudience`` where an audience is not declared any more.
    """
    return _alert_in(row, _found(row.recipients))


def alerts_in(rows: Sequence[ScheduledAlert]) -> list[Alert]:
    """:func:`alert_in` of alerts that have the same recipients, who are looked up once."""
    to = _found(rows[0].recipients) if rows else ()
    return [_alert_in(row, to) for row in rows]


def _alert_in(row: ScheduledAlert, to: tuple[Found | Listed, ...]) -> Alert:
    return Alert(**{**row.contents, "to": to, "expires": _expiry_in(row.contents["expires"])})


def restart_lost() -> int:
    """Start the jobs again of alerts that are due and were not sent; returns how many.

    A query of a small index where there is none. Safe to call from any process at any time.
    """
    late = ScheduledAlert.objects.filter(failure="", due_at__lt=Now() - LOST)
    first_held = ScheduledAlert.objects.filter(scope=OuterRef("scope"), failure="", pk__lt=OuterRef("pk"))
    late = late.filter(Q(scope="") | ~Exists(first_held))  # which sends the others
    found = list(late.values_list("pk", "due_at"))
    waiting = {pk for _, owed in _jobs if found for pk in owed(found)}
    lost = [(pk, due_at) for pk, due_at in found if pk not in waiting]
    for pk, due_at in lost:
        _start(pk, due_at)
    if lost:
        log.warning("scheduled_alerts_restarted", alerts=len(lost))
    return len(lost)


def fail(scheduled_id: int, error: Exception) -> None:
    """Note why the alert cannot be sent: nothing but :func:`start_again` tries it from now."""
    failures.note(ScheduledAlert.objects.filter(pk=scheduled_id), error)
    log.error("scheduled_alert_failed", alert=scheduled_id, exc_info=error)


def start_again(row: ScheduledAlert) -> bool:
    """Start the job of an alert that had failed; returns whether it had."""
    if not failures.clear(ScheduledAlert.objects.filter(pk=row.pk)):
        return False
    _start(row.pk, row.due_at)
    return True


def _start(scheduled_id: int, due_at: datetime) -> None:
    for start, _ in _jobs:
        start(scheduled_id, due_at)


def _expiry_written(expires: timedelta | datetime | None) -> float | str | None:
    """As JSON: seconds after it is sent, or a time."""
    if isinstance(expires, timedelta):
        return expires.total_seconds()
    return None if expires is None else expires.isoformat()


def _expiry_in(written: float | str | None) -> timedelta | datetime | None:
    if isinstance(written, str):
        return datetime.fromisoformat(written)
    return None if written is None else timedelta(seconds=written)


def _written(to: Collection[Found | Listed]) -> list[dict[str, Any]]:
    """Recipients as JSON, in order."""
    return [_one_written(one) for one in to]


def _one_written(one: Found | Listed) -> dict[str, Any]:
    match one:
        case None:
            return {"everyone": True}
        case Listed():
            return {"people": list(one.keys)}
        case Audience():
            return {"audience": one.label}
        case Group():
            return {"group": one.pk}
        case Topic():
            return {"topic": one.pk}
    return {"user": written(one.pk)}


def _found(recipients: Collection[dict[str, Any]]) -> tuple[Found | Listed, ...]:
    """The recipients in JSON, without those who are gone."""
    found = list[Found | Listed]()
    for kind, value in (pair for one in recipients for pair in one.items()):
        match kind:
            case "everyone":
                found.append(None)
            case "people":
                found.append(Listed(tuple(value)))
            case "audience":
                found.append(_audience(value))
            case "group":
                found += Group.objects.filter(pk=value)
            case "topic":
                found += Topic.objects.filter(pk=value)
            case _:
                found += all_users().filter(pk__in=keys_in([value]))
    return tuple(found)


def _audience(label: str) -> Audience:
    found = audience_named(label)
    if found is None:
        raise LookupError(f"{label!r} is no audience.")
    return found
