"""The pages of schedules: for the staff, with and without scripts."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import Permission
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from hub.users import user_id
from notifications.models import Notification
from tests.support.people import User
from worker.schedules import schedule, views
from worker.schedules.models import RunStatus, Schedule, ScheduleRun

pytestmark = pytest.mark.django_db(transaction=True)

#: What the form sends for a new schedule.
NEW: dict[str, Any] = {
    "to": "everyone\ngroup:ops",
    "message": "Stand-up",
    "repeat": "weekly",
    "weekdays": ["1", "2", "3", "4", "5"],
    "times": "09:00, 17:30",
    "zone": "Europe/Berlin",
    "missed": "once",
    "unit": "hours",
}


def page(name: str, *args: object) -> str:
    return reverse(f"hub:schedules:{name}", args=args)


SEE, CHANGE, BROADCAST = "hub_worker.view_schedule", "hub_worker.change_schedule", "hub_notifications.add_notification"


def permitted(*permissions: str) -> User:
    """Somebody of the staff with these permissions."""
    user = User.objects.create_user("boss", is_staff=True)
    codenames = [one.partition(".")[2] for one in permissions]
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    assert all(map(user.has_perm, permissions))
    return user


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(permitted(SEE, CHANGE, BROADCAST))
    return client


@pytest.fixture
def row() -> Schedule:
    return schedule(to="everyone", message="Stand-up", every=timedelta(hours=1), data={"a": 1}).row


def text(reply: Any) -> str:
    return str(reply.content.decode())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("permissions", "allowed"),
    [
        ((), ""),
        ((BROADCAST,), ""),
        ((SEE,), "see"),
        ((SEE, BROADCAST), "see"),
        ((CHANGE,), "see change"),
        ((SEE, CHANGE), "see change"),
        ((CHANGE, BROADCAST), "see change send"),
    ],
)
def test_being_of_the_staff_is_not_enough(
    client: Client, row: Schedule, permissions: tuple[str, ...], allowed: str
) -> None:
    seen = [page("list"), page("calendar"), page("one", row.pk)]
    written = [page("new"), page("edit", row.pk)]
    assert [client.get(one).status_code for one in seen + written] == [302] * 5
    client.force_login(permitted(*permissions))
    sees, changes, sends = (one in allowed.split() for one in ("see", "change", "send"))
    assert [client.get(one).status_code for one in seen] == [200 if sees else 403] * 3
    assert [client.get(one).status_code for one in written] == [200 if sends else 403] * 2
    assert client.post(page("preview"), NEW).status_code == (200 if sends else 403)
    posts = [(one, sends) for one in (page("change", row.pk, "run"), *written)]
    posts += [(page("change", row.pk, "pause"), changes), (page("change", row.pk, "resume"), sends)]
    if sees:
        shown = text(client.get(page("one", row.pk)))
        assert {name for name in ("Send now", "Pause", "Edit", "Duplicate", "Delete") if name in shown} == (
            ({"Pause", "Delete"} if changes else set()) | ({"Send now", "Edit", "Duplicate"} if sends else set())
        )
        assert ("New schedule" in text(client.get(page("list")))) is sends
    for address, is_allowed in posts:
        assert client.post(address, {**NEW, "after": ""}).status_code == (302 if is_allowed else 403), address
    assert Notification.objects.exists() is sends
    assert (Schedule.objects.count() == 2) is sends
    assert client.post(page("change", row.pk, "delete")).status_code == (302 if changes else 403)
    assert Schedule.objects.filter(pk=row.pk).exists() is not changes


def test_somebody_with_an_account_sees_no_schedule(client: Client, row: Schedule) -> None:
    client.force_login(User.objects.create_user("ann"))
    assert client.get(page("list")).status_code == client.get(page("one", row.pk)).status_code == 403


def test_a_schedule_is_made_shown_changed_and_deleted(staff: Client) -> None:
    reply = staff.post(page("new"), NEW)
    (row,) = Schedule.objects.all()
    assert reply.headers["Location"] == page("one", row.pk)
    assert row.contents == {"to": ["everyone", "group:ops"], "message": "Stand-up"}
    assert "Every weekday at 09:00 and 17:30, Europe/Berlin" in text(staff.get(page("list")))
    shown = text(staff.get(page("edit", row.pk)))
    assert 'value="09:00, 17:30"' in shown
    staff.post(page("edit", row.pk), {**NEW, "repeat": "monthly", "days": "31", "or_last_day": "on", "times": "08:00"})
    assert "On the last day of each month at 08:00, Europe/Berlin" in text(staff.get(page("one", row.pk)))
    staff.post(page("change", row.pk, "delete"))
    assert not Schedule.objects.exists()


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"repeat": "every", "number": "15", "unit": "minutes"}, "Every 15 minutes"),
        ({"repeat": "once", "at": "2099-12-24T18:00"}, "18:00"),
        ({"repeat": "cron", "expression": "0 9 * * 1-5"}, "Every weekday at 09:00"),
        ({"zone": "", "to": "members"}, "in each person&#x27;s own time zone"),
        ({"runs": "3"}, "3 times"),
        ({"to": ""}, "Every weekday"),  # what is missing elsewhere says nothing of when
    ],
)
def test_the_preview_says_when_and_shows_the_next_times(staff: Client, said: dict[str, str], sentence: str) -> None:
    for reply in (staff.post(page("preview"), NEW | said), staff.post(page("new"), {**NEW, **said, "preview": "1"})):
        assert sentence in text(reply)
        assert "<td>" in text(reply)
    assert not Schedule.objects.exists()


def test_the_preview_of_what_is_no_time_says_so(staff: Client) -> None:
    assert "Say when" in text(staff.post(page("preview"), {**NEW, "times": "soon"}))
    last = {"start": "9999-12-31T18:59", "zone": "America/New_York"}
    assert "Say when" in text(staff.post(page("preview"), NEW | last))


@pytest.mark.parametrize(
    "wrong",
    [
        {"to": "nobody:here"},
        {"message": ""},
        {"times": ""},
        {"weekdays": []},
        {"repeat": "cron", "expression": "often"},
        {"repeat": "once", "at": "2020-01-01T00:00"},
        {"repeat": "every"},
        {"repeat": "monthly", "days": "first"},
        {"zone": ""},
        {"zone": "Mars"},
        {"start": "2030-01-02T00:00", "end": "2030-01-01T00:00"},
        {"end": "9999-12-31T23:59"},
        {"start": "9999-12-31T18:59", "zone": "America/New_York"},
        {"url": "javascript:alert(1)"},
    ],
)
def test_what_cannot_be_is_refused_in_the_form(staff: Client, wrong: dict[str, Any]) -> None:
    reply = staff.post(page("new"), NEW | wrong)
    assert reply.status_code == 400
    assert "errorlist" in text(reply)
    assert not Schedule.objects.exists()


def test_editing_keeps_what_the_form_does_not_show(staff: Client, row: Schedule) -> None:
    staff.post(page("edit", row.pk), {**NEW, "message": "Later"})
    row.refresh_from_db()
    assert row.contents == {"to": ["everyone", "group:ops"], "message": "Later", "data": {"a": 1}}


def test_recipients_whose_names_have_spaces_and_commas_stay_who_they_are(staff: Client) -> None:
    to = ["group:Sales", "group:Sales Team, Berlin; and Rome", "user:ann"]
    row = schedule(to=to, message="m", weekdays=[1], times=["09:00"]).row
    form = staff.get(page("edit", row.pk)).context["form"]
    said = {name: value for name, value in form.initial.items() if value is not None}
    assert staff.post(page("edit", row.pk), {**said, "message": "n"}).status_code == 302
    row.refresh_from_db()
    assert row.contents == {"to": to, "message": "n"}


@pytest.mark.slow
def test_a_schedule_is_paused_resumed_sent_and_copied(staff: Client, row: Schedule) -> None:
    staff.post(page("change", row.pk, "pause"))
    assert "Paused" in text(staff.get(page("one", row.pk)))
    staff.post(page("change", row.pk, "resume"))
    press(staff, row)
    boss = User.objects.get(is_staff=True)
    assert Notification.objects.get().source == f"person:{user_id(boss)}"
    history = text(staff.get(page("one", row.pk)))
    assert "Sent: 1, missed: 0, failed: 0" in history
    assert "Stand-up" in text(staff.get(page("new"), {"of": str(row.pk)}))
    assert staff.post(page("change", row.pk, "explode")).status_code == 404
    assert staff.get(page("new"), {"of": "x"}).status_code == 200


def test_chart_shows_runs_where_one_was_not_sent_in_time(staff: Client, row: Schedule) -> None:
    due = timezone.now().replace(microsecond=0)
    row.runs.create(due_at=due, ran_at=due, status=RunStatus.SENT)
    assert "<rect" not in text(staff.get(page("one", row.pk)))
    due -= timedelta(hours=1)
    row.runs.create(due_at=due, ran_at=due + timedelta(seconds=30), status=RunStatus.SENT)
    assert text(staff.get(page("one", row.pk))).count('<rect class="sent"') == 2


def test_recipients_are_said_in_words(staff: Client) -> None:
    may_send = f"permission:{BROADCAST}"
    to = ["everyone", "members", "user:mia", "group:ops: b", "topic:deploys", may_send, user_id(User.objects.get())]
    row = schedule(to=to, message="m", every=timedelta(hours=1)).row
    said = f"everyone, guests too, all who have an account, mia, group ops: b, topic deploys, {may_send}, {to[-1]}"
    assert said in text(staff.get(page("one", row.pk)))
    assert said in text(staff.get(page("list")))


def test_clocks_of_the_reader_are_shown_once_where_the_schedule_goes_by_the_same(staff: Client) -> None:
    for zone, columns in ((settings.TIME_ZONE, 1), ("Asia/Tokyo", 2)):
        row = schedule(message="m", weekdays=[1], times=["09:00"], tz=zone).row
        next_times = text(staff.get(page("one", row.pk))).partition("</thead>")[0]
        assert next_times.count('<th scope="col">') == columns


def test_a_run_that_fails_says_why(staff: Client) -> None:
    row = schedule(to="group:none", message="m", every=timedelta(hours=1)).row
    assert "none" in text(press(staff, row))
    assert ScheduleRun.objects.get().error


def press(client: Client, row: Schedule, form: str | None = None) -> Any:
    """Send the schedule now, by the form of its page as it is, or as it was."""
    return client.post(
        page("change", row.pk, "run"), {"after": form if form is not None else after(client, row)}, follow=True
    )


def after(client: Client, row: Schedule) -> str:
    """What the form of the page says."""
    return str(client.get(page("one", row.pk)).context["last_by_hand"])


def test_a_form_sends_a_schedule_once_however_often_it_comes(staff: Client, row: Schedule) -> None:
    for number in (1, 2):
        form = after(staff, row)
        assert f'name="after" value="{form}"' in text(staff.get(page("one", row.pk)))
        assert "It is sent." in text(press(staff, row, form))
        assert "It was sent before. Nothing was sent again." in text(press(staff, row, form))
        assert Notification.objects.count() == row.runs.count() == number
    assert "It was sent before" in text(staff.post(page("change", row.pk, "run"), follow=True))


def test_an_edit_of_the_title_leaves_a_pause_where_it_is(staff: Client) -> None:
    start = (timezone.now() - timedelta(hours=3)).replace(second=37, microsecond=0)
    row = schedule(to="everyone", message="m", every=timedelta(seconds=40), start=start).row
    shown = text(staff.get(page("edit", row.pk)))
    at = re.search(r'name="start" value="([^"]+)"', shown)
    assert at
    every = {"repeat": "every", "number": "40", "unit": "seconds"}
    staff.post(page("edit", row.pk), {**NEW, **every, "title": "t", "start": at[1]} | {"zone": row.zone})
    row.refresh_from_db()
    assert (row.contents["title"], row.starts_at) == ("t", start)


def test_the_calendar_has_each_schedule_once_a_day_and_frequent_ones_beside(staff: Client, row: Schedule) -> None:
    twice = schedule(to="everyone", message="Twice", weekdays=range(1, 8), times=["09:00", "17:00"], tz="UTC").row
    reply = staff.get(page("calendar"))
    days = reply.context["days"]
    assert len(days) == 28
    assert days[-1].entries == [(twice, "09:00", 2)]
    assert [one.row for one in reply.context["often"]] == [row]
    assert "2 times" in text(reply)


def test_the_calendar_says_how_many_schedules_it_leaves_out(
    staff: Client, row: Schedule, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "CALENDAR", 2)
    later = [
        schedule(to="everyone", message=f"Day {n}", weekdays=range(1, 8), times=[f"0{n}:00"], tz="UTC").row
        for n in (1, 2)
    ]
    Schedule.objects.filter(pk=row.pk).update(next_at=timezone.now() + timedelta(days=3))
    reply = staff.get(page("calendar"))
    assert {entry.pk for day in reply.context["days"] for entry, _, _ in day.entries} == {one.pk for one in later}
    assert "Only the 2 schedules that are due first are shown here." in text(reply)
    assert "1 other is in the list" in text(reply)
    later[0].delete()
    assert "shown here" not in text(staff.get(page("calendar")))


@pytest.mark.parametrize(
    "rule",
    [
        {"type": "every", "number": 1, "unit": "seconds"},
        {"type": "cron", "expression": "* * * * 1"},
    ],
)
def test_the_calendar_looks_at_so_many_due_times_of_a_schedule_alone(
    staff: Client, row: Schedule, rule: dict[str, Any]
) -> None:
    Schedule.objects.update(rule=rule, zone="UTC", starts_at=timezone.now() + timedelta(days=2))
    found = iter(Schedule.objects.get().due_times(timezone.now()))
    looked_at = 0

    def counted(_row: Schedule, _after: datetime) -> Iterator[datetime]:
        nonlocal looked_at
        for one in found:
            looked_at += 1
            assert looked_at < 1000
            yield one

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Schedule, "due_times", counted)
        reply = staff.get(page("calendar"))
    assert looked_at > 100
    assert [one.row for one in reply.context["often"]] == [row]
    assert [day.entries for day in reply.context["days"]] == [[]] * 28


@pytest.mark.whole_table
@pytest.mark.parametrize(
    "columns",
    [
        {"ends_at": datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)},
        {"starts_at": datetime(9999, 12, 31, 20, tzinfo=UTC)},
        {"starts_at": datetime(1, 1, 1, tzinfo=UTC), "zone": "America/New_York"},
        {"rule": {"type": "once", "at": "9999-12-31T23:59:59Z"}, "zone": "Asia/Tokyo"},
        {"rule": {"type": "once", "at": "nonsense"}},
    ],
)
def test_no_row_breaks_a_page(staff: Client, row: Schedule, columns: dict[str, Any]) -> None:
    Schedule.objects.filter(pk=row.pk).update(**{"zone": "Europe/Berlin", **columns})
    for one in (page("list"), page("calendar"), page("one", row.pk), page("edit", row.pk)):
        assert staff.get(one).status_code == 200, one
    call_command("schedules", "list")


def test_periodic_tasks_of_the_admin_are_in_the_list_of_who_may_see_them(staff: Client, admin_client: Client) -> None:
    every = IntervalSchedule.objects.create(every=5, period=IntervalSchedule.MINUTES)
    task = PeriodicTask.objects.create(name="Old one", task="worker.tasks.send_broadcast", interval=every)
    assert "Old one" not in text(staff.get(page("list")))
    shown = text(admin_client.get(page("list")))
    assert "Old one" in shown
    assert page("task", task.pk) in shown


def test_a_row_that_nobody_can_read_can_be_corrected(staff: Client, row: Schedule) -> None:
    Schedule.objects.update(rule={"type": "yearly"})
    for one in (page("list"), page("calendar"), page("one", row.pk), page("edit", row.pk)):
        assert staff.get(one).status_code == 200
    staff.post(page("edit", row.pk), NEW)
    assert Schedule.objects.get().timing().zone == "Europe/Berlin"
