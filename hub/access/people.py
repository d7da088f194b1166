"""People whom a product knows: made and brought up to date from what the product says of them, many at once.

That is for the hub's own user model. In a project that has a user model of its own, the project makes its people.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group
from django.db import transaction
from msgspec import UNSET, UnsetType

from hub.access.control import revalidate
from hub.access.person_rows import BadPerson, PersonRow, check
from hub.logs import get_logger
from hub.users import Key, has_staff_rights, is_own_model, memberships

if TYPE_CHECKING:
    from hub.people.models import User

__all__ = ["BadPerson", "NotOwnPeople", "PersonRow", "lock_people", "place_people", "upsert_people"]

log = get_logger(__name__)

#: The columns that a product sets.
_FIELDS = ("name", "email", "language", "time_zone", "attributes", "is_active")


class NotOwnPeople(Exception):
    """The project has a user model of its own, so the hub makes and changes nobody."""


def upsert_people(rows: Sequence[PersonRow], *, placed: Collection[str] = ()) -> dict[str, "User"]:
    """Make the people who are not there yet and change those of whom the product says something new, by its ids.

    One transaction. The number of queries does not grow with the number of people, but for the size that the database
    allows for one statement; where nothing changes there is one, and two more with groups. Open connections of people
    whose groups changed or who are not active any more are revalidated. Of several rows of one person the last counts.

    Nothing of staff and superusers is changed: they are returned as they are, and the log says so.

    Args:
        placed: the ids of people for whom :func:`place_people` has just made rows: they count as new.

    Raises:
        NotOwnPeople: the project's people are its own.
        BadPerson: a field of a row is not what it has to be; nothing is stored.
    """
    if not is_own_model():
        raise NotOwnPeople
    for index, row in enumerate(rows):
        check(index, row)
    # In one order everywhere: of two transactions with the same people, one waits for the other.
    described = dict(sorted({row.id: row for row in rows}.items()))
    with transaction.atomic():
        known = lock_people(described)
        staff = {one: person for one, person in known.items() if has_staff_rights(person)}
        known = {one: person for one, person in known.items() if one not in staff}
        described = {one: row for one, row in described.items() if one not in staff}
        active = {person.pk for person in known.values() if person.is_active}
        people = known | _stored(described, known)
        before = {person.pk for one, person in known.items() if one not in placed}
        regrouped = _regroup(
            {people[one].pk: row.groups for one, row in described.items() if not isinstance(row.groups, UnsetType)}
        )
        ended = active - {person.pk for person in known.values() if person.is_active}
        revalidate(users=ended | (regrouped & before))
    if made := len(people) - len(before):
        log.info("people_made", number=made)
    if staff:
        log.warning("staff_left_alone", number=len(staff))
    return people | staff


def lock_people(ids: Iterable[str]) -> dict[str, "User"]:
    """Those who are there, by id; nobody else changes or deletes them until the open transaction ends."""
    found = _users().filter(external_id__in=list(ids)).order_by("pk").select_for_update(no_key=True)
    return {str(person.external_id): person for person in found}


def place_people(ids: Iterable[str]) -> None:
    """Make a row that says nothing for each of these people, who may be made by another process in this moment.

    Waits for that process, and changes nothing of what it has stored: :func:`lock_people` finds one row of each
    afterwards, theirs or this one.
    """
    # In one order, as above.
    rows = [get_user_model()(external_id=one, password=make_password(None)) for one in sorted(ids)]
    _users().bulk_create(rows, ignore_conflicts=True)


def _users() -> Any:
    return get_user_model()._default_manager


def _stored(described: Mapping[str, PersonRow], known: Mapping[str, "User"]) -> dict[str, "User"]:
    """Store what is new: changes the ``known`` people, and returns those who were made."""
    model = get_user_model()
    changed = []
    fields: set[str] = set()
    for one, row in described.items():
        said = _said(row)
        fields |= said.keys()
        before = known.get(one)
        if before is None:
            changed.append(model(external_id=one, password=make_password(None), **said))
        elif any(getattr(before, field) != value for field, value in said.items()):
            for field, value in said.items():
                setattr(before, field, value)
            stored = {field: getattr(before, field) for field in _FIELDS}
            changed.append(model(external_id=one, password=make_password(None), **stored))
    # One statement for new people and others: whoever makes the same person in this moment is no conflict.
    if changed:
        _users().bulk_create(
            changed,
            update_conflicts=True,
            unique_fields=["external_id"],
            # What nobody says here may be somebody else's change. One column at least there has to be.
            update_fields=["external_id", *sorted(fields)],
        )
    return {str(person.external_id): person for person in changed if person.external_id not in known}


def _said(row: PersonRow) -> dict[str, Any]:
    values = {field: row.active if field == "is_active" else getattr(row, field) for field in _FIELDS}
    return {field: value for field, value in values.items() if value is not UNSET}


def _regroup(wanted: Mapping[Key, Sequence[str]]) -> set[Key]:
    """Have each of these people be in exactly these groups; returns whose groups that changed."""
    table = memberships()
    if not wanted or table is None:
        return set()
    numbers = _groups({name for names in wanted.values() for name in names})
    rows = table.rows._default_manager
    pairs = {(key, numbers[name]) for key, names in wanted.items() for name in names}
    stored = {
        (key, group): pk
        for pk, key, group in rows.filter(**{f"{table.user}__in": list(wanted)}).values_list(
            "pk", table.user, table.group
        )
    }
    new, gone = pairs - stored.keys(), stored.keys() - pairs
    if new:
        rows.bulk_create(
            [table.rows(**{f"{table.user}_id": key, f"{table.group}_id": group}) for key, group in sorted(new)],
            ignore_conflicts=True,
        )
    if gone:
        rows.filter(pk__in=[stored[pair] for pair in gone]).delete()
    return {key for key, _ in new | gone}


def _groups(names: set[str]) -> dict[str, int]:
    """The ids of the groups of these names; those that are missing are made."""
    found = dict(Group.objects.filter(name__in=names).values_list("name", "pk"))
    if missing := names - found.keys():
        Group.objects.bulk_create([Group(name=name) for name in sorted(missing)], ignore_conflicts=True)
        found |= dict(Group.objects.filter(name__in=missing).values_list("name", "pk"))
    return found
