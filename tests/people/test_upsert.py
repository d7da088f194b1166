"""People whom a product knows: made and changed, many at once."""

from typing import Any

import pytest
import structlog
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from hub.access import people
from hub.access.people import NotOwnPeople, upsert_people
from hub.access.person_rows import BadPerson, PersonRow
from hub.models import Publication
from hub.people.models import User
from hub.users import display_name, user_id, users_by_id

pytestmark = [pytest.mark.django_db, pytest.mark.own_user_model]


def revalidated() -> set[str]:
    """Whose connections are looked at again, by key."""
    rows = Publication.objects.filter(channel="control").values_list("data", flat=True)
    return {text.partition('"user":"')[2].partition('"')[0] for text in rows}


def test_person_is_made_with_all_that_the_product_says() -> None:
    row = PersonRow(
        id="3",
        name="Ada Lovelace",
        email="ada@example.com",
        language="de",
        time_zone="Europe/Berlin",
        attributes={"plan": "gold"},
        groups=["buyers", "testers"],
    )
    ada = upsert_people([row])["3"]
    stored = User.objects.get()
    assert stored == ada
    assert (stored.external_id, stored.username, stored.has_usable_password()) == ("3", None, False)
    assert (stored.name, stored.email, stored.language) == ("Ada Lovelace", "ada@example.com", "de")
    assert (stored.time_zone, stored.attributes) == ("Europe/Berlin", {"plan": "gold"})
    assert sorted(stored.groups.values_list("name", flat=True)) == ["buyers", "testers"]
    assert (user_id(stored), display_name(stored)) == ("3", "Ada Lovelace")


def test_what_is_not_said_stays_as_it_is() -> None:
    upsert_people([PersonRow(id="ada", name="Ada", email="ada@example.com", groups=["buyers"])])
    changed = upsert_people([PersonRow(id="ada", name="Ada L.")])["ada"]
    stored = User.objects.get()
    assert (stored.name, stored.email, stored.pk) == ("Ada L.", "ada@example.com", changed.pk)
    assert (changed.name, changed.email) == ("Ada L.", "ada@example.com")
    assert stored.groups.count() == 1


def test_rights_and_password_of_somebody_who_logs_in_to_the_hub_too_are_untouched() -> None:
    User.objects.create_user("ada", password="correct horse", external_id="ada")
    returned = upsert_people([PersonRow(id="ada", name="Ada", groups=["buyers"])])["ada"]
    for ada in (returned, User.objects.get()):
        assert (ada.username, ada.is_staff, ada.name) == ("ada", False, "Ada")
        assert ada.check_password("correct horse")


@pytest.mark.parametrize("right", ["is_staff", "is_superuser"])
def test_nothing_of_staff_changes(right: str) -> None:
    boss = User.objects.create_user("boss", "boss@example.com", external_id="b", language="de")
    setattr(boss, right, True)
    boss.save()
    boss.groups.add(Group.objects.create(name="ops"))
    Publication.objects.filter(channel="control").delete()
    row = PersonRow(id="b", name="B", email="evil@example.com", language="en", groups=["buyers"], active=False)
    with structlog.testing.capture_logs() as logs:
        made = upsert_people([row, PersonRow(id="ada", name="Ada")])
    boss.refresh_from_db()
    assert made["b"] == boss and made["ada"].name == "Ada"
    assert (boss.name, boss.email, boss.language, boss.is_active) == ("", "boss@example.com", "de", True)
    assert list(boss.groups.values_list("name", flat=True)) == ["ops"]
    assert {"event": "staff_left_alone", "number": 1, "log_level": "warning"} in logs
    assert revalidated() == set()


@pytest.mark.parametrize("number", [2, 60])
def test_queries_do_not_grow_with_the_number_of_people(number: int) -> None:
    rows = [PersonRow(id=f"p{one}", name=f"N{one}", groups=["all", f"g{one % 2}"]) for one in range(number)]
    with CaptureQueriesContext(connection) as made:
        upsert_people(rows)
    assert len(made) <= 12
    with CaptureQueriesContext(connection) as again:
        upsert_people(rows)
    assert len(again) <= 6
    assert User.objects.count() == number


def test_groups_are_made_kept_and_left_and_open_connections_learn_of_it() -> None:
    Group.objects.create(name="old")
    made = upsert_people([PersonRow(id="ada", groups=["old", "both"]), PersonRow(id="bob", groups=["both"])])
    assert revalidated() == set()  # nobody of them can be connected yet
    upsert_people([PersonRow(id="ada", groups=["both", "new"]), PersonRow(id="bob", groups=["both"])])
    assert sorted(made["ada"].groups.values_list("name", flat=True)) == ["both", "new"]
    assert revalidated() == {str(made["ada"].pk)}


def test_connections_of_somebody_who_is_not_active_any_more_are_looked_at() -> None:
    bob = upsert_people([PersonRow(id="bob")])["bob"]
    upsert_people([PersonRow(id="bob", active=False)])
    assert not User.objects.get().is_active
    assert revalidated() == {str(bob.pk)}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", ""),
        ("id", "a.b"),
        ("id", "a\n"),
        ("id", "x" * 65),
        ("id", "everyone"),
        ("id", "9000000000000001"),
        ("name", "x" * 151),
        ("name", "\0"),
        ("email", "nobody"),
        ("email", "a@\ud800x.com"),
        ("email", f"{'x' * 250}@example.com"),
        ("language", "d e"),
        ("language", "de-" + "x-" * 20),
        ("time_zone", "Europe/Nowhere"),
        ("time_zone", "../etc/passwd"),
        ("attributes", {"x": "y" * 5000}),
        ("attributes", {"x": "\0"}),
        ("groups", ["x"] * 51),
        ("groups", [""]),
        ("groups", ["x" * 151]),
    ],
)
def test_bad_field_is_named_and_nobody_is_stored(field: str, value: Any) -> None:
    with pytest.raises(BadPerson) as caught:
        upsert_people([PersonRow(id="fine"), PersonRow(**{"id": "ada", field: value})])
    assert (caught.value.index, caught.value.field) == (1, field)
    assert not isinstance(value, str) or len(value) < 3 or value not in str(caught.value)
    assert not User.objects.exists()


def test_key_and_external_id_never_meet() -> None:
    admin = User.objects.create_user("admin")
    product = upsert_people([PersonRow(id=one) for one in ("3", "07", "9" * 15, "9" * 17, "ada", str(admin.pk)[:-1])])
    assert len(str(admin.pk)) == 16 and str(admin.pk)[0] == "9"
    assert users_by_id([str(admin.pk), *product]) == {str(admin.pk): admin, **product}
    assert users_by_id([str(product["3"].pk)]) == {}  # one way to be called: the product's


def test_change_that_somebody_else_makes_meanwhile_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    upsert_people([PersonRow(id="ada", name="Ada")])
    known = people.lock_people

    def closed_after_reading(ids: Any) -> Any:
        found = known(ids)
        User.objects.update(is_active=False, email="new@example.com")
        return found

    monkeypatch.setattr(people, "lock_people", closed_after_reading)
    upsert_people([PersonRow(id="ada", name="Ada L.")])
    ada = User.objects.get()
    assert (ada.name, ada.is_active, ada.email) == ("Ada L.", False, "new@example.com")


def test_person_who_is_erased_meanwhile_gets_no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    upsert_people([PersonRow(id="ada", name="Ada")])
    known = people.lock_people

    def erased_after_reading(ids: Any) -> Any:
        found = known(ids)
        User.objects.all().delete()
        return found

    monkeypatch.setattr(people, "lock_people", erased_after_reading)
    upsert_people([PersonRow(id="ada", name="Ada L.")])
    assert not User.objects.get().has_usable_password()


def test_rows_are_written_in_one_order_whatever_order_they_come_in() -> None:
    upsert_people([PersonRow(id=one) for one in "cab"])
    assert list(User.objects.order_by("pk").values_list("external_id", flat=True)) == ["a", "b", "c"]


def test_product_with_people_of_its_own_makes_them_itself(settings: Settings) -> None:
    settings.AUTH_USER_MODEL = "auth.User"
    with pytest.raises(NotOwnPeople):
        upsert_people([PersonRow(id="3")])
