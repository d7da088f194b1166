"""Pages and endpoints that a project leaves out: they are not there, and nothing leads to them."""

import sys
import types
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client, override_settings
from django.urls import NoReverseMatch, include, path, reverse
from django.utils import timezone
from django_celery_beat.models import IntervalSchedule, PeriodicTask
from pytest_django.fixtures import Settings

import hub.urls
from chat.models import Room
from hub.config import hub_settings
from hub.mounting.endpoints import Endpoints
from hub.web import page_url, views
from tests.hub.test_widgets import printed
from worker.models import JobState
from worker.schedules import schedule
from worker.schedules.models import PeriodicRun, PeriodicRunStatus

pytestmark = pytest.mark.any_database

ALL_PAGES = ("home", "alerts", "topics", "chat", "online", "jobs", "schedules", "operations", "accounts", "language")

#: A URL of each page.
URLS = {
    "home": "hub:home",
    "alerts": "hub:notifications:list",
    "topics": "hub:topics:list",
    "chat": "hub:chat:rooms",
    "online": "hub:presence:online",
    "jobs": "hub:jobs:list",
    "schedules": "hub:schedules:list",
    "operations": "hub:operations:overview",
    "accounts": "hub:accounts:login",
    "language": "hub:set_language",
}


@contextmanager
def project_with(pages: Sequence[str], endpoints: Sequence[str] = ()) -> Iterator[Client]:
    """A project that includes the hub's URLs with these pages and endpoints."""
    module: Any = types.ModuleType("tests.hub.urls_of_a_project")
    found = [*hub.urls.pages(pages), *hub.urls.endpoints(endpoints), path("", views.nothing, name="root")]
    module.urlpatterns = [path("", include((found, "hub")))]
    sys.modules[module.__name__] = module
    try:
        with override_settings(ROOT_URLCONF=module.__name__, LOGIN_URL="/login/"):
            yield Client()
    finally:
        del sys.modules[module.__name__]


@pytest.mark.parametrize("page", ALL_PAGES)
def test_page_that_is_left_out_has_no_url(page: str) -> None:
    with project_with([name for name in ALL_PAGES if name != page]):
        with pytest.raises(NoReverseMatch):
            reverse(URLS[page])
        for other in ALL_PAGES:
            assert other == page or reverse(URLS[other])


@pytest.mark.django_db
@pytest.mark.parametrize("left", ALL_PAGES)
def test_nothing_leads_to_a_page_that_is_left_out(left: str) -> None:
    address = reverse(URLS[left])
    with project_with([name for name in ALL_PAGES if name != left]) as client:
        for name in ("home", "alerts", "topics", "chat", "online"):
            if name != left:
                text = client.get(reverse(URLS[name])).content.decode()
                assert left == "home" or f'"{address}' not in text, name


@pytest.mark.slow
@pytest.mark.django_db
def test_addresses_of_no_page_answer_404() -> None:
    with project_with(["alerts"]) as client:
        assert client.get("/notifications/").status_code == 200
        for address in ("/", "/chat/", "/online/", "/api/notify", "/health/live", "/metrics", "/connection/websocket"):
            assert client.get(address).status_code == 404, address


@pytest.fixture
def failed_task() -> PeriodicTask:
    """A periodic task that is due next and has failed the last time."""
    hourly = IntervalSchedule.objects.create(every=1, period=IntervalSchedule.HOURS)
    row = PeriodicTask.objects.create(name="count", task="shop.tasks.count", interval=hourly)
    PeriodicRun.objects.create(
        periodic_task=row.pk,
        due_at=timezone.now(),
        ran_at=timezone.now(),
        status=PeriodicRunStatus.SENT,
        job="7",
        outcome=JobState.FAILED,
    )
    return row


@pytest.mark.django_db
@pytest.mark.parametrize("left", ["schedules", "operations"])
def test_pages_for_the_staff_lead_to_none_that_is_left_out(
    left: str, admin_client: Client, failed_task: PeriodicTask
) -> None:
    coming = schedule(to="everyone", message="Hello", every=timedelta(hours=1)).row
    of_task = reverse("hub:schedules:task", args=[failed_task.pk])
    shown = {
        "operations": (reverse("hub:operations:overview"),),
        "schedules": (reverse("hub:schedules:list"), reverse("hub:schedules:one", args=[coming.pk]), of_task),
    }
    address = reverse(URLS[left])
    with project_with([name for name in ALL_PAGES if name != left]):
        for page in shown["schedules" if left == "operations" else "operations"]:
            answer = admin_client.get(page)
            assert answer.status_code == 200
            assert f'"{address}' not in answer.content.decode(), page


@pytest.mark.django_db
def test_room_without_a_page_has_no_address() -> None:
    room = Room(name="hall")
    assert room.get_absolute_url() == page_url("hub:chat:room", "hall") != ""
    with project_with(["alerts"]):
        assert room.get_absolute_url() == ""


def scope(kind: str, address: str, method: str = "GET") -> dict[str, Any]:
    return {"type": kind, "path": address, "method": method, "scheme": "http", "headers": [(b"host", b"localhost")]}


@pytest.mark.parametrize(
    ("endpoint", "asked"),
    [
        ("connection/http_stream", scope("http", "/connection/http_stream", "POST")),
        ("connection/sse", scope("http", "/connection/sse")),
        ("events", scope("http", "/events")),
        ("api", scope("http", "/api/notify", "POST")),
    ],
)
def test_endpoint_that_is_left_out_is_not_answered(endpoint: str, asked: dict[str, Any], settings: Settings) -> None:
    assert Endpoints().find(dict(asked)) is not None
    settings.HUB_ENDPOINTS = [name for name in hub_settings().endpoints if name != endpoint]
    assert Endpoints().find(dict(asked)) is None


@pytest.mark.parametrize(
    ("endpoint", "address"),
    [
        ("connection/websocket", "/connection/websocket"),
        ("ws/notifications", "/ws/notifications/"),
        ("ws/online", "/ws/online"),
        ("ws/chat", "/ws/chat/hall/"),
    ],
)
def test_websocket_that_is_left_out_is_nobodys(endpoint: str, address: str, settings: Settings) -> None:
    asked = scope("websocket", address)
    assert Endpoints(answers_unknown=False).find(dict(asked)) is not None
    settings.HUB_ENDPOINTS = [name for name in hub_settings().endpoints if name != endpoint]
    assert Endpoints(answers_unknown=False).find(dict(asked)) is None


def test_commands_have_an_address_as_long_as_a_transport_needs_it(settings: Settings) -> None:
    asked = scope("http", "/emulation", "POST")
    settings.HUB_ENDPOINTS = ["connection/websocket", "connection/sse"]
    assert Endpoints().find(dict(asked)) is not None
    settings.HUB_ENDPOINTS = ["connection/websocket"]
    assert Endpoints().find(dict(asked)) is None


def test_widgets_connect_by_what_there_is(settings: Settings) -> None:
    settings.HUB_ENDPOINTS = ["connection/sse"]
    scripts = printed("hub_scripts")
    assert "/connection/sse" in scripts
    assert "/connection/websocket" not in scripts
    settings.HUB_ENDPOINTS = ["ws/notifications"]
    tags = ("hub_scripts", "hub_bell", "hub_inbox", "hub_toasts", "hub_online", "hub_jobs", "hub_chat 'hall'")
    assert [printed(tag) for tag in tags] == [""] * len(tags)


@pytest.mark.parametrize(
    ("address", "headers"),
    [
        ("/connection/websocket", {"Upgrade": "websocket"}),
        ("/ws/notifications/", {"Upgrade": "WebSocket"}),
        ("/ws/chat/hall/", {"Upgrade": "websocket"}),
        ("/connection/sse", {}),
        ("/events", {}),
    ],
)
def test_django_says_that_it_serves_no_connections(address: str, headers: dict[str, str]) -> None:
    with project_with([], hub_settings().endpoints) as client:
        answer = client.get(address, headers=headers)
        assert answer.status_code == 501
        assert "hub.mount()" in answer.content.decode()
    assert Client().get("/ws/notifications/").status_code == 404  # nobody asked for a WebSocket
