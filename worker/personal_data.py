"""What jobs, schedules and periodic tasks hold of a person, for :mod:`hub.privacy`: their arguments, and the hub's
own alert that somebody has signed up. Of jobs that is those that wait, for whatever day, those that run, and those
that failed.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from django.apps import apps
from django.db import transaction
from django.db.models import Q

from hub.privacy import ERASED_NAME, PersonalData, are_texts_removed, register
from hub.publishing import forget_channel
from hub.users import User, all_users, user_id
from notifications import sources
from notifications.models import Notification
from notifications.sending.own_keys import OwnKey, own_key
from notifications.sending.withdrawing import withdraw
from worker import events
from worker.models import Job, TrackedJob
from worker.named_people import GONE, TextsOfPerson, named
from worker.operations import recording
from worker.schedules import changing, periodic_runs, waiting
from worker.schedules.models import Schedule
from worker.tracking import queries

#: Of what a schedule says, what somebody wrote.
_TEXTS: Final = frozenset({"message", "title", "url", "data", "params", "actions", "group_by"})


def _holds(who: TextsOfPerson, *columns: str) -> Q:
    """Rows that may name the person: JSON texts with one of the person's as a value."""
    found = Q(pk__in=[])
    for text in who.everywhere():
        for column in columns:
            found |= Q(**{f"{column}__contains": json.dumps(text)})
            found |= Q(**{f"{column}__contains": json.dumps(text, ensure_ascii=False)})
    return found


def _jobs(who: TextsOfPerson) -> Iterator[tuple[Job, Any]]:
    """The jobs that name the person, each with what is left of its arguments and options, or ``GONE``."""
    for job in Job.objects.filter(_holds(who, "arguments", "options")).order_by("created_at"):
        try:
            before = json.loads(job.arguments), json.loads(job.options)
            call = who.left_of_call(job.task, *before[0])
            options = who.left_of_options(before[1])
        except (ValueError, TypeError, AttributeError, RecursionError):  # what else it was to do nobody knows
            yield job, GONE
            continue
        if call is GONE or options is GONE:
            yield job, GONE
        elif (list(call), options) != before:
            yield job, {"arguments": json.dumps(call), "options": json.dumps(options)}


def _export_jobs(user: User) -> list[dict[str, Any]]:
    return [
        {
            "at": job.created_at.isoformat(),
            "task": job.task,
            "due": job.due_at.isoformat(),
            "failed": job.failed_at and job.failed_at.isoformat(),
        }
        for job, _ in _jobs(named(user))
    ]


def _erase_jobs(user: User) -> None:
    for job, left in list(_jobs(named(user))):
        rows = Job.objects.filter(pk=job.pk, nonce=job.nonce)
        if left is GONE:
            rows.delete()
        else:
            rows.update(**left)
    withdraw(Notification.objects.filter(key=signed_up_key(user)))


def signed_up_key(user: User) -> OwnKey:
    """The key of the alert that tells staff who has signed up: it has their name."""
    return own_key("accounts.signed_up:", str(user.pk))


register(PersonalData("jobs", _export_jobs, _erase_jobs))


def _export_tracked(user: User) -> list[dict[str, Any]]:
    return [
        {
            "at": row.created_at.isoformat(),
            "title": row.title,
            "arguments": row.arguments,
            "state": row.state,
            "text": row.text,
            "log": row.log,
            "result": row.result_text,
            "url": row.result_url,
            "error": row.error,
        }
        for row in queries.jobs_of(user).iterator()
    ]


#: The columns of a tracked job that may say something of anybody, besides the JSON of its call.
_SAYING: Final = ("title", "arguments", "text", "log", "result_text", "error")


def _alone(mail: str) -> re.Pattern[str]:
    """The mail address, and no part of another one; also as JSON or Python writes it, such as behind ``\\n``."""
    begins = r"(?:(?<![\w.+-])|(?<=\\[abfnrtv])|(?<=\\x[0-9a-f]{2})|(?<=\\u[0-9a-f]{4}))"
    return re.compile(rf"{begins}{re.escape(mail)}(?![\w-]|\.\w)", re.IGNORECASE)


def _erase_tracked(user: User) -> None:
    """What the person has started goes; a job that runs goes on, and nobody watches it any more.

    Jobs of others that name the person by their mail address lose what they say; a plain task that has failed, and was
    called with the person, cannot be run again.
    """
    queries.jobs_of(user).delete()
    forget_channel(events.channel_of(user_id(user)))
    who = named(user)
    for row in TrackedJob.objects.filter(_holds(who, "call")).only("task", "call"):
        before = json.loads(row.call)
        left = who.left_of_call(row.task, *before)
        if left is GONE or list(left) != before:
            TrackedJob.objects.filter(pk=row.pk).update(call="")
    mail = who.mail
    if not mail:
        return
    says = Q(call__icontains=json.dumps(mail)[1:-1])
    for column in _SAYING:
        says |= Q(**{f"{column}__icontains": mail})
    alone = _alone(mail)
    rows = TrackedJob.objects.filter(says).values_list("pk", "call", *_SAYING)
    found = [pk for pk, call, *texts in rows if alone.search(str([json.loads(call or "[]"), *texts]))]
    rows = TrackedJob.objects.filter(pk__in=found)
    for owner in all_users().filter(pk__in=rows.values("owner")):
        forget_channel(events.channel_of(user_id(owner)))
    blank = dict.fromkeys(("call", "arguments", "text", "result_text", "error"), "")
    rows.update(**blank, title=ERASED_NAME, log=[])


register(PersonalData("tracked_jobs", _export_tracked, _erase_tracked))


@dataclass(frozen=True, slots=True)
class _Held:
    """A schedule, and what it has of a person.

    Args:
        left: what is left of its contents without them, or ``GONE``.
        is_made: they made it, or changed it last.
        is_said: their mail address is in a text of it.
    """

    row: Schedule
    left: Any
    is_made: bool
    is_said: bool

    @property
    def is_named(self) -> bool:
        return self.left is GONE or self.left != self.row.contents


def _held_of(user: User, row: Schedule) -> _Held:
    who = named(user)
    left = who.left_of_call("", [], row.contents)
    texts = json.dumps([row.name, {name: row.contents.get(name) for name in _TEXTS}], ensure_ascii=False)
    is_made = row.made_by == sources.written(sources.PERSON, user_id(user))
    is_said = bool(who.mail) and _alone(who.mail).search(texts) is not None
    return _Held(row, left if left is GONE else left[1], is_made, is_said)


def _schedules(user: User) -> Iterator[_Held]:
    """The schedules that have something of the person. Reads all of them."""
    for row in Schedule.objects.order_by("pk").iterator():
        held = _held_of(user, row)
        if held.is_named or held.is_made or held.is_said:
            yield held


def _export_schedules(user: User) -> list[dict[str, Any]]:
    return [
        {"name": str(held.row), "rule": held.row.rule, "zone": held.row.zone, "made": held.is_made}
        | ({"key": held.row.key, "contents": held.row.contents} if held.is_made else {})
        for held in _schedules(user)
    ]


def _erase_schedules(user: User) -> None:
    """One that went to the person alone goes. What they wrote goes, and without its texts a schedule is paused."""
    for pk in [held.row.pk for held in _schedules(user)]:
        with transaction.atomic():
            # The row as it is now, and nobody sends it meanwhile.
            for row in Schedule.objects.select_for_update().filter(pk=pk):
                _erase_schedule(_held_of(user, row))


def _erase_schedule(held: _Held) -> None:
    row = held.row
    if held.left is GONE:
        changing.delete([row])
        return
    if held.is_named:
        row.runs.exclude(error="").update(error="")  # which may say that the person was not found
    row.contents = held.left
    if held.is_made:
        row.made_by = ""
    if held.is_said or (held.is_made and are_texts_removed()):
        has_texts = not _TEXTS.isdisjoint(row.contents)
        row.contents = {name: value for name, value in row.contents.items() if name not in _TEXTS}
        if "kind" not in row.contents:
            row.contents["message"] = ERASED_NAME
        row.name, row.is_paused = "", row.is_paused or has_texts
        waiting.cancel(row.pk)
    row.save()


register(PersonalData("schedules", _export_schedules, _erase_schedules))

if apps.is_installed("django_celery_beat"):
    from django_celery_beat.models import PeriodicTask

    def _periodic_tasks(who: TextsOfPerson) -> Iterator[tuple[PeriodicTask, Any]]:
        for row in PeriodicTask.objects.filter(_holds(who, "args", "kwargs")).order_by("name"):
            try:
                before = json.loads(row.args or "[]"), json.loads(row.kwargs or "{}")
                left = who.left_of_call(row.task, *before)
            except (
                ValueError,
                TypeError,
                AttributeError,
                RecursionError,
            ):  # beat disables such a row; what it was meant to be nobody knows
                yield row, GONE
                continue
            if left is GONE or left != before:
                yield row, left

    def _export_periodic_tasks(user: User) -> list[dict[str, Any]]:
        return [{"name": row.name, "task": row.task} for row, _ in _periodic_tasks(named(user))]

    def _erase_periodic_tasks(user: User) -> None:
        for row, left in list(_periodic_tasks(named(user))):
            if left is GONE:
                row.delete()
            else:
                row.args, row.kwargs = map(json.dumps, left)
                row.save()
                periodic_runs.forget_errors(row.pk)

    register(PersonalData("periodic_tasks", _export_periodic_tasks, _erase_periodic_tasks))


register(PersonalData("operations", recording.export_of, recording.take_out))
