"""Several schedules that are due share a transaction, and nothing else."""

from typing import Any

import pytest
from django.db import connections

from hub.models import Publication
from hub.users import user_id
from tests.support.people import User
from tests.worker.schedules.hourly import HOUR, hourly, pass_time, runs, sent
from worker.maintenance import send_due_schedules

pytestmark = pytest.mark.django_db(transaction=True)


def make_due(*names: str) -> list[str]:
    """A schedule for each of these people, due by now; returns their channels."""
    channels = []
    for name in names:
        person = user_id(User.objects.create_user(name))
        channels.append(f"user:{person}")
        pass_time(hourly(to=person).row, HOUR)
    return channels


def test_schedules_that_are_due_are_sent_and_numbered_by_one_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    channels = make_due("ada", "bob", "eve")
    engine: Any = type(connections["default"])
    commits, commit = [], engine._commit

    def note(self: Any) -> None:
        commits.append(1)
        commit(self)

    monkeypatch.setattr(engine, "_commit", note)
    assert send_due_schedules() == 3
    assert commits == [1]
    offsets = Publication.objects.filter(channel__in=channels).values_list("offset", flat=True)
    assert list(offsets) == [1, 1, 1]


def test_stream_that_cannot_be_numbered_holds_up_no_other_schedule() -> None:
    broken, *others = make_due("ada", "bob", "eve")
    Publication.objects.create(channel=broken, offset=1, data="{}")  # as after a restore in part: there is no stream
    assert send_due_schedules() == 3
    assert (runs(), sent()) == (3, 3)
    offsets = Publication.objects.filter(channel__in=others).values_list("offset", flat=True)
    assert list(offsets) == [1, 1]
    assert Publication.objects.filter(channel=broken, offset=None).count() == 1
