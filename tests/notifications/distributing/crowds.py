"""The people of one call to many, and what they have of it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import connection

from hub import streams
from hub.models import Publication
from hub.users import user_id
from notifications.models import Distribution, InboxEntry, Notification
from notifications.sending.named_audiences import SMALL
from tests.support.people import User

CROWD = SMALL + 20


def entries() -> list[tuple[Any, int]]:
    return sorted(InboxEntry.objects.values_list("user", "notification"))


def published_to(user: User) -> list[str]:
    return [one.data for one in streams.read(f"user:{user_id(user)}", after=0, limit=100)]


def assert_each_has_it_once(users: list[User], notification: Notification) -> None:
    assert entries() == sorted((user.pk, notification.pk) for user in users)
    rows = Publication.objects.filter(shared=notification.distribution.shared)
    assert sorted(rows.values_list("channel", flat=True)) == sorted(f"user:{user_id(user)}" for user in users)
    distribution = Distribution.objects.get()
    assert (distribution.reached, distribution.total) == (len(users), len(users))
    assert distribution.finished_at is not None


def run_apart(*calls: Callable[[], object]) -> None:
    """Make the calls at the same time, each with a connection of its own."""

    def run(call: Callable[[], object]) -> None:
        try:
            call()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        list(pool.map(run, calls))
