"""Guessing passwords is slow at every place where one is checked, and nobody can lock a person out by guessing."""

import asyncio
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.contrib.auth import aauthenticate, authenticate
from django.db import connections
from django.test import Client, RequestFactory
from django.urls import reverse
from pytest_django.fixtures import Settings

from hub.accounts.models import Session
from hub.limits import TooMany, rates
from hub.users import log_in_field
from tests.support.people import User, log_in_name

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery"
HERE, THERE = "192.0.2.1", "198.51.100.7"


@pytest.fixture(autouse=True)
def few_attempts(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.HUB_LIMIT_LOGIN = "3/minute"
    settings.HUB_LIMIT_LOGIN_ADDRESS = "6/minute"
    settings.HUB_LIMIT_LOGIN_ACCOUNT = "9/hour"
    monkeypatch.setattr(rates, "_counters", None)


@pytest.fixture
def ada() -> User:
    return User.objects.create_superuser("ada", password=PASSWORD)


def log_in(page: str, password: str, name: str = "ada", address: str = HERE) -> Any:
    return Client(REMOTE_ADDR=address).post(reverse(page), {"username": log_in_name(name), "password": password})


PAGES = ["hub:accounts:login", "admin:login"]


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_right_password_is_refused_too_once_there_were_too_many_wrong_ones(ada: User, page: str) -> None:
    for _ in range(3):
        assert log_in(page, "wrong").status_code == 200
    for password in ("wrong", PASSWORD):
        response = log_in(page, password)
        assert response.status_code == 429
        assert 1 <= int(response["Retry-After"]) <= 120
        text = response.content.decode()
        assert "too many attempts to log in" in text and "Try again in" in text
        assert "errorlist" in text or "errornote" in text
    assert not Session.objects.filter(user=ada).exists()


@pytest.mark.parametrize("page", PAGES)
def test_both_pages_count_together(ada: User, page: str) -> None:
    for one in (*PAGES, PAGES[0]):
        log_in(one, "wrong")
    assert log_in(page, PASSWORD).status_code == 429


@pytest.mark.slow
def test_the_right_password_in_time_begins_anew(ada: User) -> None:
    for _ in range(2):
        assert [log_in("hub:accounts:login", "wrong").status_code for _ in range(2)] == [200, 200]
        assert log_in("hub:accounts:login", PASSWORD).status_code == 302


@pytest.mark.slow
def test_person_elsewhere_is_not_locked_out(ada: User) -> None:
    for _ in range(9):
        log_in("hub:accounts:login", "wrong")
    assert log_in("hub:accounts:login", PASSWORD, address=THERE).status_code == 302


@pytest.mark.whole_table
@pytest.mark.slow
@pytest.mark.parametrize("name", ["nobody", "Ada", "ada ", "аda", "x" * 5000, "nul\x00", "' or 1=1"])
def test_account_that_does_not_exist_is_treated_alike(ada: User, name: str) -> None:
    statuses = [log_in("hub:accounts:login", "wrong", name).status_code for _ in range(5)]
    # A name that the form itself refuses is never looked up.
    assert statuses == ([200] * 5 if "\x00" in name else [200, 200, 200, 429, 429])


@pytest.mark.slow
def test_address_that_tries_many_accounts_has_to_wait(ada: User) -> None:
    for number in range(6):
        assert log_in("hub:accounts:login", "wrong", f"user{number}").status_code == 200
    assert log_in("hub:accounts:login", PASSWORD).status_code == 429
    assert log_in("hub:accounts:login", PASSWORD, address=THERE).status_code == 302


@pytest.mark.slow
def test_many_addresses_that_try_one_account_lock_its_owner_out_nowhere_that_they_are_logged_in(ada: User) -> None:
    assert log_in("hub:accounts:login", PASSWORD, address=THERE).status_code == 302
    for number in range(9):
        assert log_in("hub:accounts:login", "wrong", address=f"192.0.2.{number + 10}").status_code == 200
    assert log_in("hub:accounts:login", PASSWORD, address="192.0.2.99").status_code == 429
    assert log_in("hub:accounts:login", PASSWORD, address=THERE).status_code == 302


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("2001:db8:1:1::1", "2001:db8:1:1:ffff::2", True),
        ("2001:db8:1:1::1", "2001:db8:1:2::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
    ],
)
def test_addresses_of_one_customer_are_one(ada: User, first: str, second: str, same: bool) -> None:
    for _ in range(3):
        log_in("hub:accounts:login", "wrong", address=first)
    assert log_in("hub:accounts:login", PASSWORD, address=second).status_code == (429 if same else 302)


def test_claimed_address_does_not_help(ada: User) -> None:
    statuses = []
    for number in range(4):
        headers = {"X-Forwarded-For": f"203.0.113.{number}", "X-Real-IP": f"203.0.113.{number}"}
        response = Client(REMOTE_ADDR=HERE, headers=headers).post(
            reverse("hub:accounts:login"), {"username": log_in_name("ada"), "password": "wrong"}
        )
        statuses.append(response.status_code)
    assert statuses[-1] == 429


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_no_more_passwords_are_looked_at_when_all_come_at_once(ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at: list[str] = []
    real = User.check_password

    def counted(user: User, password: str) -> bool:
        looked_at.append(password)
        return real(user, password)

    monkeypatch.setattr(User, "check_password", counted)

    def attempt(number: int) -> int:
        try:
            return int(log_in("hub:accounts:login", f"wrong {number}").status_code)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(attempt, range(24)))
    assert len(looked_at) == 3 and statuses.count(429) == 21


@pytest.mark.parametrize("how", [authenticate, lambda *args, **more: asyncio.run(aauthenticate(*args, **more))])
@pytest.mark.django_db(transaction=True)
def test_other_code_that_checks_passwords_of_requests_is_held_to_the_same(ada: User, how: Callable[..., Any]) -> None:
    request = RequestFactory().get("/", REMOTE_ADDR=HERE)
    for _ in range(3):
        assert how(request, username=log_in_name("ada"), password="wrong") is None
    with pytest.raises(TooMany):
        how(request, username=log_in_name("ada"), password=PASSWORD)
    assert how(None, username=log_in_name("ada"), password=PASSWORD) == ada  # a shell guesses nothing


@pytest.mark.slow
def test_what_happened_is_in_the_log_with_address_and_user_and_without_what_was_typed(
    ada: User, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    client = Client(REMOTE_ADDR=HERE)
    client.post(reverse("hub:accounts:login"), {"username": log_in_name("ada"), "password": PASSWORD})
    client.post(reverse("hub:accounts:logout"))
    for _ in range(4):
        log_in("hub:accounts:login", "typed-secret")
    log_in("hub:accounts:login", "other-secret", "secret-as-name")
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("hub.accounts.")]
    events = ["logged_in", "logged_out", *["log_in_failed"] * 3, "log_in_throttled", "log_in_failed"]
    assert re.findall(r"'event': '(\w+)'", "\n".join(lines)) == events
    assert all(f"'address': '{HERE}'" in line for line in lines)
    assert all(str(ada.pk) in line for line in lines[:-1]) and "'user': None" in lines[-1]
    assert "secret" not in caplog.text and PASSWORD not in caplog.text


# --- sign-up --------------------------------------------------------------------------------------------------------


def sign_up(name: str, address: str = HERE) -> Any:
    data = {log_in_field(): log_in_name(name), "password1": PASSWORD, "password2": PASSWORD}
    return Client(REMOTE_ADDR=address).post(reverse("hub:accounts:signup"), data)


def test_accounts_of_one_address_are_bounded(settings: Settings) -> None:
    settings.HUB_SIGNUP, settings.HUB_LIMIT_SIGNUP = True, "2/hour"
    assert [sign_up(name).status_code for name in ("one", "two")] == [302, 302]
    refused = sign_up("three")
    assert refused.status_code == 429 and int(refused["Retry-After"]) >= 1
    assert "Too many accounts" in refused.content.decode()
    assert not User.objects.filter(**{log_in_field(): log_in_name("three")}).exists()
    assert sign_up("three", THERE).status_code == 302


def test_form_with_a_fault_is_not_counted(settings: Settings) -> None:
    settings.HUB_SIGNUP, settings.HUB_LIMIT_SIGNUP = True, "1/hour"
    assert [sign_up("no spaces").status_code for _ in range(3)] == [200] * 3
    assert sign_up("fine").status_code == 302
