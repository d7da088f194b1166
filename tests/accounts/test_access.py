"""The page of one's sessions and tokens, and what ends them."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth import get_user
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import OperationalError
from django.db.models import QuerySet
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django.fixtures import Settings

import hub.asgi  # noqa: F401  # says whose sessions and tokens are
from hub.access import credentials
from hub.accounts import sessions, tokens
from hub.accounts.devices import describe
from hub.accounts.models import AccessToken, Session
from hub.database import pruning
from notifications import anotify
from tests.support.people import User, log_in_name
from tests.support.sockets import open_endpoint

pytestmark = pytest.mark.django_db

PASSWORD, OTHER = "correct horse battery", "another staple entirely"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
PAGE = "/accounts/tokens/"


@pytest.fixture
def ada() -> User:
    return User.objects.create_user("ada", password=PASSWORD)


@pytest.fixture
def eve() -> User:
    return User.objects.create_user("eve", password=PASSWORD)


def browser(name: str = "ada", address: str = "192.0.2.1", user_agent: str = FIREFOX) -> Client:
    """One that has logged in."""
    client = Client(REMOTE_ADDR=address, headers={"User-Agent": user_agent})
    response = client.post(reverse("hub:accounts:login"), {"username": log_in_name(name), "password": PASSWORD})
    assert response.status_code == 302
    return client


def is_in(client: Client) -> bool:
    return get_user(client).is_authenticated


def key_of(client: Client) -> str:
    return str(client.session.session_key)


def whose(key: str) -> object:
    """Whom a socket with this session belongs to."""
    (found,) = credentials.find([credentials.of_session(key)]).values()
    return found


# --- sessions -------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_page_lists_ones_own_sessions_with_device_and_address_and_without_their_keys(ada: User, eve: User) -> None:
    here, phone, of_eve = browser(), browser(address="2001:db8::7", user_agent="x iPhone Safari/1"), browser("eve")
    page = here.get(PAGE)
    listed = page.context["sessions"]
    assert [(one["device"], one["address"], one["is_this"]) for one in listed] == [
        ("Safari · iPhone", "2001:db8::7", False),
        ("Firefox · Linux", "192.0.2.1", True),
    ]
    text = page.content.decode()
    assert all(key_of(client) not in text for client in (here, phone, of_eve))
    assert "no-store" in page["Cache-Control"]


@pytest.mark.slow
def test_device_is_logged_out_and_no_other(ada: User, eve: User) -> None:
    here, phone, of_eve = browser(), browser(), browser("eve")
    address = reverse("hub:accounts:end_session", args=[sessions.public_id(key_of(phone))])
    assert here.get(address).status_code == 405
    assert here.post(address)["Location"] == PAGE
    assert (is_in(here), is_in(phone), is_in(of_eve)) == (True, False, True)


def test_log_in_beyond_the_most_sessions_ends_the_one_that_was_seen_longest_ago(
    ada: User, eve: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "MOST", 3)
    first, second, third, of_eve = browser(), browser(), browser(), browser("eve")
    Session.objects.filter(session_key=key_of(first)).update(seen_at=timezone.now())
    Session.objects.filter(session_key=key_of(second)).update(seen_at=timezone.now() - timedelta(days=1))
    fourth = browser()
    assert [is_in(one) for one in (first, second, third, fourth, of_eve)] == [True, False, True, True, True]


def test_tokens_that_ended_long_ago_are_known_no_more_and_nobody_has_revoked_them(
    ada: User, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    long_ago = timezone.now() - tokens.RETENTION - timedelta(minutes=1)
    for name, columns in {
        "revoked": {"revoked_at": long_ago},
        "over": {"expires_at": long_ago},
        "revoked today": {"revoked_at": timezone.now()},
        "valid": {},
    }.items():
        tokens.issue(ada, name)
        AccessToken.objects.filter(name=name).update(**columns)
    assert pruning.prune_apps() >= 2
    assert set(AccessToken.objects.values_list("name", flat=True)) == {"revoked today", "valid"}
    assert "token_issued" in caplog.text and "tokens_revoked" not in caplog.text


def test_this_device_may_be_logged_out_too(ada: User) -> None:
    here, other = browser(), browser()
    here.post(reverse("hub:accounts:end_session", args=[sessions.public_id(key_of(here))]))
    assert (is_in(here), is_in(other)) == (False, True)


@pytest.mark.parametrize("what", ["somebody else's", "unknown", "the key itself"])
def test_session_that_is_not_ones_own_is_not_found(ada: User, eve: User, what: str) -> None:
    here, of_eve = browser(), browser("eve")
    name = {
        "somebody else's": sessions.public_id(key_of(of_eve)),
        "unknown": "0" * 32,
        "the key itself": key_of(of_eve),
    }[what]
    assert here.post(reverse("hub:accounts:end_session", args=[name])).status_code == 404
    assert is_in(of_eve)


def test_guest_ends_nothing(ada: User) -> None:
    here = browser()
    for address in (
        reverse("hub:accounts:end_session", args=[sessions.public_id(key_of(here))]),
        reverse("hub:accounts:end_everything"),
        reverse("hub:accounts:password"),
    ):
        assert Client().post(address)["Location"].startswith(reverse("hub:accounts:login"))
    assert is_in(here)


@pytest.mark.slow
def test_log_out_everywhere_ends_sessions_and_tokens_of_this_person_only(ada: User, eve: User) -> None:
    here, other, of_eve = browser(), browser(), browser("eve")
    mine, of_eves = tokens.issue(ada), tokens.issue(eve)
    assert here.get(reverse("hub:accounts:end_everything")).status_code == 405
    response = here.post(reverse("hub:accounts:end_everything"), follow=True)
    assert "logged out everywhere" in response.content.decode()
    assert (is_in(here), is_in(other), is_in(of_eve)) == (False, False, True)
    assert (tokens.user_for(mine), tokens.user_for(of_eves)) == (None, eve)
    assert not sessions.of_user(ada).exists()


def test_when_a_session_was_seen_is_written_seldom(ada: User) -> None:
    here = browser()
    long_ago = timezone.now() - timedelta(hours=3)
    first = Session.objects.get().seen_at
    here.get("/")
    assert Session.objects.get().seen_at == first
    uses: list[Callable[[], object]] = [lambda: here.get(PAGE), lambda: whose(key_of(here))]
    for use in uses:
        Session.objects.update(seen_at=long_ago)
        use()
        seen = Session.objects.get().seen_at
        assert seen is not None and seen > long_ago


def test_guests_session_is_nobodys(ada: User) -> None:
    client = Client()
    session = client.session
    session["a"] = 1
    session.save()
    row = Session.objects.get()
    assert (row.user_id, row.address, row.user_agent, row.began_at, row.seen_at) == (None, "", "", None, None)


@pytest.mark.whole_table
@pytest.mark.parametrize("text", ["", "nul\x00", "x" * 5000, "<script>alert(1)</script>", "\u202e", "é"])
def test_browser_may_say_anything_of_itself(ada: User, text: str) -> None:
    here = browser(user_agent=text)
    page = here.get(PAGE)
    assert page.status_code == 200
    assert "<script>alert" not in page.content.decode()


@pytest.mark.parametrize(
    ("user_agent", "device"),
    [
        (FIREFOX, "Firefox · Linux"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0", "Edge · Windows"),
        ("Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36", "Chrome · Android"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/18.0 Safari/605.1.15", "Safari · macOS"),
        ("curl/8.5.0", "curl"),
        ("", ""),
    ],
)
def test_device_is_named_in_words(user_agent: str, device: str) -> None:
    assert describe(user_agent) == device


# --- passwords ------------------------------------------------------------------------------------------------------


def by_page(here: Client, ada: User) -> None:
    data = {"old_password": PASSWORD, "new_password1": OTHER, "new_password2": OTHER}
    assert here.post(reverse("hub:accounts:password"), data)["Location"] == PAGE


def by_code(here: Client, ada: User) -> None:
    ada.set_password(OTHER)
    ada.save()


def by_code_that_names_the_field(here: Client, ada: User) -> None:
    ada.set_password(OTHER)
    ada.save(update_fields=["password"])


def by_admin(here: Client, ada: User) -> None:
    User.objects.create_superuser("root", password=PASSWORD)
    admin = browser("root")
    data = {"password1": OTHER, "password2": OTHER, "usable_password": "true"}
    assert admin.post(reverse("admin:auth_user_password_change", args=[ada.pk]), data).status_code == 302


#: That of another user model is the project's.
BY_ADMIN = pytest.param(by_admin, marks=pytest.mark.own_user_model)


@pytest.mark.parametrize("change", [by_page, by_code, by_code_that_names_the_field, BY_ADMIN])
def test_new_password_ends_other_sessions_and_all_tokens(
    ada: User, eve: User, change: Callable[[Client, User], None], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    here, other, of_eve = browser(), browser(), browser("eve")
    mine, of_eves = tokens.issue(ada), tokens.issue(eve)
    change(here, ada)
    assert (is_in(here), is_in(other), is_in(of_eve)) == (change is by_page, False, True)
    assert (tokens.user_for(mine), tokens.user_for(of_eves)) == (None, eve)
    assert sessions.of_user(ada).count() == (change is by_page)
    (line,) = [record.getMessage() for record in caplog.records if "'password_changed'" in record.getMessage()]
    assert str(ada.pk) in line and OTHER not in caplog.text


@pytest.mark.slow
def test_a_better_hash_of_the_same_password_ends_nothing(ada: User, settings: Settings) -> None:
    here, token = browser(), tokens.issue(ada)
    settings.PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.PBKDF2PasswordHasher",
        "django.contrib.auth.hashers.MD5PasswordHasher",
    ]
    again = browser()
    ada.refresh_from_db()
    assert ada.password.startswith("pbkdf2")
    assert is_in(again) and tokens.user_for(token) == ada
    assert Session.objects.filter(pk=key_of(here)).exists()


def test_other_changes_of_an_account_end_nothing(ada: User) -> None:
    here, token = browser(), tokens.issue(ada)
    ada.last_login = timezone.now()
    ada.save()
    ada.set_password(OTHER)
    ada.save(update_fields=["email"])
    assert is_in(here) and tokens.user_for(token) == ada


@pytest.mark.parametrize(
    ("data", "error"),
    [
        ({"old_password": "wrong"}, "old password was entered incorrectly"),
        ({"new_password2": "something else"}, "didn’t match"),
        ({"new_password1": "12345", "new_password2": "12345"}, "too short"),
        ({"old_password": ""}, "required"),
    ],
)
def test_fault_is_told_in_the_form(ada: User, data: dict[str, str], error: str) -> None:
    here = browser()
    form = {"old_password": PASSWORD, "new_password1": OTHER, "new_password2": OTHER, **data}
    response = here.post(reverse("hub:accounts:password"), form)
    assert response.status_code == 200 and error in response.content.decode()
    assert is_in(here)


def test_old_password_may_not_be_guessed(ada: User, settings: Settings) -> None:
    settings.HUB_LIMIT_LOGIN = "3/minute"
    here = browser()
    form = {"old_password": "wrong", "new_password1": OTHER, "new_password2": OTHER}
    statuses = [here.post(reverse("hub:accounts:password"), form).status_code for _ in range(4)]
    right = here.post(reverse("hub:accounts:password"), {**form, "old_password": PASSWORD})
    assert [*statuses, right.status_code] == [200, 200, 200, 429, 429]
    assert "too many attempts" in right.content.decode() and int(right["Retry-After"]) >= 1


def test_the_admins_own_page_for_it_is_this_one(admin_client: Client) -> None:
    assert admin_client.get(reverse("admin:password_change"))["Location"] == reverse("hub:accounts:password")


# --- tokens ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("days", "left"), [("30", 30), ("90", 90), ("365", 365), ("", None)])
def test_token_ends_when_its_owner_wants(ada: User, days: str, left: int | None) -> None:
    text = browser().post(PAGE, {"name": "laptop", "days": days}).context["issued"]
    row = AccessToken.objects.get()
    if left is None:
        assert row.expires_at is None
    else:
        assert row.expires_at is not None
        assert abs((row.expires_at - timezone.now()).total_seconds() - left * 86_400) < 60
    assert tokens.user_for(text) == ada


@pytest.mark.parametrize("days", ["7", "-1", "x", "1e9"])
def test_no_other_end_is_taken(ada: User, days: str) -> None:
    assert browser().post(PAGE, {"name": "laptop", "days": days}).status_code == 200
    assert not AccessToken.objects.exists()


def test_token_that_is_over_lets_nobody_in_and_is_not_listed(ada: User) -> None:
    text = tokens.issue(ada, "soon over", expires_at=timezone.now() + timedelta(hours=1))
    assert tokens.user_for(text) == ada
    AccessToken.objects.update(expires_at=timezone.now())
    assert tokens.user_for(text) is None
    (found,) = tokens.find([tokens.digest_of(text) or ""]).values()
    assert found is credentials.Invalid.EXPIRED
    assert "soon over" not in browser().get(PAGE).content.decode()


def test_last_use_is_written_once_a_minute(ada: User) -> None:
    text = tokens.issue(ada)
    assert AccessToken.objects.get().last_used_at is None
    tokens.user_for(text)
    first = AccessToken.objects.get().last_used_at
    assert first is not None
    tokens.user_for(text)
    assert AccessToken.objects.get().last_used_at == first
    AccessToken.objects.update(last_used_at=first - 2 * tokens.USE_INTERVAL)
    tokens.user_for(text)
    again = AccessToken.objects.get().last_used_at
    assert again is not None and again >= first


def test_database_that_is_not_written_keeps_nobody_out(ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    text, here = tokens.issue(ada), browser()
    Session.objects.update(seen_at=None)

    def fail(*args: Any, **kwargs: Any) -> int:
        raise OperationalError("read only")

    monkeypatch.setattr(QuerySet, "update", fail)
    assert tokens.user_for(text) == ada
    assert whose(key_of(here)) == ada


@pytest.mark.slow
def test_tokens_of_one_day_are_bounded(ada: User, eve: User, settings: Settings) -> None:
    settings.HUB_LIMIT_TOKENS = "2/day"
    here = browser()
    statuses = [here.post(PAGE, {"name": "one more"}).status_code for _ in range(3)]
    assert statuses == [200, 200, 429]
    assert AccessToken.objects.count() == 2
    assert browser("eve").post(PAGE, {"name": "hers"}).status_code == 200
    assert here.get(PAGE).status_code == 200


def test_command_makes_a_token_that_ends(ada: User, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("token", log_in_name("ada"), "--days", "7")
    assert tokens.user_for(capsys.readouterr().out.strip()) == ada
    end = AccessToken.objects.get().expires_at
    assert end is not None and abs((end - timezone.now()).total_seconds() - 7 * 86_400) < 60
    for days in ("0", "-1", "99999999"):
        with pytest.raises(CommandError, match="days"):
            call_command("token", log_in_name("ada"), "--days", days)


# --- open sockets ---------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("how", ["that device", "everywhere", "new password"])
async def test_end_reaches_open_sockets(ada: User, eve: User, how: str) -> None:
    here, other, of_eve = [await sync_to_async(browser)(name) for name in ("ada", "ada", "eve")]
    token = await sync_to_async(tokens.issue)(ada)
    session, session_of_eve = await sync_to_async(key_of)(other), await sync_to_async(key_of)(of_eve)
    path = "/ws/notifications/"
    async with (
        open_endpoint(path, session=session) as device,
        open_endpoint(path, session=session_of_eve) as hers,
        open_endpoint(path, headers={"authorization": f"Token {token}"}) as program,
    ):
        if how == "that device":
            address = reverse("hub:accounts:end_session", args=[sessions.public_id(session)])
            await sync_to_async(here.post)(address)
        elif how == "everywhere":
            await sync_to_async(here.post)(reverse("hub:accounts:end_everything"))
        else:
            await sync_to_async(by_page)(here, ada)
        assert await device.close_code() == 4411
        if how == "that device":
            await anotify(to=ada, message="the program goes on")
            assert (await program.receive_json())["message"] == "the program goes on"
        else:
            assert await program.close_code() == 4411
        await anotify(to=eve, message="still here")
        assert (await hers.receive_json())["message"] == "still here"


def test_public_id_is_no_key(ada: User) -> None:
    key = key_of(browser())
    assert re.fullmatch("[0-9a-f]{32}", sessions.public_id(key)) and sessions.public_id(key) != key
    assert whose(sessions.public_id(key)) is credentials.Invalid.UNKNOWN
