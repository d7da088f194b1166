"""Jobs as people see them: in the admin and in the metrics."""

import re
from datetime import timedelta

import pytest
from django.contrib import admin
from django.db import models
from django.db.models.functions import Now
from django.test import Client
from django.urls import reverse
from prometheus_client import REGISTRY

from hub.ops import gauges
from tests.worker.running import waiting
from worker import jobs
from worker.models import Job
from worker.tasks import send_broadcast

pytestmark = pytest.mark.django_db(transaction=True)

LIST = "admin:hub_worker_job_changelist"


@pytest.fixture
def failed() -> Job:
    send_broadcast.delay("<b>what is owed</b>", to="user:nobody")
    job = Job.objects.get()
    jobs.fail(job.pk, "UnknownRecipient: no user named nobody")
    return job


def test_failed_jobs_are_shown_with_their_error(admin_client: Client, failed: Job) -> None:
    assert b"no user named nobody" in admin_client.get(reverse(LIST)).content
    page = admin_client.get(reverse("admin:hub_worker_job_change", args=[failed.pk])).content
    assert b"&lt;b&gt;what is owed&lt;/b&gt;" in page


@pytest.mark.slow
def test_a_failed_job_is_sent_again_by_people_and_one_that_waits_is_not(admin_client: Client, failed: Job) -> None:
    before = waiting()
    send = {"action": "send_again", "_selected_action": [failed.pk]}
    assert "1 job begins again." in admin_client.post(reverse(LIST), send, follow=True).content.decode()
    failed.refresh_from_db()
    assert failed.failed_at is None and waiting() == before + 1
    assert "0 jobs begin again." in admin_client.post(reverse(LIST), send, follow=True).content.decode()
    assert waiting() == before + 1


def test_jobs_are_neither_made_nor_changed_in_the_admin(admin_client: Client, failed: Job) -> None:
    assert admin_client.get(reverse("admin:hub_worker_job_add")).status_code == 403
    admin_client.post(
        reverse("admin:hub_worker_job_change", args=[failed.pk]), {"task": "other", "arguments": "[[], {}]"}
    )
    failed.refresh_from_db()
    assert failed.task == send_broadcast.name


def figure(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(name, labels)


def test_metrics_say_how_many_are_owed_how_many_failed_and_who_waits_for_longest(
    client: Client, failed: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gauges, "STATS_TIMEOUT", 30)
    for _ in range(2):
        send_broadcast.delay("m")
    Job.objects.filter(failed_at=None).update(due_at=Now() - timedelta(minutes=5))
    send_broadcast.apply_async(["later"], countdown=3600)
    assert client.get("/metrics").status_code == 200
    alerts = {"queue": "deliveries"}
    assert (figure("hub_jobs", state="owed", **alerts), figure("hub_jobs", state="failed", **alerts)) == (3, 1)
    assert figure("hub_job_wait_seconds", **alerts) == pytest.approx(300, abs=20)
    assert (figure("hub_jobs", state="owed", queue="bulk"), figure("hub_job_wait_seconds", queue="bulk")) == (0, 0)
    Job.objects.filter(failed_at=None).update(queue="theirs")
    client.get("/metrics")
    assert (figure("hub_jobs", state="owed", queue="other"), figure("hub_jobs", state="owed", **alerts)) == (3, 0)
    Job.objects.all().delete()
    client.get("/metrics")
    assert (figure("hub_jobs", state="owed", queue="other"), figure("hub_job_wait_seconds", queue="other")) == (0, 0)


@pytest.mark.any_database
@pytest.mark.parametrize("model", admin.site._registry, ids=lambda model: model._meta.label_lower)
def test_form_of_the_admin_has_no_script_inside_that_browsers_would_refuse(
    admin_client: Client, model: type[models.Model]
) -> None:
    response = admin_client.get(reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_add"))
    assert "unsafe-inline" not in response["Content-Security-Policy"]
    if response.status_code == 403:
        return  # rows of this model are not made by hand
    assert response.status_code == 200
    scripts = re.findall(r"<script\b([^>]*)>", response.content.decode())
    assert scripts and [script for script in scripts if "src=" not in script and "json" not in script] == []
