"""The operations page: who may see it and act, what it shows, and failed jobs that run again."""

import json
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from hub.channels.namespace import namespace_of
from hub.database import heartbeats, leases
from hub.privacy import erase, export
from hub.users import all_users
from notifications.models import Notification
from tests.support.people import User
from tests.worker.running import lengths, run_all
from tests.worker.tracked_tasks import break_down
from worker import jobs
from worker.jobs import JobCall
from worker.models import Job, TrackedJob
from worker.operations import pausing, recording, reports, snapshot, views
from worker.operations.models import Operation, OperationRecord
from worker.operations.permissions import CORRECT, OPERATE, SEE
from worker.operations.reports import RunningTask, WorkerReport
from worker.schedules import schedule
from worker.schedules.permissions import SEE as SEE_SCHEDULES
from worker.schedules.views import SEE_TASKS
from worker.scheduling import BEAT_LEASE

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("nothing_ran"),
]

PAGE = "/operations/"

#: One of each page and action: a GET that asks, and what a POST sends.
ACTIONS: list[tuple[str, dict[str, str]]] = [
    ("/operations/queue/pause/", {"name": "bulk"}),
    ("/operations/queue/resume/", {"name": "bulk"}),
    ("/operations/worker/drain/", {"name": "run-1"}),
    ("/operations/worker/undrain/", {"name": "run-1"}),
]

RUN = WorkerReport(
    "run-1",
    "worker@alpha",
    ("default", "bulk"),
    (),
    is_drained=False,
    concurrency=2,
    started=0.0,
    running=(RunningTask("job-1", "shop.tasks.count", "bulk", time.time() - 120),),
)


@pytest.fixture(autouse=True)
def worker_runs() -> Iterator[None]:
    """One worker has reported, and pages look anew."""
    reports.write(RUN)
    snapshot.forget()
    yield
    reports.forget(RUN.run)
    snapshot.forget()


def permitted(*permissions: str, name: str = "boss") -> User:
    user = User.objects.create_user(name, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=[one.partition(".")[2] for one in permissions]))
    assert all(map(user.has_perm, permissions))
    return user


def client_of(user: User | None) -> Client:
    client = Client()
    if user is not None:
        client.force_login(user)
    return client


@pytest.fixture
def operator() -> Client:
    return client_of(permitted(SEE, OPERATE, CORRECT))


def failed_job(**kwargs: Any) -> Job:
    """A job that has failed and that its task would take again."""
    jobs.store(JobCall("failed-1", "tests.break", [], kwargs, {}))
    TrackedJob.objects.create(id="failed-1", title="Break", state="failed", arguments="token=•••")
    jobs.fail("failed-1", f"ValueError: {kwargs.get('token', '')} was not accepted")
    snapshot.forget()
    return Job.objects.get()


def recorded() -> list[tuple[str, str]]:
    return list(OperationRecord.objects.order_by("pk").values_list("operation", "target"))


@pytest.mark.parametrize(
    ("permissions", "page", "action"),
    [((), 403, 403), ((SEE,), 200, 403), ((OPERATE,), 200, 200), ((SEE, CORRECT), 200, 403)],
)
def test_being_of_the_staff_is_not_enough(permissions: tuple[str, ...], page: int, action: int) -> None:
    client = client_of(permitted(*permissions))
    assert client.get(PAGE).status_code == page
    failed_job()
    assert client.get("/operations/job/?id=failed-1").status_code == page
    done = 302 if action == 200 else 403
    assert client.post("/operations/job/", {"id": "failed-1", "again": ""}).status_code == done
    for address, values in ACTIONS:
        assert client.get(address, values).status_code == action, address
        assert client.post(address, values).status_code == done, address
    if action == 403:
        assert (pausing.paused(), pausing.drained(), recorded()) == (set(), set(), [])


def test_guests_log_in_first_and_members_are_refused() -> None:
    assert client_of(None).get(PAGE).url == f"/accounts/login/?next={PAGE}"  # type: ignore[attr-defined]  # of a redirect
    assert client_of(None).post(ACTIONS[0][0], ACTIONS[0][1]).status_code == 302
    assert pausing.paused() == set()
    member = User.objects.create_user("member")
    assert client_of(member).get(PAGE).status_code == 403


@pytest.mark.parametrize("address", ["/", PAGE])
@pytest.mark.parametrize(("permissions", "is_linked"), [((SEE,), True), ((), False)])
def test_menu_of_those_who_may_see_it_leads_there(permissions: tuple[str, ...], is_linked: bool, address: str) -> None:
    said = client_of(permitted(*permissions)).get(address).content.decode()
    assert (f'href="{PAGE}"' in said) is (is_linked)


@pytest.mark.parametrize(("permissions", "may"), [((SEE,), True), ((OPERATE,), True), ((), False)])
def test_channel_is_for_those_who_may_see_the_page(permissions: tuple[str, ...], may: bool) -> None:
    assert namespace_of("operations").can_subscribe(permitted(*permissions)) is may  # type: ignore[misc]  # it has one


def test_page_shows_queues_workers_beat_and_what_is_slow(operator: Client) -> None:
    leases.hold(BEAT_LEASE, "alpha:1:x", seconds=10)
    heartbeats.beat("beat:alpha")
    now = timezone.now()
    times = {"started_at": now - timedelta(minutes=2), "ended_at": now}
    TrackedJob.objects.create(id="slow", title="Count <b>stars</b>", state="succeeded", **times)
    break_down.apply_async(queue="bulk")
    said = operator.get(PAGE).content.decode()
    for text in ("deliveries", "1 waits", "worker@alpha", "shop.tasks.count", "Beat sends: alpha:1:x", "took 120 s"):
        assert text in said, text
    assert "Count &lt;b&gt;stars" in said
    assert "No worker reads it" not in said  # bulk is read by the worker that has reported


def test_page_names_what_is_due_next_and_leads_there(operator: Client) -> None:
    hourly = {"interval": IntervalSchedule.objects.create(every=1, period="hours"), "task": "shop.tasks.count"}
    task = PeriodicTask.objects.create(name="Count", last_run_at=timezone.now(), **hourly)
    PeriodicTask.objects.create(name="Off", enabled=False, **hourly)
    first = schedule(to="everyone", message="First", at=timezone.now() + timedelta(minutes=10)).row
    schedule(to="everyone", message="Last", at=timezone.now() + timedelta(days=2))
    in_the_admin = reverse("admin:django_celery_beat_periodictask_change", args=[task.pk])
    addresses = [reverse("hub:schedules:one", args=[first.pk]), reverse("hub:schedules:task", args=[task.pk])]
    everything = permitted(SEE, SEE_TASKS, SEE_SCHEDULES, name="everything")
    reply = client_of(everything).get(PAGE)
    assert [str(getattr(one, "task", one)) for one in reply.context["due_next"]] == [
        "First",
        "shop.tasks.count",
        "Last",
    ]
    assert all(f'href="{address}"' in reply.content.decode() for address in addresses)
    # Others see no periodic tasks, and no links that would be refused.
    said = operator.get(PAGE).content.decode()
    assert "First" in said and "Count" not in said
    assert not any(address in said for address in addresses)
    # Who sees periodic tasks and no schedules is led to the admin.
    said = client_of(permitted(SEE, SEE_TASKS, name="tasks")).get(PAGE).content.decode()
    assert f'href="{in_the_admin}"' in said and not any(address in said for address in addresses)


def test_failed_jobs_beyond_the_first_are_on_a_page_of_their_own(
    operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module, name in ((snapshot, "FAILED_LIMIT"), (views, "FAILED")):
        monkeypatch.setattr(module, name, 2)
    for number in range(3):
        jobs.store(JobCall(f"job-{number}", f"shop.task_{number}", [], {"token": "s3cr3t-token"}, {}))
        jobs.fail(f"job-{number}", f"ValueError: {number} of s3cr3t-token")
    assert 'href="/operations/failed/"' in operator.get(PAGE).content.decode()
    shown = operator.get("/operations/failed/").content.decode()
    assert "ValueError: 2 of" in shown and "ValueError: 1 of" in shown and "ValueError: 0 of" not in shown
    older = operator.get("/operations/failed/?page=2").content.decode()
    assert "ValueError: 0 of" in older and "/operations/job/?id=job-0" in older
    assert "s3cr3t-token" not in shown + older
    assert operator.get("/operations/failed/?page=x").status_code == 200
    Job.objects.filter(pk="job-0").delete()
    snapshot.forget()
    assert "/operations/failed/" not in operator.get(PAGE).content.decode()


def test_worker_that_has_ended_leaves_nothing_in_the_store() -> None:
    reports.forget(RUN.run)
    with reports._client() as client:
        assert not client.sismember(reports._index(), RUN.run)


def test_queue_that_nobody_reads_is_told(operator: Client) -> None:
    reports.forget(RUN.run)
    break_down.delay()
    said = operator.get(PAGE).content.decode()
    assert "No worker reads it: what waits there stays." in said
    assert "No worker runs: nothing is done in the background." in said


def test_queue_is_paused_and_resumed_after_a_question_and_recorded(operator: Client) -> None:
    asked = operator.get("/operations/queue/pause/", {"name": "deliveries"}).content.decode()
    assert "Pause the queue deliveries?" in asked
    assert pausing.paused() == set()
    said = operator.post("/operations/queue/pause/", {"name": "deliveries"}, follow=True).content.decode()
    assert "Paused: nothing is taken out of it." in said
    assert pausing.paused() == {"deliveries"}
    again = operator.post("/operations/queue/pause/", {"name": "deliveries"}, follow=True).content.decode()
    assert "That was so before. Nothing was done." in again
    operator.post("/operations/queue/resume/", {"name": "deliveries"})
    assert pausing.paused() == set()
    assert recorded() == [("pause", "deliveries"), ("resume", "deliveries")]
    assert "Queue resumed: deliveries" in operator.get(PAGE).content.decode()


def test_worker_is_drained_and_takes_work_again(operator: Client) -> None:
    asked = operator.get("/operations/worker/drain/", {"name": "run-1"}).content.decode()
    assert "No other worker reads default, bulk: what is sent there waits." in asked
    operator.post("/operations/worker/drain/", {"name": "run-1"})
    assert pausing.is_drained("run-1")
    assert "Being drained: it finishes what it has." in operator.get(PAGE).content.decode()
    operator.post("/operations/worker/undrain/", {"name": "run-1"})
    assert not pausing.is_drained("run-1")
    assert recorded() == [("drain", "worker@alpha"), ("undrain", "worker@alpha")]


@pytest.mark.whole_table
@pytest.mark.parametrize(
    ("address", "values"),
    [
        ("/operations/queue/pause/", {"name": "nobody's"}),
        ("/operations/queue/pause/", {"name": ""}),
        ("/operations/queue/pause/", {"name": "a\0b"}),
        ("/operations/queue/pause/", {"name": "x" * 300}),
        ("/operations/queue/pause/", {}),
        ("/operations/queue/purge/", {"name": "bulk"}),
        ("/operations/worker/drain/", {"name": "gone"}),
        ("/operations/worker/kill/", {"name": "run-1"}),
        ("/operations/job/", {"id": "gone"}),
    ],
)
def test_what_there_is_not_is_not_found(operator: Client, address: str, values: dict[str, str]) -> None:
    assert operator.get(address, values).status_code == 404
    assert operator.post(address, values).status_code == 404
    assert recorded() == []


def test_forms_of_other_pages_do_nothing(operator: Client) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = operator.cookies
    assert strict.post("/operations/queue/pause/", {"name": "bulk"}).status_code == 403
    assert pausing.paused() == set()


def test_failed_job_runs_again_as_it_was(operator: Client) -> None:
    failed_job(token="s3cr3t-token")
    assert operator.post("/operations/job/", {"id": "failed-1", "again": ""}).status_code == 302
    job = Job.objects.get()
    assert (job.failed_at, json.loads(job.arguments)[1]) == (None, {"token": "s3cr3t-token"})
    assert lengths()["default"] == 1
    assert recorded() == [("run_again", "failed-1")]
    assert operator.post("/operations/job/", {"id": "failed-1", "again": ""}).status_code == 404  # it has begun


def test_secrets_of_a_failed_job_are_shown_to_nobody(operator: Client) -> None:
    failed_job(token="s3cr3t-token", passing=True)
    for address in (PAGE, "/operations/job/?id=failed-1"):
        said = operator.get(address).content.decode()
        assert "was not accepted" in said
        assert "s3cr3t-token" not in said
    assert "•••" in operator.get("/operations/job/?id=failed-1").content.decode()


def test_corrected_arguments_keep_the_secrets_where_the_dots_stay(operator: Client) -> None:
    failed_job(token="s3cr3t-token", passing=True)
    values = {"id": "failed-1", "correct": "", "args": "[]", "kwargs": '{"token": "•••", "passing": false}'}
    assert operator.post("/operations/job/", values).status_code == 302
    job = Job.objects.get()
    assert json.loads(job.arguments) == [[], {"token": "s3cr3t-token", "passing": False}]
    assert recorded() == [("correct", "failed-1")]
    assert TrackedJob.objects.get().arguments == "token=•••, passing=false"
    assert run_all() == ["FAILURE"]


@pytest.mark.parametrize(
    ("args", "kwargs", "says"),
    [
        ("[]", '{"tokem": "x"}', "The task has no argument tokem."),
        ("[]", '{"token": {"__type__": "decimal", "__value__": []}}', "is none that Celery can read"),
        ('[{"__type__": "s3cr3t", "__value__": 1}]', "{}", "is none that Celery can read"),
        ("[1, 2, 3]", "{}", "The task does not take these positional arguments."),
        ("{}", "{}", "Positional arguments are a JSON list"),
        ("[]", "[]", "Keyword arguments are a JSON object"),
        ("[", "{}", "This is no JSON."),
        ("[]", '{"passing": "•••"}', "stands for a secret, and none was there"),
        ("[]", '{"token": {"password": "•••"}}', "stands for a secret, and none was there"),
        ("[" * 100_000, "{}", "This is no JSON."),
        ("[]", '{"passing": ' + "[" * 480 + "]" * 480 + "}", "nested too deeply"),
    ],
)
def test_arguments_that_the_task_does_not_take_are_refused(
    operator: Client, args: str, kwargs: str, says: str
) -> None:
    failed_job(token="s3cr3t-token", passing=True)
    answer = operator.post("/operations/job/", {"id": "failed-1", "correct": "", "args": args, "kwargs": kwargs})
    assert answer.status_code == 400
    said = answer.content.decode()
    assert says in said
    assert "s3cr3t-token" not in said
    assert Job.objects.get().failed_at is not None
    assert recorded() == []


def test_other_arguments_need_a_permission_of_their_own() -> None:
    failed_job(passing=True)
    client = client_of(permitted(SEE, OPERATE))
    said = client.get("/operations/job/?id=failed-1").content.decode()
    assert ("Run again as it was" in said, "Run with these arguments" in said) == (True, False)
    values = {"id": "failed-1", "correct": "", "args": "[]", "kwargs": "{}"}
    assert client.post("/operations/job/", values).status_code == 403
    assert Job.objects.get().failed_at is not None


def test_values_are_checked_by_the_task_itself(operator: Client) -> None:
    jobs.store(JobCall("failed-2", "worker.tasks.send_broadcast", ["Hello", "user:nobody"], {}, {}))
    jobs.fail("failed-2", "UnknownRecipient")
    wrong = {"id": "failed-2", "correct": "", "args": '["Hello"]', "kwargs": '{"level": "loud"}'}
    assert operator.post("/operations/job/", wrong).status_code == 400
    right = {**wrong, "kwargs": '{"level": "warning"}'}
    assert operator.post("/operations/job/", right).status_code == 302
    assert run_all() == ["SUCCESS"]
    assert Notification.objects.get().level == "warning"


def test_what_only_says_that_something_has_not_happened_cannot_run(operator: Client) -> None:
    jobs.store_failed(JobCall("missed", "shop.plain", [], {}, {}), "Missed: 1 due time", durable=False)
    assert "there is nothing to run again" in operator.get("/operations/job/?id=missed").content.decode()
    assert operator.post("/operations/job/", {"id": "missed", "again": ""}).status_code == 403


@pytest.mark.whole_table
@pytest.mark.parametrize(
    "arguments",
    [
        "no JSON",
        "",
        "null",
        "7",
        "[]",
        "[1, 2]",
        "[[], []]",
        "[null, {}]",
        "[" * 3000,
        "[" * 100_000 + "]" * 100_000,
        '[["a"], {"data": ' + "[" * 480 + "]" * 480 + "}]",
        '[["a"], {"data": ' + '{"a":' * 480 + "1" + "}" * 480 + "}]",
    ],
)
def test_row_that_cannot_be_read_breaks_no_page(operator: Client, arguments: str) -> None:
    failed_job()
    Job.objects.update(arguments=arguments)
    snapshot.forget()
    assert operator.get(PAGE).status_code == 200
    assert "Its row cannot be read" in operator.get("/operations/job/?id=failed-1").content.decode()
    assert operator.post("/operations/job/", {"id": "failed-1", "again": ""}).status_code == 200
    assert Job.objects.get().failed_at is not None


def test_secrets_are_masked_however_deep_they_are(operator: Client) -> None:
    failed_job(token="s3cr3t-token")
    deep = "[" * 480 + '{"password": "s3cr3t-word"}' + "]" * 480
    Job.objects.update(arguments=f'[[], {{"data": {deep}}}]', error="ValueError: s3cr3t-word was not accepted")
    snapshot.forget()
    for address in (PAGE, "/operations/job/?id=failed-1"):
        assert "s3cr3t-word" not in operator.get(address).content.decode()


def test_person_is_erased_although_a_row_cannot_be_read() -> None:
    ada = User.objects.create_user("ada", email="ada@example.com")
    failed_job()
    deep = "[" * 480 + '"ada@example.com"' + "]" * 480
    for arguments in ('"ada@example.com"', '["ada@example.com"', f"[[{deep}], {{}}]"):
        Job.objects.update_or_create(id="odd", defaults={"task": "tests.break", "arguments": arguments})
        assert len(export(ada)["jobs"]) == 1
    erase(ada)
    assert not Job.objects.filter(pk="odd").exists()


def test_person_who_is_erased_leaves_what_was_done() -> None:
    boss = permitted(SEE, OPERATE)
    recording.record(boss, Operation.PAUSE, "bulk")
    assert "pause" in json.dumps(export(boss), default=str)
    erase(boss, account=True)
    assert not all_users().filter(pk=boss.pk).exists()
    left = OperationRecord.objects.get()
    assert (left.operation, left.person) == ("pause", None)


def test_one_look_serves_all_who_ask(operator: Client, django_assert_num_queries: Any) -> None:
    snapshot.current()
    with django_assert_num_queries(0):
        assert snapshot.current() is snapshot.current()


def test_slow_jobs_are_looked_for_among_the_newest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "SLOW_AMONG", 4)
    now = timezone.now()
    for number, seconds in enumerate((29, 40, 50, None, 60, 70)):  # the newest first
        ended = now - timedelta(minutes=number)
        started = ended - timedelta(seconds=seconds) if seconds else None
        TrackedJob.objects.create(id=f"job-{number}", title="T", state="succeeded", started_at=started, ended_at=ended)
    assert [one.pk for one in snapshot.current().slow_jobs] == ["job-2", "job-1"]


def test_ages_alone_are_no_change(monkeypatch: pytest.MonkeyPatch) -> None:
    break_down.apply_async(queue="bulk")
    before = snapshot.current().key
    snapshot.forget()
    assert snapshot.current().key == before
    pausing.pause("bulk")
    snapshot.forget()
    assert snapshot.current().key != before


def test_page_knows_what_was_done_in_another_web_process() -> None:
    before = snapshot.after_what_was_done()
    assert snapshot.after_what_was_done() is before
    recording.record(permitted(SEE), Operation.PAUSE, "bulk")
    assert [one.target for one in snapshot.after_what_was_done().records] == ["bulk"]


def test_addresses_are_those_of_the_names() -> None:
    assert reverse("hub:operations:overview") == PAGE
