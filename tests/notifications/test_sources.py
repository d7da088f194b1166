"""What sent a notification, and with which device a person changed theirs, is stored with it."""

from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from celery import shared_task
from django.core.management import call_command
from django.utils import timezone

from hub.access import credentials
from hub.privacy import erase, export
from hub.users import user_id
from notifications import alert, notify, on_save, sources
from notifications.inbox import organizing
from notifications.models import InboxChange, Notification, ScheduledAlert
from notifications.sending import due, retention
from notifications.sending.actions import broadcast_from_client
from tests.connection.wire import wired
from tests.support.orders import Order, order_tables, orders  # noqa: F401  # fixtures
from tests.support.people import User
from tests.support.rules import rules_end

pytestmark = pytest.mark.django_db(transaction=True)


def source() -> str:
    return str(Notification.objects.latest("pk").source)


def test_a_call_that_nothing_names_has_no_source(ann: User) -> None:
    notify(to=ann, message="m")
    assert source() == ""


def test_the_innermost_source_counts(ann: User) -> None:
    with sources.acting(sources.API_KEY, 7):
        with sources.acting(sources.SCHEDULE, "x" * 500):
            notify(to=ann, message="m")
        assert source() == f"schedule:{'x' * 500}"[: sources.SOURCE_LIMIT]
        notify(to=ann, message="m")
    assert source() == "api_key:7"
    notify(to=ann, message="m")
    assert source() == ""


def test_a_command_and_a_person_are_sources(ann: User) -> None:
    call_command("notify", "m", to=[user_id(ann)])
    assert source() == "command:notify"
    ann.is_staff = True
    ann.save()
    broadcast_from_client(user=ann, message="m")
    assert source() == f"person:{user_id(ann)}"


@shared_task(name="tests.tell")
def tell(pk: Any) -> None:
    notify(to=User.objects.get(pk=pk), message="from a task")


def test_a_task_is_the_source_of_what_it_sends(ann: User) -> None:
    tell.apply(args=(ann.pk,), throw=True)
    assert source() == "task:tests.tell"


@pytest.mark.usefixtures("orders")
def test_a_rule_is_the_source_of_what_it_sends_also_in_a_task(ann: User) -> None:
    with rules_end():

        @on_save(Order)
        def tell_ann(order: Order) -> Any:
            return alert(to=ann, message="saved")

        with sources.acting(sources.TASK, "outer"):
            Order.objects.create(number=1)
    assert source() == f"rule:{__name__}.{tell_ann.__qualname__}"


def test_what_is_sent_later_has_the_source_of_its_call(ann: User) -> None:
    with sources.acting(sources.API_KEY, 7):
        notify(to=ann, message="m", at=timezone.now() + timedelta(hours=1))
    later = ScheduledAlert.objects.get()
    due.send(later.pk, later.due_at)
    assert source() == "api_key:7"


async def test_a_change_is_noted_with_the_device_that_made_it(ann: User) -> None:
    (row,) = await sync_to_async(notify)(to=ann, message="m")
    for name, data in (
        ("inbox.change", {"change": "seen", "ids": [row.pk]}),
        ("alerts.mark_read", {"ids": [row.pk]}),
        ("inbox.change", {"change": "archive", "ids": [row.pk]}),
    ):
        async with wired(ann) as wire:
            await wire.ask(rpc={"method": name, "data": data})
    found = [one async for one in InboxChange.objects.order_by("pk")]
    assert [(one.change, one.ids, one.upto) for one in found] == [
        ("seen", [row.pk], 0),
        ("read", [row.pk], 0),
        ("archived", [row.pk], 0),
    ]
    device = credentials.device_of(credentials.of_user(user_id(ann)))
    assert {(one.user_id, one.source) for one in found} == {(ann.pk, f"device:{device}")}


def test_devices_are_told_apart_and_say_nothing_of_the_log_in() -> None:
    one, other = (credentials.device_of(credentials.of_session(key)) for key in ("a-key", "b-key"))
    assert one != other and "key" not in one
    assert credentials.device_of("") == ""


def test_a_change_that_changes_nothing_is_not_noted(ann: User) -> None:
    (row,) = notify(to=ann, message="m")
    for _ in range(2):
        organizing.mark_all_read(user=ann, upto=row.pk)
    (one,) = InboxChange.objects.all()
    assert (one.change, one.upto) == ("read", row.pk)


def test_changes_are_kept_as_long_as_alerts_and_go_with_their_person(ann: User, settings: Any) -> None:
    settings.HUB_ALERT_DAYS = 1
    (row,) = notify(to=ann, message="m")
    organizing.archive(user=ann, ids=[row.pk])
    organizing.unarchive(user=ann, ids=[row.pk])
    assert len(export(ann)["alerts"]["changes"]) == 2
    InboxChange.objects.filter(change="archived").update(created_at=timezone.now() - timedelta(days=2))
    retention.prune()
    assert [one.change for one in InboxChange.objects.all()] == ["unarchived"]
    erase(ann)
    assert not InboxChange.objects.exists()


def test_the_source_names_a_person_no_more_who_is_erased(ann: User, settings: Any) -> None:
    settings.HUB_ERASED_TEXTS = "anonymised"
    settings.HUB_CLIENT_BROADCAST = "authenticated"
    broadcast_from_client(user=ann, message="m")
    with sources.acting(sources.PERSON, user_id(ann)):
        notify(to="everyone", message="later", at=timezone.now() + timedelta(hours=1))
    erase(ann)
    assert (source(), ScheduledAlert.objects.get().source) == ("", "")
