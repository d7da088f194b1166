"""Who sees which page, and may send which form: each URL of the hub's own project, the admin's too.

A URL that is in no table fails the first test: say there who gets what. The same in a hub that runs, for some of them:
``tests/safety/test_permissions.py``.
"""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, NamedTuple

import pytest
from django.test import Client
from django.urls import URLResolver, get_resolver
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from chat.models import Room
from hub.accounts.models import AccessToken
from hub.accounts.tokens import issue
from notifications.models import Topic
from tests.support.people import User
from worker.schedules import schedule

pytestmark = [pytest.mark.django_db, pytest.mark.any_database, pytest.mark.own_user_model]


class Row(NamedTuple):
    """The status for each kind of visitor. 302 leads guests to the log-in page; ``boss`` has all permissions."""

    guest: int
    user: int
    staff: int
    boss: int


EVERYBODY = Row(200, 200, 200, 200)
NO_GET = Row(405, 405, 405, 405)
NOT_HERE = Row(404, 404, 404, 404)
SIGNED_IN = Row(302, 200, 200, 200)
MAY = Row(302, 403, 403, 200)
MAY_NAMED = Row(302, 403, 403, 404)  # what is named is not there, which is said to those only who may
OUTSIDE_DJANGO = Row(501, 501, 501, 501)  # their rights: tests/access/test_channel_rights.py
WEBSOCKET = NOT_HERE  # a page of it; likewise

PAGES = {
    "": EVERYBODY,
    "accounts/link/": Row(302, 302, 302, 302),  # to the place of somebody's tokens, or to the log-in page
    "accounts/login/": Row(200, 302, 302, 302),
    "accounts/logout/": NO_GET,
    "accounts/mail/": SIGNED_IN,
    "accounts/password/": SIGNED_IN,
    "accounts/password_reset/": EVERYBODY,
    "accounts/password_reset/<uidb64>/<token>/": EVERYBODY,
    "accounts/password_reset/sent/": EVERYBODY,
    "accounts/sessions/<str:public_id>/end/": Row(302, 405, 405, 405),
    "accounts/sessions/end/": Row(302, 405, 405, 405),
    "accounts/signup/": Row(200, 302, 302, 302),
    "accounts/tokens/": SIGNED_IN,
    "accounts/tokens/<int:pk>/revoke/": Row(302, 405, 405, 405),
    "api": NO_GET,  # calls have keys: tests/api/test_keys.py
    "api/": NO_GET,
    "api/<path:name>": Row(401, 401, 401, 401),
    "api/docs": EVERYBODY,
    "api/openapi.json": EVERYBODY,
    "chat/": EVERYBODY,
    "chat/<str:room_name>/": Row(404, 200, 404, 404),
    "chat/<str:room_name>/messages/": Row(404, 200, 404, 404),
    "connection/http_stream": OUTSIDE_DJANGO,
    "connection/http_stream/": OUTSIDE_DJANGO,
    "connection/sse": OUTSIDE_DJANGO,
    "connection/sse/": OUTSIDE_DJANGO,
    "connection/websocket": WEBSOCKET,
    "connection/websocket/": WEBSOCKET,
    "events": OUTSIDE_DJANGO,
    "events/": OUTSIDE_DJANGO,
    "health/live": EVERYBODY,
    "health/ready": EVERYBODY,
    "i18n/setlang/": Row(302, 302, 302, 302),  # back to the page
    "jobs/": SIGNED_IN,
    "metrics": EVERYBODY,  # the shipped nginx does not pass it on
    "notifications/": EVERYBODY,
    "notifications/items/": EVERYBODY,
    "notifications/organize/": NO_GET,
    "notifications/preferences/": SIGNED_IN,
    "online/": EVERYBODY,
    "operations/": MAY,
    "operations/failed/": MAY,
    "operations/job/": MAY_NAMED,
    "operations/queue/<slug:change>/": MAY_NAMED,
    "operations/worker/<slug:change>/": MAY_NAMED,
    "schedules/": MAY,
    "schedules/<int:pk>/": MAY,
    "schedules/<int:pk>/<slug:change>/": NO_GET,
    "schedules/<int:pk>/edit/": MAY,
    "schedules/calendar/": MAY,
    "schedules/new/": MAY,
    "schedules/preview/": NO_GET,
    "schedules/tasks/<int:pk>/": MAY,
    "topics/": EVERYBODY,
    "topics/<slug:name>/follow/": NO_GET,
    "topics/<slug:name>/unfollow/": NO_GET,
    "widgets.<slug:version>.js": NOT_HERE,  # of another version
    "widgets.js": EVERYBODY,
    "widgets/<slug:language>.json": EVERYBODY,
    "ws/chat": WEBSOCKET,
    "ws/chat/": WEBSOCKET,
    "ws/chat/<path:room>": WEBSOCKET,
    "ws/notifications": WEBSOCKET,
    "ws/notifications/": WEBSOCKET,
    "ws/online": WEBSOCKET,
    "ws/online/": WEBSOCKET,
}

#: Form -> the same, sent with nothing in it. The closed topic, the token and the schedule are not the visitor's.
FORMS = {
    "accounts/sessions/<str:public_id>/end/": Row(302, 404, 404, 404),
    "accounts/tokens/<int:pk>/revoke/": Row(302, 404, 404, 404),
    "operations/job/": MAY_NAMED,
    "operations/queue/<slug:change>/": MAY_NAMED,
    "operations/worker/<slug:change>/": MAY_NAMED,
    "schedules/<int:pk>/<slug:change>/": MAY_NAMED,
    "schedules/<int:pk>/edit/": Row(302, 403, 403, 400),
    "schedules/new/": Row(302, 403, 403, 400),
    "schedules/preview/": Row(302, 403, 403, 200),
    "topics/<slug:name>/follow/": Row(302, 404, 404, 404),
    "topics/<slug:name>/unfollow/": Row(302, 404, 404, 404),
}

#: POST only, and about nobody but the visitor.
OWN_FORMS = {"accounts/logout/", "accounts/sessions/end/", "notifications/organize/", "api", "api/"}

#: URLs of the admin that say something else than 403 to staff without a permission.
ADMIN = {
    "admin/": 200,  # with nothing in it
    "admin/(?P<url>.*)$": 404,
    "admin/jsi18n/": 200,
    "admin/login/": 302,
    "admin/logout/": 405,
    "admin/password_change/": 302,  # to the hub's own page
    "admin/password_change/done/": 200,
    "admin/r/<path:content_type_id>/<path:object_id>/": 404,
}
#: And those that end so.
ENDS = {"<path:object_id>/": 302, "<path:object_id>/history/": 302, ")/$": 404}

ARGUMENTS = {"room_name": "den", "name": "closed", "pk": "1", "public_id": "1", "change": "nothing", "language": "en"}


def routes(patterns: list[Any], before: str = "") -> Iterator[str]:
    for one in patterns:
        if isinstance(one, URLResolver):
            yield from routes(one.url_patterns, before + str(one.pattern))
        else:
            yield before + str(one.pattern)


def all_routes() -> set[str]:
    return set(routes(get_resolver().url_patterns))


def address(route: str) -> str:
    """A URL of the route, with the ids of what :func:`visitors` makes."""
    route = re.sub(r"\^?\(\?P<app_label>(\w+).*", r"\1/", route).replace("(?P<url>.*)$", "nothing")
    return "/" + re.sub(r"<(?:\w+:)?(\w+)>", lambda found: ARGUMENTS.get(found[1], "4711"), route)


@pytest.fixture
def visitors() -> list[Client]:
    """A browser of each kind of visitor. The user is in the room; all else is another person's."""
    users = [User.objects.create_user("user"), User.objects.create_user("staff", is_staff=True)]
    users.append(User.objects.create_superuser("boss"))
    Room.objects.create(name="den", is_private=True).members.add(users[0])
    Topic.objects.create(name="closed", title="Closed", is_open=False)
    issue(User.objects.create_user("another"))
    AccessToken.objects.update(id=1)
    row = schedule(to="everyone", message="m", every=timedelta(hours=1)).row
    type(row).objects.filter(id=row.id).update(id=1)
    hourly = IntervalSchedule.objects.create(every=1, period=IntervalSchedule.HOURS)
    PeriodicTask.objects.create(id=1, name="Report", task="worker.tasks.send_broadcast", interval=hourly)
    clients = [Client() for _ in Row._fields]
    for client, user in zip(clients[1:], users, strict=True):
        client.force_login(user)
    return clients


def test_each_url_is_in_the_tables() -> None:
    assert {route for route in all_routes() if not route.startswith("admin/")} == set(PAGES)
    assert set(ADMIN) <= all_routes()
    assert {route for route, row in PAGES.items() if 405 in row} <= FORMS.keys() | OWN_FORMS


@pytest.mark.slow
def test_who_sees_which_page(visitors: list[Client]) -> None:
    found = {route: Row(*[client.get(address(route)).status_code for client in visitors]) for route in PAGES}
    assert {route: row for route, row in found.items() if row != PAGES[route]} == {}


@pytest.mark.slow
def test_who_may_send_which_form(visitors: list[Client]) -> None:
    found = {route: Row(*[client.post(address(route)).status_code for client in visitors]) for route in FORMS}
    assert {route: row for route, row in found.items() if row != FORMS[route]} == {}


@pytest.mark.slow
def test_nothing_of_the_admin_is_open_to_staff_without_a_permission(visitors: list[Client]) -> None:
    guest, user, staff, _boss = visitors
    wrong = []
    for route in sorted(route for route in all_routes() if route.startswith("admin/")):
        url = address(route)
        if route not in {"admin/login/", "admin/logout/", "admin/password_change/"}:
            for client in (guest, user):
                answer = client.get(url)
                if answer.status_code != 302 or "/login/" not in answer["location"]:
                    wrong.append((route, answer.status_code))
        of_rows = next((status for end, status in ENDS.items() if route.endswith(end)), 403)
        if (status := staff.get(url).status_code) != ADMIN.get(route, of_rows):
            wrong.append((route, status))
    assert wrong == []
