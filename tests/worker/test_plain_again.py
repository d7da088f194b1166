"""Plain tasks of Celery that have failed and are run again on the operations page."""

import json
from contextlib import nullcontext as does_not_raise
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from unittest.mock import patch

import pytest
from django.db import transaction
from django.test import Client

from tests.support.people import User
from tests.worker.running import run, run_all, take
from tests.worker.test_operations_page import client_of, failed_job, permitted, recorded
from tests.worker.tracked_tasks import plain
from worker import origins
from worker.celery import app
from worker.models import TrackedJob
from worker.operations import correcting, failing, repeating, snapshot, views
from worker.operations.permissions import CORRECT, OPERATE, SEE
from worker.operations.repeating import NotFailed
from worker.tracking import kept_calls, losses, masking, started_by
from worker.tracking.kept_calls import kept

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("nothing_ran"),
]

SECRET = "k-1234-secret"


@app.task(name="tests.refusing")
def refusing(*tokens: str, **values: Any) -> None:
    raise ValueError("not today")


@app.task(name="tests.of_a_day", check_values=staticmethod(lambda day: day.isoformat()))
def of_a_day(day: datetime) -> None:
    raise ValueError("not today")


@pytest.fixture(autouse=True)
def watched(settings: Any) -> None:
    settings.HUB_WATCHED_TASKS = ["tests.plain", "tests.refusing", "tests.of_a_day"]
    snapshot.forget()


@pytest.fixture
def operator() -> Client:
    return client_of(permitted(SEE, OPERATE, CORRECT))


def failed(**kwargs: Any) -> TrackedJob:
    """A plain task of Ada's that has failed."""
    ada = User.objects.create_user("ada")
    with started_by(ada):
        plain.delay(fail=True, **kwargs)
    run_all()
    snapshot.forget()
    return TrackedJob.objects.get(task="tests.plain")


def nested(value: Any, levels: int) -> Any:
    for _level in range(levels):
        value = [value]
    return value


def address(row: TrackedJob) -> str:
    return f"/operations/job/?id={row.pk}"


def again(client: Client, row: TrackedJob, **correct: Any) -> Any:
    values = {"correct": "", "args": "[]", "kwargs": json.dumps(correct)} if correct else {"again": ""}
    return client.post("/operations/job/", {"id": row.pk, **values})


def repeated(row: TrackedJob) -> TrackedJob:
    return TrackedJob.objects.get(repeats=row.pk)


def test_failed_task_is_on_the_page_and_runs_again_as_it_was(operator: Client) -> None:
    row = failed()
    said = operator.get("/operations/").content.decode()
    assert "tests.plain" in said and address(row).replace("&", "&amp;") in said
    assert "Run again as it was" in operator.get(address(row)).content.decode()
    assert again(operator, row).status_code == 302
    new = repeated(row)
    assert (new.state, new.owner, new.queue, new.title) == ("queued", row.owner, "default", "Plain")
    assert recorded() == [("run_again", row.pk)]
    assert failing.named(row.pk) is None
    assert run_all() == ["FAILURE"]
    assert [one.pk for one in failing.newest(10)] == [new.pk]  # it is the one that has failed now
    row.refresh_from_db()
    assert (row.state, row.log[-1][1]) == ("failed", f"It runs again as {new.pk}.")


def test_second_click_does_nothing(operator: Client) -> None:
    row = failed()
    again(operator, row)
    assert again(operator, row).status_code == 404
    assert TrackedJob.objects.filter(repeats=row.pk).count() == 1


def test_of_two_who_run_it_again_at_the_same_time_one_does() -> None:
    row = failed()
    for expected in (does_not_raise(), pytest.raises(NotFailed)):
        with expected, transaction.atomic():
            correcting.run_again(row)
    assert TrackedJob.objects.filter(repeats=row.pk).count() == 1


def test_corrected_task_succeeds_and_is_its_owners_with_what_it_calls(operator: Client) -> None:
    row = failed()
    assert again(operator, row, fail=False).status_code == 302
    message = take()
    assert message.headers["id"] == repeated(row).pk
    assert origins.in_message(message.headers).owner_key == row.owner_id
    assert run(message) == "SUCCESS"
    new = repeated(row)
    assert (new.state, new.arguments, new.call, new.failed_at) == ("succeeded", "fail=false", "", None)
    assert recorded() == [("correct", row.pk)]
    assert failing.number() == 0


def test_secret_is_stored_nowhere_and_must_be_typed_again(operator: Client) -> None:
    row = failed(api_key=SECRET)
    assert json.loads(row.call) == [[], {"api_key": "•••", "fail": True}]
    assert not any(SECRET in str(value) for value in TrackedJob.objects.values_list())
    said = operator.get(address(row)).content.decode()
    assert "which was not kept: type it in its place" in said and "Run again as it was" not in said
    assert SECRET not in said
    refused = operator.post("/operations/job/", {"id": row.pk, "again": ""}, follow=True)
    assert "stands for a secret that was not kept" in refused.content.decode()
    answer = again(operator, row, api_key="•••", fail=False)
    assert answer.status_code == 400 and "stands for a secret that was not kept" in answer.content.decode()
    assert (recorded(), failing.number()) == ([], 1)
    assert again(operator, row, api_key=SECRET, fail=False).status_code == 302
    message = take()
    assert message.decode()[1] == {"api_key": SECRET, "fail": False}
    new = repeated(row)
    assert (new.arguments, json.loads(new.call)[1]["api_key"]) == ("api_key=•••, fail=false", "•••")


def test_who_may_not_change_arguments_cannot_type_a_secret() -> None:
    row = failed(api_key=SECRET)
    client = client_of(permitted(SEE, OPERATE))
    said = client.get(address(row)).content.decode()
    assert "Somebody who may change them can run it again." in said
    assert again(client, row, api_key=SECRET).status_code == 403
    again(client, row)
    assert (TrackedJob.objects.count(), recorded()) == (1, [])


@pytest.mark.parametrize(
    ("permissions", "page", "as_it_was", "corrected"),
    [((), 403, 403, 403), ((SEE,), 200, 403, 403), ((OPERATE,), 200, 302, 403), ((SEE, CORRECT), 200, 403, 403)],
)
def test_permissions_are_those_of_durable_jobs(
    permissions: tuple[str, ...], page: int, as_it_was: int, corrected: int
) -> None:
    row = failed()
    client = client_of(permitted(*permissions))
    assert client.get(address(row)).status_code == page
    assert again(client, row, fail=False).status_code == corrected
    assert again(client, row).status_code == as_it_was
    assert recorded() == ([("run_again", row.pk)] if as_it_was == 302 else [])


@pytest.mark.parametrize(
    ("kwargs", "says"),
    [({"fial": True}, "The task has no argument fial."), ({"fail": "•••"}, "stands for a secret, and none was there")],
)
def test_arguments_that_the_task_does_not_take_are_refused(
    operator: Client, kwargs: dict[str, Any], says: str
) -> None:
    row = failed()
    answer = again(operator, row, **kwargs)
    assert (answer.status_code, says in answer.content.decode()) == (400, True)
    assert (recorded(), TrackedJob.objects.count()) == ([], 1)


@pytest.mark.parametrize(
    ("columns", "watches", "says"),
    [
        ({"call": ""}, "tests.plain", "What it was called with was not kept"),
        ({"task": "tests.gone"}, "tests.*", "No module here declares this task"),
        ({}, "tests.other", "Tasks of this name are not watched any more"),
    ],
)
def test_what_cannot_run_again_says_why(
    operator: Client, settings: Any, columns: dict[str, str], watches: str, says: str
) -> None:
    row = failed()
    TrackedJob.objects.update(**columns)
    settings.HUB_WATCHED_TASKS = [watches]
    said = operator.get(address(row)).content.decode()
    assert says in said and '<form method="post" class="card operations-form"' not in said
    if columns != {"call": ""}:
        assert again(operator, row).status_code == 403
    again(operator, row)
    assert (recorded(), TrackedJob.objects.count()) == ([], 1)


@pytest.mark.parametrize("value", ["half \ud800 of a character", nested(list(range(3000)), kept_calls.DEPTH - 5)])
def test_whatever_was_kept_is_shown_and_runs_again_as_it_was(operator: Client, value: Any) -> None:
    refusing.delay(value=value)
    run_all()
    row = TrackedJob.objects.get()
    assert operator.get(address(row)).status_code == 200
    assert again(operator, row).status_code == 302
    assert take().payload[1] == {"value": value}


def test_task_looks_at_values_as_it_gets_them(operator: Client) -> None:
    day = datetime(2026, 1, 2, tzinfo=UTC)
    of_a_day.delay(day)
    run_all()
    assert again(operator, TrackedJob.objects.get()).status_code == 302
    assert take().payload[0] == [day]


def test_all_arguments_that_a_star_takes_are_called_alike() -> None:
    assert kept("tests.refusing", ["one secret", "another"], {}) == json.dumps([["•••", "•••"], {}])
    assert masking.shown("tests.refusing", ["one secret", "another"], {}) == "tokens=•••, tokens=•••"
    assert "another" not in masking.without_secrets("another", ["one secret", "another"], {}, "tests.refusing")


def test_run_that_the_broker_does_not_take_has_failed(operator: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    row = failed()

    def away(*_args: Any, **_options: Any) -> None:
        raise OSError("connection refused")

    monkeypatch.setattr(plain, "apply_async", away)
    said = operator.post("/operations/job/", {"id": row.pk, "again": ""}, follow=True).content.decode()
    new = repeated(row)
    assert (new.state, new.error) == ("failed", "It was not sent: OSError.")
    assert [one.pk for one in failing.newest(10)] == [new.pk]
    assert "The broker has not taken it." in said and "The job runs again." not in said


def test_run_whose_sender_was_killed_before_it_was_sent_has_failed(operator: Client) -> None:
    row = failed()
    with patch.object(repeating, "_send"):  # as if the process ended with the commit
        again(operator, row)
    new = repeated(row)
    assert failing.number() == 0 and losses.mark_lost() == 0
    TrackedJob.objects.filter(pk=new.pk).update(lost_at="2020-01-01T00:00Z")
    assert losses.mark_lost() == 1
    new.refresh_from_db()
    assert new.state == "failed" and new.error.startswith("Nobody knows whether it was sent")
    assert [one.pk for one in failing.newest(10)] == [new.pk]
    again(operator, new)
    assert run_all() == ["FAILURE"]


def test_run_that_was_sent_waits_as_long_as_it_takes(operator: Client) -> None:
    row = failed()
    again(operator, row)
    assert repeated(row).lost_at is None
    assert losses.mark_lost() == 0


def test_lost_task_is_among_the_failed_ones_until_it_is_heard_of() -> None:
    plain.delay()
    TrackedJob.objects.update(state="running", lost_at="2020-01-01T00:00Z")
    assert losses.mark_lost() == 1
    row = TrackedJob.objects.get()
    assert json.loads(row.call) == [[], {}]
    assert failing.number() == 1
    run_all()  # its broker has given it out again
    assert failing.number() == 0


def test_lists_have_durable_and_plain_ones_in_one_order(operator: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "FAILED", 1)
    durable = failed_job()
    TrackedJob.objects.all().delete()
    row = failed()
    assert [one.pk for one in failing.newest(10)] == [row.pk, durable.pk]
    assert [one.pk for one in failing.newest(1)] == [row.pk]
    first, second = (operator.get(f"/operations/failed/?page={number}").content.decode() for number in (1, 2))
    assert "tests.plain" in first and "tests.break" not in first and "2 jobs" in first
    assert "tests.break" in second and "tests.plain" not in second


@pytest.mark.parametrize(
    ("args", "kwargs", "found"),
    [
        (["k"], {"x": [1, None, [True], {"a": 0.5}]}, [["•••"], {"x": [1, None, [True], {"a": 0.5}]}]),
        (
            [],
            {"path": "postgres://u:pa55word@db/x", "n": {"token": [1], "b": 2}},
            [[], {"path": "•••", "n": {"token": "•••", "b": 2}}],
        ),
        (
            [],
            {"x": {"https://u:pa55word@x/": 1}, "y": {"jwt": "a", "bypass": 1}},
            [[], {"x": "•••", "y": {"jwt": "•••", "bypass": 1}}],
        ),
        ([], {"x": "x" * kept_calls.LIMIT}, None),
        ([], {"x": list(range(kept_calls.LIMIT))}, None),
        ([], {"x": 1 << 1_000_000}, None),
        ([], {"x": "ж" * (kept_calls.LIMIT // 4)}, None),
        ([], {"x": object()}, None),
        ([], {"x": {1: "a"}}, None),
        ([], {"x": (1, 2)}, None),
        ([], {"x": float("nan")}, None),
    ],
)
def test_call_is_kept_where_it_comes_back_as_it_was(args: list[Any], kwargs: dict[str, Any], found: Any) -> None:
    text = kept("tests.plain", args, kwargs)
    assert (json.loads(text) if text else None) == found
    assert len(text) <= kept_calls.LIMIT


def test_dates_and_the_like_are_such_again() -> None:
    kwargs = {"at": datetime(2026, 1, 2, tzinfo=UTC), "price": Decimal("1.50")}
    assert kept_calls.decoded(kept("tests.plain", [], kwargs)) == [[], kwargs]


def test_nothing_is_kept_that_is_nested_without_end_or_whose_names_are_not_known() -> None:
    ring = list[Any]()
    ring.append(ring)
    deep = nested([], kept_calls.DEPTH + 1)
    assert (kept("tests.plain", [], {"x": ring}), kept("tests.plain", [], {"x": deep})) == ("", "")
    assert kept("shop.unknown", ["maybe a secret"], {}) == ""
    assert kept("shop.unknown", [], {"token": "t", "a": 1}) == '[[], {"token": "\\u2022\\u2022\\u2022", "a": 1}]'
    assert "shop.unknown" not in app.tasks
