"""What the form of a schedule sends: kinds with their values, buttons, expiry, and an audience from a list."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from notifications import Kind, Link
from notifications.kinds import declaring
from notifications.models import Topic
from worker.schedules import schedule
from worker.schedules.models import Schedule

pytestmark = pytest.mark.django_db(transaction=True)

NEW: dict[str, Any] = {
    "repeat": "weekly",
    "weekdays": ["1"],
    "times": "09:00",
    "zone": "Europe/Berlin",
    "missed": "once",
    "unit": "hours",
}


@pytest.fixture
def staff(admin_client: Client) -> Client:
    return admin_client


@pytest.fixture
def report(monkeypatch: pytest.MonkeyPatch) -> Kind:
    monkeypatch.setattr(declaring, "_declared", {})
    return Kind("report.ready", label="Reports", message="Report {number} is ready", fields={"number": int})


def contents_after(staff: Client, address: str, **said: Any) -> dict[str, Any]:
    reply = staff.post(address, NEW | said)
    assert reply.status_code == 302, reply.context["form"].errors
    return dict(Schedule.objects.get().contents)


def sent_again(staff: Client, row: Schedule, **changed: Any) -> dict[str, Any]:
    """The contents when somebody opens the form and saves what it shows, with these changes."""
    address = reverse("hub:schedules:edit", args=[row.pk])
    form = staff.get(address).context["form"]
    shown = {name: form[name].value() for name in form.fields} | changed
    reply = staff.post(address, {name: value for name, value in shown.items() if value not in (None, False)})
    assert reply.status_code == 302, reply.context["form"].errors
    row.refresh_from_db()
    return dict(row.contents)


@pytest.mark.usefixtures("report")
def test_a_kind_is_chosen_with_its_values_buttons_and_expiry(staff: Client) -> None:
    Topic.objects.create(name="deploys", title="Deployments")
    kept = contents_after(
        staff,
        reverse("hub:schedules:new"),
        audience="topic:deploys",
        to="members",
        kind="report.ready",
        params='{"number": 7}',
        buttons="Read it = /reports/7/\n",
        expires="90",
    )
    assert kept == {
        "to": ["topic:deploys", "members"],
        "kind": "report.ready",
        "params": {"number": 7},
        "actions": [{"name": "link-0", "label": "Read it", "url": "/reports/7/"}],
        "expires": 5400.0,
    }


@pytest.mark.usefixtures("report")
@pytest.mark.parametrize(
    ("said", "error"),
    [
        ({"to": "", "message": "m"}, "names 1 to 100 recipients"),
        ({"to": "members", "kind": "report.ready"}, "needs params"),
        ({"to": "members", "kind": "report.ready", "params": "{"}, "valid JSON"),
        ({"to": "members", "kind": "report.ready", "params": "[" * 100_000}, "valid JSON"),
        ({"to": "members", "kind": "report.ready", "params": "[7]"}, "values by name"),
        ({"to": "members", "kind": "gone"}, "valid choice"),
        ({"to": "members", "audience": "topic:gone", "message": "m"}, "valid choice"),
        ({"to": "members", "message": "m", "buttons": "Read it = ftp://x"}, "action"),
        ({"to": "members", "message": "m", "expires": "0"}, "greater than or equal to 1"),
        ({"to": "members", "message": "m", "expires": "99999999"}, "at most"),
    ],
)
def test_what_cannot_be_sent_is_said_in_the_form(staff: Client, said: dict[str, str], error: str) -> None:
    reply = staff.post(reverse("hub:schedules:new"), NEW | said)
    assert reply.status_code < 500 and error in str(reply.context["form"].errors)
    assert not Schedule.objects.exists()


@pytest.mark.slow
@pytest.mark.usefixtures("report")
def test_saving_what_the_form_shows_changes_nothing(staff: Client) -> None:
    row = schedule(
        to=["user:ann", "everyone"],
        kind="report.ready",
        params={"number": 7},
        actions=[Link("read", "Read = it", "/reports/7/", style="primary")],
        expires=timedelta(seconds=100),
        data={"a": 1},
        every=timedelta(hours=1),
    ).row
    before = dict(row.contents)
    after = sent_again(staff, row)
    assert after == before | {"to": ["everyone", "user:ann"]}
    assert sent_again(staff, row, buttons="")["data"] == {"a": 1}
    assert "actions" not in row.contents


@pytest.mark.usefixtures("report")
def test_a_kind_that_is_declared_no_more_is_kept_until_another_is_chosen(staff: Client) -> None:
    row = schedule(to="everyone", kind="report.ready", params={"number": 7}, every=timedelta(hours=1)).row
    declaring._declared.clear()
    form = staff.get(reverse("hub:schedules:edit", args=[row.pk])).context["form"]
    assert form["kind"].value() == "report.ready"
    reply = staff.get(reverse("hub:schedules:edit", args=[row.pk]))
    assert reply.status_code == 200


def test_an_audience_that_is_gone_stands_among_the_lines(staff: Client) -> None:
    topic = Topic.objects.create(name="deploys", title="Deployments")
    row = schedule(to="topic:deploys", message="m", every=timedelta(hours=1)).row
    form = staff.get(reverse("hub:schedules:edit", args=[row.pk])).context["form"]
    assert (form["audience"].value(), form["to"].value()) == ("topic:deploys", "")
    topic.delete()
    form = staff.get(reverse("hub:schedules:edit", args=[row.pk])).context["form"]
    assert (form["audience"].value(), form["to"].value()) == ("", "topic:deploys")
