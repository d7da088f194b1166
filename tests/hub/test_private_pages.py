"""What shows who is logged in, or is not for everybody, is kept by no cache: not by a shared one, and not by that of
the next person's browser."""

from collections.abc import Iterator

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from pytest_django.fixtures import Settings

from chat.actions import create_room
from tests.support.people import User

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]

#: What is the same for everybody.
PUBLIC = {"/widgets.js"}


def addresses(urls: URLResolver, begin: str = "/") -> Iterator[str]:
    """Of all pages and endpoints of the hub that need nothing in their address."""
    for one in urls.url_patterns:
        address = begin + str(one.pattern)
        if isinstance(one, URLPattern):
            yield address
        elif one.namespace != "admin":
            yield from addresses(one, address)


@pytest.mark.slow
def test_nothing_that_an_administrator_may_see_is_kept_by_caches(admin_client: Client, settings: Settings) -> None:
    settings.HUB_OPERATOR_ADDRESSES = ["127.0.0.1"]
    seen = set()
    for address in {one for one in addresses(get_resolver()) if "<" not in one} - PUBLIC:
        response = admin_client.get(address)
        if response.status_code == 200:
            seen.add(address)
            directives = set(response["Cache-Control"].split(", ")) if "Cache-Control" in response else set()
            assert {"no-store", "private"} <= directives, address
    wanted = {"/", "/notifications/", "/topics/", "/chat/", "/online/", "/jobs/", "/operations/", "/schedules/"}
    wanted |= {f"/accounts/{page}/" for page in ("tokens", "password", "mail", "password_reset")}
    assert wanted | {"/metrics", "/api/docs", "/api/openapi.json"} <= seen


def test_room_is_not_kept_by_caches(admin_client: Client, admin_user: User) -> None:
    response = admin_client.get(create_room(name="lobby", creator=admin_user).get_absolute_url())
    assert response.status_code == 200
    assert {"no-store", "private"} <= set(response["Cache-Control"].split(", "))
