"""A new password by mail: for whoever reads the mail, and telling nobody who has an account."""

import re
from typing import Any

import pytest
from django.contrib.auth.forms import PasswordResetForm
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils.translation import get_language
from pytest_django.fixtures import Settings

from hub.accounts import tokens, views
from hub.accounts.tasks import ACCOUNTS, MAILS, send_reset_mail
from hub.config import UnusableEnvironment, read_environment
from tests.support.people import User

pytestmark = pytest.mark.django_db

PASSWORD, OTHER = "correct horse battery", "another staple entirely"


@pytest.fixture(autouse=True)
def task_runs_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(send_reset_mail, "delay", send_reset_mail.run)


@pytest.fixture
def ada() -> User:
    return User.objects.create_user("ada", "Ada@example.com", PASSWORD)


def ask(address: str, host: str = "192.0.2.1", language: str = "en") -> Any:
    client = Client(REMOTE_ADDR=host, headers={"Accept-Language": language})
    return client.post(reverse("hub:accounts:password_reset"), {"email": address})


def link() -> str:
    (found,) = re.findall(r"http://testserver(/\S+)", str(mail.outbox[-1].body))
    return str(found)


def test_link_in_the_mail_sets_a_new_password_once(ada: User) -> None:
    token = tokens.issue(ada)
    assert ask("ada@example.com")["Location"] == reverse("hub:accounts:password_reset_sent")
    (message,) = mail.outbox
    assert message.to == ["Ada@example.com"] and ada.get_username() in message.body and "\n" not in message.subject
    client = Client()
    page = client.get(link(), follow=True)
    assert page.status_code == 200 and "no-store" in page["Cache-Control"]
    address = page.redirect_chain[-1][0]
    # The token is not in the address of the page with the form, which others might be told of.
    assert link().rstrip("/").rpartition("/")[2] not in address
    weak = client.post(address, {"new_password1": "12345", "new_password2": "12345"})
    assert "too short" in weak.content.decode()
    done = client.post(address, {"new_password1": OTHER, "new_password2": OTHER}, follow=True)
    assert "new password is set" in done.content.decode()
    ada.refresh_from_db()
    assert ada.check_password(OTHER) and tokens.user_for(token) is None
    again = Client().get(link(), follow=True)
    assert "does not work any more" in again.content.decode()


@pytest.mark.parametrize("address", ["nobody@example.com", "gone@example.com", "unusable@example.com"])
def test_answer_does_not_tell_who_has_an_account(ada: User, address: str) -> None:
    User.objects.create_user("gone", "gone@example.com", PASSWORD, is_active=False)
    User.objects.create_user("unusable", "unusable@example.com")
    known, unknown = ask("ada@example.com"), ask(address)
    assert (known.status_code, known["Location"]) == (unknown.status_code, unknown["Location"])
    assert [message.to for message in mail.outbox] == [["Ada@example.com"]]


def test_page_does_the_same_work_for_every_address(ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[object, ...]] = []
    monkeypatch.setattr(send_reset_mail, "delay", lambda *args: sent.append(args))
    for address in ("ada@example.com", "nobody@example.com"):
        ask(address)
    assert [args[0] for args in sent] == ["ada@example.com", "nobody@example.com"]


@pytest.mark.parametrize("address", ["ada@example.com", "nobody@example.com"])
def test_mails_to_one_address_are_bounded_whether_or_not_it_is_known(
    ada: User, settings: Settings, address: str
) -> None:
    settings.HUB_LIMIT_RESET_MAIL = "2/hour"
    spellings = [address, address.upper(), address]
    statuses = [ask(spelling, f"192.0.2.{n}").status_code for n, spelling in enumerate(spellings, 1)]
    assert statuses == [302, 302, 429]
    assert ask("another@example.com").status_code == 302


def make_accounts(count: int, *spellings: str) -> None:
    User.objects.bulk_create(
        User(username=f"{spelling}-{number}", email=spelling, password="md5$a$b")
        for spelling in spellings
        for number in range(count)
    )


@pytest.mark.own_user_model
def test_accounts_made_with_somebody_elses_mail_address_cause_no_more_mails(ada: User) -> None:
    make_accounts(100, "Ada@example.com")
    ask("Ada@example.com")
    (message,) = mail.outbox
    links = re.findall(r"http://testserver(/\S+)", str(message.body))
    assert len(links) == ACCOUNTS
    assert f"ada: http://testserver{links[0]}" in message.body
    address = Client().get(links[0], follow=True).redirect_chain[-1][0]
    client = Client()
    client.get(links[0], follow=True)
    assert client.post(address, {"new_password1": OTHER, "new_password2": OTHER}).status_code == 302
    ada.refresh_from_db()
    assert ada.check_password(OTHER)


@pytest.mark.own_user_model
def test_spellings_of_one_mail_address_cause_few_mails_each_to_its_own(ada: User) -> None:
    make_accounts(2, *("aDa@example.com", "adA@example.com", "ADA@example.com", "ada@EXAMPLE.com"))
    for spelling, first in (("ada@example.com", "Ada@example.com"), ("ADA@example.com", "ADA@example.com")):
        mail.outbox.clear()
        ask(spelling)
        assert mail.outbox[0].to == [first]
        assert len(mail.outbox) == MAILS
    # Nobody gets the link of an account that spells its address differently.
    for message in mail.outbox:
        assert ("Ada@example.com" in message.to) is ("for ada on" in message.body)


def test_one_address_asks_for_few(settings: Settings) -> None:
    settings.HUB_LIMIT_RESET = "2/hour"
    statuses = [ask(f"user{number}@example.com").status_code for number in range(3)]
    refused = ask("user9@example.com")
    assert [*statuses, refused.status_code] == [302, 302, 429, 429]
    assert int(refused["Retry-After"]) >= 1 and "too many requests" in refused.content.decode()
    assert ask("user9@example.com", "192.0.2.2").status_code == 302


@pytest.mark.parametrize("address", ["", "nonsense", "a@b", "x" * 300 + "@example.com", "a@example.com\nBcc: b@c.de"])
def test_what_is_no_address_is_told_in_the_form(ada: User, address: str) -> None:
    response = ask(address)
    assert response.status_code == 200 and b"errorlist" in response.content
    assert not mail.outbox


@pytest.mark.parametrize("path", ["MQ/abc-def/", "MQ/set-password/", "%00/x/", "999999999999/x-y/", "é/é/"])
def test_link_that_is_none_says_so(ada: User, path: str) -> None:
    page = Client().get(f"/accounts/password_reset/{path}", follow=True)
    assert page.status_code == 200 and "does not work any more" in page.content.decode()


@pytest.mark.slow
def test_new_password_is_taken_at_once_where_the_old_one_was_guessed_at_too_often(
    ada: User, settings: Settings
) -> None:
    settings.HUB_LIMIT_LOGIN = settings.HUB_LIMIT_LOGIN_ACCOUNT = "3/hour"
    here, there = Client(REMOTE_ADDR="192.0.2.1"), Client(REMOTE_ADDR="198.51.100.7")

    def log_in(client: Client, password: str) -> int:
        return client.post(
            reverse("hub:accounts:login"), {"username": ada.get_username(), "password": password}
        ).status_code

    for client in (here, there):
        for _ in range(3):
            log_in(client, "wrong")
        assert log_in(client, PASSWORD) == 429
    ask("ada@example.com")
    address = here.get(link(), follow=True).redirect_chain[-1][0]
    here.post(address, {"new_password1": OTHER, "new_password2": OTHER})
    assert log_in(here, OTHER) == 302
    # Whoever guessed at another address has to wait as before.
    assert log_in(there, OTHER) == 429


def test_mail_is_in_the_language_of_who_asks(ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    languages: list[str | None] = []
    monkeypatch.setattr(PasswordResetForm, "save", lambda form, **options: languages.append(get_language()))
    for language in ("ru", "en"):
        ask("ada@example.com", language=language)
    assert languages == ["ru", "en"]


def test_strange_host_gets_into_no_mail(ada: User) -> None:
    response = Client(headers={"Host": "evil.example"}).post(
        reverse("hub:accounts:password_reset"), {"email": "ada@example.com"}
    )
    assert response.status_code == 400 and not mail.outbox


@pytest.mark.parametrize(
    ("host", "is_sent"),
    [
        ("testserver", True),
        ("testserver:443", True),
        ("testserver:8765", True),  # where the server listens
        ("testserver:9443", True),  # named by the operator
        ("testserver:9999", False),
        ("testserver:65536", False),
        ("testserver.:9999", False),
    ],
)
def test_link_leads_to_no_strange_port_of_the_host(ada: User, settings: Settings, host: str, is_sent: bool) -> None:
    settings.CSRF_TRUSTED_ORIGINS = ["http://testserver:9443"]
    client = Client(headers={"Host": host})
    response = client.post(reverse("hub:accounts:password_reset"), {"email": "ada@example.com"}, SERVER_PORT="8765")
    assert response.status_code == (302 if is_sent else 400)
    assert [f"http://{host}/" in str(message.body) for message in mail.outbox] == [True] * is_sent


def test_where_no_mail_is_sent_nothing_offers_it(ada: User, settings: Settings) -> None:
    assert reverse("hub:accounts:password_reset") in Client().get(reverse("hub:accounts:login")).content.decode()
    settings.EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
    assert not views.sends_mail()
    assert reverse("hub:accounts:password_reset") not in Client().get(reverse("hub:accounts:login")).content.decode()
    assert Client().get(reverse("hub:accounts:password_reset")).status_code == 404
    assert ask("ada@example.com").status_code == 404


@pytest.mark.own_user_model
def test_mail_address_may_be_given_when_an_account_is_made(settings: Settings) -> None:
    settings.HUB_SIGNUP = True
    for name, address in (("with", "with@example.com"), ("without", "")):
        data = {"username": name, "email": address, "password1": PASSWORD, "password2": PASSWORD}
        assert Client().post(reverse("hub:accounts:signup"), data).status_code == 302
        assert User.objects.get(username=name).email == address


# --- the mail server ------------------------------------------------------------------------------------------------


def test_mail_server_is_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_environment().email_url == {}
    monkeypatch.setenv("HUB_EMAIL_URL", "smtp+tls://user:pass%40word@mail.example.com:587")
    found = read_environment().email_url
    assert (found["EMAIL_HOST"], found["EMAIL_PORT"], found["EMAIL_USE_TLS"]) == ("mail.example.com", 587, True)
    assert (found["EMAIL_HOST_USER"], found["EMAIL_HOST_PASSWORD"]) == ("user", "pass@word")


@pytest.mark.parametrize(
    "url", ["mail.example.com", "smtp://", "http://user:secret@host", "smtp://user:secret@host:x"]
)
def test_mail_server_that_is_none_is_an_error_without_the_password(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("HUB_EMAIL_URL", url)
    with pytest.raises(UnusableEnvironment, match="HUB_EMAIL_URL") as error:
        read_environment()
    assert "secret" not in str(error.value)
