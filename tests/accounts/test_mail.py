"""People change their own mail address: with their password, and the address before is told."""

from collections.abc import Mapping
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse
from kombu.exceptions import OperationalError
from pytest_django.fixtures import Settings

from hub.accounts.tasks import send_address_changed
from tests.support.people import User

pytestmark = [pytest.mark.django_db, pytest.mark.own_user_model]

PASSWORD = "correct horse battery"
PAGE = reverse("hub:accounts:mail")
BEFORE, NEW = "ada@example.com", "Ada.New@example.org"


@pytest.fixture(autouse=True)
def task_runs_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(send_address_changed, "delay", send_address_changed.run)


@pytest.fixture
def ada() -> User:
    return User.objects.create_user("ada", BEFORE, PASSWORD)


@pytest.fixture
def here(ada: User) -> Client:
    client = Client(REMOTE_ADDR="192.0.2.1")
    client.force_login(ada)
    return client


def change(client: Client, email: str, password: str = PASSWORD, **headers: str) -> Any:
    return client.post(PAGE, {"email": email, "old_password": password}, headers=headers)


def address_of(user: User) -> str:
    user.refresh_from_db()
    return user.email


def test_page_shows_the_address_and_is_linked_where_the_others_are(here: Client) -> None:
    page = here.get(PAGE)
    assert f'value="{BEFORE}"' in page.content.decode() and "no-store" in page["Cache-Control"]
    assert here.get(reverse("hub:accounts:tokens")).content.decode().count(f'href="{PAGE}"') == 2
    assert Client().get(PAGE)["Location"] == f"{reverse('hub:accounts:login')}?next={PAGE}"


@pytest.mark.parametrize(
    ("written", "stored", "said"),
    [
        (NEW, NEW, "Your mail address is saved."),
        ("ada@EXAMPLE.Org", "ada@example.org", "Your mail address is saved."),
        ("  ada@example.org ", "ada@example.org", "Your mail address is saved."),
        ("", "", "You have no mail address now."),
        ("   ", "", "You have no mail address now."),
    ],
)
def test_address_before_is_told(ada: User, here: Client, written: str, stored: str, said: str) -> None:
    response = change(here, written)
    assert response["Location"] == reverse("hub:accounts:tokens")
    assert said in here.get(response["Location"]).content.decode()
    assert address_of(ada) == stored
    (message,) = mail.outbox
    assert message.to == [BEFORE] and "ada on testserver" in message.body and "\n" not in message.subject
    assert not stored or stored not in message.subject + str(message.body)


@pytest.mark.parametrize("language", ["en", "ru"])
def test_mail_is_in_the_language_of_the_person(here: Client, language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[object, ...]] = []
    monkeypatch.setattr(send_address_changed, "delay", lambda *args: sent.append(args))
    change(here, NEW, **{"Accept-Language": language})
    assert sent == [(BEFORE, "ada", "testserver", language)]


def test_nobody_is_told_where_nothing_changes_or_nothing_was_there(ada: User, here: Client) -> None:
    assert change(here, BEFORE).status_code == 302 and address_of(ada) == BEFORE
    User.objects.filter(pk=ada.pk).update(email="")
    assert change(here, NEW).status_code == 302 and address_of(ada) == NEW
    assert not mail.outbox


def test_where_no_mail_is_sent_the_address_is_kept_all_the_same(ada: User, here: Client, settings: Settings) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
    assert "This hub sends no mail at present." in here.get(PAGE).content.decode()
    assert change(here, NEW).status_code == 302 and address_of(ada) == NEW


@pytest.mark.parametrize(
    ("password", "said"),
    [("wrong", "This is not your password."), ("", "required"), (f" {PASSWORD}", "This is not your password.")],
)
def test_address_is_not_changed_without_the_password(ada: User, here: Client, password: str, said: str) -> None:
    response = change(here, NEW, password)
    assert response.status_code == 200 and said in response.content.decode()
    assert address_of(ada) == BEFORE and not mail.outbox
    assert password == "" or password.strip() not in response.content.decode()


def test_password_may_not_be_guessed_here(ada: User, here: Client, settings: Settings) -> None:
    settings.HUB_LIMIT_LOGIN = "3/minute"
    statuses = [change(here, NEW, "wrong").status_code for _ in range(3)]
    refused = change(here, NEW)
    assert [*statuses, refused.status_code] == [200, 200, 200, 429]
    assert int(refused["Retry-After"]) >= 1 and address_of(ada) == BEFORE


@pytest.mark.parametrize(
    "address",
    ["nonsense", "a@b", "x" * 250 + "@example.com", "a@example.com\nBcc: b@c.de", "a@example.com, b@c.de", "a\0@b.de"],
)
def test_what_is_no_address_is_told_in_the_form(ada: User, here: Client, address: str) -> None:
    response = change(here, address)
    assert response.status_code == 200 and b"errorlist" in response.content
    assert address_of(ada) == BEFORE and not mail.outbox


def test_answer_does_not_tell_whose_address_it_is_already(ada: User, here: Client) -> None:
    User.objects.create_user("eve", "eve@example.com", PASSWORD)
    answers = []
    for address in ("eve@example.com", "nobody@example.com"):
        response = change(here, address)
        answers.append((response.status_code, response["Location"], response.content))
        assert address_of(ada) == address
    assert answers[0] == answers[1]
    assert {message.to[0] for message in mail.outbox} == {BEFORE, "eve@example.com"}


def test_changes_of_one_user_are_bounded(ada: User, here: Client, settings: Settings) -> None:
    settings.HUB_LIMIT_MAIL_ADDRESSES = "2/day"
    statuses = [change(here, f"ada{number}@example.com").status_code for number in range(2)]
    refused = change(here, NEW)
    assert [*statuses, refused.status_code] == [302, 302, 429]
    assert "many times today" in refused.content.decode() and int(refused["Retry-After"]) >= 1
    assert address_of(ada) == "ada1@example.com" and len(mail.outbox) == 2


def test_nothing_is_changed_where_the_address_before_cannot_be_told(
    ada: User, here: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*args: object) -> None:
        raise OperationalError("the broker is away")

    monkeypatch.setattr(send_address_changed, "delay", away)
    response = change(here, NEW)
    assert response.status_code == 200 and "Mail cannot be sent just now." in response.content.decode()
    assert address_of(ada) == BEFORE


@pytest.mark.parametrize("data", [{}, {"email": NEW}, {"old_password": PASSWORD[:3]}])
def test_half_a_form_changes_nothing(ada: User, here: Client, data: Mapping[str, str]) -> None:
    assert here.post(PAGE, data).status_code == 200
    assert address_of(ada) == BEFORE
