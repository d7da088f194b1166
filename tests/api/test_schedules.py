"""Schedules over HTTP: made, read, changed, run, and within the scope of the key."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from hub.users import user_id
from notifications.models import Notification, Topic
from tests.api.calling import Api, key_for
from tests.support.people import User
from worker.schedules.models import Schedule

pytestmark = pytest.mark.django_db(transaction=True)

WEEKDAYS = {"type": "weekly", "weekdays": [1, 2, 3, 4, 5], "times": ["09:00"]}
NEW: dict[str, Any] = {"to": "everyone", "message": "Stand-up", "when": WEEKDAYS, "tz": "Europe/Berlin"}


@sync_to_async
def program(channels: tuple[str, ...] = ("*",)) -> Api:
    return Api(key_for("*", channels=channels))


async def test_a_schedule_is_made_read_changed_and_deleted() -> None:
    api = await program()
    made = (await api("schedule_create", **NEW, name="Daily", runs=5, grace=600))["result"]
    assert made["created"]
    shown = made["schedule"]
    assert shown["sentence"] == "every weekday at 09:00, Europe/Berlin, 5 times"
    assert (await api("schedule", id=shown["id"]))["result"] == shown
    assert (await api("schedules"))["result"] == {"schedules": [shown], "more": False}
    changed = (await api("schedule_change", id=shown["id"], runs=None, title="Soon", tz="own", to="members"))["result"]
    assert changed["contents"] == {"to": ["members"], "message": "Stand-up", "title": "Soon"}
    assert (changed["runs"], changed["grace"], changed["tz"], changed["when"]) == (None, 600.0, "own", WEEKDAYS)
    assert (await api("schedule_delete", id=shown["id"]))["result"] == {}
    assert not await Schedule.objects.aexists()


async def test_who_makes_or_changes_one_is_told_of_recipients_that_are_not_there() -> None:
    api = await program()
    told = ["There is no group named 'night shift'.", "There is no topic named 'nothing'."]
    made = (await api("schedule_create", **NEW | {"to": ["group:night shift", "topic:nothing", "members"]}))["result"]
    assert made["schedule"]["warnings"] == told
    pk = made["schedule"]["id"]
    assert (await api("schedule_change", id=pk, title="t"))["result"]["warnings"] == told
    assert "warnings" not in (await api("schedule_change", id=pk, to="members"))["result"]


async def test_the_same_key_makes_one() -> None:
    api = await program()
    first, second = [(await api("schedule_create", **NEW, key="k"))["result"] for _ in range(2)]
    assert [first["created"], second["created"]] == [True, False]
    assert first["schedule"] == second["schedule"]


async def test_it_is_paused_resumed_and_run_and_says_when_it_is_due() -> None:
    api = await program()
    pk = (await api("schedule_create", **NEW))["result"]["schedule"]["id"]
    paused = (await api("schedule_pause", id=pk))["result"]
    assert (paused["paused"], paused["next"]) == (True, None)
    assert (await api("schedule_next", id=pk))["result"] == {"next": []}
    assert not (await api("schedule_resume", id=pk))["result"]["paused"]
    due = (await api("schedule_next", id=pk, limit=3))["result"]["next"]
    assert len(due) == 3
    assert all(datetime.fromisoformat(one) > datetime.now(UTC) for one in due)
    run = (await api("schedule_run", id=pk))["result"]
    assert (run["status"], run["by_hand"], len(run["notifications"])) == ("sent", True, 1)
    assert (await api("schedule_runs", id=pk))["result"] == {"runs": [run]}
    assert (await api("schedule_runs", id=pk, before=run["id"]))["result"] == {"runs": []}
    assert await Notification.objects.acount() == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"to": []},
        {"to": "nobody:here"},
        {"to": "group:none", "group_by": "x" * 201},
        {"to": "group:none", "throttle": 60},
        {"message": ""},
        {"when": {"type": "cron", "expression": "0 9"}},
        {"when": {"type": "monthly", "days": [32], "times": ["09:00"]}},
        {"when": {"type": "every", "number": 0, "unit": "hours"}},
        {"when": {"type": "once", "at": "2020-01-01T00:00"}},
        {"when": {"type": "never"}},
        {"tz": "Mars"},
        {"tz": "own"},
        {"missed": "twice"},
        {"runs": 0},
        {"grace": 1e18},
        {"start": "2030-01-02T00:00:00Z", "end": "2030-01-01T00:00:00Z"},
        {"end": "9999-12-31T23:59:59Z"},
        {"start": "9999-12-31T20:00:00Z"},
        {"start": "0001-01-01T00:00:00Z"},
        {"when": {"type": "once", "at": "9999-12-31T23:59:59Z"}, "tz": "Asia/Tokyo"},
        {"when": {"type": "once", "at": "9999-12-31T23:59:59"}, "tz": "America/New_York"},
        {"kind": "no.such"},
        {"actions": [{"name": "none", "label": "None"}]},
        {"key": ""},
    ],
)
async def test_what_cannot_be_is_a_bad_request(wrong: dict[str, Any]) -> None:
    api = await program()
    assert await api.error("schedule_create", **{**NEW, **wrong}) == 107
    assert not await Schedule.objects.aexists()


@pytest.mark.parametrize("missing", ["to", "when"])
async def test_recipients_and_time_are_needed(missing: str) -> None:
    api = await program()
    assert await api.error("schedule_create", **{name: one for name, one in NEW.items() if name != missing}) == 107


async def test_a_key_reaches_the_schedules_of_its_channels_only() -> None:
    await Topic.objects.acreate(name="deploys", title="Deployments")
    ann = user_id(await sync_to_async(User.objects.create_user)("ann"))
    whole, narrow = await program(), await program(("topic:deploys", "topic:later"))
    other = (await whole("schedule_create", **{**NEW, "to": ann}))["result"]["schedule"]["id"]
    for method in ("schedule", "schedule_delete", "schedule_pause", "schedule_run", "schedule_next", "schedule_runs"):
        assert await narrow.error(method, id=other) == 103
        assert await narrow.error(method, id=other + 100) == 103
    assert await whole.error("schedule", id=other + 100) == 107
    for to in ("everyone", ann, "members", "user:nobody", "topic:none"):
        assert await narrow.error("schedule_create", **{**NEW, "to": to}) == 103
    own = (await narrow("schedule_create", **{**NEW, "to": "topic:deploys"}))["result"]["schedule"]["id"]
    assert await narrow.error("schedule_change", id=own, to=["topic:deploys", ann]) == 103
    assert (await narrow("schedule_change", id=own, name="n"))["result"]["name"] == "n"
    assert await Schedule.objects.filter(pk=own, contents__to=["topic:deploys"]).aexists()


async def test_a_key_takes_no_schedule_of_another_one_by_its_key() -> None:
    await Topic.objects.acreate(name="deploys", title="Deployments")
    whole, narrow = await program(), await program(("topic:deploys",))
    await whole("schedule_create", **NEW, key="k")
    assert await narrow.error("schedule_create", **{**NEW, "to": "topic:deploys"}, key="k") == 103


async def test_a_pause_keeps_counting_where_the_call_is_repeated() -> None:
    api = await program()
    every = {"type": "every", "number": 1, "unit": "hours"}
    made = (await api("schedule_create", **{**NEW, "when": every}, key="k"))["result"]["schedule"]
    await Schedule.objects.aupdate(starts_at=datetime.fromisoformat(made["start"]) - timedelta(minutes=20))
    again = (await api("schedule_create", **{**NEW, "when": every}, key="k"))["result"]["schedule"]
    assert datetime.fromisoformat(again["start"]) == datetime.fromisoformat(made["start"]) - timedelta(minutes=20)
