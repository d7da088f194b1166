"""The operations page in a browser: it follows by itself, and keys alone pause a queue and run a failed job again."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from lab.harness.waiting import wait_for
from tests.browser.conftest import Visitors
from tests.browser.page_parts import wait_until_loaded
from tests.browser.test_pages import faults, is_sound
from tests.support.live import LiveHub, live_hub

MAY = """
from tests.support.people import User
User.objects.filter(username=name).update(is_superuser=True)
"""

CALL = "from worker.tasks import send_broadcast; send_broadcast.apply_async((text,), queue='bulk')"

#: Queues that workers were started for and do not read now.
NOT_READ = "from worker.operations import reports; print(*{queue for one in reports.read() for queue in one.off})"

FAIL = """
from worker import jobs
from worker.jobs import JobCall
jobs.store(JobCall("to-be-corrected", "worker.tasks.send_broadcast", [], {"message": "m", "to": "user:nobody"}, {}))
jobs.fail("to-be-corrected", "UnknownRecipient: there is nobody of this name")
"""

#: A task of Celery's own.
WATCHED = "celery.accumulate"

FAIL_PLAIN = """
from django.utils import timezone
from worker.models import JobSource, JobState, TrackedJob
from worker.tracking.kept_calls import kept
TrackedJob.objects.create(
    id="to-be-typed", task=task, title="Accumulate", source=JobSource.CELERY, state=JobState.FAILED,
    error="RuntimeError: no paper", failed_at=timezone.now(), call=kept(task, [], {"api_token": "s"}),
)
"""


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveHub]:
    """A hub of its own, with a worker for each queue."""
    folder = tmp_path_factory.mktemp("operations")
    with live_hub(
        folder, HUB_DELIVERIES_QUEUE="deliveries", HUB_BULK_QUEUE="bulk", HUB_WATCHED_TASKS=WATCHED
    ) as running:
        yield running


@pytest.fixture(autouse=True)
def everything_is_read(hub: LiveHub) -> Iterator[None]:
    yield
    hub.shell(
        "from worker.models import Job, TrackedJob; from worker.operations.models import PausedQueue\n"
        "for model in (PausedQueue, Job, TrackedJob): model.objects.all().delete()"
    )


def operator(visitor: Visitors, hub: LiveHub, *, dark: bool = False, language: str = "en") -> Page:
    page = visitor("chief", staff=True, dark=dark, language=language)
    hub.shell(MAY, name="chief")
    return page


def part(page: Page, name: str) -> Locator:
    return page.locator(f"#operations-{name}")


def test_page_follows_by_itself_while_keys_pause_and_resume_a_queue(visitor: Visitors, hub: LiveHub) -> None:
    page, other = operator(visitor, hub, dark=True), operator(visitor, hub)
    other.goto("/operations/")
    wait_until_loaded(other)
    other.evaluate("globalThis.isSamePage = true")
    page.goto("/operations/")
    for name in ("worker@", "worker-deliveries@", "worker-bulk@"):
        expect(part(page, "workers").get_by_role("heading", name=name)).to_be_visible()
    assert faults(page) == []
    is_sound(page, "en")
    page.get_by_role("link", name="Pause the queue bulk").press("Enter")
    expect(page.get_by_role("heading", name="Pause the queue bulk?")).to_be_visible()
    assert faults(page) == []
    is_sound(page, "en")
    page.get_by_role("button", name="Pause", exact=True).press("Enter")
    expect(page.get_by_text("Queue paused: bulk").first).to_be_visible()
    expect(part(other, "queues").get_by_text("Paused: nothing is taken out of it.")).to_be_visible()
    expect(part(other, "records").get_by_text("Queue paused: bulk").first).to_be_visible()
    # What is sent once the worker has heard of it waits.
    wait_for(lambda: "bulk" in hub.shell(NOT_READ).split(), timeout=20, that="the worker has heard of the pause")
    hub.shell(CALL, text="waited")
    expect(part(other, "queues").get_by_text("1 waits, the oldest since")).to_be_visible()
    page.get_by_role("link", name="Resume the queue bulk").press("Enter")
    page.get_by_role("button", name="Resume", exact=True).press("Enter")
    expect(part(other, "queues").get_by_text("1 waits")).to_have_count(0)
    expect(part(other, "queues").get_by_role("link", name="Pause the queue bulk")).to_be_visible()
    assert other.evaluate("globalThis.isSamePage")
    expect(other.locator("hub-bell")).to_be_visible()
    # In the other theme and language, with what was done on it.
    assert faults(other) == []
    russian = operator(visitor, hub, language="ru")
    for path in ("/operations/", "/operations/failed/"):
        russian.goto(path)
        assert faults(russian) == []
        is_sound(russian, "ru")


def test_failed_job_is_corrected_and_goes_from_the_page(visitor: Visitors, hub: LiveHub) -> None:
    visitor.expect_in_console("a status of 400")  # of the form that is refused
    page = operator(visitor, hub)
    page.goto("/operations/")
    wait_until_loaded(page)
    page.evaluate("globalThis.isSamePage = true")
    hub.shell(FAIL)
    expect(part(page, "failed").get_by_text("there is nobody of this name")).to_be_visible()
    assert page.evaluate("globalThis.isSamePage")
    page.goto("/operations/failed/")
    expect(page.get_by_text("there is nobody of this name")).to_be_visible()
    assert faults(page) == []
    is_sound(page, "en")
    page.get_by_role("link", name="worker.tasks.send_broadcast").press("Enter")
    expect(page.get_by_label("Keyword arguments")).to_be_visible()
    assert faults(page) == []
    is_sound(page, "en")
    page.get_by_label("Keyword arguments").fill('{"message": "m", "whom": "everyone"}')
    page.get_by_role("button", name="Run with these arguments").click()
    expect(page.get_by_text("The task has no argument whom.")).to_be_visible()
    page.get_by_label("Keyword arguments").fill('{"message": "corrected", "to": "everyone"}')
    page.get_by_role("button", name="Run with these arguments").press("Enter")
    expect(page.get_by_text("The job runs again.")).to_be_visible()
    expect(part(page, "failed").get_by_text("No job has failed.")).to_be_visible()
    page.goto("/notifications/")
    expect(page.get_by_text("corrected", exact=True).first).to_be_visible()


def test_form_of_a_failed_plain_task_is_sound(visitor: Visitors, hub: LiveHub) -> None:
    page = operator(visitor, hub)
    hub.shell(FAIL_PLAIN, task=WATCHED)
    page.goto("/operations/job/?id=to-be-typed")
    expect(page.get_by_text("A row of dots stands for a secret, which was not kept")).to_be_visible()
    expect(page.get_by_label("Keyword arguments")).to_be_visible()
    assert faults(page) == []
    is_sound(page, "en")


def test_without_scripts_a_worker_is_drained_and_takes_work_again(visitor: Visitors, hub: LiveHub) -> None:
    page = operator(visitor, hub)
    cookies = page.context.cookies()
    browser = page.context.browser
    assert browser is not None
    plain = browser.new_context(base_url=hub.url, java_script_enabled=False)
    plain.add_cookies(cookies)  # type: ignore[arg-type]  # as it gave them
    still = plain.new_page()
    still.goto("/operations/")
    still.get_by_role("link", name="Drain worker-bulk@").click()
    still.get_by_role("button", name="Drain").click()
    expect(still.get_by_text("Worker drained: worker-bulk@").first).to_be_visible()
    still.get_by_role("link", name="take work again").click()
    still.get_by_role("button", name="Take work again").click()
    expect(still.get_by_role("link", name="Drain worker-bulk@")).to_be_visible()
    plain.close()
