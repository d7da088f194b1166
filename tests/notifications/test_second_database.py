"""Rules for models of another database follow its transactions; the hub's own receivers mind their own database."""

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.db import DEFAULT_DB_ALIAS, connection, connections, transaction
from pytest_django.fixtures import Settings

from chat.models import Message, Room
from hub.channels import Namespace, register
from hub.live_rows import live
from hub.models import Publication
from hub.testing import capture_notifications
from lab.harness.waiting import wait_for
from notifications import Alert, alert, on_delete, on_save
from notifications.models import Notification, Topic
from notifications.rules import running
from notifications.rules.conditions import Old
from tests.support.namespaces import forget_later
from tests.support.people import User
from tests.support.rules import rules_end

pytestmark = pytest.mark.django_db(transaction=True)

SECOND = "second"


@pytest.fixture(autouse=True)
def no_rule_outlives_its_test() -> Iterator[None]:
    with rules_end():
        yield


@pytest.fixture(autouse=True)
def second_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One more database, with the groups and rooms of somebody else."""
    connections.settings[SECOND] = {
        **connections.settings["default"],
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(tmp_path / "second.sqlite3"),
        "OPTIONS": {},
    }
    second = connections[SECOND]
    # pytest-django lets tests use the databases that were there when they were collected.
    monkeypatch.setattr(second, "ensure_connection", lambda: None if second.connection else second.connect())
    with second.schema_editor() as editor:
        for model in (ContentType, Permission, Group, User, Room, Message, Topic, Notification):
            editor.create_model(model)
    yield
    second.close()
    del connections[SECOND]
    del connections.settings[SECOND]


@pytest.fixture(autouse=True)
def rule() -> None:
    @on_save(Group)
    def saved(group: Group) -> Alert:
        return alert(to="everyone", message=f"{group.name} is saved")

    @on_delete(Group)
    def deleted(group: Group) -> Alert:
        return alert(to="everyone", message=f"{group.name} is deleted")


def sent() -> list[str]:
    return list(Notification.objects.order_by("pk").values_list("message", flat=True))


def add(name: str) -> Group:
    return Group.objects.using(SECOND).create(name=name)


def test_a_save_without_a_transaction_is_told_at_once() -> None:
    group = add("ops")
    assert sent() == ["ops is saved"]
    group.delete()
    assert sent() == ["ops is saved", "ops is deleted"]


def test_a_save_is_told_when_its_own_database_has_committed_it() -> None:
    with transaction.atomic(using=SECOND):
        add("ops")
        assert sent() == []
    assert sent() == ["ops is saved"]
    assert Publication.objects.filter(channel="everyone", offset=1).exists()


def test_a_save_that_its_own_database_rolls_back_is_not_told() -> None:
    with transaction.atomic(), transaction.atomic(using=SECOND):
        add("ops")
        transaction.set_rollback(True, using=SECOND)
    assert not Group.objects.using(SECOND).exists()
    assert sent() == []


def test_what_a_savepoint_takes_back_is_not_told() -> None:
    with transaction.atomic(using=SECOND):
        add("kept")
        with transaction.atomic(using=SECOND):
            add("taken back")
            transaction.set_rollback(True, using=SECOND)
    assert sent() == ["kept is saved"]


@pytest.mark.parametrize("in_transaction", [False, True])
def test_a_save_that_is_kept_is_told_although_the_hubs_database_rolls_back(in_transaction: bool) -> None:
    with transaction.atomic():
        if in_transaction:
            with transaction.atomic(using=SECOND):
                add("ops")
        else:
            add("ops")
        transaction.set_rollback(True)
    assert Group.objects.using(SECOND).exists()
    assert wait_for(sent, that="the alert of the save that is kept") == ["ops is saved"]


def test_a_save_that_is_kept_is_told_once_where_the_hubs_database_commits_too() -> None:
    with transaction.atomic():
        add("ops")
        Group.objects.create(name="here")
    wait_for(lambda: len(sent()) == 2, that="both alerts")
    assert sorted(sent()) == ["here is saved", "ops is saved"]


@pytest.mark.slow
def test_many_saves_of_one_transaction_need_one_thread_and_keep_their_order() -> None:
    names = [f"group {number}" for number in range(20)]
    with transaction.atomic():
        for name in names:
            add(name)
        assert sum(thread.name.startswith("hub-rules") for thread in threading.enumerate()) == 1
    wait_for(lambda: len(sent()) == len(names), that="all alerts")
    assert sent() == [f"{name} is saved" for name in names]


def test_an_error_in_such_a_rule_is_logged_and_the_save_goes_on(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.HUB_RULES_RAISE = "never"

    @on_save(Group)
    def broken(group: Group) -> Alert:
        Group.objects.using(SECOND).create(name=group.name)  # the name is taken
        return alert(to="everyone", message="x")

    with transaction.atomic(using=SECOND):
        add("ops")
        add("dev")
    assert set(Group.objects.using(SECOND).values_list("name", flat=True)) == {"ops", "dev"}
    assert "broken" in caplog.text


def test_an_alert_that_cannot_be_stored_apart_is_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def send(alerts: object) -> None:
        raise RuntimeError("no")

    monkeypatch.setattr(running, "send", send)
    with transaction.atomic():
        add("ops")
    wait_for(lambda: "rule_failed" in caplog.text, that="a line in the log")


def test_test_case_of_a_team_sees_the_alert_of_a_save_that_would_be_committed() -> None:
    with ExitStack() as both:
        for alias in (DEFAULT_DB_ALIAS, SECOND):
            both.enter_context(of_a_test_case(alias))
        with capture_notifications() as captured:
            with transaction.atomic(using=SECOND):
                add("ops")
                assert captured == []
            with transaction.atomic(using=SECOND):
                add("taken back")
                transaction.set_rollback(True, using=SECOND)
        assert [row.message for row in captured] == ["ops is saved"]
        for alias in (DEFAULT_DB_ALIAS, SECOND):
            transaction.set_rollback(True, using=alias)
    assert sent() == []


def of_a_test_case(alias: str) -> transaction.Atomic:
    """The transaction that Django's ``TestCase`` puts around a test; one of these begins before there are two."""
    block = transaction.atomic(using=alias)
    block._from_testcase = True  # type: ignore[attr-defined]  # what Django itself goes by
    return block


def test_rows_of_another_database_are_none_of_the_hubs() -> None:
    room = Room(name="archived")
    room.save(using=SECOND)
    room.name = "renamed"
    room.save(using=SECOND)
    room.delete(using=SECOND)
    assert not Publication.objects.exists()


def test_the_hubs_connection_is_left_as_it_was() -> None:
    with transaction.atomic():
        add("ops")
    assert not connection.in_atomic_block
    wait_for(sent, that="the alert")


def test_saves_of_another_database_are_one_alert_of_its_transaction() -> None:
    @on_save(Group, fields=["name"])
    def renamed(group: Group, old: Old | None) -> Alert:
        return alert(to="everyone", message=f"{old and old.name} > {group.name}")

    def rename(name: str) -> None:
        group.name = name
        group.save()

    with transaction.atomic(using=SECOND):
        group = add("ops")
        rename("dev")
        with pytest.raises(RuntimeError), transaction.atomic(using=SECOND):
            rename("lost")
            raise RuntimeError
    with transaction.atomic(using=SECOND):
        rename("web")
        rename("dev")
    rename("ops")
    assert [message for message in sent() if ">" in message] == ["None > dev", "dev > ops"]


def test_live_rows_of_another_database_follow_its_transaction(monkeypatch: pytest.MonkeyPatch) -> None:
    forget_later(monkeypatch)
    register(Namespace("groups", single=True))
    live(Group, channels=lambda group: ["groups"], fields=["id", "name"])

    def published() -> list[str]:
        rows = Publication.objects.filter(channel="groups").order_by("pk")
        return [json.loads(row.data)["item"]["name"] for row in rows]

    with transaction.atomic(using=SECOND):
        group = add("ops")
        group.name = "dev"
        group.save()
        assert published() == []
    assert published() == ["dev"]
    with transaction.atomic(), transaction.atomic(using=SECOND):
        group.name = "lost"
        group.save()
        transaction.set_rollback(True, using=SECOND)
    assert published() == ["dev"]
