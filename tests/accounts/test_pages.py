"""Log-in, log-out, sign-up and the token page over HTTP."""

import pytest
from django.contrib.auth import get_user
from django.db import IntegrityError
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from hub.accounts import tokens
from hub.accounts.forms import SignUpForm
from hub.accounts.models import AccessToken
from lab.harness.environment import BASE_DIR
from tests.support.people import User, log_in_name

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery"
SIGN_UP = {"username": "ada", "password1": PASSWORD, "password2": PASSWORD}


@pytest.fixture
def ada() -> User:
    return User.objects.create_user("ada", password=PASSWORD)


@pytest.fixture
def open_signup(settings: Settings) -> None:
    settings.HUB_SIGNUP = True


@pytest.mark.own_user_model
@pytest.mark.usefixtures("open_signup")
class TestSignUp:
    def test_makes_the_account_and_logs_in(self, client: Client) -> None:
        response = client.post(reverse("hub:accounts:signup"), SIGN_UP)
        assert response.status_code == 302
        assert response["Location"] == reverse("hub:home")
        user = get_user(client)
        assert user.get_username() == "ada"
        assert not user.is_staff

    def test_goes_on_to_the_page_asked_for(self, client: Client) -> None:
        response = client.post(reverse("hub:accounts:signup"), SIGN_UP | {"next": "/chat/lobby/"})
        assert response["Location"] == "/chat/lobby/"

    def test_never_leads_to_another_site(self, client: Client) -> None:
        response = client.post(reverse("hub:accounts:signup"), SIGN_UP | {"next": "https://evil.example/"})
        assert response["Location"] == reverse("hub:home")

    def test_weak_password_is_refused_in_the_form(self, client: Client) -> None:
        response = client.post(reverse("hub:accounts:signup"), SIGN_UP | {"password1": "12345", "password2": "12345"})
        assert response.status_code == 200
        assert b"too short" in response.content
        assert not User.objects.exists()

    @pytest.mark.whole_table
    @pytest.mark.parametrize("name", ["ada", "ADA", "System", "ｓｙｓｔｅｍ", "no spaces", "nul\x00", ""])
    def test_name_that_is_taken_reserved_or_malformed_is_refused(self, client: Client, ada: User, name: str) -> None:
        response = client.post(reverse("hub:accounts:signup"), SIGN_UP | {"username": name})
        assert response.status_code == 200
        assert User.objects.get() == ada

    def test_name_taken_while_the_form_was_checked_is_an_error_in_the_form(
        self, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def save(form: SignUpForm) -> User:
            raise IntegrityError

        monkeypatch.setattr(SignUpForm, "save", save)
        response = client.post(reverse("hub:accounts:signup"), SIGN_UP)
        assert response.status_code == 200
        assert b"already exists" in response.content

    @pytest.mark.parametrize(
        ("next_page", "page"), [("", "/"), ("/chat/", "/chat/"), ("nowhere", "nowhere"), ("//evil.example", "/")]
    )
    def test_signed_in_person_is_sent_on(self, client: Client, ada: User, next_page: str, page: str) -> None:
        client.force_login(ada)
        assert client.get(reverse("hub:accounts:signup"), {"next": next_page})["Location"] == page


def test_closed_sign_up_is_not_found_and_not_offered(client: Client, settings: Settings) -> None:
    settings.HUB_SIGNUP = False
    assert client.get(reverse("hub:accounts:signup")).status_code == 404
    assert client.post(reverse("hub:accounts:signup"), SIGN_UP).status_code == 404
    assert not User.objects.exists()
    for page in ("hub:home", "hub:accounts:login"):
        assert reverse("hub:accounts:signup") not in client.get(reverse(page)).content.decode()


def test_log_in_leads_to_the_page_asked_for(client: Client, ada: User) -> None:
    response = client.post(
        reverse("hub:accounts:login"),
        {"username": log_in_name("ada"), "password": PASSWORD, "next": "/notifications/"},
    )
    assert response["Location"] == "/notifications/"
    assert get_user(client) == ada


@pytest.mark.usefixtures("open_signup")
@pytest.mark.parametrize("page", ["hub:accounts:login", "hub:accounts:signup"])
def test_form_never_leads_back_to_itself(client: Client, ada: User, page: str) -> None:
    client.force_login(ada)
    response = client.get(reverse(page), {"next": reverse(page)})
    assert response.status_code == 302
    assert response["Location"] == reverse("hub:home")


def test_wrong_password_is_told_in_the_form(client: Client, ada: User) -> None:
    response = client.post(reverse("hub:accounts:login"), {"username": log_in_name("ada"), "password": "wrong"})
    assert response.status_code == 200
    assert 'role="alert"' in response.content.decode()
    assert not get_user(client).is_authenticated


def test_log_out_needs_a_post(client: Client, ada: User) -> None:
    client.force_login(ada)
    assert client.get(reverse("hub:accounts:logout")).status_code == 405
    assert client.post(reverse("hub:accounts:logout"))["Location"] == reverse("hub:home")
    assert not get_user(client).is_authenticated


def test_form_without_its_csrf_token_is_refused_with_a_page() -> None:
    response = Client(enforce_csrf_checks=True).post(reverse("hub:accounts:login"), {"username": "ada"})
    assert response.status_code == 403
    assert "text/html" in response["Content-Type"]
    assert b"base.css" in response.content


class TestTokenPage:
    def test_asks_a_guest_to_log_in(self, client: Client) -> None:
        address = reverse("hub:accounts:tokens")
        assert client.get(address)["Location"] == f"{reverse('hub:accounts:login')}?next={address}"

    def test_shows_a_new_token_once(self, client: Client, ada: User) -> None:
        client.force_login(ada)
        response = client.post(reverse("hub:accounts:tokens"), {"name": "laptop"})
        text = response.context["issued"]
        assert tokens.user_for(text) == ada
        assert text in response.content.decode()
        assert "no-store" in response["Cache-Control"]
        page = client.get(reverse("hub:accounts:tokens")).content.decode()
        assert text not in page
        assert "laptop" in page

    def test_name_that_does_not_fit_issues_nothing(self, client: Client, ada: User) -> None:
        client.force_login(ada)
        assert client.post(reverse("hub:accounts:tokens"), {"name": "x" * 101}).status_code == 200
        assert not AccessToken.objects.exists()

    def test_owner_revokes_a_token(self, client: Client, ada: User) -> None:
        client.force_login(ada)
        text = tokens.issue(ada)
        address = reverse("hub:accounts:revoke_token", args=[AccessToken.objects.get().pk])
        assert client.get(address).status_code == 405
        assert client.post(address)["Location"] == reverse("hub:accounts:tokens")
        assert tokens.user_for(text) is None

    def test_token_of_somebody_else_cannot_be_revoked(self, client: Client, ada: User) -> None:
        text = tokens.issue(ada)
        client.force_login(User.objects.create_user("eve"))
        address = reverse("hub:accounts:revoke_token", args=[AccessToken.objects.get().pk])
        assert client.post(address).status_code == 404
        assert tokens.user_for(text) == ada


def test_forms_of_accounts_are_laid_out_in_one_place() -> None:
    laid_out = [
        path.name
        for path in (BASE_DIR / "templates" / "hub" / "accounts").iterdir()
        if "in form %}" in path.read_text()
    ]
    assert laid_out == ["_form.html"]
