"""What an account may be called, at every place where one is made."""

import io
from collections.abc import Callable

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django import DjangoAssertNumQueries
from pytest_django.fixtures import Settings

from hub.accounts.usernames import USERS
from hub.models import NameDigest
from hub.validation import lookalikes
from tests.support.people import User

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.own_user_model]

PASSWORD = "battery staple 1"


@pytest.fixture
def ann() -> User:
    return User.objects.create_user("ann")


def by_sign_up(name: str) -> str:
    answer = Client().post("/accounts/signup/", {"username": name, "password1": PASSWORD, "password2": PASSWORD})
    return "" if answer.status_code == 302 else answer.content.decode()


def in_the_admin(name: str) -> str:
    client = Client()
    client.force_login(User.objects.get_or_create(username="boss", is_staff=True, is_superuser=True)[0])
    fields = {"username": name, "password1": PASSWORD, "password2": PASSWORD, "usable_password": "true"}
    answer = client.post("/admin/hub_people/user/add/", fields)
    return "" if answer.status_code == 302 else answer.content.decode()


def by_command(name: str) -> str:
    try:
        call_command("createsuperuser", username=name, email="a@example.com", interactive=False, stdout=io.StringIO())
    except CommandError as error:
        return str(error)
    return ""


@pytest.fixture(params=[by_sign_up, in_the_admin, by_command])
def made(request: pytest.FixtureRequest, settings: Settings) -> Callable[[str], str]:
    """Makes an account; returns what is wrong with its name."""
    settings.HUB_SIGNUP = True
    settings.HUB_LIMIT_SIGNUP = "off"
    way: Callable[[str], str] = request.param
    return way


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("Person3f2a-91bc", "This name is reserved. Please choose another one."),
        ("Ѕystem", "This name is reserved. Please choose another one."),
        ("everyone", "This name is reserved. Please choose another one."),
        ("Members", "This name is reserved. Please choose another one."),
        ("Everyоne", "This name is reserved. Please choose another one."),
        ("System\u1160", "This name has characters that cannot be seen."),
        ("\u1160", "This name has characters that cannot be seen."),
        ("ann\u3164", "This name"),
        ("аnn", "This name looks like another one. Please choose a different one."),
    ],
    ids=ascii,
)
def test_name_is_refused_wherever_an_account_is_made(
    ann: User, made: Callable[[str], str], name: str, sentence: str
) -> None:
    assert sentence in made(name)
    assert set(User.objects.values_list("username", flat=True)) <= {"ann", "boss"}


@pytest.mark.parametrize("name", ["bob", "анна", "部屋", "Åsa", "user@example.com", "a.b-c_d+1"])
def test_usual_name_is_taken_everywhere(ann: User, made: Callable[[str], str], name: str) -> None:
    assert made(name) == ""
    assert User.objects.filter(username=name).exists()


def test_visitors_do_not_take_official_names(settings: Settings) -> None:
    settings.HUB_SIGNUP = True
    assert "This name is reserved" in by_sign_up("аdmin")
    assert by_command("admin") == ""
    assert "This name looks like another one" in in_the_admin("аdmin")


@pytest.mark.slow
def test_account_that_has_an_odd_name_goes_on_and_keeps_it(admin_client: Client) -> None:
    odd = User.objects.create_user("Ѕystem", password=PASSWORD)
    client = Client()
    assert client.login(username="Ѕystem", password=PASSWORD)
    page = f"/admin/hub_people/user/{odd.pk}/change/"
    fields = {"username": "Ѕystem", "email": "s@example.com", "is_active": "on", "date_joined_0": "2026-01-01"}
    assert admin_client.post(page, {**fields, "date_joined_1": "00:00:00"}).status_code == 302
    odd.refresh_from_db()
    assert odd.email == "s@example.com"
    renamed = {**fields, "date_joined_1": "00:00:00", "username": "ѕystem"}
    assert "This name is reserved" in admin_client.post(page, renamed).content.decode()


@pytest.mark.slow
def test_changed_name_is_looked_at_and_ones_own_is_not_in_the_way(admin_client: Client, ann: User) -> None:
    bob = User.objects.create_user("bob")
    page = f"/admin/hub_people/user/{bob.pk}/change/"
    fields = {"is_active": "on", "date_joined_0": "2026-01-01", "date_joined_1": "00:00:00"}
    assert "This name looks like" in admin_client.post(page, {**fields, "username": "аnn"}).content.decode()
    assert admin_client.post(page, {**fields, "username": "Bob"}).status_code == 302
    ann.username = "anna"
    ann.save()
    assert admin_client.post(page, {**fields, "username": "аnn"}).status_code == 302


@pytest.mark.slow
def test_accounts_that_were_stored_without_a_signal_are_learned() -> None:
    User.objects.bulk_create(User(username=f"mirrored{number}") for number in range(1200))
    assert USERS.owners_like("mіrrored7") == [str(User.objects.get(username="mirrored7").pk)]
    User.objects.bulk_create([User(username="late")])
    User.objects.filter(username="mirrored1").delete()
    assert USERS.owners_like("lаte") == []
    assert lookalikes.complete() == 1
    assert len(USERS.owners_like("lаte")) == 1
    assert NameDigest.objects.filter(kind="user").values("owner").distinct().count() == 1200


def test_log_in_writes_no_name(ann: User, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    ann.last_login = ann.date_joined
    with django_assert_num_queries(1):
        ann.save(update_fields=["last_login"])
