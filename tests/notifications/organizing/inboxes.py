"""What is in the inbox of somebody, and what their pages were told."""

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import Group
from django.utils import timezone

from hub.testing import drain_jobs
from hub.users import user_id
from notifications import notify
from notifications.inbox import queries
from notifications.models import Follow, NotificationState, Topic
from tests.notifications.published import published
from tests.support.people import User

TOMORROW = timedelta(days=1)


def send(to: Any, count: int = 1) -> list[int]:
    return [notify(to=to, message="m")[0].pk for _ in range(count)]


def ids(user: User, state: queries.State = "all", **wanted: Any) -> list[int]:
    return [alert.pk for alert in queries.inbox_for(user, state=state, limit=100, **wanted).alerts]


def counts(user: User) -> tuple[int, int, int]:
    """Unread, archived and snoozed."""
    found = queries.counts_for(user)
    return found.unread, found.archived, found.snoozed


def told(user: User) -> list[Any]:
    """What the user's pages were told, besides new alerts."""
    return [data for data in published(f"user:{user_id(user)}") if not data["type"].endswith("notification_created")]


def pass_time() -> None:
    """What was snoozed until tomorrow was snoozed until now."""
    NotificationState.objects.exclude(snoozed_until=None).update(snoozed_until=timezone.now() - timedelta(seconds=1))


def one_of_each(ann: User) -> list[int]:
    """An alert of each sort: to the person, to a group, a topic and everyone, and one that was distributed."""
    ops = Group.objects.create(name="ops")
    ann.groups.add(ops)
    topic = Topic.objects.create(name="deploys", title="Deployments")
    Follow.objects.create(topic=topic, user=ann)
    alerts = send(ann) + send(ops) + send(topic) + send("everyone") + send("members")
    drain_jobs()
    return alerts
