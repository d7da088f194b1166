"""The rules that the hub ships."""

import pytest
from django.contrib.auth.models import User

from chat.models import Room
from notifications.models import Notification

pytestmark = pytest.mark.django_db(transaction=True)


def told() -> list[tuple[str | None, str]]:
    rows = Notification.objects.select_related("user").order_by("user__username")
    return [(row.user.username if row.user else None, row.message) for row in rows]


def test_a_new_user_is_told_to_the_active_staff_each() -> None:
    for name, staff, active in (("ann", True, True), ("bob", True, True), ("cyd", True, False), ("dan", False, True)):
        User.objects.create_user(name, is_staff=staff, is_active=active)
    Notification.objects.all().delete()
    user = User.objects.create_user("new")
    assert told() == [("ann", "new has signed up"), ("bob", "new has signed up")]
    user.save()
    assert len(told()) == 2


def test_the_first_user_is_told_to_nobody_not_to_themselves() -> None:
    User.objects.create_superuser("first")
    assert told() == []


def test_a_new_room_is_told_to_everyone_with_its_address() -> None:
    Room.objects.create(name="комната")
    (row,) = Notification.objects.all()
    assert (row.user, row.group, row.message) == (None, None, "The room комната is open")
    assert row.key == f"chat.room_opened:{Room.objects.get().pk}"
    assert row.url == "/chat/%D0%BA%D0%BE%D0%BC%D0%BD%D0%B0%D1%82%D0%B0/"
