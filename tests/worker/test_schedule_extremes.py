"""Times and numbers that nobody means: each is refused in a sentence, by whatever way it comes, or works."""

import json
import math
from datetime import datetime, timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.test import Client
from django.urls import reverse

from hub.api.errors import Code
from notifications.sending.alerting import BadAlert
from tests.api.calling import Api, key_for
from tests.support.people import User
from worker.schedules import schedule, wording
from worker.schedules.changing import BadSchedule
from worker.schedules.models import Schedule
from worker.schedules.rules import BadRule

pytestmark = pytest.mark.django_db(transaction=True)

DELTAS = [timedelta.max, timedelta.min, timedelta(0), timedelta(microseconds=1), timedelta(days=400_000)]
LAST, FIRST = "9999-12-31T23:59:59.999999", "0001-01-01T00:00:00"
MOMENTS = [
    datetime.fromisoformat(moment + zone) for moment in (LAST, FIRST) for zone in ("", "+00:00", "+14:00", "-14:00")
]
NUMBERS = [0, -1, 2**31, 2**63, 10**400, -(10**400)]
OTHERS = [math.nan, math.inf, 1e300, "x", b"x", object(), [], {}, "\ud800", "a\0b", True]

#: What is asked for besides its recipients and its message.
EXTREMES: list[dict[str, Any]] = [
    *({name: value} for name in ("every", "grace", "expires", "throttle") for value in [*DELTAS, *NUMBERS, *OTHERS]),
    *({name: value} for name in ("start", "end", "at") for value in [*MOMENTS, *NUMBERS, *OTHERS]),
    *({name: value} for name in ("runs", "weekdays", "days", "times") for value in [*NUMBERS, *OTHERS]),
    *({name: [value], "times": ["09:00"]} for name in ("weekdays", "days") for value in [*NUMBERS, *OTHERS]),
    *({"weekdays": [1], "times": [value]} for value in [*NUMBERS, *OTHERS]),
    *(
        {name: value}
        for name in ("cron", "tz", "missed", "name", "key", "group_by", "kind", "params", "actions", "level")
        for value in [*NUMBERS, *OTHERS]
    ),
    *({"cron": one} for one in ("9" * 30 + " 9 * * *", "*/" + "9" * 30 + " * * * *", "0 9 * * 1-" + "9" * 30)),
]

RULES = {"every", "at", "weekdays", "days", "cron"}


def test_whatever_a_call_says_it_makes_a_schedule_that_works_or_says_what_is_wrong() -> None:
    errors = []
    for extreme in EXTREMES:
        said: dict[str, Any] = {"to": "everyone", "message": "m"}
        if not RULES & extreme.keys():
            said["every"] = timedelta(hours=1)
        try:
            handle = schedule(**said | extreme)
        except (BadSchedule, BadRule, BadAlert) as error:
            errors.append(str(error))
            continue
        handle.next(3)
        assert wording.sentence_of(Schedule.objects.get()), extreme
        handle.cancel()
    assert 0.7 * len(EXTREMES) < len(errors) < len(EXTREMES)
    assert [error for error in errors if len(error.split()) < 4] == []
    assert not Schedule.objects.exists()


NEW: dict[str, Any] = {"to": "everyone", "message": "m", "when": {"type": "every", "number": 1, "unit": "hours"}}

#: JSON texts in the place of a value.
JSON_NUMBERS = ["0", "-1", "1e300", "-1e300", "9" * 400, str(2**63), "0.5", "true", "null", '"x"', "[]", "{}"]
JSON_MOMENTS = ['"9999-12-31T23:59:59Z"', '"0001-01-01T00:00:00+14:00"', '"9999-12-31T23:59:59-14:00"', '"now"', "7"]


@pytest.mark.slow
async def test_over_http_no_number_and_no_time_is_an_error_of_the_hub() -> None:
    api = Api(await sync_to_async(key_for)())
    made = (await api.result("schedule_create", **NEW))["schedule"]["id"]
    wrong = []
    bodies = [
        *(
            ("schedule_create", NEW, name, value)
            for name in ("grace", "expires", "throttle")
            for value in JSON_NUMBERS
        ),
        *(("schedule_create", NEW, "runs", value) for value in JSON_NUMBERS),
        *(("schedule_create", NEW, name, value) for name in ("start", "end") for value in JSON_MOMENTS),
        *(
            ("schedule_create", NEW, "when", f'{{"type": "every", "number": {value}, "unit": "days"}}')
            for value in JSON_NUMBERS
        ),
        *(("schedule_create", NEW, "when", f'{{"type": "once", "at": {value}}}') for value in JSON_MOMENTS),
        *(("schedule_change", {"id": made}, name, value) for name in ("grace", "runs") for value in JSON_NUMBERS),
        *(("schedule_next", {"id": made}, "limit", value) for value in JSON_NUMBERS),
        *(("schedule_runs", {"id": made}, name, value) for name in ("limit", "before") for value in JSON_NUMBERS),
        *((method, {}, "id", value) for method in ("schedule", "schedule_run", "job") for value in JSON_NUMBERS),
        *(("jobs", {"title": "t", "id": "j"}, "silence", value) for value in JSON_NUMBERS),
        *(("job_change", {"id": "j"}, name, value) for name in ("done", "total", "silence") for value in JSON_NUMBERS),
        *(("jobs_list", {}, "limit", value) for value in JSON_NUMBERS),
    ]
    for method, said, name, value in bodies:
        others = json.dumps({one: other for one, other in said.items() if one != name})[1:-1]
        body = f'{{{others}{", " if others else ""}"{name}": {value}}}'
        status, reply = await api.raw(method, body)
        error = reply.get("error", {})
        is_clear = "result" in reply or (error.get("code") == Code.BAD_REQUEST and "C int" not in error["message"])
        if status not in (200, 400) or not is_clear:
            wrong.append((method, name, value, status, reply))
    assert wrong == []


FORM: dict[str, Any] = {
    "to": "everyone",
    "message": "m",
    "repeat": "every",
    "number": "1",
    "unit": "days",
    "zone": "Europe/Berlin",
    "missed": "once",
}
FORM_NUMBERS = ["0", "-1", "9" * 19, "9" * 400, "1e9", "x", "٣"]
FORM_MOMENTS = ["0001-01-01T00:00:00", "9999-12-31T23:59:59", "2026-02-30T09:00", "x" * 5000]


@pytest.mark.slow
def test_in_a_form_each_is_refused_or_works(client: Client) -> None:
    client.force_login(User.objects.create_superuser("boss"))
    new, preview = reverse("hub:schedules:new"), reverse("hub:schedules:preview")
    fields = [
        *((name, value) for name in ("number", "runs", "grace") for value in FORM_NUMBERS),
        *((name, value) for name in ("start", "end", "at") for value in FORM_MOMENTS),
        *(("days", value) for value in FORM_NUMBERS),
        *(("expression", f"{value} 9 * * *") for value in FORM_NUMBERS),
    ]
    repeats = {"days": "monthly", "at": "once", "expression": "cron"}
    for name, value in fields:
        said = FORM | {"repeat": repeats.get(name, "every"), "times": "09:00", name: value}
        assert client.post(new, said).status_code in (302, 400), (name, value)
        assert client.post(preview, said).status_code == 200, (name, value)
    for row in Schedule.objects.all():
        assert client.get(reverse("hub:schedules:one", args=[row.pk])).status_code == 200
    for number in FORM_NUMBERS:
        assert client.get(new, {"of": number}).status_code == 200, number
        assert client.get(reverse("hub:schedules:list"), {"page": number}).status_code == 200, number
