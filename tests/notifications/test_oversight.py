"""What became of a notification: on the pages of the staff, and what they are made of."""

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import Group, Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation

from hub.session import aopen_connections, open_connections
from hub.testing import drain_jobs
from hub.users import user_id
from notifications import Action, action, channels, notify, sources
from notifications.action_choices import choose
from notifications.inbox import organizing
from notifications.models import Notification
from notifications.offers import declaring as offers
from notifications.oversight import reports
from notifications.oversight.connections import reached
from notifications.sending import named_audiences
from tests.connection.wire import wired
from tests.support.people import User, make_crowd

pytestmark = pytest.mark.django_db(transaction=True)

PEOPLE = "admin:hub_notifications_notification_person"


def report_of(row: Notification) -> str:
    return reverse("admin:hub_notifications_notification_report", args=[row.pk])


def test_steps_of_a_person_are_told_in_order_with_their_devices(ann: User) -> None:
    (row,) = notify(to=ann, message="m")
    with sources.acting(sources.DEVICE, "phone"):
        organizing.mark_seen(user=ann, ids=[row.pk])
        organizing.mark_read(user=ann, ids=[row.pk])
    with sources.acting(sources.DEVICE, "desk"):
        organizing.archive(user=ann, ids=[row.pk])
    found = reports.of_person(row, ann)
    assert [(step.what, step.source) for step in found.steps] == [
        ("seen", "device:phone"),
        ("read", "device:phone"),
        ("archived", "device:desk"),
    ]
    assert found.state == "archived" and found.sent is not None and found.sent.offset == 1
    assert found.sent.at is not None and found.sent.at >= row.created_at


def test_action_that_a_person_has_chosen_is_a_step_with_its_device(ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offers, "_registered", {})
    action("approve")(lambda chosen: None)
    (row,) = notify(to=ann, message="m", actions=[Action("approve", "Approve")])
    with sources.acting(sources.DEVICE, "phone"):
        organizing.mark_seen(user=ann, ids=[row.pk])
    with sources.acting(sources.DEVICE, "desk"):
        choose(user=ann, notification_id=row.pk, name="approve")
    with sources.acting(sources.DEVICE, "phone"):  # too late: it stands as it was chosen first
        choose(user=ann, notification_id=row.pk, name="approve")
        organizing.archive(user=ann, ids=[row.pk])
    found = reports.of_person(row, ann)
    steps = [(step.what, step.source) for step in found.steps if step.what != "read"]
    assert steps == [("seen", "device:phone"), ("chosen", "device:desk"), ("archived", "device:phone")]
    assert found.chosen is not None and found.chosen[0] == "approve"


def test_what_was_read_up_to_it_counts_once(ann: User) -> None:
    (row,) = notify(to=ann, message="m")
    organizing.mark_all_read(user=ann, upto=row.pk)
    (newer,) = notify(to=ann, message="newer")
    organizing.mark_all_read(user=ann, upto=newer.pk)
    assert [step.what for step in reports.of_person(row, ann).steps] == ["read"]
    organizing.mark_unread(user=ann, ids=[row.pk])
    organizing.mark_all_read(user=ann, upto=newer.pk)
    assert [step.what for step in reports.of_person(row, ann).steps] == ["read", "unread", "read"]


def test_what_is_not_for_a_person_says_so(ann: User) -> None:
    other = User.objects.create_user("other")
    (row,) = notify(to=ann, message="m")
    assert reports.of_person(row, other).state == "none"
    Notification.objects.filter(pk=row.pk).update(expires_at=timezone.now())
    row.refresh_from_db()
    assert reports.of_person(row, ann).state == "expired"


def test_what_is_one_row_with_a_newer_one_says_so(admin_client: Client, ann: User) -> None:
    first, last = [notify(to=ann, message=text, group_by="order:7")[0] for text in ("first", "last")]
    organizing.mark_read(user=ann, ids=[last.pk])
    found = reports.of_person(first, ann)
    assert (found.alert.pk, found.state, [step.what for step in found.steps]) == (last.pk, "read", ["read"])
    page = admin_client.get(report_of(first), {"person": user_id(ann)}).content.decode()
    assert f"{report_of(last)}?person=" in page


def test_a_distribution_is_told_with_who_has_read_it() -> None:
    crowd = make_crowd("one", named_audiences.SMALL + 5)
    (row,) = notify(to=crowd, message="m")
    assert reports.of_person(row, crowd[0]).state == "owed"
    drain_jobs()
    for one in crowd[:3]:
        organizing.mark_read(user=one, ids=[row.pk])
    organizing.archive(user=crowd[3], ids=[row.pk])
    found = reports.of_notification(row)
    assert found.distribution is not None and found.distribution.reached == len(crowd)
    assert (found.counts.read, found.counts.archived, found.sent) == (4, 1, None)
    told = reports.of_person(row, crowd[0])
    assert told.sent is not None and told.sent.channel == channels.of_user(crowd[0]) and told.sent.offset == 1


async def test_open_connections_say_what_they_were_sent_live(ann: User) -> None:
    channel = channels.of_user(ann)
    (early,) = await sync_to_async(notify)(to=ann, message="early")
    async with wired(ann) as wire:
        (late,) = await sync_to_async(notify)(to=ann, message="late")
        await wire.pushed("pub", 1)
        found = await aopen_connections(user_id(ann), [channel])
        how = {}
        for row in (early, late):
            report = await sync_to_async(reports.of_person)(row, ann)
            assert report.sent is not None
            how[row.message] = [(one.connection.client, one.how) for one in reached(found, report.sent)]
        assert how == {"early": [(wire.client.client, "before")], "late": [(wire.client.client, "live")]}
        assert await sync_to_async(open_connections)(user_id(ann), [channel]) == found
        assert [one.channels for one in await aopen_connections(user_id(ann), [])] == [{}]
    assert await aopen_connections(user_id(ann), [channel]) == []


def test_a_process_without_connections_knows_of_none(ann: User) -> None:
    assert open_connections(user_id(ann), []) is None


@pytest.mark.parametrize("language", ["en", "ru"])
def test_staff_see_what_became_of_a_notification(admin_client: Client, ann: User, language: str) -> None:
    with sources.acting(sources.TASK, "shop.tasks.remind"):
        (row,) = notify(to=ann, message="<b>m</b>", key="order:7")
    organizing.mark_read(user=ann, ids=[row.pk])
    with translation.override(language):
        page = admin_client.get(report_of(row), headers={"accept-language": language}).content.decode()
    for text in ("&lt;b&gt;m&lt;/b&gt;", "order:7", "shop.tasks.remind", channels.of_user(ann)):
        assert text in page
    change = reverse("admin:hub_notifications_notification_change", args=[row.pk])
    assert report_of(row) in admin_client.get(change).content.decode()


@pytest.mark.slow
@pytest.mark.own_user_model
def test_staff_look_a_person_up_by_id_and_by_name(admin_client: Client, ann: User) -> None:
    group = Group.objects.create(name="g")
    ann.groups.add(group)
    (row,) = notify(to=group, message="for the group")
    for asked in (user_id(ann), "ann"):
        page = admin_client.get(reverse(PEOPLE), {"person": asked}).content.decode()
        assert "for the group" in page and report_of(row) in page
        assert user_id(ann) in admin_client.get(report_of(row), {"person": asked}).content.decode()
    for asked in ("nobody", "a\0b"):
        assert b"errornote" in admin_client.get(reverse(PEOPLE), {"person": asked}).content
    assert b"module hub-wide" not in admin_client.get(reverse(PEOPLE)).content


def test_a_page_of_a_person_goes_on_behind_its_last_row(
    admin_client: Client, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("notifications.oversight.pages.PAGE", 2)
    rows = [notify(to=ann, message=f"number {number}")[0] for number in range(3)]
    organizing.archive(user=ann, ids=[rows[2].pk])
    first = admin_client.get(reverse(PEOPLE), {"person": user_id(ann)}).content.decode()
    assert "number 2" in first and "number 0" not in first
    assert f"before={rows[1].pk}" in first
    older = {"person": user_id(ann), "before": str(rows[1].pk)}
    assert "number 0" in admin_client.get(reverse(PEOPLE), older).content.decode()
    assert admin_client.get(reverse(PEOPLE), {**older, "before": "x"}).status_code == 200


@pytest.mark.own_user_model
def test_pages_are_for_those_who_may_see_notifications(client: Client, ann: User) -> None:
    (row,) = notify(to=ann, message="m")
    pages = (report_of(row), reverse(PEOPLE))
    client.force_login(ann)
    assert {client.get(page).status_code for page in pages} == {302}
    ann.is_staff = True
    ann.save()
    assert {client.get(page).status_code for page in pages} == {403}
    ann.user_permissions.add(Permission.objects.get(codename="view_notification"))
    assert {client.get(page).status_code for page in pages} == {200}
    assert client.get(reverse("admin:hub_notifications_notification_report", args=[10**6])).status_code == 404
