"""Who gets an entry, of people some of whom have it already."""

import pytest

from hub.users import ids_are_keys, written
from notifications import MEMBERS, notify
from notifications.inbox import entries as inbox
from notifications.models import InboxEntry
from tests.support.people import User

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("as_text", [True, False])
def test_only_those_who_had_none_are_said_to_have_got_one(*, as_text: bool) -> None:
    people = [User.objects.create_user(name) for name in ("ann", "bob", "cyd")]
    keys = [written(user.pk) if as_text else user.pk for user in people]
    (alert,) = notify(to=MEMBERS, message="m")
    assert inbox.add(alert.pk, keys[:2]) == keys[:2]
    assert inbox.add(alert.pk, keys) == keys[2:]
    assert inbox.add(alert.pk, keys) == []
    gone = people[0].pk
    User.objects.filter(pk=gone).delete()
    (later,) = notify(to=MEMBERS, message="m")
    assert set(inbox.add(later.pk, keys if ids_are_keys() else keys[1:])) == set(keys[1:])
    assert gone not in InboxEntry.objects.values_list("user", flat=True)
    assert set(InboxEntry.objects.values_list("user", flat=True)) == {user.pk for user in people[1:]}
