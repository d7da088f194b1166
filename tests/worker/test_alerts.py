"""The rules that the hub ships."""

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from chat.models import Room
from hub.users import display_name, log_in_field
from notifications.models import Notification
from tests.support.people import User

pytestmark = pytest.mark.django_db(transaction=True)


def told() -> list[tuple[str | None, str]]:
    rows = Notification.objects.select_related("user").order_by(f"user__{log_in_field()}")
    return [(display_name(row.user) if row.user else None, row.message) for row in rows]


@pytest.fixture
def all_rules(settings: Settings) -> None:
    settings.HUB_SHIPPED_RULES = ("room_opened", "user_signed_up")


def sign_up(settings: Settings, name: str) -> str:
    """Make an account as a visitor does; returns what the staff is told."""
    settings.HUB_SIGNUP = True
    logs_in_with = name if log_in_field() == "username" else f"{name}@example.com"
    fields = {log_in_field(): logs_in_with, "password1": "battery staple 1", "password2": "battery staple 1"}
    assert Client().post("/accounts/signup/", fields).status_code == 302
    made = User.objects.get(**{log_in_field(): logs_in_with})
    return f"{display_name(made)} has signed up"


def test_nobody_is_told_of_anything_unless_a_setting_says_so(settings: Settings) -> None:
    User.objects.create_superuser("boss")
    sign_up(settings, "new")
    Room.objects.create(name="lobby")
    assert told() == []


@pytest.mark.parametrize("name", ["room_opened", "user_signed_up"])
def test_each_rule_is_switched_on_by_its_name(settings: Settings, name: str) -> None:
    settings.HUB_SHIPPED_RULES = (name,)
    User.objects.create_superuser("boss")
    signed_up = sign_up(settings, "new")
    Room.objects.create(name="lobby")
    wanted = {"room_opened": [(None, "The room lobby is open")], "user_signed_up": [("boss", signed_up)]}
    assert told() == wanted[name]


@pytest.mark.usefixtures("all_rules")
def test_sign_up_is_told_to_the_active_staff_each(settings: Settings) -> None:
    for name, staff, active in (("ann", True, True), ("bob", True, True), ("cyd", True, False), ("dan", False, True)):
        User.objects.create_user(name, is_staff=staff, is_active=active)
    signed_up = sign_up(settings, "new")
    assert told() == [("ann", signed_up), ("bob", signed_up)]


@pytest.mark.own_user_model  # the admin of another one is the project's
@pytest.mark.usefixtures("all_rules")
def test_mirrored_accounts_tell_nobody(admin_client: Client) -> None:
    User.objects.create_superuser("boss")
    for number in range(3):
        User.objects.create_user(f"mirrored-{number}")
    fields = {"username": "added", "password1": "battery staple 1", "password2": "battery staple 1"}
    admin_client.post("/admin/hub_people/user/add/", {**fields, "usable_password": "true"})
    assert User.objects.filter(username="added").exists()
    assert told() == []


@pytest.mark.usefixtures("all_rules")
def test_a_new_room_is_told_to_everyone_with_its_address() -> None:
    Room.objects.create(name="комната")
    (row,) = Notification.objects.all()
    assert (row.user, row.group, row.message) == (None, None, "The room комната is open")
    assert row.key == f"chat.room_opened:{Room.objects.get().pk}"
    assert row.url == "/chat/%D0%BA%D0%BE%D0%BC%D0%BD%D0%B0%D1%82%D0%B0/"
