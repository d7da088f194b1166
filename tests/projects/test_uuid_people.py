"""A person with a UUID and no username, from the log-in to what others see."""

import uuid

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth.tokens import default_token_generator
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from pytest_django import DjangoAssertNumQueries
from pytest_django.fixtures import Settings

from chat.actions import post_message
from chat.models import Message, Room
from chat.people import called
from hub.access import credentials, signed_tokens
from hub.users import (
    User,
    code_of,
    display_name,
    display_names,
    has_form_of_id,
    ids_of_written,
    user_id,
    users_by_id,
    written_keys,
)
from hub.users.checks import user_model_works
from notifications import notify
from notifications.models import Notification
from tests.connection.wire import wired
from tests.support import people

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        settings.AUTH_USER_MODEL != "uuid_people.Person",
        reason="needs --ds tests.projects.uuid_people.settings (make users-uuids)",
    ),
]


@pytest.fixture
def ada() -> User:
    return people.User.objects.create_user("ada", password="battery staple 1")


def test_check_has_nothing_to_say() -> None:
    assert user_model_works(None) == []
    call_command("check", "--fail-level", "WARNING")


def test_person_is_called_by_the_uuid(ada: User) -> None:
    assert user_id(ada) == str(ada.pk)
    assert users_by_id([str(ada.pk), str(ada.pk).upper(), str(ada.pk).replace("-", ""), str(uuid.uuid4())]) == {
        str(ada.pk): ada
    }
    assert has_form_of_id(str(uuid.uuid4()))
    assert not has_form_of_id("ada")


def test_keys_are_read_as_text_in_the_order_of_the_database(
    ada: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    bob = people.User.objects.create_user("bob")
    keys = [str(key) for key in sorted([ada.pk, bob.pk])]
    assert written_keys(people.User.objects.order_by("pk")) == keys
    assert written_keys(people.User.objects.order_by("-pk")[:1]) == keys[1:]
    assert written_keys(people.User.objects.filter(pk=ada.pk).union(people.User.objects.filter(pk=ada.pk))) == [
        str(ada.pk)
    ]
    assert written_keys(people.User.objects.none()) == []
    with django_assert_num_queries(0):
        assert ids_of_written(keys) == {key: key for key in keys}


def test_log_in_by_mail_address(ada: User) -> None:
    browser = Client()
    form = {"username": "ada@example.com", "password": "battery staple 1"}
    assert browser.post(reverse(settings.LOGIN_URL), form).status_code == 302
    assert browser.session["_auth_user_id"] == str(ada.pk)


def test_link_for_a_new_password_has_the_uuid(ada: User) -> None:
    encoded, token = urlsafe_base64_encode(force_bytes(ada.pk)), default_token_generator.make_token(ada)
    page = Client().get(reverse("hub:accounts:password_new", args=[encoded, token]), follow=True)
    assert "new_password1" in page.content.decode()


def test_wrong_password_is_logged_with_the_account(ada: User, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("ada@example.com", "nobody@example.com"):
        Client().post(reverse(settings.LOGIN_URL), {"username": name, "password": "wrong"})
    found, nobody = caplog.messages
    assert f"'user': '{ada.pk}'" in found and "'user': None" in nobody


def test_alert_goes_to_a_mail_address_that_logs_in(ada: User) -> None:
    notify(to="user:ada@example.com", message="hello")
    assert Notification.objects.get().user_id == ada.pk


async def test_signed_token_names_a_person_by_the_uuid(ada: User, settings: object) -> None:
    settings.HUB_TOKEN_SECRET = ["a secret that is used by the tests only"]  # type: ignore[attr-defined]  # pytest-django's
    claims = signed_tokens.read(signed_tokens.connection_token(ada.pk))
    assert await credentials.whose(credentials.of_user(claims.sub)) == ada
    with pytest.raises(signed_tokens.BadToken, match="sub is no id"):
        signed_tokens.read(signed_tokens.connection_token(7))


async def test_nobody_reads_the_mail_address(ada: User) -> None:
    room = await Room.objects.acreate(name="lobby")
    nameless = [await people.User.objects.acreate_user(name, full_name="") for name in ("x", "y")]
    names = [display_name(person) for person in nameless]
    assert names == [f"Person {code_of(str(person.pk))}" for person in nameless]
    async with wired(ada) as wire, wired(nameless[0]) as other, wired(nameless[1]) as third:
        for one in (wire, other, third):
            await one.ask(subscribe={"channel": f"room:{room.pk}"})
        for person in (ada, *nameless):
            await sync_to_async(post_message)(room_id=room.pk, author_id=person.pk, text="hello")
        await wire.pushed("pub", 3)
        presence = await wire.ask(presence={"channel": f"room:{room.pk}"})
        seen = f"{wire.lines}{other.lines}{third.lines}{presence}"
    assert "@" not in seen
    there = {info["user"]: info["conn_info"]["name"] for info in presence["presence"]["presence"].values()}
    assert there == {str(ada.pk): "ada"} | {str(one.pk): name for one, name in zip(nameless, names, strict=True)}
    assert [message.username async for message in Message.objects.order_by("pk")] == ["ada", *names]


def test_nobody_takes_the_name_of_somebody_who_has_none(settings: Settings) -> None:
    nameless = people.User.objects.create_user("x", full_name="")
    name = display_name(nameless)
    for number, taken in enumerate((name, name.upper(), name.replace("P", "\u0420"), f"#{nameless.pk}")):
        people.User.objects.create_user(f"h{number}", full_name=taken)
    own = {str(person.pk): f"Person {code_of(str(person.pk))}" for person in people.User.objects.all()}
    assert len(set(own.values())) == 5
    assert display_names(own) == own
    settings.HUB_DISPLAY_NAME = "full_name"
    assert display_names(own) == own


def test_name_that_speaks_for_the_hub_has_the_code_behind_it() -> None:
    hostile = people.User.objects.create_user("x", full_name="System")
    assert called(hostile) == f"System#{code_of(str(hostile.pk))}"
