"""How many a run of a schedule came to live: counted by each web process, summed in the row."""

import asyncio
import threading
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import Group
from django.db import connection, transaction
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from hub.concurrency import node
from hub.fanout import relay
from hub.users import user_id
from lab.harness.waiting import await_for, wait_for
from notifications.models import Distribution, Follow, Notification, Preferences, ScheduledAlert, Topic
from notifications.sending import distributing
from tests.hub.listeners import Listener, follow
from tests.notifications.locks import somebody_waits
from tests.support.people import User
from tests.support.writers import needs_several_writers
from worker import tasks
from worker.maintenance import send_due_schedules
from worker.schedules import OWN_ZONE, contents, receipt_counter, receipts, running, schedule, waiting
from worker.schedules.models import Schedule, ScheduleRun, ScheduleWave

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
async def counting(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """A web process that looks often, and counts nothing until :func:`settle`."""
    monkeypatch.setattr(receipt_counter, "INTERVAL", 0.05)
    monkeypatch.setattr(receipts, "SETTLED", 60.0)
    await relay.current.close()
    yield
    await receipt_counter.current.close()
    await relay.current.close()


@sync_to_async
def run(**said: Any) -> ScheduleRun:
    return schedule(**{"to": "everyone", "message": "m", "every": timedelta(hours=1), **said}).run_now()


@sync_to_async
def stored() -> tuple[int | None, int | None]:
    found = ScheduleRun.objects.get()
    return found.recipients, found.received


async def settle(monkeypatch: pytest.MonkeyPatch, *listeners: Listener) -> None:
    """Have runs counted from now on, when these have got theirs."""
    await await_for(lambda: all(one.frames for one in listeners), that="it has come")
    monkeypatch.setattr(receipts, "SETTLED", 0.0)


async def is_stored(*expected: int | None) -> None:
    async def has_come() -> bool:
        return await stored() == expected

    await await_for(has_come, that=f"{expected} in the row")


async def start_counting() -> None:
    """Have the process look once, so that what is there before it is not its own."""
    receipt_counter.current()
    await await_for(lambda: receipt_counter.current()._before is not None, that="it has looked once")


async def test_connections_that_were_there_are_counted_and_later_ones_not(monkeypatch: pytest.MonkeyPatch) -> None:
    await sync_to_async(User.objects.create_user)("ada")
    await start_counting()
    listeners = [Listener() for _ in range(3)]
    for one in listeners:
        await follow("everyone", one)
    await run()
    await await_for(lambda: all(one.frames for one in listeners), that="it has come")
    await follow("everyone", Listener())
    await settle(monkeypatch)
    await is_stored(1, 3)


async def test_a_run_that_came_to_nobody_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    await start_counting()
    await run()
    await settle(monkeypatch)
    await is_stored(0, 0)


@sync_to_async
def count_again(number: int) -> None:
    """As another process does."""
    pk = ScheduleRun.objects.values_list("pk", flat=True).get()
    receipts.add([(receipts.Uncounted((pk, 0), []), number)])


async def test_the_counts_of_all_processes_are_summed(monkeypatch: pytest.MonkeyPatch) -> None:
    await start_counting()
    await follow("everyone", listener := Listener())
    await run()
    await settle(monkeypatch, listener)
    await is_stored(0, 1)
    await count_again(4)
    await is_stored(0, 5)


async def test_a_process_that_starts_after_a_run_says_nothing_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    await run()
    await start_counting()
    await follow("everyone", Listener())
    await settle(monkeypatch)
    looked = receipt_counter.current()
    await await_for(lambda: looked._counted, that="it has counted the run")
    assert await stored() == (0, None)


async def test_a_process_that_ends_counts_first_and_once() -> None:
    await start_counting()
    await follow("everyone", listener := Listener())
    await run()
    await await_for(lambda: listener.frames, that="it has come")
    await node.finish()
    await node.finish()
    assert (await stored())[1] == 1


async def test_a_process_that_starts_while_a_job_tells_an_audience_counts_those_told_from_then_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(distributing, "BATCH", 2)
    people = [await sync_to_async(User.objects.create_user)(name) for name in ("ada", "bob", "eve")]
    people.sort(key=lambda person: person.pk)  # as they are told
    await run(to="members")
    step = sync_to_async(lambda: distributing.step(Notification.objects.get().pk))
    assert await step()
    await start_counting()
    told, other = Listener(), Listener()
    await follow(f"user:{user_id(people[0])}", told)
    await follow(f"user:{user_id(people[2])}", other)
    await step()
    await settle(monkeypatch, other)
    await is_stored(3, 1)


async def test_one_connection_that_is_told_twice_counts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    ada = await sync_to_async(User.objects.create_user)("ada")
    team = await sync_to_async(Group.objects.create)(name="team")
    await sync_to_async(ada.groups.add)(team)
    topic = await sync_to_async(Topic.objects.create)(name="deploys", title="Deploys")
    await sync_to_async(Follow.objects.create)(user=ada, topic=topic)
    await start_counting()
    both = Listener()
    await follow(f"group:{team.pk}", both)
    await follow("topic:deploys", both)
    await follow(f"user:{user_id(ada)}", Listener())
    await run(to=["group:team", "topic:deploys"])
    await await_for(lambda: len(both.frames) == 2, that="both have come")
    await settle(monkeypatch)
    await is_stored(2, 1)


@sync_to_async
def distribute() -> None:
    assert distributing.run(Notification.objects.get().pk)


async def test_people_of_an_audience_are_counted_once_a_job_has_told_them(monkeypatch: pytest.MonkeyPatch) -> None:
    people = [await sync_to_async(User.objects.create_user)(name) for name in ("ada", "bob", "eve")]
    await start_counting()
    listeners = [Listener(), Listener()]
    for person, listener in zip(people, listeners, strict=False):
        await follow(f"user:{user_id(person)}", listener)
    await run(to="members")
    assert await stored() == (None, None)
    await distribute()
    assert await Distribution.objects.filter(finished_at__isnull=False).acount() == 1
    await settle(monkeypatch, *listeners)
    await is_stored(3, 2)


async def test_a_run_whose_job_is_late_is_counted_all_the_same() -> None:
    await sync_to_async(User.objects.create_user)("ada")
    await start_counting()
    await run(to="members")
    await ScheduleRun.objects.aupdate(ran_at=Now() - timedelta(seconds=receipts.LONGEST))
    await is_stored(None, 0)


async def test_people_whom_a_late_job_has_not_told_yet_are_among_the_recipients(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(distributing, "BATCH", 2)
    for name in ("ada", "bob", "eve"):
        await sync_to_async(User.objects.create_user)(name)
    await start_counting()
    await run(to="members")
    assert await sync_to_async(lambda: distributing.step(Notification.objects.get().pk))()
    assert (await Distribution.objects.aget()).reached == 2
    await ScheduleRun.objects.aupdate(ran_at=Now() - timedelta(seconds=receipts.LONGEST))
    await is_stored(3, 0)


async def test_people_of_an_audience_are_known_however_late_its_job_begins() -> None:
    await sync_to_async(User.objects.create_user)("ada")
    await run(to="members")
    await ScheduleRun.objects.aupdate(ran_at=Now() - timedelta(days=1))
    await start_counting()
    await distribute()
    await is_stored(1, None)


@pytest.mark.parametrize("to", ["everyone", "group:team", "topic:deploys"])
async def test_many_people_are_counted_after_the_transaction_that_sends(to: str) -> None:
    ada = await sync_to_async(User.objects.create_user)("ada")
    team = await sync_to_async(Group.objects.create)(name="team")
    await sync_to_async(ada.groups.add)(team)
    topic = await sync_to_async(Topic.objects.create)(name="deploys", title="Deploys")
    await sync_to_async(Follow.objects.create)(user=ada, topic=topic)
    await run(to=to)
    assert await stored() == (None, None)
    await start_counting()
    await is_stored(1, None)


async def test_a_look_counts_each_group_once_however_many_runs_it_had() -> None:
    await sync_to_async(Group.objects.create)(name="team")
    await sync_to_async(Topic.objects.create)(name="deploys", title="Deploys")
    both = await sync_to_async(schedule)(to=["group:team", "topic:deploys"], message="m", every=timedelta(hours=1))
    for _ in range(10):
        await sync_to_async(both.run_now)()
    assert await sync_to_async(count_looking)() == 2
    assert not await ScheduleRun.objects.filter(recipients=None).aexists()


def count_looking() -> int:
    """How many queries of one look count people."""
    with CaptureQueriesContext(connection) as queries:
        receipts.count_recipients()
    return sum("COUNT(" in query["sql"] for query in queries)


@needs_several_writers
async def test_numbers_are_added_while_somebody_holds_the_rows_in_another_order() -> None:
    handle = await sync_to_async(schedule)(to="everyone", message="m", every=timedelta(hours=1))
    runs = [(await sync_to_async(handle.run_now)()).pk for _ in range(2)]
    holds = threading.Event()

    def erase() -> None:
        with transaction.atomic():
            ScheduleRun.objects.filter(pk=runs[1]).update(error="")
            holds.set()
            wait_for(somebody_waits, that="the numbers wait for the second row")
            ScheduleRun.objects.filter(pk=runs[0]).update(error="")
        connection.close()

    def add() -> None:
        holds.wait(30)
        receipts.add([(receipts.Uncounted((pk, 0), []), 1) for pk in runs])
        connection.close()

    await asyncio.gather(asyncio.to_thread(erase), asyncio.to_thread(add))
    assert [one.received async for one in ScheduleRun.objects.filter(pk__in=runs)] == [1, 1]


#: Where a day begins first, and two zones where it begins a day later, at the same time.
FIRST, LATER, AS_LATE = "Pacific/Kiritimati", "America/Los_Angeles", "America/Vancouver"


@sync_to_async
def person_in(zone: str, name: str) -> User:
    person = User.objects.create_user(name)
    Preferences.objects.create(user=person, time_zone=zone)
    return person


@sync_to_async
def send_locally(to: Any) -> None:
    """Send a schedule that was due a minute ago where a day begins first."""
    due = (timezone.now() - timedelta(minutes=1)).astimezone(ZoneInfo(FIRST)).replace(second=0, microsecond=0)
    row = schedule(to=to, message="m", weekdays=range(1, 8), times=[f"{due:%H:%M}"], tz=OWN_ZONE).row
    Schedule.objects.filter(pk=row.pk).update(handled_until=due - timedelta(hours=1), next_at=due, is_planned=True)
    assert send_due_schedules() == 1


@sync_to_async
def later_it_is_that_time_there() -> int:
    """Do what the jobs of the alerts that wait do; returns how many those are."""
    waiting = list(ScheduledAlert.objects.all())
    for one in waiting:
        tasks.send_scheduled(one.pk, one.due_at.isoformat())
    for found in Distribution.objects.all():
        assert distributing.run(found.pk)
    return len(waiting)


async def test_people_in_their_own_zones_are_counted_as_their_times_come(monkeypatch: pytest.MonkeyPatch) -> None:
    ada, bob = await person_in(FIRST, "ada"), await person_in(LATER, "bob")
    await start_counting()
    first, later = Listener(), Listener()
    await follow(f"user:{user_id(ada)}", first)
    await follow(f"user:{user_id(bob)}", later)
    await send_locally([ada, bob])
    await settle(monkeypatch, first)
    await is_stored(2, 1)
    assert await later_it_is_that_time_there() == 1
    await is_stored(2, 2)
    assert len(first.frames) == len(later.frames) == 1


async def test_people_of_an_audience_in_zones_of_one_time_are_counted_once_each(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    people = [await person_in(zone, name) for zone, name in ((LATER, "ada"), (AS_LATE, "bob"), (LATER, "eve"))]
    await start_counting()
    listeners = [Listener() for _ in people]
    for person, listener in zip(people, listeners, strict=True):
        await follow(f"user:{user_id(person)}", listener)
    await send_locally("members")
    assert await stored() == (3, None)
    assert await later_it_is_that_time_there() == 2
    await settle(monkeypatch, *listeners)
    await is_stored(3, 3)
    looked = receipt_counter.current()
    await await_for(lambda: len(looked._counted) == 2, that="both waves are counted")
    assert await stored() == (3, 3)


async def test_who_is_not_told_any_more_is_no_recipient() -> None:
    ada, bob = await person_in(FIRST, "ada"), await person_in(LATER, "bob")
    await send_locally([ada, bob])
    assert (await stored())[0] == 2
    await sync_to_async(waiting.cancel)((await Schedule.objects.aget()).pk)
    assert not await ScheduledAlert.objects.aexists()
    assert (await stored())[0] == 1


async def test_what_waited_is_sent_although_its_run_is_not_kept_any_more() -> None:
    bob = await person_in(LATER, "bob")
    await send_locally([bob])
    await ScheduleRun.objects.all().adelete()
    await later_it_is_that_time_there()
    assert await Notification.objects.filter(user=bob).acount() == 1
    wave = await ScheduleWave.objects.aget()
    await sync_to_async(receipts.add)([(receipts.Uncounted((wave.run, wave.pk), []), 1)])
    await ScheduleWave.objects.aupdate(created_at=timezone.now() - timedelta(days=2))
    await sync_to_async(running.prune)()
    assert not await ScheduleWave.objects.aexists()


async def test_many_runs_are_looked_at_in_few_queries(
    monkeypatch: pytest.MonkeyPatch, django_assert_max_num_queries: Any
) -> None:
    for _ in range(5):
        await run()
    monkeypatch.setattr(receipts, "SETTLED", 0.0)

    def look() -> None:
        with django_assert_max_num_queries(4):
            assert len(receipts.ripe(receipts.recent(), [])) == 5

    await sync_to_async(look)()


async def test_those_whose_local_time_has_not_come_are_among_the_recipients() -> None:
    for name in ("ada", "bob"):
        await sync_to_async(User.objects.create_user)(name)
    moment = datetime.now(UTC).replace(tzinfo=None)
    with_audience = {"to": ["members"], "message": "m"}
    sent = await sync_to_async(contents.send)(with_audience, key="local", at_local=moment)
    assert (bool(sent.notifications), sent.people) == (True, 2)
