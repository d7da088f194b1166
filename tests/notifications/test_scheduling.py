"""Alerts that are sent at their time, once, whatever is killed on the way."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from hub import streams
from hub.privacy import erase, export
from hub.testing import drain_jobs
from hub.users import user_id, written
from lab.harness.waiting import wait_for
from notifications import MEMBERS, alert, anotify, audience, notify, retract
from notifications.inbox import queries
from notifications.models import InboxEntry, Notification, Preferences, ScheduledAlert, Topic
from notifications.sending import actions, alerting, due, named_audiences, scheduling
from notifications.sending.alerting import BadAlert
from notifications.sending.retention import prune
from notifications.sending.scheduling import forget
from tests.notifications.killing import killed_at
from tests.notifications.locks import somebody_waits
from tests.support.people import User, make_crowd
from tests.support.writers import needs_several_writers
from worker.maintenance import restart_distributions
from worker.models import Job

pytestmark = pytest.mark.django_db(transaction=True)


def local(year: int, *others: int, fold: int = 0) -> datetime:
    """A time where somebody is."""
    return datetime(year, *others, fold=fold)  # type: ignore[arg-type]  # noqa: DTZ001  # without a zone on purpose


@pytest.fixture
def at() -> datetime:
    return timezone.now() + timedelta(hours=1)


def messages() -> list[str]:
    return list(Notification.objects.order_by("pk").values_list("message", flat=True))


def test_nobody_has_it_before_its_time_and_then_all_do(ann: User, at: datetime) -> None:
    assert notify(to=ann, message="m", title="t", level="warning", url="/a/", data={"a": [1]}, at=at) == []
    drain_jobs()
    assert queries.latest_for(ann) == []
    assert queries.unread_count(ann) == 0
    assert not streams.read(f"user:{user_id(ann)}", after=0, limit=10)
    drain_jobs(until=at)
    (row,) = queries.latest_for(ann)
    said = (row.message, row.title, row.level, row.url, row.data)
    assert said == ("m", "t", "warning", "/a/", {"a": [1]})
    assert queries.unread_count(ann) == 1
    assert len(streams.read(f"user:{user_id(ann)}", after=0, limit=10)) == 1
    assert not ScheduledAlert.objects.exists()
    assert not Job.objects.exists()


def test_it_goes_to_those_of_its_recipients_who_are_there_at_its_time(
    ann: User, deploys: Topic, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (alerting, named_audiences):
        monkeypatch.setattr(module, "SMALL", 2)
    group, gone = Group.objects.create(name="staff"), User.objects.create_user("gone")
    late = make_crowd("late", 3)
    notify(to=[ann, gone, group, deploys, MEMBERS], message="several", at=at)
    notify(to=late, message="list", at=at)
    notify(to="everyone", message="everyone", at=at)
    gone.delete()
    drain_jobs(until=at)
    drain_jobs()
    assert sorted(messages()) == ["everyone", "list", "several", "several", "several", "several"]
    assert InboxEntry.objects.filter(notification__message="list").count() == 3


def test_what_has_nobody_left_is_over(at: datetime) -> None:
    gone = User.objects.create_user("gone")
    notify(to=gone, message="m", at=at)
    gone.delete()
    drain_jobs(until=at)
    assert messages() == []
    assert not ScheduledAlert.objects.exists()


def test_a_time_that_is_over_is_now(ann: User) -> None:
    (row,) = notify(to=ann, message="m", at=timezone.now() - timedelta(days=1))
    assert list(Notification.objects.all()) == [row]
    assert not ScheduledAlert.objects.exists()


@pytest.mark.parametrize(
    "at",
    [
        local(2030, 1, 1),
        timedelta(1),
        "2030-01-01",
        7,
        datetime(9999, 12, 31, 23, 59, 59, tzinfo=timezone.get_fixed_timezone(-840)),
        datetime(1, 1, 1, tzinfo=timezone.get_fixed_timezone(840)),
    ],
    ids=str,
)
def test_what_is_no_time_is_refused(at: Any) -> None:
    with pytest.raises(BadAlert, match="at a datetime with a time zone"):
        alert(to="everyone", message="m", at=at)


async def test_from_async_code(ann: User, at: datetime) -> None:
    assert await anotify(to=ann, message="m", at=at) == []
    assert await ScheduledAlert.objects.acount() == 1


def test_a_rollback_schedules_nothing(ann: User, at: datetime) -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        notify(to=ann, message="m", at=at)
        raise ZeroDivisionError
    assert not ScheduledAlert.objects.exists()
    assert not Job.objects.exists()


# --- keys ------------------------------------------------------------------------------------------------------------


def test_it_is_cancelled_by_its_key(ann: User, at: datetime) -> None:
    notify(to=ann, message="m", key="k", at=at)
    assert retract(key="other") == 0
    assert retract(key="k") == 1
    assert retract(key="k") == 0
    drain_jobs(until=at)
    assert messages() == []


def test_a_call_that_is_repeated_is_one(ann: User, at: datetime) -> None:
    bob = User.objects.create_user("bob")
    for to, message in ((ann, "first"), (ann, "second"), (bob, "bob")):
        notify(to=to, message=message, key="k", at=at)
    assert ScheduledAlert.objects.count() == 2
    drain_jobs(until=at)
    assert sorted(messages()) == ["bob", "first"]
    notify(to=ann, message="third", key="k", at=at + timedelta(hours=1))
    drain_jobs(until=at + timedelta(hours=1))
    assert sorted(messages()) == ["bob", "first"]


def test_calls_and_cancelling_at_the_same_time_leave_one_or_none(ann: User, at: datetime) -> None:
    def call(number: int) -> None:
        try:
            if number == 7:
                retract(key="k")
            else:
                notify(to=ann, message="m", key="k", at=at)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(call, range(16)))
    assert ScheduledAlert.objects.count() <= 1  # none where the cancelling came last
    call(16)
    assert ScheduledAlert.objects.count() == 1
    drain_jobs(until=at)
    assert messages() == ["m"]


# --- once, whatever is killed ----------------------------------------------------------------------------------------


#: What sending one does, in this order: it is killed before and after each.
WRITES = [
    (ScheduledAlert, "delete"),
    (actions, "publish_many"),
    (actions, "_store"),
    (actions, "send"),
]


@pytest.mark.whole_table
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(("owner", "name"), WRITES, ids=[name for _, name in WRITES])
def test_a_worker_that_is_killed_anywhere_sends_it_once(
    ann: User, at: datetime, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, when: str
) -> None:
    notify(to=ann, message="m", at=at)
    row = ScheduledAlert.objects.get()
    for _ in range(2):
        with killed_at(monkeypatch, owner, name, when):
            due.send(row.pk, at)
        assert messages() == []
    assert due.send(row.pk, at) == 1
    assert due.send(row.pk, at) == 0
    assert messages() == ["m"]
    assert len(streams.read(f"user:{user_id(ann)}", after=0, limit=10)) == 1


def test_jobs_at_the_same_time_send_it_once(ann: User, at: datetime) -> None:
    notify(to=ann, message="m", at=at)
    pk = ScheduledAlert.objects.get().pk

    def send(_: int) -> int:
        try:
            return due.send(pk, at)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(send, range(8))) == 1
    assert messages() == ["m"]


@pytest.mark.parametrize("lost", ["row", "failed"])
def test_a_job_that_was_lost_is_started_again_and_sends_it_late(ann: User, at: datetime, lost: str) -> None:
    notify(to=ann, message="m", at=at)
    if lost == "row":
        Job.objects.all().delete()
    else:
        Job.objects.update(failed_at=timezone.now())
    assert restart_distributions() == 0
    late = timezone.now() - timedelta(minutes=1)
    ScheduledAlert.objects.update(due_at=late)
    assert restart_distributions() == 1
    assert restart_distributions() == 0  # it waits
    drain_jobs()
    assert messages() == ["m"]


def test_one_that_waits_for_a_worker_is_not_started_twice(
    ann: User, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduling, "LOST", -timedelta(days=1))
    notify(to=ann, message="m", at=at)
    assert scheduling.restart_lost() == 0
    assert Job.objects.count() == 1


def test_those_that_wait_for_workers_are_found_by_few_queries(
    ann: User, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    for minutes in range(20):
        notify(to=ann, message="m", at=at + timedelta(minutes=minutes))
    lost = Job.objects.last()
    assert lost is not None
    lost.delete()
    monkeypatch.setattr(scheduling, "LOST", -timedelta(days=1))
    with CaptureQueriesContext(connection) as asked:
        assert scheduling.restart_lost() == 1
    assert len([one for one in asked if 'FROM "hub_worker_job"' in str(one["sql"])]) < 5


def test_one_that_cannot_be_sent_rests_until_it_is_started_again(
    at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(named_audiences, "_declared", {})
    testers = audience("testers")(User.objects.all)
    notify(to=testers, message="m", at=at)
    monkeypatch.setattr(named_audiences, "_declared", {})
    drain_jobs(until=at)
    row = ScheduledAlert.objects.get()
    assert "There is no audience named 'testers'" in row.failure
    ScheduledAlert.objects.update(due_at=timezone.now() - timedelta(minutes=1))
    assert scheduling.restart_lost() == 0
    prune()
    audience("testers")(User.objects.all)
    row.refresh_from_db()
    assert scheduling.start_again(row)
    assert not scheduling.start_again(row)
    drain_jobs()
    assert messages() == ["m"]


def test_one_that_could_not_be_sent_is_not_kept_for_ever(ann: User, at: datetime, settings: Any) -> None:
    settings.HUB_ALERT_DAYS = 1
    for failure in ("", "no such audience"):
        notify(to=ann, message=failure or "waits", at=at)
        ScheduledAlert.objects.filter(contents__message=failure or "waits").update(failure=failure)
    ScheduledAlert.objects.update(created_at=timezone.now() - timedelta(days=2))
    prune()
    assert [row.contents["message"] for row in ScheduledAlert.objects.all()] == ["waits"]


@pytest.mark.parametrize("expires", [None, timedelta(minutes=30), datetime(2031, 1, 1, tzinfo=UTC)], ids=str)
def test_it_expires_after_it_was_sent(ann: User, at: datetime, expires: Any) -> None:
    notify(to=ann, message="m", at=at, expires=expires)
    before = timezone.now()
    drain_jobs(until=at)
    row = Notification.objects.get()
    if isinstance(expires, timedelta):
        assert row.expires_at is not None
        assert row.expires_at >= before + expires
    else:
        assert row.expires_at == expires


def test_who_is_erased_is_taken_out_of_what_waits(ann: User, at: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (alerting, named_audiences):
        monkeypatch.setattr(module, "SMALL", 2)
    bob, crowd = User.objects.create_user("bob"), make_crowd("some", 3)
    for message, to in (("alone", ann), ("both", [ann, bob]), ("list", [ann, *crowd]), ("all", MEMBERS)):
        notify(to=to, message=message, at=at)
    told = export(ann)["alerts"]["scheduled"]
    assert [(one["message"], one["at"]) for one in told] == [
        (message, at.isoformat()) for message in ("alone", "both", "list")
    ]
    forget(ann.pk)
    assert export(ann)["alerts"]["scheduled"] == []
    waiting = {row.contents["message"]: row.recipients for row in ScheduledAlert.objects.all()}
    assert waiting == {
        "both": [{"user": written(bob.pk)}],
        "list": [{"people": [written(user.pk) for user in crowd]}],
        "all": [{"audience": "members"}],
    }
    erase(bob)
    assert set(ScheduledAlert.objects.values_list("contents__message", flat=True)) == {"list", "all"}


@needs_several_writers
def test_people_who_are_erased_at_the_same_time_do_not_put_each_other_back(ann: User, at: datetime) -> None:
    bob, cyd = (User.objects.create_user(name) for name in ("bob", "cyd"))
    notify(to=[ann, bob, cyd], message="m", at=at)
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            forget(ann.pk)
            other = pool.submit(forget_and_close, bob)
            wait_for(lambda: somebody_waits() or other.done(), that="the other one waits")
        other.result(20)
    assert ScheduledAlert.objects.get().recipients == [{"user": written(cyd.pk)}]


@needs_several_writers
def test_what_is_sent_while_somebody_is_erased_fails_nobody(ann: User, at: datetime) -> None:
    notify(to=[ann, User.objects.create_user("bob")], message="m", at=at)
    row = ScheduledAlert.objects.get()
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            due.send(row.pk, row.due_at)
            other = pool.submit(forget_and_close, ann)
            wait_for(lambda: somebody_waits() or other.done(), that="the other one waits")
        other.result(20)
    assert messages() == ["m", "m"]
    assert not ScheduledAlert.objects.exists()


def forget_and_close(user: User) -> None:
    """For a thread of its own."""
    try:
        forget(user.pk)
    finally:
        connection.close()


# --- local times -----------------------------------------------------------------------------------------------------


def lives_in(user: User, zone: str) -> User:
    Preferences.objects.create(user=user, time_zone=zone)
    return user


def due_times() -> dict[str, list[Any]]:
    """The recipients of what waits, by when it is due."""
    return {row.due_at.isoformat(): row.recipients for row in ScheduledAlert.objects.order_by("due_at")}


def test_each_person_gets_it_at_that_time_where_they_are(ann: User, settings: Any) -> None:
    settings.TIME_ZONE = "UTC"
    tokyo, berlin = (lives_in(User.objects.create_user(zone), zone) for zone in ("Asia/Tokyo", "Europe/Berlin"))
    notify(to=[ann, tokyo, berlin], message="m", key="k", at_local=local(2035, 6, 1, 9))
    assert due_times() == {
        "2035-06-01T00:00:00+00:00": [{"user": written(tokyo.pk)}],
        "2035-06-01T07:00:00+00:00": [{"user": written(berlin.pk)}],
        "2035-06-01T09:00:00+00:00": [{"user": written(ann.pk)}],
    }
    drain_jobs(until=datetime(2035, 6, 1, 8, tzinfo=UTC))
    assert [len(queries.latest_for(user)) for user in (ann, tokyo, berlin)] == [0, 1, 1]
    assert retract(key="k") == 3
    assert not ScheduledAlert.objects.exists()


@pytest.mark.parametrize(
    ("local", "at"),
    [
        (local(2035, 3, 25, 2, 30), "2035-03-25T01:00:00+00:00"),  # left out: 03:00 there
        (local(2035, 10, 28, 2, 30), "2035-10-28T00:30:00+00:00"),  # comes twice
        (local(2035, 10, 28, 2, 30, fold=1), "2035-10-28T00:30:00+00:00"),
    ],
    ids=str,
)
def test_on_the_days_on_which_clocks_are_changed(ann: User, local: datetime, at: str) -> None:
    notify(to=lives_in(ann, "Europe/Berlin"), message="m", at_local=local)
    assert [*due_times()] == [at]


@pytest.mark.parametrize("to", ["members", "list"])
def test_many_people_are_one_call_for_each_zone(
    ann: User, monkeypatch: pytest.MonkeyPatch, settings: Any, to: str
) -> None:
    settings.TIME_ZONE = "UTC"
    for module in (alerting, named_audiences):
        monkeypatch.setattr(module, "SMALL", 2)
    crowd = [ann, *make_crowd("some", 3)]
    lives_in(crowd[-1], "Asia/Tokyo")
    notify(to=MEMBERS if to == "members" else crowd, message="m", at_local=local(2035, 6, 1, 9))
    found = [len(recipients[0]["people"]) for recipients in due_times().values()]
    assert found == [1, 3]
    drain_jobs(until=datetime(2035, 6, 2, tzinfo=UTC))
    drain_jobs()
    assert [len(queries.latest_for(user)) for user in crowd] == [1] * 4


def test_the_zones_of_several_people_are_read_at_once(ann: User, django_assert_num_queries: Any) -> None:
    crowd = [ann, *make_crowd("some", 4)]
    lives_in(crowd[-1], "Asia/Tokyo")
    described = alert(to=crowd, message="m", at_local=local(2035, 6, 1, 9))
    with django_assert_num_queries(1):
        assert sorted(len(one.to) for one in scheduling.in_local_times(described)) == [1, 4]


def test_people_of_later_zones_have_it_as_long(ann: User, monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    settings.TIME_ZONE = "UTC"
    tokyo = lives_in(User.objects.create_user("tokyo"), "Asia/Tokyo")
    notify(to=MEMBERS, message="m", key="k", at_local=local(2035, 6, 1, 9), expires=timedelta(hours=2))
    drain_jobs(until=datetime(2035, 6, 1, 1, tzinfo=UTC))
    drain_jobs()
    assert len(queries.latest_for(tokyo)) == 1
    Notification.objects.update(expires_at=timezone.now() + timedelta(minutes=1))  # what Tokyo has is nearly over
    drain_jobs(until=datetime(2035, 6, 2, tzinfo=UTC))
    drain_jobs()
    (row,) = queries.latest_for(ann)
    assert row.expires_at is not None
    assert row.expires_at > timezone.now() + timedelta(hours=1)
    assert f'"expires_at":"{row.expires_at.isoformat().replace("+00:00", "Z")}"' in str(
        streams.read(f"user:{user_id(ann)}", after=0, limit=5)
    )


def test_a_local_time_that_is_over_in_one_zone_is_now_there(ann: User) -> None:
    bob = lives_in(User.objects.create_user("bob"), "Pacific/Kiritimati")
    lives_in(ann, "Pacific/Pago_Pago")
    here = timezone.now().replace(tzinfo=None)
    (row,) = notify(to=[ann, bob], message="m", at_local=here)
    assert row.user_id == bob.pk
    assert ScheduledAlert.objects.count() == 1


@pytest.mark.parametrize(
    "wanted",
    [
        {"to": "everyone", "at_local": local(2035, 1, 1)},
        {"to": "members", "at_local": datetime(2035, 1, 1, tzinfo=UTC)},
        {"to": "members", "at_local": "2035-01-01"},
        {"to": "members", "at_local": local(9999, 12, 31)},
        {"to": "members", "at_local": local(2035, 1, 1), "at": datetime(2035, 1, 1, tzinfo=UTC)},
    ],
    ids=["everyone", "zone", "text", "far", "both"],
)
def test_what_is_no_local_time_is_refused(wanted: dict[str, Any]) -> None:
    with pytest.raises(BadAlert):
        alert(message="m", **wanted)
