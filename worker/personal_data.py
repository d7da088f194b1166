"""What the jobs hold of a person, for :mod:`hub.privacy`: the arguments of those that failed for good, and the hub's
own alert that somebody has signed up.
"""

import json
from typing import Any

from django.db.models import Q, QuerySet

from hub.privacy import PersonalData, register
from hub.users import User, log_in_field
from notifications.models import Notification
from notifications.withdrawing import withdraw
from worker.models import Job


def _about(user: User) -> QuerySet[Job]:
    """Jobs whose arguments have the mail address or the name to log in with, as a text of their own."""
    said = {getattr(user, log_in_field()), getattr(user, user.get_email_field_name(), "")}
    named = Q(pk__in=[])
    for text in said:
        if text:
            named |= Q(arguments__contains=json.dumps(str(text))) | Q(
                arguments__contains=json.dumps(str(text), ensure_ascii=False)
            )
    return Job.objects.filter(named, failed_at__isnull=False)


def _export(user: User) -> list[dict[str, Any]]:
    return [{"at": row.created_at.isoformat(), "task": row.task} for row in _about(user).order_by("created_at")]


def _erase(user: User) -> None:
    _about(user).delete()
    withdraw(Notification.objects.filter(key=signed_up_key(user)))


def signed_up_key(user: User) -> str:
    """The key of the alert that tells staff who has signed up: it has their name."""
    return f"accounts.signed_up:{user.pk}"


register(PersonalData("failed_jobs", _export, _erase))
