"""The names of the channels that alerts travel on, and whose they are."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.db import connection

from hub.channels import of_person
from hub.database import batched
from hub.users import Key, Visitor, among, as_stored, id_in, memberships, user_id, written_key

if TYPE_CHECKING:
    from notifications.models import Notification

everyone, USER, GROUP, TOPIC = "everyone", "user", "group", "topic"


def of_user(user: Visitor) -> str:
    """The channel of one person: all their tabs."""
    return of_user_id(user_id(user))


def of_user_id(user_id: str) -> str:
    """:func:`of_user`, where only the id is known (:func:`hub.users.user_id`)."""
    return of_person(USER, user_id)


def of_group(group_id: object) -> str:
    """The channel of the members of a Django auth group."""
    return f"{GROUP}:{group_id}"


def of_topic(name: str) -> str:
    """The channel of a topic: its name is within the alphabet of channels, and stays as it is."""
    return f"{TOPIC}:{name}"


def of_alert(row: "Notification") -> str:
    """The channel that a stored alert is sent on; ``row`` has its user and its topic.

    Raises ``LookupError`` where the topic is gone, or the user without whom the channel has no name.
    """
    if row.user_id is not None:
        return of_user_id(id_in(row))
    if row.topic is not None:
        return of_topic(row.topic.name)
    if row.topic_id is not None:
        raise LookupError(f"The topic of the alert {row.pk} is gone.")  # without it, the channel would be everyone's
    return of_group(row.group_id) if row.group_id is not None else everyone


# Written as SQL, because everybody who connects waits for it: Django's union() takes several times as long.
_GROUPS = "SELECT {user_column}, '', {group_column} FROM {table} WHERE {members}"
_TOPICS = """
    SELECT follow.user_id, topic.name, 0
    FROM hub_notifications_follow follow JOIN hub_notifications_topic topic ON topic.id = follow.topic_id
    WHERE {followers}
"""


def of_lists_of(keys: list[Key]) -> dict[Key, list[str]]:
    """The channels of the groups of each of these users and of the topics they follow, by key, in one query."""
    found: dict[Key, list[str]] = {key: [] for key in keys}
    if not found:
        return found
    followers, asked = _among("follow.user_id", keys)
    statement = _TOPICS.format(followers=followers)
    if groups := memberships():
        quote = connection.ops.quote_name
        columns = {name: quote(getattr(groups, name)) for name in ("table", "user_column", "group_column")}
        members, of_groups = _among(columns["user_column"], keys)
        statement, asked = f"{_GROUPS.format(**columns, members=members)} UNION ALL {statement}", [*of_groups, *asked]
    with connection.cursor() as cursor:
        cursor.execute(f"{statement} ORDER BY 2, 3", asked or None)
        rows = cursor.fetchall()
    key_of = dict(zip(as_stored(keys), keys, strict=True)) if rows else {}
    for value, name, group_id in rows:
        found[key_of[value]].append(of_topic(name) if name else of_group(group_id))
    return found


def _among(column: str, keys: list[Key]) -> tuple[str, list[Any]]:
    """SQL that ``column`` has one of these keys, and its parameters: one for each takes as long as the query."""
    if isinstance(keys[0], int):
        return f"{column} IN ({','.join(map(str, keys))})", []
    return among(column, keys)


#: Those who connect at the same time are looked up together.
lists_of = batched(of_lists_of, connecting=True)


async def personal(user: Visitor) -> Iterable[str]:
    """:func:`followed_by` for clients that connect."""
    key = written_key(user)
    if key is None:
        return [everyone]
    return [everyone, of_user(user), *await lists_of.get(key)]


def followed_by(user: Visitor) -> list[str]:
    """All channels whose alerts are for ``user``, guests included. Reads their groups and topics from the database."""
    if not user.is_authenticated:
        return [everyone]
    return [everyone, of_user(user), *of_lists_of([user.pk])[user.pk]]
