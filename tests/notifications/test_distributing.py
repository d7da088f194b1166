"""One call to many: one row, and a job that gives it to each person once, wherever it is killed."""

import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection, transaction
from django.db.models.functions import Now
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub import publishing, streams
from hub.channels import LAST_ID
from hub.models import Publication, SharedData
from hub.privacy import erase, export
from hub.testing import drain_jobs
from hub.users import joined_field, user_id
from notifications import MEMBERS, audience, notify
from notifications.inbox import entries as inbox
from notifications.inbox import queries, reading
from notifications.inbox.organizing import mark_all_read, mark_read
from notifications.models import Distribution, InboxEntry, ListedPeople, Notification, Withdrawal
from notifications.sending import distributing, named_audiences, withdrawing
from notifications.sending.actions import send
from notifications.sending.alerting import BadAlert
from notifications.sending.alerting import alert as described
from notifications.sending.named_audiences import SMALL, Listed
from notifications.sending.retention import prune
from notifications.sending.withdrawing import withdraw
from tests.notifications.killing import Killed, killed_at
from tests.support.people import User, make_crowd

pytestmark = pytest.mark.django_db(transaction=True)

CROWD = SMALL + 20


@pytest.fixture(autouse=True)
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distributing, "BATCH", 25)


@pytest.fixture
def crowd() -> list[User]:
    return list(User.objects.filter(pk__in=[one.pk for one in make_crowd("one", CROWD)]).order_by("pk"))


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


# --- the call --------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_call_to_many_is_one_row_and_few_statements(crowd: list[User], django_assert_max_num_queries: Any) -> None:
    with django_assert_max_num_queries(12):
        (alert,) = notify(to=User.objects.all(), message="We have moved", title="News")
    assert Notification.objects.count() == 1
    assert (alert.audience, alert.user_id) == ("people", None)
    assert not InboxEntry.objects.exists()
    drain_jobs()
    assert_each_has_it_once(crowd, alert)
    assert SharedData.objects.count() == 1
    assert not ListedPeople.objects.exists()
    assert {len(published_to(user)) for user in crowd} == {1}


def test_a_named_audience_is_read_by_the_job(crowd: list[User], django_assert_max_num_queries: Any) -> None:
    with django_assert_max_num_queries(8):
        (alert,) = notify(to="members", message="m")
    drain_jobs()
    assert_each_has_it_once(crowd, alert)
    assert queries.unread_count(crowd[0]) == 1
    assert queries.unread_count(AnonymousUser()) == 0
    assert queries.latest_for(AnonymousUser()) == []


@pytest.mark.parametrize("form", [list, tuple, iter, set])
def test_people_come_in_any_iterable(crowd: list[User], form: Any) -> None:
    (alert,) = notify(to=form(crowd), message="m")
    drain_jobs()
    assert_each_has_it_once(crowd, alert)


def test_a_small_list_gets_its_rows_at_once(crowd: list[User]) -> None:
    assert len(notify(to=crowd[:SMALL], message="m")) == SMALL
    assert len(notify(to=User.objects.order_by("pk")[:5], message="m")) == 5
    assert not Distribution.objects.exists()


def test_groups_beside_many_people_keep_rows_of_their_own(crowd: list[User]) -> None:
    rows = notify(to=[*crowd, "everyone"], message="m")
    assert [row.audience for row in rows] == [""]  # everyone has it once


def test_a_rollback_leaves_nothing_to_do(crowd: list[User]) -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        notify(to=MEMBERS, message="m")
        raise ZeroDivisionError
    assert drain_jobs() == []
    assert not Notification.objects.exists()
    assert not SharedData.objects.exists()


# --- a job that is killed --------------------------------------------------------------------------------------------


#: What a step writes, in this order: it is killed before and after each.
WRITES = [
    (inbox, "add"),
    (distributing, "publish_shared"),
    (Distribution, "save"),
    (distributing, "flush"),
]


@pytest.mark.slow
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(("owner", "name"), WRITES, ids=[name for _, name in WRITES])
@pytest.mark.parametrize("to", ["members", "list"])
def test_a_job_that_is_killed_anywhere_goes_on_and_repeats_nobody(
    crowd: list[User], monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, when: str, to: str
) -> None:
    (alert,) = notify(to=crowd if to == "list" else MEMBERS, message="m")
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
    assert sorted(given[0]) == sorted([crowd[60].pk, crowd[-1].pk])
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


def test_a_list_that_is_withdrawn_at_this_moment_is_not_extended(crowd: list[User]) -> None:
    (alert,) = notify(to=crowd, message="m", key="k")
    Notification.objects.filter(pk=alert.pk).delete()
    with transaction.atomic():
        distributing.extend(alert, Listed(tuple(user.pk for user in crowd)), expires_at=None)
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


# --- people who come and go meanwhile --------------------------------------------------------------------------------


@pytest.mark.parametrize("to", ["members", "list"])
def test_people_who_are_deleted_meanwhile_are_left_out(crowd: list[User], to: str) -> None:
    (alert,) = notify(to=crowd if to == "list" else MEMBERS, message="m")
    distributing.step(alert.pk)
    crowd[3].delete()
    crowd[70].delete()
    assert distributing.run(alert.pk)
    left = [user for number, user in enumerate(crowd) if number not in {3, 70}]
    assert entries() == sorted((user.pk, alert.pk) for user in left)


def test_people_who_are_deactivated_or_made_meanwhile_are_no_members(crowd: list[User]) -> None:
    (alert,) = notify(to=MEMBERS, message="m")
    distributing.step(alert.pk)
    User.objects.filter(pk=crowd[90].pk).update(is_active=False)
    User.objects.create_user("late")
    assert distributing.run(alert.pk)
    assert_each_has_it_once([user for user in crowd if user != crowd[90]], alert)


def test_who_joins_later_does_not_get_the_past(crowd: list[User]) -> None:
    notify(to=MEMBERS, message="m")
    drain_jobs()
    late = User.objects.create_user("late")
    assert queries.latest_for(late) == []
    assert queries.unread_count(late) == 0


# --- keys ------------------------------------------------------------------------------------------------------------


def test_one_key_twice_has_the_effect_of_once(crowd: list[User]) -> None:
    (first,) = notify(to=MEMBERS, message="m", key="k")
    assert notify(to=MEMBERS, message="other", key="k") == [first]
    drain_jobs()
    assert notify(to=MEMBERS, message="other", key="k") == [first]
    drain_jobs()
    assert_each_has_it_once(crowd, first)


@pytest.mark.slow
def test_a_list_with_the_key_of_another_goes_to_those_who_have_none_yet(crowd: list[User]) -> None:
    more = make_crowd("more", CROWD)
    (first,) = notify(to=crowd, message="m", key="k")
    drain_jobs()
    assert notify(to=[*crowd[:50], *more], message="m", key="k") == [first]
    drain_jobs()
    assert_each_has_it_once([*crowd, *more], first)


DATA = {"order": (7, 1.5)}


@pytest.mark.slow
@pytest.mark.parametrize(
    "other",
    [{"message": "n"}, {"title": "t"}, {"level": "error"}, {"url": "/b/"}, {"data": None}, {"data": [1]}],
    ids=str,
)
def test_a_list_with_the_key_of_another_never_gets_other_contents_than_its_own(
    crowd: list[User], other: dict[str, Any]
) -> None:
    first: dict[str, Any] = {"message": "m", "title": "", "level": "info", "url": "/a/", "data": DATA, "key": "k"}
    more = make_crowd("more", CROWD)
    (alert,) = notify(to=crowd, **first)
    with pytest.raises(BadAlert, match="has the key 'k' and other contents"):
        notify(to=more, **{**first, **other})
    with pytest.raises(BadAlert), transaction.atomic():
        send([described(to=crowd, **{**first, "key": "l"}), described(to=more, **{**first, "key": "l", **other})])
    assert notify(to=more, **first) == [alert]
    assert Notification.objects.count() == 1
    drain_jobs()
    assert_each_has_it_once([*crowd, *more], alert)


def test_one_person_with_the_key_is_not_told_again(crowd: list[User]) -> None:
    (alone,) = notify(to=crowd[5], message="m", key="k")
    (alert,) = notify(to=MEMBERS, message="m", key="k")
    drain_jobs()
    assert entries() == sorted((user.pk, alert.pk) for user in crowd if user != crowd[5])
    assert notify(to=[crowd[5], crowd[6]], message="m", key="k") == [alone, alert]
    assert Notification.objects.count() == 2


@pytest.mark.slow
def test_calls_at_the_same_time_with_one_key_are_one(crowd: list[User]) -> None:
    def call(number: int) -> int:
        try:
            (row,) = notify(to=crowd if number % 2 else MEMBERS, message="m", key=f"k{number % 2}")
            return row.pk
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(call, range(20)))
    assert len(set(ids[::2])) == len(set(ids[1::2])) == 1
    assert Notification.objects.count() == 2
    drain_jobs()
    assert InboxEntry.objects.count() == 2 * CROWD
    assert Publication.objects.exclude(shared=None).count() == 2 * CROWD


def run_apart(*calls: Callable[[], object]) -> None:
    """Make the calls at the same time, each with a connection of its own."""

    def run(call: Callable[[], object]) -> None:
        try:
            call()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        list(pool.map(run, calls))


@pytest.mark.slow
def test_two_distributions_with_one_key_at_the_same_time_give_it_once(
    crowd: list[User], monkeypatch: pytest.MonkeyPatch
) -> None:
    (first,) = notify(to=MEMBERS, message="m", key="k")
    (second,) = notify(to=crowd, message="m", key="k")
    both, real = threading.Barrier(2), distributing._with_key

    def look(*asked: Any) -> set[Any]:
        found = real(*asked)
        with suppress(threading.BrokenBarrierError):
            both.wait(1)  # the other one has looked too, if it can
        return found

    monkeypatch.setattr(distributing, "_with_key", look)
    run_apart(partial(distributing.step, first.pk), partial(distributing.step, second.pk))
    monkeypatch.undo()
    distributing.run(first.pk)
    distributing.run(second.pk)
    assert sorted(user for user, _ in entries()) == sorted(user.pk for user in crowd)


@pytest.mark.slow
def test_who_is_told_alone_in_an_open_transaction_is_not_told_again(crowd: list[User]) -> None:
    (alert,) = notify(to=MEMBERS, message="m", key="k")
    failures: list[BaseException] = []

    def step() -> None:
        try:
            while distributing.step(alert.pk):
                pass
        except BaseException as error:
            failures.append(error)
            raise
        finally:
            connection.close()

    job = threading.Thread(target=step)
    with transaction.atomic():
        notify(to=crowd[5], message="m", key="k")
        job.start()
        job.join(1)  # what does not wait has ended by then
    job.join(30)
    assert not failures
    assert entries() == sorted((user.pk, alert.pk) for user in crowd if user != crowd[5])


@pytest.mark.slow
@pytest.mark.parametrize("given", ["none", "some", "all"])
def test_a_text_that_nobody_keeps_any_more_is_shared_again(crowd: list[User], given: str) -> None:
    (alert,) = notify(to=crowd, message="m", key="k")
    if given != "none":
        distributing.step(alert.pk)
    if given == "all":
        distributing.run(alert.pk)
    before = InboxEntry.objects.count()
    Publication.objects.all().delete()
    SharedData.objects.update(created_at=Now() - timedelta(days=2))
    assert streams.sharing.forget_unused() == 1
    more = make_crowd("more", CROWD)
    assert notify(to=more, message="m", key="k") == [alert]
    drain_jobs()
    assert InboxEntry.objects.count() == 2 * CROWD
    assert Publication.objects.count() == 2 * CROWD - before
    assert len(published_to(more[-1])) == 1


# --- reading ---------------------------------------------------------------------------------------------------------


def test_an_entry_that_is_made_late_is_unread_whatever_was_read_meanwhile(crowd: list[User]) -> None:
    (alert,) = notify(to=MEMBERS, message="m")
    last = crowd[-1]
    (later,) = notify(to=last, message="later")
    mark_all_read(user=last, upto=later.pk)
    Notification.objects.update(created_at=Now() - timedelta(hours=1))
    User.objects.update(**{joined_field(): Now() - timedelta(hours=2)})
    mark_all_read(user=last, upto=later.pk)
    drain_jobs()
    assert queries.unread_count(last) == 1
    assert [(one.pk, one.read) for one in queries.latest_for(last)] == [(later.pk, True), (alert.pk, False)]
    assert mark_read(user=last, ids=[alert.pk]).unread == 0
    assert all(one.read for one in queries.latest_for(last))


def test_what_one_person_reads_is_unread_for_others(crowd: list[User]) -> None:
    (alert,) = notify(to=MEMBERS, message="m")
    drain_jobs()
    mark_all_read(user=crowd[0], upto=alert.pk)
    mark_read(user=crowd[1], ids=[alert.pk])
    assert [queries.unread_count(user) for user in crowd[:3]] == [0, 0, 1]
    assert mark_read(user=crowd[1], ids=[alert.pk]).unread == 0
    outsider = User.objects.create_user("outsider")
    assert mark_read(user=outsider, ids=[alert.pk]).unread == 0
    assert not any("alerts_read" in text for text in published_to(outsider))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("wanted", "index"),
    # SQLite names the index of a constraint by itself.
    [("unread", r"_entry_unread"), ("newest", r"_entry_once|autoindex_hub_notifications_inboxentry_1")],
)
def test_entries_are_found_by_one_walk_through_an_index(crowd: list[User], wanted: str, index: str) -> None:
    InboxEntry.objects.bulk_create(
        InboxEntry(user=user, notification_id=number, read_at=None if number % 50 == 0 else timezone.now())
        for user in crowd
        for number in range(1, 101)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    reader = reading.reader(crowd[0].pk)
    with CaptureQueriesContext(connection) as captured:
        if wanted == "unread":
            assert len(reading.unread_ids(reader, limit=10)) == 2
        else:
            assert reading.newest_ids(reader, before=LAST_ID, limit=3) == [100, 99, 98]
    (query,) = captured.captured_queries
    explain = "EXPLAIN QUERY PLAN " if connection.vendor == "sqlite" else "EXPLAIN "
    with connection.cursor() as cursor:
        cursor.execute(explain + query["sql"])
        plan = [row[-1] for row in cursor.fetchall()]
    assert re.search(index, "\n".join(plan)), plan
    assert not [step for step in plan if "Sort Key: entry" in step or "TEMP B-TREE" in step], plan


ACTION = st.one_of(
    st.tuples(st.just("distribute"), st.booleans()),
    st.tuples(st.just("alone"), st.integers(0, 1)),
    st.tuples(st.just("run"), st.just(0)),
    st.tuples(st.just("read"), st.integers(0, 7)),
    st.tuples(st.just("read all"), st.integers(0, 7)),
    st.tuples(st.just("withdraw"), st.integers(0, 7)),
)


@pytest.mark.slow
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(actions=st.lists(ACTION, max_size=12))
def test_counts_and_lists_are_those_of_a_plain_model(actions: list[tuple[str, Any]]) -> None:
    with transaction.atomic():
        _compare_with_model(actions)
        transaction.set_rollback(True)


def _compare_with_model(actions: list[tuple[str, Any]]) -> None:
    people = make_crowd("model", 3)
    ada = people[0]
    sent: list[int] = []
    owed: list[int] = []
    has: dict[int, bool] = {}  # of Ada: whether it is read
    for action, value in actions:
        chosen = sent[value % len(sent)] if sent and action in {"read", "read all", "withdraw"} else 0
        match action:
            case "distribute":
                (row,) = notify(to=MEMBERS, message="m")
                sent.append(row.pk)
                owed.append(row.pk)
            case "alone":
                (row,) = notify(to=people[value], message="m")
                sent.append(row.pk)
                if value == 0:
                    has[row.pk] = False
            case "run":
                for pk in owed:
                    distributing.run(pk)
                    has[pk] = False
                owed = []
            case "read":
                mark_read(user=ada, ids=[chosen])
                has |= {chosen: True} if chosen in has else {}
            case "read all":
                mark_all_read(user=ada, upto=chosen)
                has |= {pk: True for pk in has if pk <= chosen}
            case "withdraw":
                withdraw(Notification.objects.filter(pk=chosen))
                has.pop(chosen, None)
                sent = [pk for pk in sent if pk != chosen]
                owed = [pk for pk in owed if pk != chosen]
        assert queries.unread_count(ada) == sum(not read for read in has.values())
        listed = {one.pk: one.read for one in queries.latest_for(ada)}
        assert listed == has


# --- the end of a notification, and of a person ----------------------------------------------------------------------


def test_withdrawing_takes_it_from_all_lists_and_histories(crowd: list[User]) -> None:
    (alert,) = notify(to=MEMBERS, message="secret")
    (other,) = notify(to=MEMBERS, message="other")
    distributing.run(other.pk)
    distributing.step(alert.pk)
    assert withdraw(Notification.objects.filter(pk=alert.pk)) == 1
    assert distributing.run(alert.pk)
    drain_jobs()
    assert entries() == sorted((user.pk, other.pk) for user in crowd)
    for user in (crowd[0], crowd[-1]):
        assert not any("secret" in text for text in published_to(user))
    assert published_to(crowd[0])[1:] == [f'{{"type":"notifications.alerts_withdrawn","ids":[{alert.pk}]}}'] * 2


@pytest.mark.slow
def test_withdrawing_is_a_short_write_and_at_once_for_readers(
    crowd: list[User],
) -> None:
    (alert,) = notify(to=MEMBERS, message="secret")
    drain_jobs()
    with CaptureQueriesContext(connection) as captured:
        withdraw(Notification.objects.filter(pk=alert.pk))
    assert not [one for one in captured if "hub_stream" in one["sql"]]  # who publishes to them waits for nothing
    assert InboxEntry.objects.count() == CROWD
    assert queries.unread_count(crowd[0]) == 0
    page = queries.page_for(crowd[0], limit=1)
    assert (page.alerts, page.more) == ([], False)
    assert not any("secret" in text for text in published_to(crowd[0]))
    assert len(published_to(crowd[0])) == 1
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        withdrawing.step(alert.pk)
        raise ZeroDivisionError
    assert withdrawing.step(alert.pk)
    assert InboxEntry.objects.count() == CROWD - distributing.BATCH
    assert not withdrawing.run(alert.pk, seconds=0)
    SharedData.objects.filter(pk__in=Withdrawal.objects.values("shared")).update(created_at=Now() - timedelta(days=2))
    assert streams.sharing.forget_unused() == 0
    drain_jobs()
    assert not InboxEntry.objects.exists()
    assert not Withdrawal.objects.exists()
    for user in crowd:
        assert published_to(user) == [f'{{"type":"notifications.alerts_withdrawn","ids":[{alert.pk}]}}'] * 2


@pytest.mark.slow
def test_a_lost_job_of_a_withdrawal_is_started_again(crowd: list[User]) -> None:
    from worker.models import Job

    (alert,) = notify(to=MEMBERS, message="m")
    drain_jobs()
    withdraw(Notification.objects.filter(pk=alert.pk))
    Job.objects.all().delete()
    assert distributing.restart_lost() == 0
    Withdrawal.objects.update(moved_at=Now() - timedelta(minutes=2))
    assert distributing.restart_lost() == 1
    drain_jobs()
    assert not InboxEntry.objects.exists()


@pytest.mark.slow
def test_an_alert_that_is_withdrawn_twice_at_once_is_withdrawn_once(crowd: list[User]) -> None:
    (alert,) = notify(to=MEMBERS, message="m")
    drain_jobs()

    def take_back(_: int) -> None:
        try:
            withdraw(Notification.objects.filter(pk=alert.pk))
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(take_back, range(4)))
    drain_jobs()
    assert len(published_to(crowd[0])) == 2


@pytest.mark.slow
def test_entries_go_with_their_notification(crowd: list[User]) -> None:
    (alert,) = notify(to=MEMBERS, message="m")
    (other,) = notify(to=MEMBERS, message="m")
    drain_jobs()
    alert.delete()
    assert [one.pk for one in queries.latest_for(crowd[0])] == [other.pk]
    assert queries.unread_count(crowd[0]) == 1
    drain_jobs()
    assert len(published_to(crowd[0])) == 2  # nobody is told
    assert entries() == sorted((user.pk, other.pk) for user in crowd)


def test_entries_go_with_their_person(crowd: list[User]) -> None:
    (alert,) = notify(to=MEMBERS, message="m")
    drain_jobs()
    crowd[0].delete()
    assert entries() == sorted((user.pk, alert.pk) for user in crowd[1:])


@pytest.mark.slow
def test_a_person_is_told_what_they_have_and_erased_from_it(crowd: list[User]) -> None:
    (alert,) = notify(to=MEMBERS, message="for all")
    drain_jobs()
    ada = crowd[0]
    assert [one["message"] for one in export(ada)["alerts"]["received"]] == ["for all"]
    erase(ada)
    assert entries() == sorted((user.pk, alert.pk) for user in crowd[1:])
    assert Publication.objects.exclude(shared=None).count() == CROWD - 1


@pytest.mark.slow
def test_the_same_list_again_is_not_counted_again(crowd: list[User]) -> None:
    for _ in range(3):
        notify(to=crowd, message="m", key="k")
    assert Distribution.objects.get().total is None
    drain_jobs()
    distribution = Distribution.objects.get()
    assert (distribution.reached, distribution.total) == (CROWD, CROWD)


@pytest.mark.slow
@pytest.mark.own_user_model
def test_what_an_erased_person_has_sent_to_many_is_taken_back(crowd: list[User], settings: Any) -> None:
    settings.HUB_ERASED_TEXTS = "removed"
    sender = crowd[0]
    send([described(to=MEMBERS, message="from Ada")], sender=sender)
    drain_jobs()
    erase(sender)
    assert queries.latest_for(crowd[1]) == []
    drain_jobs()
    assert entries() == []
    assert not any("from Ada" in text for text in published_to(crowd[1]))


@pytest.mark.slow
def test_each_person_keeps_the_newest(crowd: list[User], settings: Any) -> None:
    settings.HUB_ALERT_ITEMS, settings.HUB_ALERT_DAYS = 2, 0
    alerts = [notify(to=MEMBERS, message="m")[0].pk for _ in range(3)]
    drain_jobs()
    prune()
    assert set(InboxEntry.objects.values_list("notification", flat=True)) == set(alerts[1:])
    assert InboxEntry.objects.count() == 2 * CROWD


def test_old_notifications_go_with_their_entries(crowd: list[User], settings: Any) -> None:
    settings.HUB_ALERT_ITEMS, settings.HUB_ALERT_DAYS = 0, 1
    notify(to=MEMBERS, message="m")
    drain_jobs()
    Notification.objects.update(created_at=Now() - timedelta(days=2))
    prune()
    assert InboxEntry.objects.count() == CROWD  # not all of many in one transaction
    drain_jobs()
    assert not InboxEntry.objects.exists()
    assert not Withdrawal.objects.exists()
    assert not Distribution.objects.exists()


def test_data_that_cannot_be_shared_any_more_is_not_left_behind(crowd: list[User]) -> None:
    notify(to=MEMBERS, message="m")
    drain_jobs()
    Publication.objects.all().delete()
    SharedData.objects.update(created_at=Now() - timedelta(days=2))
    assert streams.sharing.forget_unused() == 1
    assert publishing.share({"type": "test.told"})


def test_who_is_erased_is_taken_out_of_lists_that_are_under_way(crowd: list[User]) -> None:
    notify(to=crowd, message="m")
    parts = ListedPeople.objects.order_by("pk")
    parts.filter(pk__gt=parts[0].pk).delete()
    parts.update(keys=[distributing.written(user.pk) for user in crowd[:2]])
    assert [one["message"] for one in export(crowd[0])["alerts"]["owed"]] == ["m"]
    erase(crowd[0])
    assert ListedPeople.objects.get().keys == [distributing.written(crowd[1].pk)]
    erase(crowd[1])
    assert not ListedPeople.objects.exists()
    drain_jobs()
    assert Distribution.objects.get().finished_at is not None
    assert entries() == []
