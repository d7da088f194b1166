"""Alerts that are taken back: from lists and counts, from open pages, and from what those get who come back."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection, transaction
from django.db.models.functions import Now

from hub import streams
from hub.testing import adrain_jobs, connected, drain_jobs
from hub.users import user_id
from notifications import MEMBERS, anotify, aretract, notify, retract
from notifications.inbox import entries as inbox
from notifications.inbox import queries
from notifications.models import Distribution, Follow, InboxEntry, Notification, Topic, Withdrawal
from notifications.sending import alerting, distributing, named_audiences, withdrawing
from tests.notifications.killing import killed_at
from tests.support.people import User, make_crowd
from worker import tasks
from worker.models import Job

pytestmark = pytest.mark.django_db(transaction=True)

#: More than a list of people may be that gets rows of its own here.
CROWD = 14

#: Each sort of recipient, and the channel on which Ann gets what is sent to it.
SORTS = {
    "own": "user",
    "group": "group",
    "topic": "topic",
    "everyone": "everyone",
    "members": "user",
    "list": "user",
}


@pytest.fixture(autouse=True)
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distributing, "BATCH", 4)
    for module in (alerting, named_audiences):
        monkeypatch.setattr(module, "SMALL", 10)


@pytest.fixture
def crowd(ann: User) -> list[User]:
    make_crowd("one", CROWD)
    return list(User.objects.order_by("pk"))


@pytest.fixture
def recipients(ann: User, deploys: Topic) -> dict[str, Any]:
    group = Group.objects.create(name="staff")
    ann.groups.add(group)
    Follow.objects.create(user=ann, topic=deploys)
    return {"own": ann, "group": group, "topic": deploys, "everyone": "everyone", "members": MEMBERS}


def told(channel: str) -> list[str]:
    return [one.data for one in streams.read(channel, after=0, limit=1000)]


def channel_of(sort: str, ann: User, recipients: dict[str, Any]) -> str:
    names = {"user": user_id(ann), "group": recipients["group"].pk, "topic": "deploys"}
    kind = SORTS[sort]
    return kind if kind == "everyone" else f"{kind}:{names[kind]}"


@pytest.mark.whole_table
@pytest.mark.slow
@pytest.mark.parametrize("by", ["key", "id"])
@pytest.mark.parametrize("sort", SORTS)
def test_what_is_retracted_is_gone_for_all_who_had_it(
    crowd: list[User], ann: User, recipients: dict[str, Any], sort: str, by: str
) -> None:
    (alert,) = notify(to=recipients.get(sort, crowd), message="secret", key="k")
    (other,) = notify(to=recipients.get(sort, crowd), message="other", key="l")
    drain_jobs()
    assert queries.unread_count(ann) == 2
    named: dict[str, Any] = {by: alert.pk if by == "id" else "k"}
    assert retract(**named) == 1
    assert [one.pk for one in queries.latest_for(ann)] == [other.pk]
    assert queries.unread_count(ann) == 1
    channel = channel_of(sort, ann, recipients)
    assert not any("secret" in text for text in told(channel))
    drain_jobs()
    assert told(channel)[-1] == f'{{"type":"notifications.alerts_withdrawn","ids":[{alert.pk}]}}'
    assert retract(**named) == 0
    assert len(told(channel)) >= 3
    (again,) = notify(to=recipients.get(sort, crowd), message="new", key="k")
    drain_jobs()
    assert again.pk != alert.pk
    assert queries.unread_count(ann) == 2


def test_a_key_takes_back_what_all_its_recipients_have(crowd: list[User], recipients: dict[str, Any]) -> None:
    notify(to=[one for one in recipients.values() if one != "everyone"], message="m", key="k")
    drain_jobs()
    rows = Notification.objects.count()
    assert retract(key="k") == rows > 1
    drain_jobs()
    assert not Notification.objects.exists()
    assert not InboxEntry.objects.exists()


@pytest.mark.parametrize("named", [{}, {"key": "k", "id": 1}], ids=str)
def test_an_alert_is_named_by_one_of_key_and_id(named: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match="by its key or by its id"):
        retract(**named)


def test_a_rollback_leaves_it_there(ann: User) -> None:
    notify(to=ann, message="m", key="k")
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        retract(key="k")
        raise ZeroDivisionError
    assert queries.unread_count(ann) == 1


# --- clients ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("to_many", [False, True])
async def test_a_client_that_comes_back_finds_none_of_what_was_retracted(ann: User, to_many: bool) -> None:
    channel = f"user:{user_id(ann)}"
    to: Any = MEMBERS if to_many else ann
    async with connected(ann) as client:
        before = await client.ask("history", channel=channel, limit=0)
        await anotify(to=to, message="secret", key="k")
        await adrain_jobs()
        assert "secret" in str(await client.receive(channel))
        assert await aretract(key="k") == 1
        await adrain_jobs()
        live = await client.receive(channel)
        assert live.data["type"] == "notifications.alerts_withdrawn"
    async with connected(ann) as client:
        since = {"offset": before["offset"], "epoch": before["epoch"]}
        page = await client.ask("history", channel=channel, limit=10, since=since)
        types = [one["data"]["type"] for one in page["publications"]]
        assert types == ["notifications.alerts_withdrawn"] * 2
        assert "secret" not in str(page)
        assert (await client.call("alerts.list", {}))["items"] == []


# --- at the same time ------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("steps", [0, 1, 3, 99])
def test_a_distribution_under_way_reaches_nobody_else(crowd: list[User], steps: int) -> None:
    (alert,) = notify(to=crowd, message="secret", key="k")
    for _ in range(steps):
        distributing.step(alert.pk)
    reached = InboxEntry.objects.count()
    assert retract(key="k") == 1
    drain_jobs()
    assert not InboxEntry.objects.exists()
    texts = [told(f"user:{user_id(user)}") for user in crowd]
    assert sum(map(bool, texts)) == reached
    assert {len(one) for one in texts if one} <= {2}
    assert "secret" not in str(texts)


def test_retracting_in_the_middle_of_a_step_waits_for_it(crowd: list[User], monkeypatch: pytest.MonkeyPatch) -> None:
    (alert,) = notify(to=crowd, message="secret", key="k")
    real, results = inbox.add, list[int]()

    def take_back() -> None:
        try:
            results.append(retract(key="k"))
        finally:
            connection.close()

    other = threading.Thread(target=take_back)

    def add(*args: Any) -> Any:
        if not other.ident:
            other.start()
            other.join(0.3)  # what does not wait has ended by then
        return real(*args)

    monkeypatch.setattr(inbox, "add", add)
    distributing.run(alert.pk)
    other.join(30)
    assert results == [1]
    drain_jobs()
    assert not InboxEntry.objects.exists()
    assert "secret" not in str([told(f"user:{user_id(user)}") for user in crowd])


def test_many_that_retract_at_the_same_time_do_it_once(ann: User) -> None:
    notify(to=ann, message="m", key="k")

    def take_back(_: int) -> int:
        try:
            return retract(key="k")
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(take_back, range(8))) == 1
    assert len(told(f"user:{user_id(ann)}")) == 2


#: What a step of a withdrawal does, in this order: it is killed before and after each.
WRITES = [
    (withdrawing, "publish_shared"),
    (Withdrawal, "save"),
    (withdrawing, "flush"),
]


@pytest.mark.whole_table
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(("owner", "name"), WRITES, ids=[name for _, name in WRITES])
def test_a_job_that_is_killed_anywhere_tells_each_once(
    crowd: list[User], monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, when: str
) -> None:
    (alert,) = notify(to=crowd, message="secret", key="k")
    distributing.run(alert.pk)
    retract(key="k")
    for nth in (1, 3):
        with killed_at(monkeypatch, owner, name, when, nth=nth):
            withdrawing.run(alert.pk)
    assert withdrawing.run(alert.pk)
    assert not InboxEntry.objects.exists()
    assert {len(told(f"user:{user_id(user)}")) for user in crowd} == {2}


# --- jobs ------------------------------------------------------------------------------------------------------------


def test_a_withdrawal_that_cannot_go_on_rests_until_it_is_started_again(
    crowd: list[User], monkeypatch: pytest.MonkeyPatch
) -> None:
    (alert,) = notify(to=crowd, message="m")
    drain_jobs()
    retract(id=alert.pk)

    def fail(*args: Any) -> None:
        raise LookupError("no such text, password=pa55word")

    with monkeypatch.context() as patched:
        patched.setattr(withdrawing, "publish_shared", fail)
        drain_jobs()
    assert Withdrawal.objects.get().failure == "LookupError: no such text, password=[removed]"
    assert not Job.objects.filter(failed_at=None).exists()
    Withdrawal.objects.update(moved_at=Now() - timedelta(minutes=2))
    assert distributing.restart_lost() == 0
    assert queries.latest_for(crowd[0]) == []
    assert withdrawing.start_again(alert.pk)
    assert not withdrawing.start_again(alert.pk)
    drain_jobs()
    assert not InboxEntry.objects.exists()


def test_a_job_that_waits_is_not_started_a_second_time(crowd: list[User]) -> None:
    (alert,) = notify(to=crowd, message="m")
    Distribution.objects.update(moved_at=Now() - timedelta(minutes=2))
    assert tasks.owed_distributions([alert.pk, alert.pk + 1]) == {alert.pk}
    for _ in range(3):
        assert distributing.restart_lost() == 0
    assert Job.objects.count() == 1
    Job.objects.update(failed_at=Now())
    Distribution.objects.update(moved_at=Now() - timedelta(minutes=2))
    assert distributing.restart_lost() == 1
    assert Job.objects.filter(failed_at=None).count() == 1
