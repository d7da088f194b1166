"""One key has the effect of one call, also to many people and at the same time."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models.functions import Now

from hub import streams
from hub.models import Publication, SharedData
from hub.testing import drain_jobs
from notifications import MEMBERS, notify
from notifications.models import InboxEntry, Notification
from notifications.sending import distributing
from notifications.sending.actions import send
from notifications.sending.alerting import BadAlert
from notifications.sending.alerting import alert as described
from tests.notifications.distributing.crowds import CROWD, assert_each_has_it_once, entries, published_to, run_apart
from tests.support.people import User, make_crowd

pytestmark = pytest.mark.django_db(transaction=True)


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
