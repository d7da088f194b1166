"""Schedules and their runs in the admin: seen, paused, resumed and deleted, and changed elsewhere."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from tests.support.people import User
from worker.schedules import changing, schedule
from worker.schedules.models import Schedule, ScheduleRun

pytestmark = pytest.mark.django_db(transaction=True)

LIST, RUNS = "admin:hub_worker_schedule_changelist", "admin:hub_worker_schedulerun_changelist"


@pytest.fixture
def row() -> Schedule:
    handle = schedule(
        to="everyone", message="<b>m</b>", name="Daily", cron="0 9 * * *", key="daily", tz="Europe/Berlin"
    )
    handle.run_now()
    return handle.row


def test_rows_and_their_runs_are_shown_and_lead_to_their_page(admin_client: Client, row: Schedule) -> None:
    shown = admin_client.get(reverse(LIST)).content.decode()
    assert "Every day at 09:00, Europe/Berlin" in shown
    page = admin_client.get(reverse("admin:hub_worker_schedule_change", args=[row.pk])).content.decode()
    assert f'href="{reverse("hub:schedules:one", args=[row.pk])}"' in page
    assert "<b>m</b>" not in page
    runs = admin_client.get(reverse(RUNS), {"q": "daily"}).content.decode()
    assert runs.count("field-due_at") == 1
    run = row.runs.get()
    assert admin_client.get(reverse("admin:hub_worker_schedulerun_change", args=[run.pk])).status_code == 200


def test_nothing_is_made_or_changed_in_the_admin(admin_client: Client, row: Schedule) -> None:
    for model in ("schedule", "schedulerun"):
        assert admin_client.get(reverse(f"admin:hub_worker_{model}_add")).status_code == 403
    said = {"name": "Other", "rule": "{}", "zone": "", "is_paused": "on"}
    admin_client.post(reverse("admin:hub_worker_schedule_change", args=[row.pk]), said)
    admin_client.post(reverse("admin:hub_worker_schedulerun_change", args=[row.runs.get().pk]), {"status": "missed"})
    before = row.rule, row.zone, row.name, False
    row.refresh_from_db()
    assert (row.rule, row.zone, row.name, row.is_paused) == before
    assert row.runs.get().status == "sent"


def test_schedules_are_paused_and_deleted_with_their_history(admin_client: Client, row: Schedule) -> None:
    chosen = {"action": "pause", "_selected_action": [row.pk]}
    assert "1 schedule is paused." in admin_client.post(reverse(LIST), chosen, follow=True).content.decode()
    row.refresh_from_db()
    assert row.is_paused
    assert "0 schedules are paused." in admin_client.post(reverse(LIST), chosen, follow=True).content.decode()
    chosen |= {"action": "resume"}
    assert "1 schedule goes on." in admin_client.post(reverse(LIST), chosen, follow=True).content.decode()
    going_on = Schedule.objects.get()
    assert not going_on.is_paused and going_on.next_at is not None
    assert "0 schedules go on." in admin_client.post(reverse(LIST), chosen, follow=True).content.decode()
    chosen |= {"action": "delete_selected", "post": "yes"}
    admin_client.post(reverse(LIST), chosen)
    assert not Schedule.objects.exists()
    assert not ScheduleRun.objects.exists()


def test_whoever_may_only_see_pauses_nothing(client: Client, row: Schedule) -> None:
    onlooker = User.objects.create_user("onlooker", is_staff=True)
    onlooker.user_permissions.add(Permission.objects.get(codename="view_schedule"))
    client.force_login(onlooker)
    assert client.get(reverse(LIST)).status_code == 200
    client.post(reverse(LIST), {"action": "pause", "_selected_action": [row.pk]})
    row.refresh_from_db()
    assert not row.is_paused
    assert client.get(reverse(RUNS)).status_code == 403


def test_what_is_due_far_away_is_no_error_of_the_list(admin_client: Client, row: Schedule) -> None:
    Schedule.objects.filter(pk=row.pk).update(rule={"type": "nothing"}, grace=timedelta(days=400))
    assert admin_client.get(reverse(LIST)).status_code == 200


@pytest.mark.parametrize(("may_write_alerts", "goes_on"), [(True, True), (False, False)])
def test_whoever_may_not_send_resumes_nothing(
    client: Client, row: Schedule, may_write_alerts: bool, goes_on: bool
) -> None:
    changing.pause(row)
    manager = User.objects.create_user("manager", is_staff=True)
    names = ["change_schedule", *(["add_notification"] if may_write_alerts else [])]
    manager.user_permissions.set(Permission.objects.filter(codename__in=names))
    client.force_login(manager)
    client.post(reverse(LIST), {"action": "resume", "_selected_action": [row.pk]})
    row.refresh_from_db()
    assert row.is_paused is not goes_on
