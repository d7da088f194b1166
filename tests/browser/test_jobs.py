"""The page of background jobs: a bar that moves, a log, cancelling, and the same on every device."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Visitors
from tests.browser.proxies import TcpProxy
from tests.browser.test_pages import faults
from tests.support.live import LiveHub, hub_with

SETTINGS = """
from hub.settings import *

INSTALLED_APPS = [*INSTALLED_APPS, "factory"]
"""

TASKS = """
import os
import time
from pathlib import Path
from worker.tracking import job

#: Is there when the test has seen what it wants to see of a job that runs.
SEEN = Path(os.environ["HUB_DATA_DIR"], "seen")


@job(title="Import customers")
def import_customers(job, rows, seconds=0.1, password="", seen=False):
    for row in job.track(range(rows), text="importing"):
        job.log(f"row {row}")
        if not (seen and SEEN.exists()):
            time.sleep(seconds)
    job.result(url="/topics/", text=f"{rows} customers")


@job(title="Break down")
def break_down(job):
    raise ValueError("the file is empty")


@job(title="Yearly report")
def report(job):
    import_customers.delay(1, 0)
"""

CALL = """
from factory import tasks
from tests.support.people import User
from worker.tracking import started_by

with started_by(User.objects.get(username=name)):
    getattr(tasks, task).delay(**arguments)
"""


ENDED = """
from datetime import timedelta
from django.utils import timezone
from tests.support.people import User
from worker.models import TrackedJob
owner, now = User.objects.get(username=name), timezone.now()
TrackedJob.objects.bulk_create(
    TrackedJob(
        id=f"{name}-{number}", title=f"Job {number}", owner=owner, state="succeeded", task="factory.tasks.old",
        created_at=now - timedelta(minutes=number), ended_at=now,
    )
    for number in range(1, count + 1)
)
"""

WAITING = """
from tests.support.people import User
from worker.models import Job, JobSource
from worker.origins import Origin
from worker.tracking import stored
owner = User.objects.get(username=name)
for number in range(count):
    # Owed, and nobody sends it.
    owed = {"id": f"{name}-{number}", "task": "factory.tasks.later", "arguments": "[[], {}]"}
    Job.objects.create(**owed, send_at="2999-01-01T00:00Z")
    stored.queue(
        f"{name}-{number}", source=JobSource.DURABLE, task="factory.tasks.later", title=f"Later {number}",
        arguments="", origin=Origin(str(owner.pk)),
    )
"""


#: JavaScript: records the texts of a button from now on. The job may have ended before a busy machine gets to look.
RECORD_TEXTS = """button => {
    window.texts = [];
    new MutationObserver(() => window.texts.push(button.textContent)).observe(button, { childList: true });
}"""


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveHub]:
    """A hub with the jobs above."""
    files = {"factory_settings.py": SETTINGS, "factory/__init__.py": "", "factory/tasks.py": TASKS}
    with hub_with(tmp_path_factory.mktemp("jobs"), files, settings="factory_settings") as running:
        yield running


def call(hub: LiveHub, name: str, task: str, **arguments: object) -> None:
    hub.shell(CALL, name=name, task=task, arguments=arguments)


def jobs(page: Page) -> Locator:
    return page.locator("hub-jobs li.job")


def test_bar_moves_and_the_result_stays_after_a_reload_and_on_another_device(visitor: Visitors, hub: LiveHub) -> None:
    page, phone = visitor("ada"), visitor("ada", dark=True)
    phone.set_viewport_size({"width": 360, "height": 740})
    page.goto("/jobs/")
    expect(page.get_by_text("No jobs yet")).to_be_visible()
    call(hub, "ada", "import_customers", rows=150, seconds=0.2, password="hunter22", seen=True)
    job = jobs(page)
    expect(job).to_have_attribute("data-state", "running")
    bar = job.get_by_role("progressbar", name="Import customers")
    expect(bar).to_have_attribute("value", re.compile("[1-9]"))
    seen = float(bar.get_attribute("value") or 0)
    expect(job).to_contain_text(re.compile(r"\d+ of 150 · importing · \d+ (second|minute)s? left"))
    page.reload()
    phone.goto("/jobs/")
    for one in (page, phone):
        expect(jobs(one)).to_have_attribute("data-state", "running")
        assert float(jobs(one).get_by_role("progressbar").get_attribute("value") or 0) >= seen
    job.get_by_text("Details").click()
    expect(job.get_by_text("import_customers(rows=150, seconds=0.2, password=•••, seen=True)")).to_be_visible()
    log = job.get_by_role("list", name="Log")
    expect(log.get_by_role("listitem").first).to_contain_text("row 0")
    for one in (page, phone):  # with a bar that moves, and here with a log
        assert faults(one) == []
    (hub.folder / "seen").touch()
    for one in (page, phone):
        expect(jobs(one)).to_have_attribute("data-state", "succeeded")
        expect(jobs(one).get_by_role("link", name="150 customers")).to_have_attribute("href", "/topics/")
        expect(one.locator("hub-toasts li")).to_contain_text("Import customers: 150 customers")
    expect(log.get_by_role("listitem").last).to_contain_text("row 149")
    assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_job_is_cancelled_by_its_button(visitor: Visitors, hub: LiveHub) -> None:
    page, other = visitor("bob"), visitor("eve")
    for one in (page, other):
        one.goto("/jobs/")
    call(hub, "bob", "import_customers", rows=600)
    job = jobs(page)
    expect(job).to_have_attribute("data-state", "running")
    button = job.get_by_role("button", name="Cancel: Import customers")
    button.evaluate(RECORD_TEXTS)
    button.focus()
    page.keyboard.press("Enter")
    expect(job).to_have_attribute("data-state", "cancelled")
    assert "Cancelling…" in page.evaluate("window.texts")
    expect(job.get_by_role("button")).to_be_hidden()
    expect(page.locator("hub-toasts li")).to_contain_text("Cancelled")
    expect(jobs(other)).to_have_count(0)


def test_failure_tree_and_everybodys_jobs(visitor: Visitors, hub: LiveHub) -> None:
    carol, chief = visitor("carol", dark=True), visitor("chief", staff=True)
    carol.goto("/jobs/")
    call(hub, "carol", "break_down")
    failed = jobs(carol).filter(has_text="Break down")
    expect(failed).to_have_attribute("data-state", "failed")
    expect(failed).to_contain_text("ValueError: the file is empty")
    call(hub, "carol", "report")
    expect(jobs(carol).filter(has_text="Part of: Yearly report")).to_have_attribute("data-state", "succeeded")
    expect(jobs(carol).get_by_role("heading")).to_have_text(["Yearly report", "Import customers", "Break down"])
    assert faults(carol) == []
    hub.shell("from tests.support.people import User; User.objects.filter(username='chief').update(is_superuser=True)")
    chief.goto("/jobs/")
    expect(chief.get_by_text("No jobs yet")).to_be_visible()
    chief.get_by_role("link", name="Jobs of everybody").click()
    reports = chief.locator("hub-jobs[all] li.job").get_by_role("heading", name="Yearly report")
    expect(reports).to_be_visible()
    carol.goto("/jobs/?all")
    expect(jobs(carol)).to_have_count(3)
    expect(carol.locator("hub-jobs[all]")).to_have_count(0)
    expect(carol.get_by_role("link", name="Jobs of everybody")).to_have_count(0)


def test_list_says_that_it_is_offline_and_goes_on(visitor: Visitors, hub: LiveHub, network: TcpProxy) -> None:
    page = visitor("dora", port=network.port)
    page.goto("/jobs/")
    call(hub, "dora", "import_customers", rows=1)
    expect(jobs(page)).to_have_attribute("data-state", "succeeded")
    network.cut()
    expect(page.get_by_text("No connection. What is shown was true")).to_be_visible()
    call(hub, "dora", "break_down")
    network.restore()
    expect(jobs(page)).to_have_count(2)
    expect(page.get_by_text("No connection. What is shown was true")).to_have_count(0)


def test_older_jobs_come_when_they_are_asked_for(visitor: Visitors, hub: LiveHub, network: TcpProxy) -> None:
    page = visitor("olga", port=network.port)
    hub.shell(ENDED, name="olga", count=150)
    page.goto("/jobs/")
    expect(jobs(page)).to_have_count(100)
    button = page.get_by_role("button", name="Show older jobs")
    network.cut()
    expect(page.get_by_text("No connection. What is shown was true")).to_be_visible()
    button.press("Enter")
    expect(button).to_be_disabled()
    network.restore()
    expect(jobs(page)).to_have_count(150)
    expect(jobs(page).last).to_contain_text("Job 150")
    expect(button).to_be_hidden()
    # Who came by the keyboard goes on where the new ones begin.
    expect(jobs(page).nth(100).locator("summary")).to_be_focused()
    call(hub, "olga", "import_customers", rows=1)
    expect(jobs(page)).to_have_count(151)
    expect(jobs(page).first).to_contain_text("Import customers")


def test_job_that_waits_says_its_place_and_those_behind_it_move_up(visitor: Visitors, hub: LiveHub) -> None:
    page = visitor("paul")
    page.goto("/jobs/")
    expect(page.get_by_text("No jobs yet")).to_be_visible()
    hub.shell(WAITING, name="paul", count=2)
    first, second = (jobs(page).filter(has_text=f"Later {number}") for number in range(2))
    expect(first).to_contain_text("Place 1 in the queue")
    expect(second).to_contain_text("Place 2 in the queue")
    first.get_by_role("button", name="Cancel: Later 0").click()
    expect(first).to_have_attribute("data-state", "cancelled")
    expect(second).to_contain_text("Place 1 in the queue")
    page.reload()
    expect(second).to_contain_text("Place 1 in the queue")
    second.get_by_role("button", name="Cancel: Later 1").click()
    expect(second).to_have_attribute("data-state", "cancelled")


def test_list_that_may_not_be_read_says_so_and_tries_again(visitor: Visitors, hub: LiveHub) -> None:
    page = visitor("rita")
    page.goto("/jobs/")
    expect(page.get_by_text("No jobs yet")).to_be_visible()
    page.evaluate("document.querySelector('hub-jobs').remove()")
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<hub-jobs all></hub-jobs>')")
    fault = page.locator("hub-jobs").get_by_role("alert")
    expect(fault).to_contain_text("You may not see the jobs of others")
    fault.get_by_role("button", name="Try again").click()
    expect(fault).to_contain_text("You may not see the jobs of others")
    expect(jobs(page)).to_have_count(0)


def test_guest_logs_in_first(visitor: Visitors) -> None:
    page = visitor()
    page.goto("/jobs/")
    expect(page).to_have_url(re.compile("/accounts/login/"))
