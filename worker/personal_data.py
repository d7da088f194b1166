"""What the jobs hold of a person, for :mod:`hub.privacy`: the arguments of those that failed for good, and the hub's
own alert that somebody has signed up.
"""

import inspect
import json
from typing import Any

from django.db.models import Q, QuerySet

from hub.privacy import PersonalData, register
from hub.users import User, log_in_field, user_id
from notifications.models import Notification
from notifications.withdrawing import withdraw
from worker.application import task_named
from worker.models import Job


def _about(user: User) -> QuerySet[Job]:
    """Failed jobs that are addressed to the person alone, or have their mail address or the name to log in with.

    A name counts in an argument ``username`` only: somebody may be called as any other argument's value is.
    """
    mail, name = (str(getattr(user, field, "") or "") for field in (user.get_email_field_name(), log_in_field()))
    addresses = {user_id(user), f"user:{user_id(user)}"} | ({f"user:{name}"} if name else set())
    failed = Job.objects.filter(failed_at__isnull=False)
    named = Q(pk__in=[])
    # What the database finds is more than is meant: a text may be a part of another one.
    for text in {mail, name, user_id(user)} - {""}:
        for is_ascii in (True, False):
            named |= Q(arguments__contains=json.dumps(text, ensure_ascii=is_ascii)[1:-1])
    return failed.filter(
        pk__in=[
            pk
            for pk, task, arguments in failed.filter(named).values_list("pk", "task", "arguments")
            if _is_about(task, arguments, addresses, mail, name)
        ]
    )


def _is_about(task: str, arguments: str, addresses: set[str], mail: str, name: str) -> bool:
    positional, keywords = json.loads(arguments)
    values = dict(zip(_parameters(task), positional, strict=False)) | keywords
    to = values.get("to") or []
    to = to if isinstance(to, list) else [to]
    return (
        (bool(to) and {str(one) for one in to} <= addresses)
        or bool(mail and mail in [*positional, *keywords.values()])
        or bool(name and values.get("username") == name)
    )


def _parameters(task: str) -> list[str]:
    """The names of what the task takes; none where there is no such task (any more)."""
    found = task_named(task)
    return [] if found is None else list(inspect.signature(found.run).parameters)


def _export(user: User) -> list[dict[str, Any]]:
    return [{"at": row.created_at.isoformat(), "task": row.task} for row in _about(user).order_by("created_at")]


def _erase(user: User) -> None:
    _about(user).delete()
    withdraw(Notification.objects.filter(key=signed_up_key(user)))


def signed_up_key(user: User) -> str:
    """The key of the alert that tells staff who has signed up: it has their name."""
    return f"accounts.signed_up:{user.pk}"


register(PersonalData("failed_jobs", _export, _erase))
