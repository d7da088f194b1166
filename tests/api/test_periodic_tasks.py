"""Periodic tasks over HTTP: read, without their arguments."""

from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from tests.api.calling import DENIED, Api, key_for
from worker.schedules import periodic_http

pytestmark = pytest.mark.django_db(transaction=True)


@sync_to_async
def reports(*names: str, **row: Any) -> list[int]:
    every = IntervalSchedule.objects.create(every=1, period=IntervalSchedule.HOURS)
    made = [
        PeriodicTask(name=name, task="shop.report", interval=every, kwargs='{"token": "k"}', **row) for name in names
    ]
    for one in made:
        one.save()
    return [one.pk for one in made]


async def test_they_are_read_with_when_they_are_due_and_without_their_arguments(api: Api) -> None:
    (pk,) = await reports("Report")
    result = (await api("periodic_tasks"))["result"]
    (shown,) = result["periodic_tasks"]
    assert shown.pop("next")[:2] == "20"
    assert shown == {"id": pk, "name": "Report", "task": "shop.report", "sentence": "every hour", "enabled": True}
    assert result["more"] is False
    await PeriodicTask.objects.aupdate(enabled=False)
    (shown,) = (await api("periodic_tasks"))["result"]["periodic_tasks"]
    assert (shown["enabled"], shown["next"]) == (False, None)


async def test_they_come_in_parts(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(periodic_http, "PAGE", 2)
    first, second, third = await reports("c", "b", "a")
    result = (await api("periodic_tasks"))["result"]
    assert ([one["id"] for one in result["periodic_tasks"]], result["more"]) == ([first, second], True)
    result = (await api("periodic_tasks", after=second))["result"]
    assert ([one["id"] for one in result["periodic_tasks"]], result["more"]) == ([third], False)


async def test_they_are_for_keys_of_the_whole_hub() -> None:
    narrow = Api(await sync_to_async(key_for)(channels=("everyone",)))
    assert await narrow("periodic_tasks") == DENIED
