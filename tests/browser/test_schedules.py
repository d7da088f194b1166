"""The pages of schedules in a browser: one is made, said in words, and sent; the page shows the run."""

import re
from calendar import monthrange
from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visitors
from tests.browser.page_parts import wait_until_loaded
from tests.browser.test_pages import faults, is_sound
from tests.support.live import LiveHub

DUE = """
from datetime import timedelta
from django.utils import timezone
from worker.schedules.models import Schedule
now = timezone.now()
Schedule.objects.filter(name=name).update(
    rule={"type": "once", "at": now.isoformat()}, next_at=now - timedelta(seconds=5), is_planned=False
)
"""

HOURLY = """
from datetime import timedelta
from django_celery_beat.models import CrontabSchedule, PeriodicTask
from worker.schedules import schedule
schedule(to='everyone', message='m', name='Hourly', every=timedelta(hours=1))
daily = CrontabSchedule.objects.create(minute="0", hour="9", timezone="Asia/Tokyo")
PeriodicTask.objects.create(name="Report", task="tests.nobody_has_it", crontab=daily)
"""

#: As beat claims a due time, after two that it has missed.
CLAIMED = """
from datetime import timedelta
from django.utils import timezone
from django_celery_beat.models import PeriodicTask
from worker.schedules import periodic_runs
from worker.schedules.models import PeriodicRunStatus
days = [timezone.now() - timedelta(days=number) for number in (2, 1)]
row = PeriodicTask.objects.get(name="Report")
periodic_runs.store(row.pk, timezone.now(), days, status=PeriodicRunStatus.SENT)
"""

MAY = """
from tests.support.people import User
User.objects.filter(username=name).update(is_superuser=True)
"""


def ends_of_months(number: int) -> list[datetime]:
    """The next last days of months at 17:00 in Berlin."""
    zone = ZoneInfo("Europe/Berlin")
    now = datetime.now(zone)
    months = [divmod(now.year * 12 + now.month - 1 + later, 12) for later in range(number + 1)]
    ends = [datetime(year, month + 1, monthrange(year, month + 1)[1], 17, tzinfo=zone) for year, month in months]
    return [one for one in ends if one > now][:number]


@pytest.fixture(autouse=True)
def no_schedules_left(hub: LiveHub) -> Iterator[None]:
    yield
    hub.shell(
        "from django_celery_beat.models import PeriodicTask; from worker.schedules.models import Schedule; "
        "Schedule.objects.all().delete(); PeriodicTask.objects.filter(name='Report').delete()"
    )


@pytest.mark.parametrize("dark", [False, True])
def test_a_schedule_is_made_and_said_in_words_while_one_types(visitor: Visitors, hub: LiveHub, dark: bool) -> None:
    page = visitor("chief", staff=True, dark=dark)
    hub.shell(MAY, name="chief")
    page.goto("/schedules/new/")
    wait_until_loaded(page)
    expect(page.get_by_text("Every weekday at 09:00, UTC", exact=True)).to_be_visible()
    page.get_by_label("Name").fill("Daily")
    page.get_by_label("Recipients").fill("everyone")
    page.get_by_label("Message").fill("Stand-up in five minutes")
    page.get_by_label("It is due").select_option("monthly")
    page.get_by_label("Days of the month", exact=True).fill("31")
    page.get_by_label("In a month that is too short on its last day").check()
    page.get_by_label("Times", exact=True).fill("17:00")
    page.get_by_label("Time zone").select_option("Europe/Berlin")
    expect(page.get_by_text("On the last day of each month at 17:00, Europe/Berlin")).to_be_visible()
    rows = page.get_by_role("region", name="Next times").get_by_role("row")
    expect(rows).to_have_count(11)
    for row, there in zip(rows.all()[1:], ends_of_months(10), strict=True):
        here = there.astimezone(UTC)
        said = [f"{clock:%a %m/%d/%Y %H:%M}" for clock in (there, here)]
        expect(row.get_by_role("cell")).to_have_text(said)
    assert faults(page) == []
    is_sound(page, "en")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Daily", level=1)).to_be_visible()
    wait_until_loaded(page)
    page.evaluate("globalThis.isSamePage = true")
    hub.shell(DUE, name="Daily")
    # Beat sends it; the page shows the run, and how many got it, without being loaded again.
    expect(page.get_by_text("Sent: 1, missed: 0, failed: 0")).to_be_visible(timeout=30_000)
    run = page.get_by_role("region", name="History").get_by_role("row").nth(1)
    expect(run.get_by_role("cell").nth(4)).to_have_text("1", timeout=30_000)  # this browser's connection
    expect(page.get_by_text("It is not due any more.")).to_be_visible()
    assert page.evaluate("globalThis.isSamePage")
    assert faults(page) == []
    is_sound(page, "en")
    for path in ("/schedules/", "/schedules/calendar/"):
        page.goto(path)
        assert faults(page) == []
        is_sound(page, "en")


def test_keys_alone_pause_and_delete_a_schedule(visitor: Visitors, hub: LiveHub) -> None:
    hub.shell(HOURLY)
    page = visitor("chief", staff=True)
    hub.shell(MAY, name="chief")
    page.goto("/schedules/")
    russian = visitor("chief", staff=True, language="ru")
    for path in ("/schedules/", "/schedules/calendar/", "/schedules/new/"):
        russian.goto(path)
        assert faults(russian) == []
        is_sound(russian, "ru")
    page.get_by_role("link", name="Report").press("Enter")
    expect(page.get_by_text("It has not been due yet.")).to_be_visible()
    wait_until_loaded(page)
    hub.shell(CLAIMED)
    expect(page.get_by_text("Sent: 1, missed: 2, failed: 0")).to_be_visible()
    expect(page.locator(".schedule-chart rect.missed")).to_have_count(2)
    assert faults(page) == []
    is_sound(page, "en")
    page.get_by_role("link", name="Schedules").first.press("Enter")
    page.get_by_role("link", name="Hourly").press("Enter")
    page.get_by_role("button", name="Pause").press("Enter")
    expect(page.get_by_role("button", name="Go on")).to_be_visible()
    page.locator("summary", has_text="Delete").press("Enter")
    page.get_by_role("button", name="Delete the schedule").press("Enter")
    expect(page).to_have_url(re.compile(r"/schedules/$"))
    expect(page.get_by_text("No schedule yet")).to_be_visible()
