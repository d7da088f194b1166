"""What a person is called outside and by others, with the user model that the hub has by itself."""

from collections.abc import Callable
from typing import Any
from unittest import mock
from uuid import UUID

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractUser, AnonymousUser, Group
from django.db import OperationalError, connection, models
from django.db.models import UUIDField
from django.test.utils import isolate_apps
from pytest_django import DjangoAssertNumQueries, Settings

from chat.models import Room
from hub.channels import UnknownChannel, namespace
from hub.models import Publication
from hub.testing import connected
from hub.users import (
    as_rows,
    as_stored,
    display_name,
    display_names,
    ids_of_keys,
    user_id,
    users_by_id,
    written,
    written_key,
)
from hub.users.ids import has_form_of_id, key_of_id, value_of_id
from hub.users.names import said_of
from notifications import channels, notify
from notifications.models import Notification
from tests.support.people import User

pytestmark = [pytest.mark.django_db, pytest.mark.own_user_model]

NO_FUNCTION = "a text"


@pytest.fixture
def ada() -> User:
    return User.objects.create_user("ada", "ada@example.com", name="Ada Lovelace")


@pytest.fixture
def by_name(settings: Settings) -> None:
    """Outside, people are called by their usernames."""
    settings.HUB_USER_ID = "username"


def test_people_are_called_by_their_key(ada: User, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(0):
        assert user_id(ada) == str(ada.pk)
        assert user_id(AnonymousUser()) == ""
    with django_assert_num_queries(2):
        assert ids_of_keys([ada.pk]) == {ada.pk: str(ada.pk)}
        assert users_by_id([str(ada.pk), "0", "x", ""]) == {str(ada.pk): ada}


def test_key_that_is_no_number_is_written_once_for_an_object_and_anew_for_another_key(ada: User) -> None:
    assert (written_key(AnonymousUser()), written_key(ada)) == (None, ada.pk)
    first: Any = UUID(int=1)
    second: Any = UUID(int=2)
    ada.pk = first
    assert written_key(ada) == str(first) == user_id(ada)
    assert written_key(ada) is written_key(ada)
    ada.pk = second  # as products do that copy a row
    assert written_key(ada) == str(second) == user_id(ada)
    ada.pk = "a text"
    assert written_key(ada) == "a text" == user_id(ada)


def test_keys_are_stored_and_sorted_as_the_database_does_it() -> None:
    keys = [UUID(int=number) for number in (3, 1 << 127, 2)]
    field = UUIDField()
    assert as_stored([1, 2]) == [1, 2]
    with mock.patch("hub.users.model.key_field", return_value=field):
        assert as_stored(keys) == [field.get_db_prep_value(key, connection) for key in keys]
        assert as_stored([str(key) for key in keys]) == [field.get_db_prep_value(key, connection) for key in keys]
        assert as_stored([None, keys[0]]) == [None, field.get_db_prep_value(keys[0], connection)]
    assert sorted(map(written, keys)) == [written(key) for key in sorted(keys)]


class Prefixed(UUIDField):  # type: ignore[type-arg]  # Django takes none when it runs
    """The key of a project, whose people are called such as usr_00000000000000000000000000000003."""

    def from_db_value(self, value: Any, *_: Any) -> str:
        return f"usr_{UUID(str(value)).hex}"

    def to_python(self, value: Any) -> Any:
        return value if str(value).startswith("usr_") else self.from_db_value(value)

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        return super().get_db_prep_value(UUID(value.removeprefix("usr_")), connection, prepared)


def test_keys_that_are_not_in_the_database_what_they_are_in_python_are_made_by_their_field() -> None:
    keys = [f"usr_{UUID(int=number).hex}" for number in (3, 1 << 127)]
    stored = [UUID(int=number) for number in (3, 1 << 127)]
    with (
        mock.patch("hub.users.model.key_field", return_value=Prefixed()),
        mock.patch("hub.users.json_keys.key_field", return_value=Prefixed()),
    ):
        assert as_stored(keys) == [UUIDField().get_db_prep_value(key, connection) for key in stored]
        given, asked = as_rows(keys)
        with connection.cursor() as cursor:
            cursor.execute(given, asked)
            assert [UUID(str(row[0])) for row in cursor.fetchall()] == stored


@pytest.fixture
def with_numbers(settings: Settings) -> None:
    """The people of a project with Django's own model, whose keys are numbers."""
    settings.AUTH_USER_MODEL = "auth.User"


@pytest.mark.whole_table
@pytest.mark.usefixtures("with_numbers")
@pytest.mark.parametrize("text", ["", "07", "+7", " 7", "٧", "7.0", "a", "\0", "9" * 40, str(2**63), "1_0", "7\n"])
def test_id_has_one_way_to_be_written(text: str) -> None:
    assert value_of_id(text) is None


@pytest.mark.usefixtures("with_numbers")
def test_digits_are_meant_as_an_id_also_where_nobody_has_it() -> None:
    assert has_form_of_id("007")
    assert has_form_of_id("9" * 40)
    assert not has_form_of_id("ada")


@pytest.mark.usefixtures("with_numbers")
def test_number_as_a_key_is_the_id(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(0):
        assert user_id(get_user_model()(pk=7)) == "7"
        assert ids_of_keys([7]) == {7: "7"}
        assert key_of_id("7") == 7


@pytest.mark.usefixtures("by_name")
def test_people_are_called_by_the_field_that_a_setting_names(ada: User) -> None:
    assert user_id(ada) == "ada"
    assert users_by_id(["ada", "Ada", str(ada.pk)]) == {"ada": ada}
    assert ids_of_keys([ada.pk, 0]) == {ada.pk: "ada"}
    assert display_names(["ada"]) == {"ada": "Ada Lovelace"}
    (row,) = notify(to=ada, message="hello")
    assert channels.of_alert(Notification.objects.get(pk=row.pk)) == "user:ada"
    assert channels.followed_by(ada) == ["everyone", "user:ada"]
    assert Publication.objects.filter(channel="user:ada").exists()


@pytest.mark.parametrize(("field", "channel"), [("", "user:a.b"), ("", "user:everyone"), ("username", "user:a.b")])
def test_channel_of_what_is_no_id_is_unknown(settings: Settings, field: str, channel: str) -> None:
    settings.HUB_USER_ID = field
    with pytest.raises(UnknownChannel):
        namespace.find(channel)


@pytest.mark.parametrize(
    ("setting", "name"),
    [
        ("username", "ada"),
        ("name", "Ada Lovelace"),
        ("get_short_name", "Ada Lovelace"),
        ("", "Ada Lovelace"),
        ("tests.hub.test_users.initials", "A.L."),
    ],
)
def test_others_read_what_the_setting_names(ada: User, settings: Settings, setting: str, name: str) -> None:
    settings.HUB_DISPLAY_NAME = setting
    assert display_name(ada) == name
    assert display_names([str(ada.pk), "0"]) == {str(ada.pk): name}


def initials(user: User) -> str:
    return "".join(f"{word[0]}." for word in user.name.split())


def test_names_of_a_field_come_without_the_rest(
    ada: User, settings: Settings, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    settings.HUB_DISPLAY_NAME = "username"
    with django_assert_num_queries(1) as queries:
        display_names([str(ada.pk)])
    assert "password" not in queries.captured_queries[0]["sql"]


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"username": "eve"}, "eve"),
        ({"username": "eve@example.com"}, "#7"),
        ({"username": "eve", "name": "eve@example.com"}, "eve"),
        ({"username": "eve", "name": "Eve <eve@localhost>"}, "eve"),
        ({"username": "", "name": "E" * 200}, "E" * 150),
    ],
)
def test_others_never_read_a_mail_address_by_default(settings: Settings, fields: dict[str, str], name: str) -> None:
    settings.HUB_DISPLAY_NAME = ""
    assert display_name(User(pk=7, **fields)) == name


def of_no_account(user: User) -> str:
    raise ValueError(f"{user.name} has no profile")


def of_half_a_character(user: User) -> str:
    return f"{user.name}\0\ud83d"


def of_a_number(user: User) -> int:
    return 5


def asking(user: User) -> str:
    return type(user).objects.get(pk=user.pk).name


@pytest.mark.parametrize(
    ("function", "name"),
    [(of_no_account, "#{pk}"), (of_half_a_character, "Ada Lovelace?"), (of_a_number, "5")],
)
def test_name_that_goes_wrong_keeps_nothing_else_from_a_person(
    ada: User, settings: Settings, function: Callable[[User], object], name: str
) -> None:
    settings.HUB_DISPLAY_NAME = f"{__name__}.{function.__name__}"
    assert display_name(ada) == name.format(pk=ada.pk)
    assert display_names([str(ada.pk)]) == {str(ada.pk): name.format(pk=ada.pk)}


def test_model_is_asked_no_further_than_for_the_first_name(ada: User, settings: Settings) -> None:
    settings.HUB_DISPLAY_NAME = ""
    with mock.patch.object(User, "__str__", side_effect=ValueError):
        assert display_name(ada) == "Ada Lovelace"


def test_database_that_is_away_is_no_name(ada: User, settings: Settings) -> None:
    settings.HUB_DISPLAY_NAME = f"{__name__}.asking"
    away = mock.patch("django.db.backends.utils.CursorWrapper.execute", side_effect=OperationalError)
    with away, pytest.raises(OperationalError):
        display_name(ada)


@pytest.mark.django_db(transaction=True)
async def test_name_that_is_asked_for_is_that_of_a_connection(settings: Settings) -> None:
    settings.HUB_DISPLAY_NAME = f"{__name__}.asking"
    ada = await User.objects.acreate_user("ada", name="Ada Lovelace")
    room = f"room:{(await Room.objects.acreate(name='team')).pk}"
    async with connected(ada) as client:
        await client.subscribe(room)
        joined = await client.receive(room, of_type="chat.person_joined")
    assert joined.data["username"] == "Ada Lovelace"


@isolate_apps("hub")
@pytest.mark.parametrize(
    ("without", "fields", "name"),
    [
        (("first_name", "last_name"), {}, ""),
        (("last_name",), {"first_name": "Ada"}, "Ada"),
        (("first_name",), {"last_name": "Lovelace"}, "Lovelace"),
        ((), {"first_name": "Ada", "last_name": "Lovelace"}, "Ada Lovelace"),
    ],
)
def test_half_of_a_name_that_a_model_has_taken_away_is_not_read(
    settings: Settings, without: tuple[str, ...], fields: dict[str, str], name: str
) -> None:
    settings.HUB_DISPLAY_NAME = ""
    assert said_of(_model_without(*without)(email="ada@example.org", **fields)) == name


@isolate_apps("hub")
def test_check_names_the_field_for_names_of_a_model_that_says_none(settings: Settings) -> None:
    from hub.users import checks

    settings.HUB_DISPLAY_NAME = ""
    bare = _model_without("first_name", "last_name")
    with mock.patch.object(checks, "get_user_model", return_value=bare):
        (said,) = [message for message in checks.user_model_works(None) if message.id == "hub.W021"]
    assert said.hint == 'Set HUB_DISPLAY_NAME = "name", or give the model get_full_name().'


def _model_without(*halves: str) -> Any:
    """A user model with log-in by mail, as generators of projects make it: without these fields, and with a name."""
    fields: dict[str, Any] = {
        "__module__": __name__,
        "username": None,
        "email": models.EmailField(unique=True),
        "name": models.CharField(blank=True, max_length=255),
        "groups": None,
        "user_permissions": None,
        "USERNAME_FIELD": "email",
        "REQUIRED_FIELDS": [],
        "Meta": type("Meta", (), {"app_label": "hub"}),
    }
    return type("Person", (AbstractUser,), fields | dict.fromkeys(halves))


def test_guest_has_no_name() -> None:
    assert display_name(AnonymousUser()) == ""


def test_groups_of_a_person_are_found(ada: User) -> None:
    group = Group.objects.create(name="ops")
    ada.groups.add(group)
    assert channels.of_lists_of([ada.pk, 0]) == {ada.pk: [f"group:{group.pk}"], 0: []}


@pytest.mark.parametrize(
    ("name", "value", "number"),
    [
        ("HUB_USER_ID", "nickname", "E022"),
        ("HUB_USER_ID", "groups", "E022"),
        ("HUB_USER_ID", "name", "E023"),
        ("HUB_USER_ID", "date_joined", "E021"),
        ("HUB_USER_ID", "username", "W020"),
        ("HUB_DISPLAY_NAME", "nickname", "E024"),
        ("HUB_DISPLAY_NAME", "tests.hub.nowhere.name", "E024"),
        ("HUB_DISPLAY_NAME", "tests.hub.test_users.NO_FUNCTION", "E024"),
        ("HUB_DISPLAY_NAME", "email", "E025"),
        ("HUB_DISPLAY_NAME", "tests.hub.test_users.mail_of", "E025"),
    ],
)
def test_check_has_a_sentence_for_each_mistake(settings: Settings, name: str, value: str, number: str) -> None:
    from hub.users.checks import user_model_works

    setattr(settings, name, value)
    said = {message.id: message.msg for message in user_model_works(None)}
    assert name in said[f"hub.{number}"]


def mail_of(user: User) -> Any:
    return user.email


@pytest.mark.parametrize("value", ["", "username", "get_full_name", "tests.hub.test_users.initials"])
def test_check_says_nothing_of_what_works(settings: Settings, value: str) -> None:
    from hub.users.checks import user_model_works

    settings.HUB_DISPLAY_NAME = value
    assert user_model_works(None) == []
