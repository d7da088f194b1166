"""Rows by the clock that never ran, or were changed: nothing is sent for having been saved, nor before the start."""

import inspect
import json
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest
from django.test import Client as Browser
from django.utils import timezone
from django_celery_beat.models import ClockedSchedule, CrontabSchedule, IntervalSchedule, PeriodicTask

from notifications.sending.alerting import BadAlert
from worker.arguments import misfit
from worker.beat import HubEntry, HubScheduler
from worker.celery import app
from worker.models import Job
from worker.tasks import distribute, send_broadcast, send_scheduled

pytestmark = pytest.mark.django_db(transaction=True)

KWARGS = '{"message": "m"}'


def saved(name: str = "row", **fields: Any) -> Any:
    return PeriodicTask.objects.create(name=name, task=send_broadcast.name, kwargs=KWARGS, **fields)


def daily(minute: str = "25", hour: str = "9") -> CrontabSchedule:
    return CrontabSchedule.objects.create(minute=minute, hour=hour, timezone="UTC")


def hourly() -> IntervalSchedule:
    return IntervalSchedule.objects.create(every=1, period=IntervalSchedule.HOURS)


def next_due(row: Any, *, changed: datetime | None = None) -> datetime:
    """When beat sends it next; ``changed`` is when somebody saved it."""
    if changed is not None:
        PeriodicTask.objects.filter(pk=row.pk).update(date_changed=changed)
    return next(HubEntry(PeriodicTask.objects.get(pk=row.pk), app=app)._due_times())


def sent_now() -> int:
    scheduler = HubScheduler(app=app)
    scheduler.maintenance = []
    for _ in range(3):
        scheduler.tick()
    return Job.objects.filter(failed_at=None).count()


SAVED = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        (None, datetime(2026, 11, 21, 9, 25, tzinfo=UTC)),
        (datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 21, 9, 25, tzinfo=UTC)),
        (datetime(2026, 11, 20, 12, 1, tzinfo=UTC), datetime(2026, 11, 21, 9, 25, tzinfo=UTC)),
        (datetime(2026, 12, 1, 8, tzinfo=UTC), datetime(2026, 12, 1, 9, 25, tzinfo=UTC)),
        (datetime(2026, 12, 1, 9, 25, tzinfo=UTC), datetime(2026, 12, 1, 9, 25, tzinfo=UTC)),
        (datetime(2026, 12, 1, 9, 26, tzinfo=UTC), datetime(2026, 12, 2, 9, 25, tzinfo=UTC)),
    ],
)
def test_a_crontab_is_due_first_at_its_time_after_start_and_saving(start: datetime | None, expected: datetime) -> None:
    assert next_due(saved(crontab=daily(), start_time=start), changed=SAVED) == expected


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        (None, datetime(2026, 11, 20, 13, tzinfo=UTC)),
        (datetime(2026, 12, 1, 8, 10, tzinfo=UTC), datetime(2026, 12, 1, 8, 10, tzinfo=UTC)),
        (datetime(2026, 11, 19, 8, 10, tzinfo=UTC), datetime(2026, 11, 20, 12, 10, tzinfo=UTC)),
    ],
)
def test_an_interval_is_due_first_at_its_start_and_then_by_it(start: datetime | None, expected: datetime) -> None:
    assert next_due(saved(interval=hourly(), start_time=start), changed=SAVED) == expected


def test_a_one_off_at_a_date_waits_for_its_start() -> None:
    at = datetime(2026, 12, 1, 8, tzinfo=UTC)
    clocked = ClockedSchedule.objects.create(clocked_time=at)
    assert next_due(saved("date", clocked=clocked, one_off=True)) == at
    later = at + timedelta(hours=2)
    assert next_due(saved("later", clocked=clocked, one_off=True, start_time=later)) == later


@pytest.mark.parametrize("start", [None, timedelta(days=-400), timedelta(minutes=-1), timedelta(days=1)])
@pytest.mark.parametrize("one_off", [False, True])
def test_saving_sends_nothing(start: timedelta | None, one_off: bool) -> None:
    now = timezone.now()
    passed = now - timedelta(minutes=3)
    start_time = None if start is None else now + start
    saved("crontab", crontab=daily(str(passed.minute), str(passed.hour)), start_time=start_time, one_off=one_off)
    saved("interval", interval=hourly(), start_time=start_time, one_off=one_off)
    assert sent_now() == 0


def test_a_row_that_never_ran_is_sent_when_it_is_due() -> None:
    now = timezone.now()
    row = saved(crontab=daily(str(now.minute), str(now.hour)), start_time=now - timedelta(hours=1))
    PeriodicTask.objects.filter(pk=row.pk).update(date_changed=now - timedelta(minutes=30))
    assert sent_now() == 1
    assert sent_now() == 1


def test_a_row_whose_time_is_edited_to_one_that_has_passed_is_not_sent_for_that() -> None:
    now = timezone.now()
    passed = now - timedelta(hours=2)
    row = saved(crontab=daily("0", str((now.hour + 5) % 24)), last_run_at=now - timedelta(hours=19))
    row.crontab = daily(str(passed.minute), str(passed.hour))
    row.save()
    assert sent_now() == 0


def test_a_crontab_that_is_edited_itself_sends_nothing_for_that() -> None:
    now = timezone.now()
    passed = now - timedelta(hours=2)
    crontab = daily("0", str((now.hour + 5) % 24))
    row = saved(crontab=crontab, last_run_at=now - timedelta(hours=19))
    PeriodicTask.objects.filter(pk=row.pk).update(date_changed=now - timedelta(days=30))
    crontab.minute, crontab.hour = str(passed.minute), str(passed.hour)
    crontab.save()
    assert sent_now() == 0


@pytest.mark.parametrize("kind", ["crontab", "interval"])
@pytest.mark.parametrize(
    "ways", [("save", "save"), ("disable_tasks", "enable_tasks"), ("toggle_tasks", "toggle_tasks")]
)
def test_a_row_that_is_switched_on_again_counts_from_then(
    admin_client: Browser, kind: str, ways: tuple[str, str]
) -> None:
    now = timezone.now()
    passed = now - timedelta(hours=2)
    schedule = daily(str(passed.minute), str(passed.hour)) if kind == "crontab" else hourly()
    row = saved(last_run_at=now - timedelta(days=3), **{kind: schedule})
    PeriodicTask.objects.filter(pk=row.pk).update(date_changed=now - timedelta(days=30))
    for way, enabled in zip(ways, (False, True), strict=True):
        if way == "save":
            row = PeriodicTask.objects.get(pk=row.pk)
            row.enabled = enabled
            row.save()
        else:
            chosen = {"action": way, "_selected_action": [row.pk]}
            assert admin_client.post("/admin/django_celery_beat/periodictask/", chosen).status_code == 302
        assert PeriodicTask.objects.get(pk=row.pk).enabled is enabled
    assert sent_now() == 0


def test_an_edit_of_the_text_does_not_put_off_an_interval() -> None:
    row = saved(interval=hourly(), last_run_at=timezone.now() - timedelta(minutes=61))
    row.description = "edited"
    row.save()
    assert sent_now() == 1


def test_a_start_that_is_put_off_holds_for_a_row_that_ran() -> None:
    start = timezone.now() + timedelta(days=2)
    row = saved(interval=hourly(), last_run_at=timezone.now() - timedelta(hours=5), start_time=start)
    assert next_due(row) == start
    assert sent_now() == 0


def test_what_was_missed_is_in_the_admin_with_times_and_schedule(admin_client: Browser) -> None:
    saved("hourly", interval=hourly(), last_run_at=timezone.now() - timedelta(hours=5, minutes=1))
    assert sent_now() == 1
    (missed,) = Job.objects.exclude(failed_at=None)
    assert missed.error.startswith("Missed: 4 due times of 'hourly', ")
    assert json.loads(missed.arguments) == [[], {"message": "m"}]
    page = admin_client.get("/admin/hub_worker/job/").content.decode()
    assert "Missed: 4 due times" in page
    again = {"action": "send_again", "_selected_action": [missed.pk]}
    assert admin_client.post("/admin/hub_worker/job/", again).status_code == 302
    assert Job.objects.get(pk=missed.pk).failed_at is None


@pytest.mark.parametrize("task", [send_broadcast.name, "worker.maintenance.sweep", "of.another.deployment"])
@pytest.mark.parametrize(
    ("args", "kwargs", "reason"),
    [
        ("[]", "[]", "JSON object"),
        ("[]", '"text"', "JSON object"),
        ("{}", "{}", "JSON list"),
        ("[]", '{"mesage": "m"}', "no argument mesage"),
    ],
)
def test_what_cannot_be_sent_is_a_failed_job_that_says_why(task: str, args: str, kwargs: str, reason: str) -> None:
    fits_unknown = task == "of.another.deployment" and "mesage" in kwargs
    row = saved(interval=hourly(), last_run_at=timezone.now() - timedelta(minutes=61))
    PeriodicTask.objects.filter(pk=row.pk).update(task=task, args=args, kwargs=kwargs)
    sent_now()
    failed = Job.objects.exclude(failed_at=None)
    if fits_unknown:  # only its worker can know
        assert not failed.exists()
        return
    assert PeriodicTask.objects.get(pk=row.pk).total_run_count == 1
    assert [job.task for job in failed] == [task]
    assert [reason in job.error for job in failed] == [True]
    assert "'row'" in failed.get().error


FORM = {
    "name": "stand-up",
    "regtask": send_broadcast.name,
    "enabled": "on",
    "args": "[]",
    "headers": "{}",
    "start_time_0": "",
    "start_time_1": "",
}


@pytest.mark.any_database
@pytest.mark.parametrize(
    ("args", "kwargs", "sentence"),
    [
        ("[]", "[" * 100_000, "nested too deeply"),
        ('{"a":' * 100_000, "{}", "nested too deeply"),
        ("[]", "[]", "Keyword arguments are a JSON object"),
        ("[]", '"message"', "Keyword arguments are a JSON object"),
        ("[]", "null", "Keyword arguments are a JSON object"),
        ("{}", KWARGS, "Positional arguments are a JSON list"),
        ("[]", '{"mesage": "m"}', "The task has no argument mesage. It takes: message, to, title"),
        ("[]", '{"to": "everyone"}', "message has 1 to 4000 characters"),
        ('["m"]', KWARGS, "The task does not take these positional arguments"),
        (json.dumps(list("abcdefghijk")), "{}", "The task does not take these positional arguments"),
    ],
    ids=lambda text: text[:40],
)
def test_the_form_refuses_what_the_task_does_not_take(
    admin_client: Browser, args: str, kwargs: str, sentence: str
) -> None:
    form = {**FORM, "interval": hourly().pk, "args": args, "kwargs": kwargs}
    response = admin_client.post("/admin/django_celery_beat/periodictask/add/", form)
    assert response.status_code == 200
    assert sentence in response.content.decode()
    assert not PeriodicTask.objects.exists()


#: Values that the task never takes, beside a message that it does; and what its action says.
BAD_VALUES: list[tuple[dict[str, Any], str]] = [
    ({"level": "infoo"}, "not 'infoo'"),
    ({"level": 7}, "level is one of"),
    ({"to": "everybody"}, "'everybody' is not 'everyone', 'members'"),
    ({"to": "user:"}, "'user:' is not 'everyone', 'members'"),
    ({"to": 7}, "goes to a saved user, group or topic"),
    ({"to": ["user:of-tomorrow", "everybody"]}, "'everybody' is not 'everyone'"),
    ({"to": ["everyone", None]}, "goes to a saved user, group or topic"),
    ({"message": ""}, "message has 1 to 4000 characters"),
    ({"message": "\u200b"}, "message has 1 to 4000 characters"),
    ({"message": "m" * 4001}, "message has 1 to 4000 characters"),
    ({"message": ["m"]}, "message is text, not list"),
    ({"title": "t" * 201}, "title has at most 200 characters"),
    ({"url": "javascript:alert(1)"}, "url is http(s)://… or a path of this site"),
    ({"url": "//elsewhere.example.com/"}, "url is http(s)://… or a path of this site"),
    ({"url": None}, "url is text, not NoneType"),
    ({"data": {"a": "\0"}}, "data is what JSON has"),
    ({"data": 2**60}, "data"),
    ({"data": "d" * 100_000}, "bytes of JSON"),
    ({"key": ""}, "key is text of 1 to"),
]


@pytest.mark.any_database
@pytest.mark.parametrize(("values", "sentence"), BAD_VALUES, ids=[str(number) for number in range(len(BAD_VALUES))])
@pytest.mark.parametrize("by_place", [False, True])
def test_the_form_refuses_values_in_the_words_of_the_action(
    admin_client: Browser, values: dict[str, Any], sentence: str, by_place: bool
) -> None:
    by_name = {"message": "m", **values}
    args = [by_name.pop("message")] if by_place else []
    form = {**FORM, "interval": hourly().pk, "args": json.dumps(args), "kwargs": json.dumps(by_name)}
    response = admin_client.post("/admin/django_celery_beat/periodictask/add/", form)
    assert response.status_code == 200 and sentence in unescape(response.content.decode())
    assert not PeriodicTask.objects.exists()
    with pytest.raises(BadAlert) as raised:
        send_broadcast.run(*args, **by_name)
    assert sentence in str(raised.value) or "of-tomorrow" in str(raised.value)


MAIL = {"mail": "ada@example.com", "domain": "hub.example.com", "is_secure": True, "language": "ru"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"mail": "nonsense"}, "Enter a valid email address."),
        ({"mail": None}, "This field is required."),
        ({"domain": ""}, "domain is the host of this hub"),
        ({"domain": 7}, "domain is the host of this hub"),
        ({"language": "xx"}, "language is one of en, ru, not 'xx'"),
        ({"language": ["ru"]}, "language is one of en, ru"),
    ],
)
def test_the_form_refuses_values_of_the_task_that_mails(
    admin_client: Browser, values: dict[str, Any], sentence: str
) -> None:
    form = {**FORM, "regtask": "hub.accounts.tasks.send_reset_mail", "interval": hourly().pk}
    url = "/admin/django_celery_beat/periodictask/add/"
    response = admin_client.post(url, {**form, "kwargs": json.dumps({**MAIL, **values})})
    assert response.status_code == 200 and sentence in unescape(response.content.decode())
    assert admin_client.post(url, {**form, "kwargs": json.dumps(MAIL)}).status_code == 302


def test_every_task_of_the_hub_that_takes_arguments_looks_at_their_values() -> None:
    app.loader.import_default_modules()
    packages = {"chat", "hub", "notifications", "presence", "worker"}
    ours = [task for name, task in app.tasks.items() if name.partition(".")[0] in packages]
    assert len(ours) > 5
    assert [
        task.name for task in ours if inspect.signature(task.run).parameters and not hasattr(task, "check_values")
    ] == []


@pytest.mark.parametrize(("given", "fits"), [(7, True), (0, False), (-1, False), ("7", False), (True, False)])
def test_a_distribution_is_of_a_notification_that_can_be(given: object, fits: bool) -> None:
    assert misfit(distribute, [], {}) == ("kwargs", "The task needs the argument notification_id.")
    said = misfit(distribute, [given], {})
    assert said is None if fits else said and said[0] == "args" and "the id of a notification" in said[1]


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [
        ("[]", KWARGS),
        ('["m"]', '{"to": "everyone"}'),
        ("[]", '{"message": "m", "to": ["user:of-tomorrow", "group:of-tomorrow", "topic:of-tomorrow"]}'),
    ],
)
def test_the_form_takes_what_the_task_takes(admin_client: Browser, args: str, kwargs: str) -> None:
    form = {**FORM, "interval": hourly().pk, "args": args, "kwargs": kwargs}
    assert admin_client.post("/admin/django_celery_beat/periodictask/add/", form).status_code == 302
    assert PeriodicTask.objects.get().task == send_broadcast.name


def test_the_form_takes_any_object_for_a_task_of_another_deployment(admin_client: Browser) -> None:
    form = {**FORM, "regtask": "", "task": "shop.report", "interval": hourly().pk, "kwargs": '{"mesage": 1}'}
    assert admin_client.post("/admin/django_celery_beat/periodictask/add/", form).status_code == 302


@pytest.mark.parametrize("kwargs", ["[]", '{"message": ""}'])
def test_running_a_row_by_hand_that_does_not_fit_is_refused_with_a_sentence(
    admin_client: Browser, kwargs: str
) -> None:
    row = saved(interval=hourly())
    PeriodicTask.objects.filter(pk=row.pk).update(kwargs=kwargs)
    chosen = {"action": "run_tasks", "_selected_action": [row.pk]}
    page = admin_client.post("/admin/django_celery_beat/periodictask/", chosen, follow=True).content.decode()
    assert "was not run, nor was any other" in page
    assert not Job.objects.exists()


@pytest.mark.parametrize("task", ["worker.maintenance.sweep", "of.another.deployment"])
def test_what_was_missed_of_a_task_without_a_row_cannot_be_sent_from_the_admin(
    admin_client: Browser, task: str
) -> None:
    row = saved(interval=hourly(), last_run_at=timezone.now() - timedelta(hours=5, minutes=1))
    PeriodicTask.objects.filter(pk=row.pk).update(task=task, kwargs="{}")
    sent_now()
    (missed,) = Job.objects.all()
    again = {"action": "send_again", "_selected_action": [missed.pk]}
    assert admin_client.post("/admin/hub_worker/job/", again).status_code == 302
    missed.refresh_from_db()
    assert missed.failed_at is not None


@pytest.mark.parametrize(
    ("given", "fits"),
    [
        ((7, "2026-01-31T09:00:00+00:00"), True),
        ((0, "2026-01-31T09:00:00+00:00"), False),
        (("7", "2026-01-31T09:00:00+00:00"), False),
        ((7, "tomorrow"), False),
        ((7, None), False),
    ],
)
def test_an_alert_is_sent_later_at_a_time(given: tuple[object, object], fits: bool) -> None:
    said = misfit(send_scheduled, [*given], {})
    assert said is None if fits else said and said[0] == "args"
