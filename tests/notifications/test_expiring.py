"""Alerts that are true for a time: nobody is shown them after it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from hub import streams
from hub.streams import Envelope
from hub.testing import drain_jobs
from hub.users import user_id
from notifications import MEMBERS, alert, events, notify
from notifications.inbox import queries, reading
from notifications.models import Distribution, Follow, InboxEntry, Notification, Topic
from notifications.sending import distributing, expiring
from notifications.sending.alerting import LONGEST, BadAlert
from tests.support.people import User
from worker import maintenance

pytestmark = pytest.mark.django_db(transaction=True)

PAST = datetime(2020, 1, 1, tzinfo=UTC)
#: A time of which a database makes the year 10000.
FAR = datetime(9999, 12, 31, 23, 59, 59, tzinfo=timezone.get_fixed_timezone(-840))
SORTS = ["own", "group", "topic", "everyone", "members"]


@pytest.fixture
def recipients(ann: User, deploys: Topic) -> dict[str, Any]:
    group = Group.objects.create(name="staff")
    ann.groups.add(group)
    Follow.objects.create(user=ann, topic=deploys)
    return {"own": ann, "group": group, "topic": deploys, "everyone": "everyone", "members": MEMBERS}


def expire(row: Notification) -> None:
    Notification.objects.filter(pk=row.pk).update(expires_at=Now() - timedelta(seconds=1))


@pytest.mark.whole_table
@pytest.mark.parametrize("sort", SORTS)
def test_lists_and_counts_leave_out_what_has_expired(ann: User, recipients: dict[str, Any], sort: str) -> None:
    stays, goes = (notify(to=recipients[sort], message="m", expires=timedelta(minutes=5))[0] for _ in range(2))
    drain_jobs()
    assert queries.unread_count(ann) == 2
    expire(goes)
    assert [one.pk for one in queries.latest_for(ann)] == [stays.pk]
    assert queries.unread_count(ann) == 1
    page = queries.page_for(ann, limit=1)
    assert ([one.pk for one in page.alerts], page.more) == ([stays.pk], False)


@pytest.mark.whole_table
@pytest.mark.parametrize("sort", SORTS)
def test_what_has_expired_is_deleted_and_blanked_and_its_people_are_told(
    ann: User, recipients: dict[str, Any], sort: str
) -> None:
    stays, goes = (notify(to=recipients[sort], message=word, expires=timedelta(minutes=5))[0] for word in "ab")
    drain_jobs()
    expire(goes)
    assert maintenance.withdraw_expired_alerts() == 1
    assert maintenance.withdraw_expired_alerts() == 0
    drain_jobs()
    assert list(Notification.objects.all()) == [stays]
    assert {entry.notification_id for entry in InboxEntry.objects.all()} <= {stays.pk}
    channels = [f"user:{user_id(ann)}", f"group:{recipients['group'].pk}", "topic:deploys", "everyone"]
    texts = [one.data for name in channels for one in streams.read(name, after=0, limit=10)]
    texts = [text for text in texts if "topic_followed" not in text]
    assert len(texts) == 3
    assert [f'{{"type":"notifications.alerts_withdrawn","ids":[{goes.pk}]}}'] * 2 == texts[1:]


def test_a_sweep_stops_in_time_and_goes_on(ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expiring, "BATCH", 2)
    for _ in range(5):
        notify(to=ann, message="m", expires=PAST)
    assert [expiring.sweep(seconds=0) for _ in range(4)] == [2, 2, 1, 0]


def test_a_distribution_goes_no_further_when_its_alert_has_expired(ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distributing, "BATCH", 1)
    User.objects.create_user("bob")
    (row,) = notify(to=MEMBERS, message="m", expires=timedelta(minutes=5))
    distributing.step(row.pk)
    expire(row)
    drain_jobs()
    distribution = Distribution.objects.get()
    assert (distribution.reached, distribution.total) == (1, 1)
    assert distribution.finished_at is not None
    assert InboxEntry.objects.count() == 1


def test_publications_say_when_and_those_of_others_stay_as_they_were(ann: User) -> None:
    at = timezone.now() + timedelta(minutes=5)
    plain, timed = (notify(to=ann, message="m", expires=expires)[0] for expires in (None, at))
    assert plain.expires_at is None
    texts = [one.data for one in streams.read(f"user:{user_id(ann)}", after=0, limit=10)]
    assert "expires_at" not in texts[0]
    assert f'"expires_at":"{at.isoformat().replace("+00:00", "Z")}"' in texts[1]
    assert events.listed(plain).expires_at != events.listed(timed).expires_at
    assert timed.expires_at == at


def test_a_span_of_time_begins_when_the_alert_is_sent(ann: User) -> None:
    before = timezone.now()
    (row,) = notify(to=ann, message="m", expires=timedelta(hours=1))
    assert row.expires_at is not None
    assert before <= row.expires_at - timedelta(hours=1) <= timezone.now()


def test_the_simple_endpoint_shows_nothing_that_has_expired(ann: User) -> None:
    frames = []
    for expires in (PAST, timezone.now() + timedelta(hours=1)):
        notify(to=ann, message="m", expires=expires)
        (*_, last) = streams.read(f"user:{user_id(ann)}", after=0, limit=10)
        assert isinstance(last, Envelope)
        frames.append(events.plain_frame(last))
    assert frames[0] is None
    assert frames[1] is not None
    assert '"expires_at"' in frames[1]


def test_a_frame_that_was_shown_is_not_shown_again_when_it_has_expired(
    ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    notify(to=ann, message="m", expires=timezone.now() + timedelta(hours=1))
    (item,) = streams.read(f"user:{user_id(ann)}", after=0, limit=10)
    assert events.plain_frame(item) is not None
    later = timezone.now() + timedelta(hours=2)
    monkeypatch.setattr(timezone, "now", lambda: later)
    assert events.plain_frame(item) is None


@pytest.mark.parametrize(
    "expires",
    [timedelta(0), timedelta(seconds=-1), LONGEST * 2, datetime(2030, 1, 1), 60, "2030-01-01", True, FAR],  # noqa: DTZ001  # no zone: refused
    ids=str,
)
def test_what_is_no_time_is_refused(expires: Any) -> None:
    with pytest.raises(BadAlert, match="expires"):
        alert(to="everyone", message="m", expires=expires)


@pytest.mark.whole_table
@pytest.mark.parametrize("replace", [False, True])
@pytest.mark.parametrize("sort", SORTS)
def test_the_key_of_what_has_expired_is_free(
    ann: User, recipients: dict[str, Any], sort: str, *, replace: bool
) -> None:
    (old,) = notify(to=recipients[sort], message="m", key="k", expires=timedelta(minutes=5))
    drain_jobs()
    expire(old)
    (new,) = notify(to=recipients[sort], message="m", key="k", replace=replace)
    drain_jobs()
    expiring.sweep()
    assert [one.pk for one in queries.latest_for(ann)] == [new.pk]
    assert new.pk != old.pk


@pytest.mark.slow
def test_what_has_expired_is_found_through_an_index(ann: User) -> None:
    Notification.objects.bulk_create(
        Notification(user=ann, message="m", expires_at=PAST if number == 7 else None) for number in range(2000)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    with CaptureQueriesContext(connection) as captured:
        reading.newest_ids(reading.reader(ann.pk), before=10**9, limit=5)
        expiring.sweep()
    explain = "EXPLAIN QUERY PLAN " if connection.vendor == "sqlite" else "EXPLAIN "
    asked = [one["sql"] for one in captured if "expires_at" in one["sql"] and one["sql"].lstrip().startswith("SELECT")]
    assert len(asked) >= 2
    for sql in asked[:2]:
        with connection.cursor() as cursor:
            cursor.execute(explain + sql)
            assert "hub_notification_expiring" in str(cursor.fetchall())
