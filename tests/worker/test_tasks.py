"""The task that anyone can schedule."""

import pytest
from django.contrib.auth.models import User

from notifications.alerting import BadAlert
from notifications.models import Notification
from worker.celery import app
from worker.tasks import send_broadcast

pytestmark = pytest.mark.django_db(transaction=True)


def test_it_is_known_by_the_name_that_people_write_into_schedules() -> None:
    app.loader.import_default_modules()
    assert app.tasks["worker.tasks.send_broadcast"].name == send_broadcast.name


def test_it_sends_to_everyone_unless_told_otherwise() -> None:
    assert send_broadcast("m") == 1
    row = Notification.objects.get()
    assert (row.message, row.level, row.user, row.group) == ("m", "info", None, None)


def test_it_takes_everything_that_an_alert_has() -> None:
    ann = User.objects.create_user("ann")
    Notification.objects.all().delete()
    assert send_broadcast("m", to=["user:ann"], title="t", level="error", url="/x/", data={"n": 1}) == 1
    row = Notification.objects.get()
    assert (row.user, row.title, row.level, row.url, row.data) == (ann, "t", "error", "/x/", {"n": 1})


@pytest.mark.parametrize("arguments", [{"to": "user:nobody"}, {"level": "x"}, {"url": "javascript:x"}])
def test_bad_arguments_raise_and_send_nothing(arguments: dict[str, str]) -> None:
    with pytest.raises(BadAlert):
        send_broadcast("m", **arguments)
    assert not Notification.objects.exists()
