"""The task that anyone can schedule."""

import sys
from typing import Any

import pytest
from django.db import OperationalError

from hub.users import user_id
from lab.harness import forking
from lab.harness.environment import BASE_DIR
from notifications import Kind
from notifications.kinds import declaring as kinds
from notifications.models import Notification
from notifications.sending.alerting import BadAlert
from tests.support.people import User
from worker import maintenance
from worker.celery import app
from worker.tasks import send_broadcast

pytestmark = pytest.mark.django_db(transaction=True)


def test_it_is_known_by_the_name_that_people_write_into_schedules() -> None:
    app.loader.import_default_modules()
    assert app.tasks["worker.tasks.send_broadcast"].name == send_broadcast.name


@pytest.mark.slow
def test_a_worker_knows_all_that_beat_sends() -> None:
    sent = {name for name in app.tasks if name.startswith(f"{maintenance.__name__}.")}
    assert len(sent) >= 4
    code = "from worker.celery import app; app.loader.import_default_modules(); print(*app.tasks)"
    known = forking.run([sys.executable, "-c", code], cwd=BASE_DIR, check=True, capture_output=True, text=True)
    assert sent <= set(known.stdout.split())


def test_it_sends_to_everyone_unless_told_otherwise() -> None:
    assert send_broadcast("m") == 1
    row = Notification.objects.get()
    assert (row.message, row.level, row.user, row.group) == ("m", "info", None, None)


def test_it_takes_everything_that_an_alert_has() -> None:
    ann = User.objects.create_user("ann")
    Notification.objects.all().delete()
    assert (
        send_broadcast("m", to=[f"user:{ann.get_username()}"], title="t", level="error", url="/x/", data={"n": 1}) == 1
    )
    row = Notification.objects.get()
    assert (row.user, row.title, row.level, row.url, row.data) == (ann, "t", "error", "/x/", {"n": 1})


@pytest.mark.parametrize("level", [None, "error"])
def test_a_kind_is_sent_and_checked_before_it_is_due(level: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kinds, "_declared", {})
    Kind("backup", label="Backup", level="success", message="Backup of {name}", fields={"name": str})
    task: Any = send_broadcast
    arguments: dict[str, Any] = {"kind": "backup", "params": {"name": "db"}, "level": level}
    task.check_values(to="everyone", **arguments)
    assert send_broadcast(**arguments) == 1
    row = Notification.objects.get()
    assert (row.message, row.level) == ("Backup of db", level or "success")
    with pytest.raises(BadAlert, match="needs params"):
        task.check_values(to="everyone", kind="backup")


def test_schedules_and_shells_name_people_by_their_id() -> None:
    person = User.objects.create_user("somebody")
    Notification.objects.all().delete()
    assert send_broadcast("m", to=[user_id(person)]) == 1
    assert Notification.objects.get().user == person


@pytest.mark.parametrize("arguments", [{"to": "user:nobody"}, {"level": "x"}, {"url": "javascript:x"}])
def test_bad_arguments_raise_and_send_nothing(arguments: dict[str, str]) -> None:
    with pytest.raises(BadAlert):
        send_broadcast("m", **arguments)
    assert not Notification.objects.exists()


def run_as(task_id: str, **arguments: object) -> object:
    """Run it as a worker does that got a message of this id."""
    return send_broadcast.apply(args=("m",), kwargs=arguments, task_id=task_id, throw=True).result


def test_the_same_delivery_twice_stores_once() -> None:
    assert run_as("one") == run_as("one") == 1
    assert Notification.objects.count() == 1
    run_as("two")
    assert Notification.objects.count() == 2


def test_a_key_of_ones_own_holds_over_several_tasks() -> None:
    run_as("one", key="deploy:42")
    run_as("two", key="deploy:42")
    assert Notification.objects.get().key == "deploy:42"


def test_a_call_that_is_no_task_has_no_key() -> None:
    send_broadcast("m")
    send_broadcast("m")
    assert Notification.objects.filter(key=None).count() == 2


@pytest.mark.slow
def test_a_database_that_is_away_is_asked_again_a_bounded_number_of_times(monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[str | None] = []

    def away(**arguments: object) -> list[Notification]:
        tries.append(str(arguments["key"]))
        raise OperationalError("database is locked")

    monkeypatch.setattr("worker.tasks.notify", away)
    send_broadcast.apply(args=("m",), task_id="one")
    assert tries == ["one"] * 9  # the task keeps its key


def test_a_bad_alert_is_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[object] = []

    def bad(**arguments: object) -> list[Notification]:
        tries.append(arguments)
        raise BadAlert("bad")

    monkeypatch.setattr("worker.tasks.notify", bad)
    with pytest.raises(BadAlert):
        run_as("one")
    assert len(tries) == 1
