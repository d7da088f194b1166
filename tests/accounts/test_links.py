"""Links that log somebody in to the hub's own pages: for whom, how often, where to, and what others learn of them."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth import SESSION_KEY
from django.db import connections
from django.test import Client
from django.utils import timezone

from hub.accounts import links
from hub.accounts.models import LogInLink
from tests.api.calling import Api, key_for
from tests.hub.test_left_out import project_with
from tests.support.people import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> User:
    return User.objects.create_user("ada")


def follow(token: str, client: Client | None = None, headers: dict[str, str] | None = None) -> tuple[Any, bool]:
    """The answer, and whether the visitor is logged in then."""
    client = client or Client()
    answer = client.get("/accounts/link/", {"token": token}, headers=headers)
    return answer, SESSION_KEY in client.session


def test_link_logs_its_owner_in_and_leads_to_its_page(ada: User) -> None:
    client = Client()
    answer, is_in = follow(links.issue(ada, page="/chat/?room=1"), client)
    assert is_in and client.session[SESSION_KEY] == str(ada.pk)
    assert (answer.status_code, answer["Location"]) == (302, "/chat/?room=1")
    assert follow(links.issue(ada))[0]["Location"] == "/"


def test_link_is_used_once(ada: User) -> None:
    token = links.issue(ada)
    client = Client()
    assert follow(token, client)[1]
    assert not follow(token)[1]
    # Whoever it has logged in may load the page again.
    answer, _ = follow(token, client)
    assert answer["Location"] == "/"


def test_link_logs_in_instead_of_somebody_else(ada: User) -> None:
    client = Client()
    client.force_login(User.objects.create_user("bob"))
    before = client.session.session_key
    follow(links.issue(ada), client)
    assert client.session[SESSION_KEY] == str(ada.pk)
    assert client.session.session_key != before


def test_link_takes_no_administrator_out_of_their_account(ada: User) -> None:
    client, admin = Client(), User.objects.create_user("admin", is_staff=True)
    client.force_login(admin)
    token = links.issue(ada)
    answer, _ = follow(token, client)
    assert client.session[SESSION_KEY] == str(admin.pk)
    assert "Log out first" in client.get(answer["Location"]).content.decode()
    client.logout()
    follow(token, client)
    assert client.session[SESSION_KEY] == str(ada.pk)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_link_that_many_follow_at_the_same_time_logs_one_of_them_in(ada: User) -> None:
    token = links.issue(ada)
    ready = threading.Barrier(8)

    def race(_: int) -> bool:
        try:
            ready.wait(30)
            return follow(token)[1]
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(race, range(8))) == 1


def let_it_end(ada: User) -> None:
    LogInLink.objects.update(expires_at=timezone.now() - timedelta(seconds=1))


def end_account(ada: User) -> None:
    User.objects.update(is_active=False)


def make_staff(ada: User) -> None:
    User.objects.update(is_staff=True)


def delete_account(ada: User) -> None:
    ada.delete()


def change_password(ada: User) -> None:
    ada.set_password("tr4c-mole-9")
    ada.save()


def log_out_everywhere(ada: User) -> None:
    client = Client()
    client.force_login(ada)
    assert client.post("/accounts/sessions/end/").status_code == 302


@pytest.mark.parametrize(
    ("meanwhile", "reason"),
    [
        (let_it_end, "over"),
        (end_account, "not active"),
        (make_staff, "the staff"),
        (delete_account, "unknown"),
        (change_password, "over"),
        (log_out_everywhere, "over"),
    ],
)
def test_link_that_holds_no_more_says_so_to_the_person_and_why_to_the_log(
    ada: User, meanwhile: Callable[[User], None], reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    token = links.issue(ada)
    meanwhile(ada)
    client = Client()
    answer, is_in = follow(token, client)
    assert not is_in
    assert answer["Location"] == "/accounts/login/"
    assert "This link has been used, or its time is over" in client.get("/accounts/login/").content.decode()
    assert "link to log in: " in caplog.text and reason in caplog.text
    assert token not in caplog.text


@pytest.mark.whole_table
@pytest.mark.parametrize("token", ["", "x", "x" * 43, "\0" * 43, "é" * 43, "x" * 100_000])
def test_what_is_no_link_logs_nobody_in(token: str) -> None:
    assert not follow(token)[1]


@pytest.mark.parametrize(
    ("name", "value"),
    [("Sec-Purpose", "prefetch;prerender"), ("Purpose", "prefetch"), ("X-Purpose", "preview"), ("X-Moz", "Prefetch")],
)
def test_link_is_not_used_up_by_a_browser_that_looks_ahead(ada: User, name: str, value: str) -> None:
    token = links.issue(ada)
    answer, is_in = follow(token, headers={name: value})
    assert (answer.status_code, is_in) == (503, False)
    assert Client().head("/accounts/link/", {"token": token}).status_code == 405
    assert Client().post("/accounts/link/", {"token": token}).status_code == 405
    assert follow(token)[1]


def test_no_page_and_no_cache_has_the_link(ada: User) -> None:
    for answer in (follow(links.issue(ada))[0], follow("x")[0]):
        assert answer.status_code == 302 and not answer.content
        assert answer["Referrer-Policy"] == "no-referrer"
        assert "no-store" in answer["Cache-Control"]


def test_text_of_a_link_is_stored_nowhere(ada: User) -> None:
    token = links.issue(ada)
    assert not [value for value in LogInLink.objects.values_list().get() if token in str(value)]


@pytest.mark.parametrize(
    "page",
    [
        "https://example.org/",
        "//example.org/",
        "///example.org/",
        "/\\example.org/",
        "\\/example.org",
        "javascript:alert(1)",
        "chat/",
        " /chat/",
        "/chat/\r\nX: 1",
        "/chat/\0",
        "/" + "x" * 500,
    ],
)
def test_link_leads_to_no_other_host(page: str) -> None:
    assert not links.is_page(page)


def test_links_that_are_long_over_are_deleted(ada: User) -> None:
    links.issue(ada)
    assert links.prune() == 0
    LogInLink.objects.update(expires_at=timezone.now() - timedelta(days=2))
    assert links.prune() == 1


# --- over the HTTP API ----------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
class TestOverHttp:
    async def test_program_gets_a_link(self, ada: User) -> None:
        api = Api(await sync_to_async(key_for)("log_in_link", channels=("user:*",)))
        result = await api.result("log_in_link", user=str(ada.pk), page="/notifications/")
        client = Client()
        answer = await sync_to_async(client.get)(result["path"])
        assert answer["Location"] == "/notifications/"
        assert await sync_to_async(lambda: client.session[SESSION_KEY])() == str(ada.pk)

    async def test_key_needs_the_method_and_the_person(self, ada: User) -> None:
        other = Api(await sync_to_async(key_for)("publish"))
        assert await other.error("log_in_link", user=str(ada.pk)) == 103
        elsewhere = Api(await sync_to_async(key_for)("log_in_link", channels=("user:0", "room:*")))
        assert await elsewhere.error("log_in_link", user=str(ada.pk)) == 103

    async def test_nobody_of_the_staff_gets_one(self, ada: User) -> None:
        api = Api(await sync_to_async(key_for)())
        await User.objects.aupdate(is_staff=True)
        assert await api.error("log_in_link", user=str(ada.pk)) == 103

    async def test_no_link_is_stored_where_the_pages_of_accounts_are_left_out(self, ada: User) -> None:
        api = Api(await sync_to_async(key_for)())
        with project_with(["home"], ["api"]):
            assert await api.error("log_in_link", user=str(ada.pk)) == 108
        assert not await LogInLink.objects.aexists()

    @pytest.mark.parametrize(
        "request_",
        [{"user": ""}, {"user": "7777777"}, {"user": "no id!"}, {"page": "//x"}, {"seconds": 9}, {"seconds": 601}],
    )
    async def test_request_that_makes_no_sense_is_refused(self, ada: User, request_: dict[str, Any]) -> None:
        api = Api(await sync_to_async(key_for)())
        assert await api.error("log_in_link", **{"user": str(ada.pk), **request_}) == 107
        assert not await LogInLink.objects.aexists()
