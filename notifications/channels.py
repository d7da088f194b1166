"""The names of the channels that alerts travel on, and whose they are."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.contrib.auth.models import AnonymousUser, User
from django.db import connection

from hub.concurrency.batcher import CONNECT_PAUSE, Batcher
from hub.database.threads import in_database_thread

if TYPE_CHECKING:
    from notifications.models import Notification

Visitor = User | AnonymousUser

everyone, USER, GROUP, TOPIC = "everyone", "user", "group", "topic"


def of_user(user: Visitor) -> str:
    """The channel of one person: all their tabs."""
    return of_user_id(user.pk)


def of_user_id(user_id: object) -> str:
    """:func:`of_user`, where only the id is known."""
    return f"{USER}:{user_id}"


def of_group(group_id: object) -> str:
    """The channel of the members of a Django auth group."""
    return f"{GROUP}:{group_id}"


def of_topic(name: str) -> str:
    """The channel of a topic: its name is within the alphabet of channels, and stays as it is."""
    return f"{TOPIC}:{name}"


def of_alert(row: "Notification") -> str:
    """The channel that a stored alert is sent on; ``row`` has its topic. Raises ``LookupError`` where that is gone."""
    if row.user_id is not None:
        return of_user_id(row.user_id)
    if row.topic is not None:
        return of_topic(row.topic.name)
    if row.topic_id is not None:
        raise LookupError(f"The topic of the alert {row.pk} is gone.")  # without it, the channel would be everyone's
    return of_group(row.group_id) if row.group_id is not None else everyone


# Written as SQL, because everybody who connects waits for it: Django's union() takes several times as long.
_LISTS = """
    SELECT user_id, '', group_id FROM auth_user_groups WHERE user_id IN ({users})
    UNION ALL
    SELECT follow.user_id, topic.name, 0
    FROM hub_notifications_follow follow JOIN hub_notifications_topic topic ON topic.id = follow.topic_id
    WHERE follow.user_id IN ({users})
    ORDER BY 2, 3
"""


def of_lists_of(user_ids: list[int]) -> dict[int, list[str]]:
    """The channels of the groups of each of these users and of the topics they follow, in one query."""
    found: dict[int, list[str]] = {user_id: [] for user_id in user_ids}
    if not found:
        return found
    with connection.cursor() as cursor:
        cursor.execute(_LISTS.format(users=",".join(str(int(user_id)) for user_id in user_ids)))
        rows = cursor.fetchall()
    for user_id, name, group_id in rows:
        found[user_id].append(of_topic(name) if name else of_group(group_id))
    return found


async def _of_lists_of(user_ids: list[int]) -> dict[int, list[str]]:
    return await in_database_thread(of_lists_of, user_ids)


#: Those who connect at the same time are looked up together.
lists_of = Batcher(_of_lists_of, pause=CONNECT_PAUSE)


async def personal(user: Visitor) -> Iterable[str]:
    """:func:`followed_by` for clients that connect."""
    if user.pk is None:
        return [everyone]
    return [everyone, of_user(user), *await lists_of.get(user.pk)]


def followed_by(user: Visitor) -> list[str]:
    """All channels whose alerts are for ``user``, guests included. Reads their groups and topics from the database."""
    if not user.is_authenticated:
        return [everyone]
    return [everyone, of_user(user), *of_lists_of([user.pk])[user.pk]]
