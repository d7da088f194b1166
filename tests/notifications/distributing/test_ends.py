"""The end of a notification that many have, and of its people."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from hub import publishing, streams
from hub.database import deletions
from hub.models import Deletion, Publication, SharedData
from hub.privacy import erase, export
from hub.testing import drain_jobs
from hub.users import written
from notifications import MEMBERS, notify
from notifications.inbox import queries
from notifications.inbox.organizing import mark_read
from notifications.models import Distribution, InboxEntry, ListedPeople, Notification, Withdrawal
from notifications.sending import distributing, withdrawing
from notifications.sending.actions import send
from notifications.sending.alerting import alert as described
from notifications.sending.retention import prune
from notifications.sending.withdrawing import withdraw
from tests.notifications.distributing.crowds import CROWD, entries, published_to
from tests.support.people import User

pytestmark = pytest.mark.django_db(transaction=True)


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


def test_an_entry_that_comes_after_its_person_was_deleted_goes_too(crowd: list[User]) -> None:
    (alert,) = notify(to=MEMBERS, message="m")
    drain_jobs()
    gone = crowd[0].pk
    crowd[0].delete()
    InboxEntry.objects.create(user_id=gone, notification=alert)
    Deletion.objects.update(deleted_at=Now() - 2 * deletions.SETTLED)
    deletions.follow_up()
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
    mark_read(user=crowd[0], ids=alerts[1:2])
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
    parts.update(keys=[written(user.pk) for user in crowd[:2]])
    assert [one["message"] for one in export(crowd[0])["alerts"]["owed"]] == ["m"]
    erase(crowd[0])
    assert ListedPeople.objects.get().keys == [written(crowd[1].pk)]
    erase(crowd[1])
    assert not ListedPeople.objects.exists()
    drain_jobs()
    assert Distribution.objects.get().finished_at is not None
    assert entries() == []
