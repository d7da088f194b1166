"""The hub's own user model."""

from io import StringIO

import pytest
from django.core.management import call_command
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from hub.people.keys import FIRST_KEY
from hub.people.models import User

pytestmark = [pytest.mark.django_db, pytest.mark.own_user_model]


@pytest.mark.whole_table
@pytest.mark.parametrize("external_id", ["9000000000000000", "everyone", "a b", "", "x\n", "x" * 65])
def test_database_refuses_an_id_that_is_a_key_or_no_part_of_a_channel(external_id: str) -> None:
    with pytest.raises(Exception, match=r"hub_user_external_id_is_no_key|too long"), transaction.atomic():
        User.objects.create(external_id=external_id)


def test_database_refuses_a_key_that_a_product_may_give() -> None:
    with pytest.raises(IntegrityError, match="hub_user_key_is_no_external_id"), transaction.atomic():
        User.objects.create(pk=7, username="seven")


def test_many_people_have_no_name_to_log_in_with_and_nobody_is_found_by_none() -> None:
    User.objects.create(external_id="a")
    User.objects.create(external_id="b")
    with pytest.raises(User.DoesNotExist):
        User.objects.get_by_natural_key(None)


@pytest.mark.django_db(transaction=True)
def test_keys_begin_again_above_the_ids_of_products_after_a_flush() -> None:
    call_command("flush", interactive=False, verbosity=0, stdout=StringIO())
    assert User.objects.create_user("ada").pk == FIRST_KEY


@pytest.mark.slow
def test_admin_changes_somebody_whom_the_product_knows(client: Client) -> None:
    client.force_login(User.objects.create_superuser("admin"))
    ada = User.objects.create(external_id="ada", name="Ada", password="!")
    page = reverse("admin:hub_people_user_change", args=[ada.pk])
    data = {"name": "Ada L.", "attributes": "{}", "external_id": "ada", "is_active": "on", "username": ""}
    data |= {"date_joined_0": "2026-01-01", "date_joined_1": "00:00:00"}
    assert client.post(page, data).status_code == 302
    ada.refresh_from_db()
    assert (ada.name, ada.username, ada.external_id) == ("Ada L.", None, "ada")
    assert client.post(page, data | {"external_id": "9000000000000000"}).status_code == 200
    assert client.get(reverse("admin:hub_people_user_changelist"), {"q": "ada"}).status_code == 200
