"""A job gives a notification to each person once, wherever it is killed."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models.functions import Now
from django.test import Client

from hub.testing import drain_jobs
from hub.users import user_id, written
from notifications import MEMBERS, audience, notify
from notifications.inbox import entries as inbox
from notifications.models import Distribution, InboxEntry, ListedPeople, Notification
from notifications.sending import distributing, named_audiences
from notifications.sending.named_audiences import Listed
from tests.notifications.distributing.crowds import CROWD, assert_each_has_it_once, entries, published_to
from tests.notifications.killing import Killed, killed_at
from tests.support.people import User

pytestmark = pytest.mark.django_db(transaction=True)

#: What a step writes, in this order: it is killed before and after each.
WRITES = [
    (inbox, "add"),
    (distributing, "publish_shared"),
    (Distribution, "save"),
    (distributing, "flush"),
]


@pytest.mark.whole_table
@pytest.mark.slow
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(("owner", "name"), WRITES, ids=[name for _, name in WRITES])
@pytest.mark.parametrize("to", ["members", "list", "list of connected"])
def test_a_job_that_is_killed_anywhere_goes_on_and_repeats_nobody(
    crowd: list[User], monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, when: str, to: str
) -> None:
    if to == "list of connected":
        monkeypatch.setattr(distributing, "subscribed", lambda _: [f"user:{user_id(one)}" for one in crowd])
    (alert,) = notify(to=MEMBERS if to == "members" else crowd, message="m")
    for nth in (1, 2, 4):
        with killed_at(monkeypatch, owner, name, when, nth=nth):
            distributing.run(alert.pk)
            raise Killed  # it was done before the call came
    assert distributing.run(alert.pk)
    assert_each_has_it_once(crowd, alert)
    assert {len(published_to(user)) for user in crowd} == {1}


def test_connected_people_come_first_and_have_it_once(crowd: list[User], monkeypatch: pytest.MonkeyPatch) -> None:
    outsider = User.objects.create_user("outsider", is_active=False)
    (alert,) = notify(to=MEMBERS, message="m")
    connected = [crowd[-1], crowd[60], outsider]
    monkeypatch.setattr(
        distributing, "subscribed", lambda _: [f"user:{user_id(one)}" for one in connected] + ["user:0"]
    )
    real, given = inbox.add, list[Any]()

    def add(notification_id: int, keys: Any) -> Any:
        given.append(list(keys))
        return real(notification_id, keys)

    monkeypatch.setattr(inbox, "add", add)
    drain_jobs()
    assert sorted(given[0]) == sorted([written(crowd[60].pk), written(crowd[-1].pk)])
    assert_each_has_it_once(crowd, alert)


@pytest.mark.parametrize("to", ["members", "list"])
def test_connected_people_cost_no_more_than_they_give(
    crowd: list[User], monkeypatch: pytest.MonkeyPatch, to: str
) -> None:
    connected = [crowd[-1], crowd[60]]
    names = [f"user:{user_id(one)}" for one in connected]
    monkeypatch.setattr(distributing, "subscribed", lambda _: names)
    monkeypatch.setattr(distributing, "users_by_id" if to == "list" else "keys_in", pytest.fail)
    with monkeypatch.context() as steps:
        steps.setattr(distributing, "step", lambda _: False)
        (alert,) = notify(to=crowd if to == "list" else MEMBERS, message="m")
        distributing.run(alert.pk)
        assert entries() == sorted((user.pk, alert.pk) for user in connected)
        # In one step all get it at once, so that nobody comes first.
        steps.setattr(distributing, "BATCH", CROWD + 1)
        (other,) = notify(to=crowd if to == "list" else MEMBERS, message="m")
        distributing.run(other.pk)
        assert len(entries()) == 2
        steps.setattr(distributing, "BATCH", 1)
        distributing.run(other.pk, seconds=0)
        assert len(entries()) <= 3


def test_no_step_looks_again_at_people_of_whom_all_were_connected(
    crowd: list[User], monkeypatch: pytest.MonkeyPatch
) -> None:
    connected = crowd[:51]
    monkeypatch.setattr(distributing, "subscribed", lambda _: [f"user:{user_id(one)}" for one in connected])
    real, given = inbox.add, list[Any]()

    def add(notification_id: int, keys: Any) -> Any:
        given.append(len(keys))
        return real(notification_id, keys)

    monkeypatch.setattr(inbox, "add", add)
    (alert,) = notify(to=crowd, message="m")
    distributing.run(alert.pk)
    # Of parts of 25, two were of connected people alone; of the third there was one.
    assert given == [25, 25, 1, 25, *[25] * ((CROWD - 75) // 25), *[rest for rest in [CROWD % 25] if rest]]
    assert_each_has_it_once(crowd, alert)
    done = Distribution.objects.get()
    assert (done.total, done.reached) == (CROWD, CROWD)
    assert done.finished_at is not None


def test_a_list_that_is_withdrawn_at_this_moment_is_not_extended(crowd: list[User]) -> None:
    (alert,) = notify(to=crowd, message="m", key="k")
    Notification.objects.filter(pk=alert.pk).delete()
    with transaction.atomic():
        distributing.extend(alert, Listed(tuple(written(user.pk) for user in crowd)), expires_at=None)
    assert not ListedPeople.objects.exists()


def test_a_lost_job_is_started_again(crowd: list[User]) -> None:
    from worker.models import Job

    (alert,) = notify(to=MEMBERS, message="m")
    Job.objects.all().delete()
    assert distributing.restart_lost() == 0
    Distribution.objects.update(moved_at=Now() - timedelta(minutes=2))
    assert distributing.restart_lost() == 1
    assert distributing.restart_lost() == 0
    drain_jobs()
    assert_each_has_it_once(crowd, alert)
    Distribution.objects.update(moved_at=Now() - timedelta(minutes=2))
    assert distributing.restart_lost() == 0


@pytest.mark.slow
def test_a_job_that_cannot_go_on_is_marked_and_goes_on_when_it_is_started_again(
    crowd: list[User], monkeypatch: pytest.MonkeyPatch, admin_client: Client
) -> None:
    from worker.models import Job

    monkeypatch.setattr(named_audiences, "_declared", {})
    declared = audience("ours")(User.objects.all)
    (alert,) = notify(to=declared, message="m")
    named_audiences._declared.clear()
    drain_jobs()
    Distribution.objects.update(moved_at=Now() - timedelta(minutes=2))
    assert distributing.restart_lost() == 0
    assert not Job.objects.exists()
    page = "/admin/hub_notifications/distribution/"
    assert "BadAudience: There is no audience named" in admin_client.get(page).content.decode()
    audience("ours")(declared.find)
    admin_client.post(page, {"action": "start_again", "_selected_action": [alert.pk]})
    assert Distribution.objects.get().failure == ""
    drain_jobs()
    everybody = User.objects.count()
    assert (InboxEntry.objects.count(), Distribution.objects.get().failure) == (everybody, "")
    assert not distributing.start_again(alert.pk)


def test_a_job_whose_turn_is_over_goes_on_in_another(crowd: list[User]) -> None:
    (alert,) = notify(to=MEMBERS, message="m")
    assert not distributing.run(alert.pk, seconds=0)
    assert 0 < InboxEntry.objects.count() < CROWD
    assert distributing.run(alert.pk)
    assert_each_has_it_once(crowd, alert)


def test_two_jobs_of_one_distribution_repeat_nobody(crowd: list[User]) -> None:
    (alert,) = notify(to=MEMBERS, message="m")

    def run(_: int) -> bool:
        try:
            return distributing.run(alert.pk)
        finally:
            connection.close()

    with ThreadPoolExecutor(3) as pool:
        assert all(pool.map(run, range(3)))
    assert_each_has_it_once(crowd, alert)
